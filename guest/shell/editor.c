/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * A line that is typed on a terminal, as readline has it by default.
 *
 *     Left Right Home End, ^B ^F ^A ^E       move          Alt-B Alt-F, Ctrl-Left -Right   by words
 *     Backspace Delete, ^H ^D                remove        ^K ^U ^W Alt-D   cut, ^Y put back
 *     Up Down, ^P ^N                         older, newer  ^R               search in older ones
 *     Tab  complete, twice: list             ^T  swap      ^L  clear        ^C  cancel
 *
 * It is a machine that gets bytes and gives what is to be written: it knows no terminal, and does
 * not wait.  Invariant: cursor is at a character's first byte, or the end.
 */
#include "guest/shell/editor.h"

#include <string.h>

#include "guest/shell/utf8.h"

#define CLEAR_SCREEN "\033[H\033[2J"

/* prompt: stays until the line is read; it is printable.  columns: of the terminal. */
void edit_begin(struct editor *editor, const char *prompt, unsigned columns)
{
    buffer_cut(&editor->line, 0);
    editor->cursor = 0;
    editor->prompt = prompt;
    editor->columns = columns > 1 ? columns : 2;
    editor->row = 0;
    editor->last_key = KEY_NONE;
    editor->shown = editor->history->count;
    editor->searching = false;
    edit_refresh(editor);
}

static size_t left_of(const struct editor *editor)
{
    return editor->cursor > 0 ? utf8_before(editor->line.at, editor->cursor) : 0;
}

static size_t right_of(const struct editor *editor)
{
    return editor->cursor < editor->line.used
               ? utf8_after(editor->line.at, editor->line.used, editor->cursor)
               : editor->cursor;
}

static bool is_word(char c)
{
    return c == '_' || (c >= '0' && c <= '9') || (c >= 'A' && c <= 'Z') || (c >= 'a' && c <= 'z') ||
           (c & 0x80);
}

static bool is_not_blank(char c)
{
    return c != ' ';
}

/* Where the word before the cursor begins, by what belongs to words. */
static size_t word_left(const struct editor *editor, bool (*belongs)(char c))
{
    size_t at = editor->cursor;

    while (at > 0 && !belongs(editor->line.at[at - 1])) {
        at--;
    }
    while (at > 0 && belongs(editor->line.at[at - 1])) {
        at--;
    }
    return at;
}

static size_t word_right(const struct editor *editor)
{
    size_t at = editor->cursor;

    while (at < editor->line.used && !is_word(editor->line.at[at])) {
        at++;
    }
    while (at < editor->line.used && is_word(editor->line.at[at])) {
        at++;
    }
    return at;
}

static void move_to(struct editor *editor, size_t at)
{
    if (at != editor->cursor) {
        editor->cursor = at;
        edit_refresh(editor);
    }
}

/* Removes, and keeps for ^Y. */
static void cut(struct editor *editor, size_t from, size_t to)
{
    if (from < to) {
        buffer_cut(&editor->killed, 0);
        buffer_add(&editor->killed, editor->line.at + from, to - from);
        edit_remove(editor, from, to);
    }
}

/* Swaps the characters around the cursor, at the end the two before it; it is behind them then. */
static void swap(struct editor *editor)
{
    size_t middle = editor->cursor, left;
    struct buffer moved = {0};

    if (middle == editor->line.used && middle > 0) {
        middle = utf8_before(editor->line.at, middle);
    }
    if (middle == 0 || middle == editor->line.used) {
        return;
    }
    left = utf8_before(editor->line.at, middle);
    editor->cursor = utf8_after(editor->line.at, editor->line.used, middle);
    buffer_add(&moved, editor->line.at + left, middle - left);
    buffer_remove(&editor->line, left, moved.used);
    buffer_insert(&editor->line, editor->cursor - moved.used, moved.at, moved.used);
    buffer_free(&moved);
    edit_refresh(editor);
}

/* which: history->count is what was typed. */
static void show_history(struct editor *editor, unsigned which)
{
    if (editor->shown == editor->history->count) {
        buffer_set(&editor->typed, buffer_text(&editor->line));
    }
    editor->shown = which;
    edit_set(editor, which == editor->history->count ? buffer_text(&editor->typed)
                                                     : editor->history->lines[which]);
}

