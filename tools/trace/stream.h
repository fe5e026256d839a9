/* SPDX-License-Identifier: BSD-2-Clause */
#pragma once
/*
 * A trace stream in memory, as sbi/trace.h describes it, with its records in order of time.
 *
 * The bytes come from a file that may be cut, damaged or something else altogether: after a
 * successful read every record is of a known kind, but its other fields may hold anything.
 */
#include "lib/kit/err.h"
#include "lib/kit/types.h"
#include "sbi/trace.h"

struct trace_stream {
    struct trace_header header;
    struct trace_record *records; /* [count], by cycle, then in the order of the file */
    size_t count;
    size_t unknown;   /* records left out, since their kind is unknown */
    size_t cut_bytes; /* of a last record that is not whole */
    double cycle_ns;  /* how long a cycle is */
};

#define TRACE_MESSAGE_BYTES 128

/* For qsort. */
static inline int trace_compare(u64 a, u64 b)
{
    return (a > b) - (a < b);
}

/* Reads a whole stream; what is wrong with it stands in message. */
__must_check enum err trace_stream_read(struct trace_stream *stream, const void *bytes,
                                        size_t length, char message[TRACE_MESSAGE_BYTES]);
void trace_stream_free(struct trace_stream *stream);
/* True if all of the file could be read, else message tells what was left out. */
bool trace_stream_whole(const struct trace_stream *stream, char message[TRACE_MESSAGE_BYTES]);
/* A point on the cycle clock in nanoseconds of the machine's time. */
u64 trace_stream_ns(const struct trace_stream *stream, u64 cycle);
