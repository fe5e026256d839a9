/* SPDX-License-Identifier: BSD-2-Clause */
#pragma once
/*
 * Which VM exits are recorded: what stands behind "exits:" in TRACE.  hv reads it from its command
 * line, tools/trace checks it before QEMU starts; both compile this.
 *
 *     pid=3+4,cause=ecall+store      both must hold; + joins alternatives; empty: every exit
 *
 * A record that tells of no exit (a VM began or ended) is judged by its pid alone.
 */
#include "lib/kit/err.h"
#include "lib/kit/types.h"

#define TRACE_FILTER_PIDS 16

struct trace_filter {
    u32 pid_count; /* 0: every pid */
    u32 pids[TRACE_FILTER_PIDS];
    u64 causes; /* bit n: exception n; bit 32 + n: interrupt n; 0: every cause */
};

/* Reads a filter; what is wrong with it stands in why, in one line. */
__must_check enum err tracefilter_parse(struct trace_filter *filter, const char *text, char *why,
                                        size_t why_bytes);
/* True if the filter asks for this pid. */
bool tracefilter_wants_pid(const struct trace_filter *filter, u32 pid);
/* True if the filter asks for this scause. */
bool tracefilter_wants_cause(const struct trace_filter *filter, u64 cause);
