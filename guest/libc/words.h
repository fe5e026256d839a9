/* SPDX-License-Identifier: BSD-2-Clause */
#pragma once
/* The command line as arguments and environment.  See words.c. */
#include "lib/kit/types.h"

/* Pointers that words_read may need for a text of so many bytes without its NUL: the name, both
 * NULLs, and its words, which are at least one byte and have a space between them. */
#define WORDS_POINTERS(bytes) ((bytes) / 2 + 4)

struct words {
    int argc;
    char **argv;        /* [argc], and a NULL */
    char **environment; /* and a NULL */
};

__must_check const char *words_read(const char *text, char *name, char **pointers, char *bytes,
                                    struct words *words);

/* The next word of text that is the library OS's own, and its length; NULL: none. */
const char *words_next_own(const char *text, size_t *bytes);
