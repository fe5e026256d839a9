/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Chrome trace event JSON: a process per VM with a track per vCPU, on it a span for each stay in
 * the guest and each VM exit; arrows from a fork to the child's first span; instants where VMs
 * begin and end.  One more process has a track per hart, for what no VM caused.
 *
 * When a guest was entered is not on record: a hart enters the next guest as soon as it has done
 * with the last record, so the guest's span reaches from the end of the hart's record before to the
 * beginning of its own.  All strings come from tables of words without characters to escape.
 */
#include <stdlib.h>

#include "lib/kit/types.h"

#include "tools/trace/print.h"
#include "tools/trace/words.h"

#define HARTS_MAX (UINT16_MAX + 1U)

/*
 * Viewers may take a track whose number is a pid for that process's main thread, or tracks of the
 * same number for one: so VMs, their tracks, and harts have numbers of their own.
 */
#define TRACKS_FROM   65536ULL /* above every pid */
#define TRACKS_PER_VM 64
#define HART_PID      0x7fff0000ULL

struct view {
    const struct trace_stream *stream;
    FILE *out;
    u64 *entered; /* [stream->count] the cycle at which the record's guest was entered */
    const struct trace_record **by_pid; /* [exit_count] VM exits by pid, then by time */
    size_t exit_count;
    bool comma; /* an event has been written */
};

static u64 track(const struct trace_record *record)
{
    return record->kind == TRACE_HART
               ? HART_PID + 1 + record->hart
               : TRACKS_FROM + (u64)record->pid * TRACKS_PER_VM + record->vcpu;
}

static u64 process(const struct trace_record *record)
{
    return record->kind == TRACE_HART ? HART_PID : record->pid;
}

/* Opens an event of one phase; the caller adds fields and closes it. */
static void begin_event(struct view *view, const char *phase, const struct trace_record *record)
{
    fprintf(view->out, "%s\n{\"ph\":\"%s\",\"pid\":%llu,\"tid\":%llu", view->comma ? "," : "",
            phase, (unsigned long long)process(record), (unsigned long long)track(record));
    view->comma = true;
}

/* A point in time, or a length of it, in microseconds to the nanosecond. */
static void put_ns(struct view *view, const char *field, u64 ns)
{
    fprintf(view->out, ",\"%s\":%llu.%03llu", field, (unsigned long long)ns / 1000,
            (unsigned long long)ns % 1000);
}

static void put_time(struct view *view, u64 cycle)
{
    put_ns(view, "ts", trace_stream_ns(view->stream, cycle));
}

static void begin_span(struct view *view, const struct trace_record *record, u64 from, u64 to,
                       const char *name)
{
    u64 from_ns = trace_stream_ns(view->stream, from);

    begin_event(view, "X", record);
    put_ns(view, "ts", from_ns);
    put_ns(view, "dur", trace_stream_ns(view->stream, to) - from_ns);
    fprintf(view->out, ",\"name\":\"%s\"", name);
}

static u64 saturating_add(u64 a, u64 b)
{
    return a + b < a ? UINT64_MAX : a + b;
}

static u64 record_end(const struct trace_record *record)
{
    return saturating_add(record->cycle,
                          record->kind == TRACE_HART ? record->value : record->hv_cycles);
}

/* Fills view->entered: see the head of this file. */
static enum err find_entries(struct view *view)
{
    u64 *busy_until = calloc(HARTS_MAX, sizeof(*busy_until));

    if (busy_until == NULL) {
        return ERR_NOMEM;
    }
    for (size_t i = 0; i < view->stream->count; i++) {
        const struct trace_record *record = &view->stream->records[i];
        u64 *busy = &busy_until[record->hart];
        u64 end = record_end(record);

        view->entered[i] = *busy != 0 && *busy < record->cycle ? *busy : record->cycle;
        *busy = *busy > end ? *busy : end;
    }
    free(busy_until);
    return ERR_OK;
}

/* VM exits by track, then by time (their order in memory). */
static int by_track(const void *left, const void *right)
{
    const struct trace_record *const *a = left;
    const struct trace_record *const *b = right;
    int order = trace_compare(track(*a), track(*b));

    return order ? order : trace_compare((uintptr_t)*a, (uintptr_t)*b);
}

static int by_pid(const void *left, const void *right)
{
    const struct trace_record *const *a = left;
    const struct trace_record *const *b = right;
    int order = trace_compare((*a)->pid, (*b)->pid);

    return order ? order : trace_compare((uintptr_t)*a, (uintptr_t)*b);
}

/* The child's first VM exit after the fork, or NULL. */
static const struct trace_record *first_exit(const struct view *view,
                                             const struct trace_record *fork)
{
    size_t low = 0;
    size_t high = view->exit_count;

    while (low < high) {
        size_t middle = low + (high - low) / 2;
        const struct trace_record *record = view->by_pid[middle];

        if (record->pid < fork->value || (record->pid == fork->value && record <= fork)) {
            low = middle + 1;
        } else {
            high = middle;
        }
    }
    return low < view->exit_count && view->by_pid[low]->pid == fork->value ? view->by_pid[low]
                                                                           : NULL;
}

