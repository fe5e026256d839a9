/* SPDX-License-Identifier: BSD-2-Clause */
#pragma once
/*
 * The value of TRACE: which VM exits are recorded.  hv reads it from its command line, tools/trace
 * checks it before QEMU starts; both compile this.
 *
 *     off
 *     exits
 *     exits:pid=3+4,cause=ecall+store      both must hold; + joins alternatives
 *
 * A record that tells of no exit (a VM began or ended) is judged by its pid alone.
 */
#include "lib/kit/err.h"
#include "lib/kit/types.h"

#define TRACE_FILTER_PIDS          16
#define TRACE_FILTER_MESSAGE_BYTES 256

struct trace_filter {
    bool on;
    u16 pid_count; /* 0: every pid */
    u32 pids[TRACE_FILTER_PIDS];
    u64 causes; /* bit n: exception n; bit 32 + n: interrupt n; 0: every cause */
};

/* Reads a value of TRACE; what is wrong with it stands in message. */
__must_check enum err trace_filter_parse(struct trace_filter *filter, const char *text,
                                         size_t length, char message[TRACE_FILTER_MESSAGE_BYTES]);
/* True if the filter asks for this pid. */
bool trace_filter_pid(const struct trace_filter *filter, u32 pid);
/* True if the filter asks for this scause. */
bool trace_filter_cause(const struct trace_filter *filter, u64 cause);
