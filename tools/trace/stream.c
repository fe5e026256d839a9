/* SPDX-License-Identifier: BSD-2-Clause */
/* Reading, checking and sorting a trace stream, and its two clocks. */
#include "tools/trace/stream.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define NS_PER_S 1000000000ULL

static enum err check_header(const struct trace_header *header, char *message)
{
    const char *wrong = NULL;

    if (header->magic != TRACE_MAGIC) {
        wrong = "not a trace: it does not begin with FVVTRACE";
    } else if (header->version != TRACE_VERSION) {
        wrong = "a trace of another version";
    } else if (header->record_bytes != sizeof(struct trace_record) || header->timebase_hz == 0) {
        wrong = "a trace with a damaged header";
    } else {
        return ERR_OK;
    }
    snprintf(message, TRACE_MESSAGE_BYTES, "%s", wrong);
    return ERR_FORMAT;
}

static bool known_kind(const struct trace_record *record)
{
    return record->kind >= TRACE_VMEXIT && record->kind <= TRACE_HART;
}

/* For records that lie in one array, in the order of the file. */
static int by_cycle(const void *left, const void *right)
{
    const struct trace_record *const *a = left;
    const struct trace_record *const *b = right;

    if ((*a)->cycle != (*b)->cycle) {
        return trace_compare((*a)->cycle, (*b)->cycle);
    }
    return trace_compare((uintptr_t)*a, (uintptr_t)*b);
}

static enum err sort(struct trace_stream *stream)
{
    struct trace_record *sorted = calloc(stream->count + 1, sizeof(*sorted));
    const struct trace_record **order = calloc(stream->count + 1, sizeof(const void *));

    if (sorted == NULL || order == NULL) {
        free(sorted);
        free(order);
        return ERR_NOMEM;
    }
    for (size_t i = 0; i < stream->count; i++) {
        order[i] = &stream->records[i];
    }
    qsort(order, stream->count, sizeof(const void *), by_cycle);
    for (size_t i = 0; i < stream->count; i++) {
        sorted[i] = *order[i];
    }
    free(order);
    free(stream->records);
    stream->records = sorted;
    return ERR_OK;
}

/*
 * How long a cycle is: from the header's instant to the last one that a hart recorded on both
 * clocks.  Under QEMU -icount a cycle is a nanosecond, which time alone cannot say exactly, since
 * it counts in coarser ticks.  Without a second instant that is assumed as well.
 */
static double measure_cycle_ns(const struct trace_stream *stream)
{
    double tick_ns = (double)NS_PER_S / (double)stream->header.timebase_hz;
    double ticks = 0;
    double cycles = 0;

    for (size_t i = 0; i < stream->count; i++) {
        const struct trace_record *record = &stream->records[i];

        if (record->kind == TRACE_HART && record->did == TRACE_DID_DRAIN &&
            record->cycle > stream->header.cycle && record->addr > stream->header.time) {
            ticks = (double)(record->addr - stream->header.time);
            cycles = (double)(record->cycle - stream->header.cycle);
        }
    }
    if (ticks == 0 || ((ticks - 1) * tick_ns <= cycles && cycles <= (ticks + 1) * tick_ns)) {
        return 1;
    }
    return ticks * tick_ns / cycles;
}

/*
 * trace_stream_read - take a stream apart.
 *
 * ERR_FORMAT   bytes are no trace of this version; message says why
 * ERR_NOMEM    not enough memory; message says so
 *
 * A stream that is cut or has unknown records is read as far as possible: see trace_stream_whole.
 */
enum err trace_stream_read(struct trace_stream *stream, const void *bytes, size_t length,
                           char message[TRACE_MESSAGE_BYTES])
{
    const u8 *at = bytes;
    size_t records;
    enum err err;

    *stream = (struct trace_stream){.count = 0};
    if (length < sizeof(stream->header)) {
        snprintf(message, TRACE_MESSAGE_BYTES, "%s",
                 length ? "shorter than the header of a trace" : "empty: nothing was traced");
        return ERR_FORMAT;
    }
    memcpy(&stream->header, at, sizeof(stream->header));
    err = check_header(&stream->header, message);
    if (err) {
        return err;
    }
    at += sizeof(stream->header);
    records = (length - sizeof(stream->header)) / sizeof(struct trace_record);
    stream->cut_bytes = (length - sizeof(stream->header)) % sizeof(struct trace_record);
    stream->records = calloc(records + 1, sizeof(struct trace_record));
    for (size_t i = 0; stream->records && i < records; i++) {
        struct trace_record *record = &stream->records[stream->count];

        memcpy(record, at + i * sizeof(*record), sizeof(*record));
        stream->count += known_kind(record);
    }
    stream->unknown = records - stream->count;
    err = stream->records ? sort(stream) : ERR_NOMEM;
    if (err) {
        snprintf(message, TRACE_MESSAGE_BYTES, "too large: out of memory");
        trace_stream_free(stream);
        return err;
    }
    stream->cycle_ns = measure_cycle_ns(stream);
    return ERR_OK;
}

void trace_stream_free(struct trace_stream *stream)
{
    free(stream->records);
    *stream = (struct trace_stream){.count = 0};
}

bool trace_stream_whole(const struct trace_stream *stream, char message[TRACE_MESSAGE_BYTES])
{
    if (stream->unknown != 0) {
        snprintf(message, TRACE_MESSAGE_BYTES, "damaged: %zu records of unknown kind were left out",
                 stream->unknown);
    } else if (stream->cut_bytes != 0) {
        snprintf(message, TRACE_MESSAGE_BYTES, "cut in the middle of record %zu",
                 stream->count + 1);
    }
    return stream->unknown == 0 && stream->cut_bytes == 0;
}

/* Never before the header's instant, and never past what fits, whatever the cycle. */
u64 trace_stream_ns(const struct trace_stream *stream, u64 cycle)
{
    const struct trace_header *header = &stream->header;
    double start = (double)header->time / (double)header->timebase_hz * (double)NS_PER_S;
    double passed = cycle > header->cycle ? (double)(cycle - header->cycle) * stream->cycle_ns : 0;

    if (start + passed >= (double)(1ULL << 63)) {
        return 1ULL << 63;
    }
    if (stream->cycle_ns == 1 && start < (double)(1ULL << 53)) {
        return (u64)start + (cycle > header->cycle ? cycle - header->cycle : 0);
    }
    return (u64)(start + passed);
}
