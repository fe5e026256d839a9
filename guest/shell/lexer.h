/* SPDX-License-Identifier: BSD-2-Clause */
#pragma once
/* The shell's text as words and operators.  See lexer.c. */
#include "lib/kit/types.h"

enum token_kind {
    TOKEN_WORD,
    TOKEN_NEWLINE,
    TOKEN_END,
    TOKEN_SEMICOLON,
    TOKEN_AMPERSAND,
    TOKEN_PIPE,
    TOKEN_AND_IF, /* && */
    TOKEN_OR_IF,  /* || */
    TOKEN_REDIRECT,
    TOKEN_INCOMPLETE, /* a quote is open, or the last line goes on */
    TOKEN_ERROR,      /* lexer->why */
};

enum redirect_op {
    REDIRECT_READ,   /* < */
    REDIRECT_WRITE,  /* > */
    REDIRECT_APPEND, /* >> */
    REDIRECT_COPY,   /* >& <& */
};

struct token {
    enum token_kind kind;
    const char *at; /* in the text, quotes and all */
    size_t bytes;
    enum redirect_op op; /* of a redirection: how, */
    int fd;              /* and what */
};

struct lexer {
    const char *at;
    const char *why;
};

struct token lexer_next(struct lexer *lexer);
size_t lexer_name_bytes(const char *text);
