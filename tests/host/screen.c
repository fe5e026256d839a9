/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * A terminal's screen as xterm has it: what is written in the last column leaves the cursor there
 * until the next character, rows scroll, \n goes to a row's begin (as a terminal driver makes it).
 * A sequence that it does not know fails the test.
 */
#include "tests/host/screen.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "guest/shell/utf8.h"

#include "tests/test.h"

#define CONTINUED 0xffffffff /* right half of a wide character */

void screen_begin(struct screen *screen, unsigned columns)
{
    memset(screen, 0, sizeof(*screen));
    screen->columns = columns;
}

static void next_row(struct screen *screen)
{
    screen->pending = false;
    screen->column = 0;
    if (screen->row + 1 < SCREEN_ROWS) {
        screen->row++;
        return;
    }
    memmove(screen->cells[0], screen->cells[1], (SCREEN_ROWS - 1) * sizeof(screen->cells[0]));
    memset(screen->cells[SCREEN_ROWS - 1], 0, sizeof(screen->cells[0]));
}

static void erase(struct screen *screen, unsigned row, unsigned column)
{
    for (; row < SCREEN_ROWS; row++, column = 0) {
        memset(&screen->cells[row][column], 0,
               (SCREEN_COLUMNS_MAX - column) * sizeof(screen->cells[0][0]));
    }
}

static void obey(struct screen *screen)
{
    unsigned count = (unsigned)atoi(screen->escape + 1);

    screen->pending = false;
    switch (screen->escape[screen->escape_used - 1]) {
    case 'A': screen->row = screen->row > count ? screen->row - count : 0; return;
    case 'C':
        screen->column += count;
        screen->column = screen->column < screen->columns ? screen->column : screen->columns - 1;
        return;
    case 'H': screen->row = screen->column = 0; return;
    case 'J':
        if (count == 2) {
            erase(screen, 0, 0);
        } else {
            erase(screen, screen->row, screen->column);
        }
        return;
    default: FAIL("the screen does not know ESC %s", screen->escape);
    }
}

static void put(struct screen *screen, u32 character)
{
    unsigned width = utf8_columns_of(character);

    if (width == 0) {
        return;
    }
    if (screen->pending || screen->column + width > screen->columns) {
        next_row(screen);
    }
    screen->cells[screen->row][screen->column] = character;
    if (width == 2) {
        screen->cells[screen->row][screen->column + 1] = CONTINUED;
    }
    screen->column += width;
    if (screen->column == screen->columns) {
        screen->column--;
        screen->pending = true;
    }
}

static void write_one(struct screen *screen, u32 character)
{
    if (screen->escape_used > 0) {
        CHECK(screen->escape_used < sizeof(screen->escape) - 1);
        screen->escape[screen->escape_used++] = (char)character;
        screen->escape[screen->escape_used] = '\0';
        if (character >= '@' && character != '[') {
            memmove(screen->escape, screen->escape + 1, screen->escape_used);
            screen->escape_used--;
            obey(screen);
            screen->escape_used = 0;
        }
        return;
    }
    switch (character) {
    case '\033': screen->escape[screen->escape_used++] = '\033'; return;
    case '\a': screen->bells++; return;
    case '\b':
        screen->column -= screen->column > 0;
        screen->pending = false;
        return;
    case '\r':
        screen->column = 0;
        screen->pending = false;
        return;
    case '\n': next_row(screen); return;
    default: CHECK(character >= ' '); put(screen, character);
    }
}

void screen_write(struct screen *screen, const char *text, size_t bytes)
{
    for (size_t at = 0, next; at < bytes; at = next) {
        next = utf8_after(text, bytes, at);
        write_one(screen, utf8_decode(text + at, next - at));
    }
}

static char *add(char *to, u32 character)
{
    if (character < 0x80) {
        *to++ = (char)character;
    } else if (character < 0x800) {
        *to++ = (char)(0xc0 | character >> 6);
        *to++ = (char)(0x80 | (character & 0x3f));
    } else {
        *to++ = (char)(0xe0 | character >> 12);
        *to++ = (char)(0x80 | (character >> 6 & 0x3f));
        *to++ = (char)(0x80 | (character & 0x3f));
    }
    return to;
}

const char *screen_text(const struct screen *screen, bool cursor)
{
    static char text[SCREEN_ROWS * (SCREEN_COLUMNS_MAX * 4 + 2)];
    char *to = text, *end = text;

    for (unsigned row = 0; row < SCREEN_ROWS; row++) {
        char *begin = to, *blank = to;

        for (unsigned column = 0; column < screen->columns; column++) {
            u32 cell = screen->cells[row][column];

            if (cursor && row == screen->row && column == screen->column) {
                *to++ = '_';
                blank = to;
            }
            if (cell != CONTINUED) {
                to = add(to, cell ? cell : ' ');
            }
            if (cell && cell != ' ') {
                blank = to;
            }
        }
        to = blank;
        *to++ = '|';
        if (blank > begin) {
            end = to;
        }
    }
    *end = '\0';
    return text;
}
