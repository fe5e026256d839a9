/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Variables of a shell: a list, in the order of their names.  Each shell, also that of a script or
 * of a job, has its own.
 */
#include "guest/shell/variables.h"

#include <stdlib.h>
#include <string.h>

#include "guest/shell/memory.h"

/* What points to the variable, or to where it would be. */
static struct variable **place(struct variable **link, const char *name)
{
    while (*link && strcmp((*link)->name, name) < 0) {
        link = &(*link)->next;
    }
    return link;
}

/* NULL: it is not set. */
struct variable *variables_find(const struct variables *variables, const char *name)
{
    struct variable *variable = variables->first;

    while (variable && strcmp(variable->name, name) != 0) {
        variable = variable->next;
    }
    return variable;
}

/* NULL: it is not set. */
const char *variables_get(const struct variables *variables, const char *name)
{
    const struct variable *variable = variables_find(variables, name);

    return variable ? variable->value : NULL;
}

struct variable *variables_set(struct variables *variables, const char *name, const char *value)
{
    struct variable **link = place(&variables->first, name), *variable = *link;
    char *copy = memory_copy(value);

    if (!variable || strcmp(variable->name, name) != 0) {
        variable = memory_get(sizeof(*variable) + strlen(name) + 1);
        *variable = (struct variable){.next = *link};
        strcpy(variable->name, name);
        *link = variable;
    }
    free(variable->value);
    variable->value = copy;
    return variable;
}

void variables_unset(struct variables *variables, const char *name)
{
    struct variable **link = place(&variables->first, name), *variable = *link;

    if (variable && strcmp(variable->name, name) == 0) {
        *link = variable->next;
        free(variable->value);
        free(variable);
    }
}

/* all: also what is not exported. */
void variables_copy(struct variables *to, const struct variables *from, bool all)
{
    for (const struct variable *it = from->first; it; it = it->next) {
        if (all || it->exported) {
            variables_set(to, it->name, it->value)->exported = it->exported;
        }
    }
}

void variables_free(struct variables *variables)
{
    while (variables->first) {
        struct variable *next = variables->first->next;

        free(variables->first->value);
        free(variables->first);
        variables->first = next;
    }
}
