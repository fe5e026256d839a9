/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * What a line that is typed looks like on the screen.
 *
 * Prompt and line fill rows from the cursor's first one on.  A change draws them all again, but for
 * characters that are added to or taken from the end of a row.  Of the terminal only the commonest
 * is used: up, right, erase to the end of the screen.
 *
 * A terminal that has written its last column is still in that row; an empty next row is begun
 * then, so that the cursor is where the terminal has it.
 */
#include <stdio.h>
#include <string.h>

#include "guest/shell/editor.h"
#include "guest/shell/utf8.h"

#define SEQUENCE_BYTES 16
#define ERASE_BELOW    "\033[J"

struct place {
    unsigned row, column;
};

static struct place move_over(struct place place, const char *text, size_t bytes, unsigned columns)
{
    for (size_t at = 0, next; at < bytes; at = next) {
        unsigned width;

        next = utf8_after(text, bytes, at);
        width = utf8_columns_of(utf8_decode(text + at, next - at));
        if (place.column + width > columns) { /* a wide one is not parted */
            place.row++;
            place.column = 0;
        }
        place.column += width;
    }
    if (place.column >= columns) {
        place.row++;
        place.column = 0;
    }
    return place;
}

/* Where the line's byte `at` is. */
static struct place place_of(const struct editor *editor, size_t at)
{
    struct place begin =
        move_over((struct place){0}, editor->prompt, strlen(editor->prompt), editor->columns);

    return move_over(begin, buffer_text(&editor->line), at, editor->columns);
}

static void add_move(struct editor *editor, unsigned count, char final)
{
    char sequence[SEQUENCE_BYTES];

    if (count > 0) {
        snprintf(sequence, sizeof(sequence), "\033[%u%c", count, final);
        buffer_add_text(&editor->screen, sequence);
    }
}

/* From where a write has left the terminal's cursor to the line's. */
static void place_cursor(struct editor *editor, struct place at)
{
    struct place cursor = place_of(editor, editor->cursor);

    editor->row = cursor.row;
    if (cursor.row == at.row && cursor.column == at.column) {
        return;
    }
    add_move(editor, at.row - cursor.row, 'A');
    buffer_add_char(&editor->screen, '\r');
    add_move(editor, cursor.column, 'C');
}

/* Draws prompt and line from the first row on. */
void edit_refresh(struct editor *editor)
{
    struct place end = place_of(editor, editor->line.used);

    buffer_add_char(&editor->screen, '\r');
    add_move(editor, editor->row, 'A');
    buffer_add_text(&editor->screen, ERASE_BELOW);
    buffer_add_text(&editor->screen, editor->prompt);
    buffer_add(&editor->screen, buffer_text(&editor->line), editor->line.used);
    if (end.column == 0 && end.row > 0) {
        buffer_add_text(&editor->screen, "\r\n");
    }
    place_cursor(editor, end);
}

/* At the cursor, which is behind it then. */
void edit_insert(struct editor *editor, const char *bytes, size_t count)
{
    bool at_end = editor->cursor == editor->line.used;
    struct place cursor;

    buffer_insert(&editor->line, editor->cursor, bytes, count);
    editor->cursor += count;
    cursor = place_of(editor, editor->cursor);
    if (at_end && cursor.row == editor->row && cursor.column > 0) {
        buffer_add(&editor->screen, bytes, count);
    } else {
        edit_refresh(editor);
    }
}

/* The bytes of the line between; the cursor is where they were. */
void edit_remove(struct editor *editor, size_t from, size_t to)
{
    struct place before = place_of(editor, from), behind = place_of(editor, to);
    bool short_way = to == editor->line.used && editor->cursor == to && before.row == editor->row &&
                     behind.row == before.row;

    buffer_remove(&editor->line, from, to - from);
    editor->cursor = from;
    if (!short_way) {
        edit_refresh(editor);
        return;
    }
    for (unsigned i = before.column; i < behind.column; i++) {
        buffer_add_text(&editor->screen, "\b \b");
    }
}

/* The whole line, with the cursor behind it. */
void edit_set(struct editor *editor, const char *text)
{
    buffer_set(&editor->line, text);
    editor->cursor = editor->line.used;
    edit_refresh(editor);
}

/* Leaves the line: what is written next stands below it. */
void edit_to_end(struct editor *editor)
{
    if (editor->cursor != editor->line.used) {
        editor->cursor = editor->line.used;
        edit_refresh(editor);
    }
}
