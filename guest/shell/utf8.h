/* SPDX-License-Identifier: BSD-2-Clause */
#pragma once
/* Characters of UTF-8, and how many columns they take.  See utf8.c. */
#include "lib/kit/types.h"

size_t utf8_after(const char *text, size_t bytes, size_t at);
size_t utf8_before(const char *text, size_t at);
unsigned utf8_columns(const char *text, size_t bytes);
unsigned utf8_columns_of(u32 character);
u32 utf8_decode(const char *text, size_t bytes);
bool utf8_is_printable(const char *text);
