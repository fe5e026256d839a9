/* SPDX-License-Identifier: BSD-2-Clause */
#pragma once
/* A line that is typed on a terminal.  See editor.c. */
#include "guest/shell/history.h"
#include "guest/shell/keys.h"
#include "guest/shell/memory.h"

enum edit_event {
    EDIT_MORE,
    EDIT_LINE,   /* editor->line is it */
    EDIT_CANCEL, /* ^C */
    EDIT_END,    /* ^D in an empty line */
};

/* What could stand where the cursor is. */
struct completion {
    size_t from;          /* in the line: what is to be replaced, up to the cursor */
    struct buffer common; /* by this, at least; as it is typed, quotes and all */
    struct strings shown; /* the candidates, for a list; freed with their texts */
    const char *behind;   /* what follows the only one */
};

typedef void edit_complete_fn(void *context, const char *line, size_t cursor,
                              struct completion *completion);

/* All zeros, but for history, complete and context, before the first line. */
struct editor {
    struct history *history;
    edit_complete_fn *complete;
    void *context; /* complete's */

    struct buffer line;
    size_t cursor;        /* in bytes */
    struct buffer screen; /* what is to be written; who writes it cuts it */

    const char *prompt;
    unsigned columns;
    unsigned row; /* the cursor's, from the prompt's on */
    struct keys keys;
    u32 last_key;
    struct buffer killed;
    unsigned shown;      /* which line of the history is; history->count: what is typed */
    struct buffer typed; /* what was typed before others were shown */

    bool searching;        /* editor_search.c: */
    struct buffer wanted;  /* what is searched for */
    unsigned found;        /* where it is in the history; history->count: nowhere yet */
    struct buffer before;  /* the line, */
    const char *plain;     /* and the prompt, when the search began */
    struct buffer showing; /* the prompt meanwhile */
};

void edit_begin(struct editor *editor, const char *prompt, unsigned columns);
enum edit_event edit_byte(struct editor *editor, u8 byte);
void edit_free(struct editor *editor);

/* Between the files of the editor. */
void edit_refresh(struct editor *editor);
void edit_insert(struct editor *editor, const char *bytes, size_t count);
void edit_remove(struct editor *editor, size_t from, size_t to);
void edit_to_end(struct editor *editor);
void edit_set(struct editor *editor, const char *text);
void edit_tab(struct editor *editor, bool again);
void edit_search_begin(struct editor *editor);
bool edit_search_key(struct editor *editor, u32 key);
