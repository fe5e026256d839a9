/* SPDX-License-Identifier: BSD-2-Clause */
#pragma once
/* Words as they were written become arguments.  See expand.c. */
#include "guest/shell/memory.h"
#include "guest/shell/state.h"

void expand_word(const struct shell *shell, struct arena *arena, const char *text,
                 struct strings *arguments);
char *expand_one(const struct shell *shell, struct arena *arena, const char *text);
