/* SPDX-License-Identifier: BSD-2-Clause */
#pragma once
/* What the test runner asks of the fuzzer; harnesses need tests/test.h only. */
#include "lib/kit/types.h"

/*
 * All harnesses whose name matches, in turn, for so long in all but at least one batch each, from
 * this round on; returns how many harnesses there were.
 */
unsigned fuzz_run_long(const char *pattern, u64 seconds, u64 round);

/* If a harness was running: how to see the same again. */
void fuzz_report_input(void);
