/* SPDX-License-Identifier: BSD-2-Clause */
#pragma once
/* Last words: what went wrong, where, and how it came there.  See report.c. */
#include "guest/trap.h"

#define CRASH_STATUS 1

__noreturn void report_trap(const struct trap *t);
__noreturn void report_crash(const struct trap *t);
void report_panic(const struct trap *t, const char *text);

/* What reports are made of. */
void report_text(const char *text);
void report_hex(u64 value);
void report_digits(u64 value, int digits);
void report_decimal(u64 value);
void report_place(u64 pc);
void report_return(u64 pc);

/* Component symbols.  The function that address is in, and how far; NULL: not known. */
const char *symbol_find(u64 address, u64 *offset);
/* Registers and calls; returned: pc is where a call returns to. */
void report_details(const struct trap *t, bool returned);

/* Component task: a line on whose trap it was; the name of the task that runs, NULL: there are
 * none. */
void report_thread(const struct trap *t);
const char *report_task(void);
