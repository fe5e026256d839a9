/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The editor's tab key: what all candidates have in common is inserted; where that is nothing, a
 * second tab lists them below the line.
 */
#include <string.h>

#include "guest/shell/columns.h"
#include "guest/shell/editor.h"

#define BELL "\a"

static void list(struct editor *editor, const struct completion *completion)
{
    size_t cursor = editor->cursor;

    edit_to_end(editor);
    buffer_add_text(&editor->screen, "\n");
    columns_format(&editor->screen, completion->shown.at, completion->shown.used, editor->columns);
    editor->row = 0;
    editor->cursor = cursor;
    edit_refresh(editor);
}

static void replace(struct editor *editor, const struct completion *completion)
{
    bool is_only = completion->shown.used == 1;
    size_t known = editor->cursor - completion->from;
    struct buffer text = {0};

    buffer_add(&text, buffer_text(&completion->common), completion->common.used);
    if (is_only) {
        buffer_add_text(&text, completion->behind);
    }
    if (editor->cursor == editor->line.used && text.used >= known &&
        memcmp(buffer_text(&text), buffer_text(&editor->line) + completion->from, known) == 0) {
        edit_insert(editor, buffer_text(&text) + known, text.used - known);
    } else {
        edit_remove(editor, completion->from, editor->cursor);
        edit_insert(editor, buffer_text(&text), text.used);
    }
    buffer_free(&text);
}

/* again: the last key was a tab, too. */
void edit_tab(struct editor *editor, bool again)
{
    struct completion completion = {.from = editor->cursor, .behind = ""};
    size_t before = editor->line.used;

    editor->complete(editor->context, buffer_text(&editor->line), editor->cursor, &completion);
    if (completion.shown.used > 0) {
        replace(editor, &completion);
    }
    if (editor->line.used == before && completion.shown.used != 1) {
        if (again && completion.shown.used > 0) {
            list(editor, &completion);
        } else {
            buffer_add_text(&editor->screen, BELL);
        }
    }
    buffer_free(&completion.common);
    strings_free_texts(&completion.shown);
}
