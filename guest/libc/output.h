/* SPDX-License-Identifier: BSD-2-Clause */
#pragma once
/* What a program writes to the console: output.c. */
#include "lib/kit/types.h"

void output_write(const char *from, size_t bytes);
