/* SPDX-License-Identifier: BSD-2-Clause */
#pragma once
/* The shell's text as a tree of commands.  See parse.c. */
#include "guest/shell/lexer.h"
#include "guest/shell/memory.h"

enum tree_kind {
    TREE_COMMAND,    /* words, redirects */
    TREE_LIST,       /* left, then what is next of it, and so on, as each one's join says */
    TREE_PIPELINE,   /* left | what is next of it | and so on */
    TREE_NOT,        /* ! left */
    TREE_BACKGROUND, /* left &: text is its text */
    TREE_IF,         /* if condition; then left; else right fi: a TREE_IF again, whose condition is
                        NULL for else, or NULL */
    TREE_WHILE,      /* while condition; do left; done */
    TREE_UNTIL,      /* until condition; do left; done */
    TREE_FOR,        /* for text in words; do left; done */
    TREE_GROUP,      /* { left; } */
};

/* When a part of a list is run, by the status of what was run before. */
enum join { JOIN_ALWAYS, JOIN_AND, JOIN_OR };

struct word {
    struct word *next;
    char *text; /* as it was written */
};

struct redirect {
    struct redirect *next;
    enum redirect_op op;
    int fd;
    char *target; /* as it was written */
};

struct tree {
    enum tree_kind kind;
    struct tree *condition, *left, *right;
    struct tree *next; /* in a list or pipeline */
    enum join join;
    char *text;
    bool has_in;                /* a for has `in`; else it goes over the arguments */
    struct word *words;         /* assignments first */
    struct redirect *redirects; /* of any kind; in their order */
};

enum parse_result {
    PARSE_DONE,
    PARSE_INCOMPLETE, /* more text can make it complete */
    PARSE_ERROR,
};

struct parse_error {
    char text[160];
};

__must_check enum parse_result parse_line(const char **text, struct arena *arena,
                                          struct tree **tree, struct parse_error *error);
