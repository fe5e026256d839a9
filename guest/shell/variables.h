/* SPDX-License-Identifier: BSD-2-Clause */
#pragma once
/* Variables of a shell.  See variables.c. */
#include "lib/kit/types.h"

struct variable {
    struct variable *next;
    char *value;
    bool exported; /* scripts get it */
    char name[];
};

/* By name.  All zeros is no variable. */
struct variables {
    struct variable *first;
};

const char *variables_get(const struct variables *variables, const char *name);
struct variable *variables_find(const struct variables *variables, const char *name);
struct variable *variables_set(struct variables *variables, const char *name, const char *value);
void variables_unset(struct variables *variables, const char *name);
void variables_copy(struct variables *to, const struct variables *from, bool all);
void variables_free(struct variables *variables);
