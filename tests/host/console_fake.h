/* SPDX-License-Identifier: BSD-2-Clause */
#pragma once
/* The console over a UART that is a buffer.  See console_test.c. */

/* Empties the output; `input` is what will be typed.  One VM. */
void console_fake_reset(const char *input);
/* Types more; the UART interrupts if it should. */
void console_fake_type(const char *input);
const char *console_fake_output(void);
