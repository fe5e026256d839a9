/* SPDX-License-Identifier: BSD-2-Clause */
#pragma once
/* Lines that were typed.  See history.c. */
#include "guest/shell/memory.h"

#define HISTORY_LINES 500

/* All zeros is an empty one. */
struct history {
    char *lines[HISTORY_LINES]; /* the oldest first */
    unsigned count;
    unsigned forgotten; /* older ones, which count for the numbers */
};

void history_add(struct history *history, const char *line);
bool history_expand(const struct history *history, const char *line, struct buffer *to,
                    char *missing, size_t missing_bytes);
void history_free(struct history *history);
