/* SPDX-License-Identifier: BSD-2-Clause */
#pragma once
/* The words for what a record holds: causes, SBI functions, and what hv did. */
#include "lib/kit/types.h"
#include "sbi/trace.h"

#define TRACE_WORDS_BYTES 128

/* The specification's words for an scause. */
const char *trace_cause_words(u64 cause);
/* What hv did, with its arguments and result: "sbi TIME.set_timer -> 0", "fork -> 3". */
void trace_did_words(const struct trace_record *record, char words[TRACE_WORDS_BYTES]);
/* What in hv served the exit: "sbi TIME.set_timer", "fork", "fault cow". */
void trace_handler_words(const struct trace_record *record, char words[TRACE_WORDS_BYTES]);
/* How a VM ended: "exit 3", "signal 11". */
void trace_status_words(u32 status, char words[TRACE_WORDS_BYTES]);
