/* SPDX-License-Identifier: BSD-2-Clause */
#pragma once
/* Last words: what went wrong, where, and how it came there.  See report.c. */
#include "guest/trap.h"

void report_text(const char *text);
void report_hex(u64 value);
void report_decimal(u64 value);
void report_place(u64 pc);
void report_trap(const struct trap *t);
void report_thread(const struct trap *t); /* component task: whose it is */

/* Component symbols.  The function that address is in, and how far; NULL: not known. */
const char *symbol_find(u64 address, u64 *offset);
