/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * VM exits counted by cause and by handler, with the cycles that each spent in the hypervisor.
 *
 * Records are grouped by sorting them, so that a file full of nonsense costs no more than any
 * other.
 */
#include <stdlib.h>

#include "lib/kit/types.h"

#include "tools/trace/print.h"
#include "tools/trace/words.h"

struct row {
    const struct trace_record *example; /* all of the row have its cause, or its handler */
    u64 count;
    u64 sum;
    u32 min;
    u32 max;
};

typedef int compare_fn(const void *left, const void *right);

static int by_cause(const void *left, const void *right)
{
    const struct trace_record *const *a = left;
    const struct trace_record *const *b = right;

    return trace_compare((*a)->cause, (*b)->cause);
}

/* The part of addr and arg0 that tells handlers of the same kind apart. */
static u64 handler_addr(const struct trace_record *record)
{
    return record->did == TRACE_DID_SBI ? record->addr : 0;
}

static u64 handler_arg(const struct trace_record *record)
{
    if (record->did == TRACE_DID_SBI) {
        return record->arg0;
    }
    return record->did == TRACE_DID_MMIO ? record->arg0 & TRACE_MMIO_STORE : 0;
}

static int by_handler(const void *left, const void *right)
{
    const struct trace_record *const *a = left;
    const struct trace_record *const *b = right;
    int order = trace_compare((*a)->did, (*b)->did);

    if (order == 0) {
        order = trace_compare(handler_addr(*a), handler_addr(*b));
    }
    if (order == 0) {
        order = trace_compare(handler_arg(*a), handler_arg(*b));
    }
    return order;
}

/* The costliest row first; the count decides between equals, then what sorted the records. */
static int by_sum(const void *left, const void *right)
{
    const struct row *a = left;
    const struct row *b = right;
    int order = trace_compare(b->sum, a->sum);

    if (order == 0) {
        order = trace_compare(b->count, a->count);
    }
    if (order == 0) {
        order = trace_compare(a->example->cause, b->example->cause);
    }
    return order ? order : by_handler(&a->example, &b->example);
}

static void row_add(struct row *row, const struct trace_record *record)
{
    if (row->count == 0) {
        *row = (struct row){.example = record, .min = record->hv_cycles};
    }
    row->count++;
    row->sum += record->hv_cycles;
    row->min = record->hv_cycles < row->min ? record->hv_cycles : row->min;
    row->max = record->hv_cycles > row->max ? record->hv_cycles : row->max;
}

/* Groups exits[count] by compare; rows has room for as many.  Returns the number of rows. */
static size_t group(const struct trace_record **exits, size_t count, compare_fn *compare,
                    struct row *rows)
{
    size_t row_count = 0;

    qsort(exits, count, sizeof(const void *), compare);
    for (size_t i = 0; i < count; i++) {
        if (i == 0 || compare(&exits[i - 1], &exits[i]) != 0) {
            rows[row_count++] = (struct row){.count = 0};
        }
        row_add(&rows[row_count - 1], exits[i]);
    }
    qsort(rows, row_count, sizeof(*rows), by_sum);
    return row_count;
}

static void print_row(FILE *out, const struct row *row, u64 total, const char *words)
{
    fprintf(out, "%10llu %14llu %10.1f %10u %10u %6.1f%%  %s\n", (unsigned long long)row->count,
            (unsigned long long)row->sum, (double)row->sum / (double)row->count, row->min, row->max,
            total ? 100.0 * (double)row->sum / (double)total : 0.0, words);
}

static void print_table(FILE *out, const char *title, const struct row *rows, size_t row_count,
                        compare_fn *compare)
{
    struct row all = {.count = 0};

    fprintf(out, "%10s %14s %10s %10s %10s %7s  %s\n", "exits", "sum", "mean", "min", "max",
            "share", title);
    for (size_t i = 0; i < row_count; i++) {
        all.count += rows[i].count;
        all.sum += rows[i].sum;
        all.min = i == 0 || rows[i].min < all.min ? rows[i].min : all.min;
        all.max = rows[i].max > all.max ? rows[i].max : all.max;
    }
    for (size_t i = 0; i < row_count; i++) {
        char words[TRACE_WORDS_BYTES];

        if (compare == by_cause) {
            snprintf(words, sizeof(words), "%s", trace_cause_words(rows[i].example->cause));
        } else {
            trace_handler_words(rows[i].example, words);
        }
        print_row(out, &rows[i], all.sum, words);
    }
    if (row_count != 0) {
        print_row(out, &all, all.sum, "all");
    }
    fputc('\n', out);
}

/* What is on record beside exits. */
static void print_rest(const struct trace_stream *stream, FILE *out)
{
    u64 count[TRACE_DID_COUNT] = {0};
    u64 cycles[TRACE_DID_COUNT] = {0};

    for (size_t i = 0; i < stream->count; i++) {
        const struct trace_record *record = &stream->records[i];

        if (record->kind != TRACE_VMEXIT && record->did < TRACE_DID_COUNT) {
            count[record->did]++;
            cycles[record->did] += record->kind == TRACE_HART ? record->value : 0;
        }
    }
    fprintf(out, "VMs: %llu created, %llu forked, %llu ended\n",
            (unsigned long long)count[TRACE_DID_CREATE], (unsigned long long)count[TRACE_DID_FORK],
            (unsigned long long)count[TRACE_DID_END]);
    fprintf(out, "beside exits: %llu cycles writing the trace, %llu with nothing to run\n",
            (unsigned long long)cycles[TRACE_DID_DRAIN],
            (unsigned long long)cycles[TRACE_DID_IDLE]);
}

/*
 * trace_print_histogram - two tables, costliest rows first.
 *
 * ERR_NOMEM    not enough memory; nothing was written
 */
enum err trace_print_histogram(const struct trace_stream *stream, FILE *out)
{
    const struct trace_record **exits = calloc(stream->count + 1, sizeof(const void *));
    struct row *rows = calloc(stream->count + 1, sizeof(*rows));
    size_t count = 0;
    size_t row_count;

    if (exits == NULL || rows == NULL) {
        free(exits);
        free(rows);
        return ERR_NOMEM;
    }
    for (size_t i = 0; i < stream->count; i++) {
        if (stream->records[i].kind == TRACE_VMEXIT) {
            exits[count++] = &stream->records[i];
        }
    }
    fprintf(out, "VM exits, and cycles spent in the hypervisor; a cycle is %.3g ns%s\n\n",
            stream->cycle_ns,
            stream->cycle_ns == 1 ? ", an instruction under QEMU's -icount shift=0" : "");
    row_count = group(exits, count, by_cause, rows);
    print_table(out, "by cause", rows, row_count, by_cause);
    row_count = group(exits, count, by_handler, rows);
    print_table(out, "by handler", rows, row_count, by_handler);
    print_rest(stream, out);
    free(exits);
    free(rows);
    return ERR_OK;
}
