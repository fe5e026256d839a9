/* SPDX-License-Identifier: BSD-2-Clause */
#pragma once
/* The three readings of a trace stream.  What cannot be written shows in ferror(out). */
#include <stdio.h>

#include "tools/trace/stream.h"

/* One line per VM exit; returns how many. */
size_t trace_print_text(const struct trace_stream *stream, FILE *out);
/* VM exits by cause and by handler, and what they cost. */
__must_check enum err trace_print_histogram(const struct trace_stream *stream, FILE *out);
/* Chrome trace event JSON, for ui.perfetto.dev and chrome://tracing. */
__must_check enum err trace_print_perfetto(const struct trace_stream *stream, FILE *out);
