/* SPDX-License-Identifier: BSD-2-Clause */
#pragma once
/* Names in columns.  See columns.c. */
#include "guest/shell/memory.h"

void columns_format(struct buffer *to, char *const *names, size_t count, unsigned width);
