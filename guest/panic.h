/* SPDX-License-Identifier: BSD-2-Clause */
#pragma once
/* The end of a payload that must not go on. */
#include "lib/kit/types.h"

__noreturn void panic(const char *format, ...) __printf_like(1, 2);

/* Says text, registers and calls, and returns: for who ends the payload in another way. */
void report_here(const char *text);
