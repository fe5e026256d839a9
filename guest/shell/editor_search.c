/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The editor's search in older lines, ^R: each character that is typed narrows it, ^R again goes on
 * to an older line, backspace takes a character back.  Return runs what was found; ^G and ^C leave
 * with the line that was there; any other key leaves with what was found, and has its effect.
 *
 * While it lasts the prompt is the search's, and the line is what was found.
 */
#include <string.h>

#include "guest/shell/editor.h"
#include "guest/shell/utf8.h"

static void show(struct editor *editor, bool found)
{
    buffer_set(&editor->showing, found ? "(search) '" : "(not found) '");
    buffer_add_text(&editor->showing, buffer_text(&editor->wanted));
    buffer_add_text(&editor->showing, "': ");
    editor->prompt = editor->showing.at;
    edit_refresh(editor);
}

/* The line, and the cursor where in it what is searched for is. */
static void set_line(struct editor *editor, const char *text)
{
    const char *at = strstr(text, buffer_text(&editor->wanted));

    buffer_set(&editor->line, text);
    editor->cursor = at ? (size_t)(at - text) : editor->line.used;
}

/* In lines older than `from`. */
static void find(struct editor *editor, unsigned from)
{
    bool found = false;

    for (unsigned i = from; i > 0 && !found; i--) {
        found = strstr(editor->history->lines[i - 1], buffer_text(&editor->wanted)) != NULL;
        if (found) {
            editor->found = i - 1;
            set_line(editor, editor->history->lines[i - 1]);
        }
    }
    show(editor, found);
}

void edit_search_begin(struct editor *editor)
{
    editor->searching = true;
    editor->plain = editor->prompt;
    editor->found = editor->history->count;
    buffer_cut(&editor->wanted, 0);
    buffer_set(&editor->before, buffer_text(&editor->line));
    show(editor, true);
}

static void leave(struct editor *editor)
{
    editor->searching = false;
    editor->prompt = editor->plain;
    edit_refresh(editor);
}

/* True: the key was the search's.  False: the search is over, and the key is to have its effect. */
bool edit_search_key(struct editor *editor, u32 key)
{
    unsigned all = editor->history->count;

    switch (key) {
    case KEY_TEXT:
        buffer_add_text(&editor->wanted, editor->keys.text);
        find(editor, editor->found < all ? editor->found + 1 : all);
        return true;
    case KEY_CONTROL('R'): find(editor, editor->found); return true;
    case KEY_BACKSPACE:
    case KEY_CONTROL('H'):
        if (editor->wanted.used > 0) {
            buffer_cut(&editor->wanted, utf8_before(editor->wanted.at, editor->wanted.used));
        }
        find(editor, all);
        return true;
    case KEY_CONTROL('G'):
    case KEY_CONTROL('C'):
        buffer_set(&editor->line, buffer_text(&editor->before));
        editor->cursor = editor->line.used;
        leave(editor);
        return key == KEY_CONTROL('G');
    default:
        if (editor->found < all) {
            buffer_set(&editor->typed, buffer_text(&editor->before));
            editor->shown = editor->found;
        }
        leave(editor);
        return false;
    }
}
