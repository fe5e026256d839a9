/* SPDX-License-Identifier: BSD-2-Clause */
#pragma once
/* Standard input, for stdin and read().  See input.c. */
#include "lib/kit/types.h"

bool console_is_terminal(void);
int input_getc(void);
bool input_ready(const u32 **word, u32 *value);
__must_check int input_read(char *to, size_t bytes, size_t *done); /* 0 or EINTR */

/* A terminal's modes, TTY_... of tty.h. */
u32 input_modes(void);
void input_set_modes(u32 modes, bool drop);

/* Looks at what has been typed though nobody reads: ^C has its effect. */
void input_look(void);