/* From the parent's VM exit to the span in which the child first ran. */
static void put_fork_arrow(struct view *view, size_t fork_index)
{
    const struct trace_record *fork = &view->stream->records[fork_index];
    const struct trace_record *child = first_exit(view, fork);

    if (child == NULL) {
        return;
    }
    begin_event(view, "s", fork);
    put_time(view, fork->cycle);
    fprintf(view->out, ",\"id\":%zu,\"name\":\"fork\",\"cat\":\"fork\"}", fork_index + 1);
    begin_event(view, "f", child);
    put_time(view, view->entered[child - view->stream->records]);
    fprintf(view->out, ",\"id\":%zu,\"name\":\"fork\",\"cat\":\"fork\",\"bp\":\"e\"}",
            fork_index + 1);
}

static void put_exit(struct view *view, size_t index)
{
    const struct trace_record *record = &view->stream->records[index];
    char words[TRACE_WORDS_BYTES];

    if (view->entered[index] < record->cycle) {
        begin_span(view, record, view->entered[index], record->cycle, "guest");
        fprintf(view->out, ",\"args\":{\"hart\":%u}}", record->hart);
    }
    trace_handler_words(record, words);
    begin_span(view, record, record->cycle, record_end(record), words);
    trace_did_words(record, words);
    fprintf(view->out,
            ",\"cat\":\"hv\",\"args\":{\"cause\":\"%s\",\"did\":\"%s\",\"pc\":\"0x%llx\","
            "\"cycles\":%u,\"hart\":%u}}",
            trace_cause_words(record->cause), words, (unsigned long long)record->pc,
            record->hv_cycles, record->hart);
    if (record->did == TRACE_DID_FORK && record->result == 0) {
        put_fork_arrow(view, index);
    }
}

static void put_vm(struct view *view, const struct trace_record *record)
{
    char words[TRACE_WORDS_BYTES];

    begin_event(view, "i", record);
    put_time(view, record->cycle);
    if (record->did == TRACE_DID_END) {
        trace_status_words(record->result, words);
        fprintf(view->out, ",\"s\":\"p\",\"name\":\"ended: %s\"}", words);
    } else if (record->did == TRACE_DID_FORK) {
        fprintf(view->out, ",\"s\":\"p\",\"name\":\"forked from %llu\"}",
                (unsigned long long)record->addr);
    } else {
        fprintf(view->out, ",\"s\":\"p\",\"name\":\"created\"}");
    }
}

static void put_hart(struct view *view, const struct trace_record *record)
{
    if (record->value != 0) {
        begin_span(view, record, record->cycle, record_end(record),
                   record->did == TRACE_DID_DRAIN ? "drain the trace" : "idle");
        fprintf(view->out, "}");
    }
}

/* Names the process and the track of a record, when the one before in order has others. */
static void put_names(struct view *view, const struct trace_record *record,
                      const struct trace_record *before)
{
    bool hart = record->kind == TRACE_HART;

    if (before == NULL || process(before) != process(record)) {
        begin_event(view, "M", record);
        fprintf(view->out, ",\"name\":\"process_name\",\"args\":{\"name\":\"%s\"}}",
                hart ? "hypervisor" : "VM");
    }
    if (before == NULL || track(before) != track(record)) {
        begin_event(view, "M", record);
        fprintf(view->out, ",\"name\":\"thread_name\",\"args\":{\"name\":\"%s %u\"}}",
                hart ? "hart" : "vCPU", (unsigned)(hart ? record->hart : record->vcpu));
    }
}

static void put_all(struct view *view, const struct trace_record **tracks)
{
    const struct trace_stream *stream = view->stream;

    fprintf(view->out, "{\"displayTimeUnit\":\"ns\",\"traceEvents\":[");
    for (size_t i = 0; i < stream->count; i++) {
        put_names(view, tracks[i], i ? tracks[i - 1] : NULL);
    }
    for (size_t i = 0; i < stream->count; i++) {
        const struct trace_record *record = &stream->records[i];

        if (record->kind == TRACE_VMEXIT) {
            put_exit(view, i);
        } else if (record->kind == TRACE_VM) {
            put_vm(view, record);
        } else {
            put_hart(view, record);
        }
    }
    fprintf(view->out, "\n]}\n");
}

/*
 * trace_print_perfetto - the stream as one JSON object.
 *
 * ERR_NOMEM    not enough memory; nothing was written
 */
enum err trace_print_perfetto(const struct trace_stream *stream, FILE *out)
{
    const struct trace_record **tracks = calloc(stream->count + 1, sizeof(const void *));
    struct view view = {
        .stream = stream,
        .out = out,
        .entered = calloc(stream->count + 1, sizeof(u64)),
        .by_pid = calloc(stream->count + 1, sizeof(const void *)),
    };
    enum err err = ERR_NOMEM;

    if (tracks && view.entered && view.by_pid && find_entries(&view) == ERR_OK) {
        for (size_t i = 0; i < stream->count; i++) {
            tracks[i] = &stream->records[i];
            if (stream->records[i].kind == TRACE_VMEXIT) {
                view.by_pid[view.exit_count++] = &stream->records[i];
            }
        }
        qsort(tracks, stream->count, sizeof(const void *), by_track);
        qsort(view.by_pid, view.exit_count, sizeof(const void *), by_pid);
        put_all(&view, tracks);
        err = ERR_OK;
    }
    free(tracks);
    free(view.entered);
    free(view.by_pid);
    return err;
}
