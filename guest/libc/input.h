/* SPDX-License-Identifier: BSD-2-Clause */
#pragma once
/* Standard input, for stdin and read().  See input.c. */
#include "lib/kit/types.h"

bool console_is_terminal(void);
int input_getc(void);
size_t input_read(char *to, size_t bytes);