static void clear(struct editor *editor)
{
    buffer_add_text(&editor->screen, CLEAR_SCREEN);
    editor->row = 0;
    edit_refresh(editor);
}

static void show_older(struct editor *editor)
{
    if (editor->shown > 0) {
        show_history(editor, editor->shown - 1);
    }
}

static void show_newer(struct editor *editor)
{
    if (editor->shown < editor->history->count) {
        show_history(editor, editor->shown + 1);
    }
}

static void move_or_cut(struct editor *editor, u32 key)
{
    switch (key) {
    case KEY_LEFT:
    case KEY_CONTROL('B'): move_to(editor, left_of(editor)); break;
    case KEY_RIGHT:
    case KEY_CONTROL('F'): move_to(editor, right_of(editor)); break;
    case KEY_HOME:
    case KEY_CONTROL('A'): move_to(editor, 0); break;
    case KEY_END:
    case KEY_CONTROL('E'): move_to(editor, editor->line.used); break;
    case KEY_WORD_LEFT:
    case KEY_META + 'b': move_to(editor, word_left(editor, is_word)); break;
    case KEY_WORD_RIGHT:
    case KEY_META + 'f': move_to(editor, word_right(editor)); break;
    case KEY_BACKSPACE:
    case KEY_CONTROL('H'): edit_remove(editor, left_of(editor), editor->cursor); break;
    case KEY_DELETE:
    case KEY_CONTROL('D'): edit_remove(editor, editor->cursor, right_of(editor)); break;
    case KEY_CONTROL('K'): cut(editor, editor->cursor, editor->line.used); break;
    case KEY_CONTROL('U'): cut(editor, 0, editor->cursor); break;
    case KEY_CONTROL('W'): cut(editor, word_left(editor, is_not_blank), editor->cursor); break;
    case KEY_META + KEY_BACKSPACE: cut(editor, word_left(editor, is_word), editor->cursor); break;
    case KEY_META + 'd': cut(editor, editor->cursor, word_right(editor)); break;
    case KEY_CONTROL('Y'):
        edit_insert(editor, buffer_text(&editor->killed), editor->killed.used);
        break;
    case KEY_CONTROL('T'): swap(editor); break;
    case KEY_UP:
    case KEY_CONTROL('P'): show_older(editor); break;
    case KEY_DOWN:
    case KEY_CONTROL('N'): show_newer(editor); break;
    default: break;
    }
}

static enum edit_event end_line(struct editor *editor, enum edit_event event, const char *shown)
{
    edit_to_end(editor);
    buffer_add_text(&editor->screen, shown);
    return event;
}

static enum edit_event press(struct editor *editor, u32 key)
{
    switch (key) {
    case KEY_TEXT: edit_insert(editor, editor->keys.text, strlen(editor->keys.text)); break;
    case '\r':
    case '\n': return end_line(editor, EDIT_LINE, "\n");
    case KEY_CONTROL('C'): return end_line(editor, EDIT_CANCEL, "^C\n");
    case KEY_CONTROL('D'):
        if (editor->line.used == 0) {
            return EDIT_END;
        }
        move_or_cut(editor, key);
        break;
    case KEY_CONTROL('L'): clear(editor); break;
    case KEY_CONTROL('R'): edit_search_begin(editor); break;
    case '\t': edit_tab(editor, editor->last_key == '\t'); break;
    default: move_or_cut(editor, key); break;
    }
    return EDIT_MORE;
}

enum edit_event edit_byte(struct editor *editor, u8 byte)
{
    u32 key = keys_byte(&editor->keys, byte);
    enum edit_event event = EDIT_MORE;

    if (key == KEY_NONE) {
        return EDIT_MORE;
    }
    if (!editor->searching || !edit_search_key(editor, key)) {
        event = press(editor, key);
    }
    editor->last_key = key;
    return event;
}

void edit_free(struct editor *editor)
{
    buffer_free(&editor->line);
    buffer_free(&editor->screen);
    buffer_free(&editor->killed);
    buffer_free(&editor->typed);
    buffer_free(&editor->wanted);
    buffer_free(&editor->before);
    buffer_free(&editor->showing);
}
