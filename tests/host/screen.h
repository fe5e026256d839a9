/* SPDX-License-Identifier: BSD-2-Clause */
#pragma once
/* A terminal's screen, as far as the shell's editor uses one.  See screen.c. */
#include "lib/kit/types.h"

#define SCREEN_ROWS        12
#define SCREEN_COLUMNS_MAX 80

struct screen {
    unsigned columns, row, column;
    bool pending; /* the last column was written: the next character begins a row */
    unsigned bells;
    u32 cells[SCREEN_ROWS][SCREEN_COLUMNS_MAX];
    char escape[16];
    unsigned escape_used;
};

void screen_begin(struct screen *screen, unsigned columns);
void screen_write(struct screen *screen, const char *text, size_t bytes);
/* The rows without blanks at their ends, a | behind each; a _ where the cursor is if it is asked
 * for. */
const char *screen_text(const struct screen *screen, bool cursor);
