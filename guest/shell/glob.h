/* SPDX-License-Identifier: BSD-2-Clause */
#pragma once
/* Patterns with * ? [...], and the paths that match one.  See glob.c. */
#include "guest/shell/memory.h"

bool glob_is_special(char c);
bool glob_match(const char *pattern, const char *name);
void glob_unescape(char *pattern);
void glob_expand(const char *pattern, struct arena *arena, struct strings *paths);
