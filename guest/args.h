/* SPDX-License-Identifier: BSD-2-Clause */
#pragma once
/* The words of the command line (/chosen/bootargs): "flag" or "name=value", separated by spaces. */
#include "lib/kit/types.h"

bool args_has(const char *name);
u64 args_u64(const char *name, u64 fallback);
bool args_is(const char *name, const char *value);
bool args_word(const char *name, char *word, size_t bytes);
