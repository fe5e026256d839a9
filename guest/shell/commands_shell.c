/* SPDX-License-Identifier: BSD-2-Clause */
/* Commands about the shell itself: its directory, variables, history, scripts, and how it ends. */
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "guest/shell/command.h"
#include "guest/shell/lexer.h"
#include "guest/shell/memory.h"

#define STATUS_MASK 0xff

/* ---- directory ---- */

static int change_directory(struct call *call, const char *path, bool told)
{
    struct variables *variables = &call->shell->variables;
    char *before = path_working(), *now;

    if (chdir(path) != 0) {
        free(before);
        return call_fail(call, path);
    }
    now = path_working();
    variables_set(variables, "OLDPWD", before ? before : "/");
    variables_set(variables, "PWD", now ? now : "/");
    if (told && now) {
        out_format(call, "%s\n", now);
    }
    free(before);
    free(now);
    return 0;
}

int command_cd(struct call *call)
{
    const char *path = call->argc > 1 ? call->argv[1] : shell_variable(call->shell, "HOME", "/");
    bool back = strcmp(path, "-") == 0;

    if (call->argc > 2) {
        return call_misuse(call, "one directory at most");
    }
    if (call->shell->is_job) {
        return call_complain(call, "not in the background: all jobs have one working directory");
    }
    if (back) {
        path = shell_variable(call->shell, "OLDPWD", NULL);
        if (!path) {
            return call_complain(call, "OLDPWD is not set");
        }
    }
    return change_directory(call, path, back);
}

int command_pwd(struct call *call)
{
    char *path = path_working();

    if (!path) {
        return call_fail(call, ".");
    }
    out_format(call, "%s\n", path);
    free(path);
    return 0;
}

/* ---- ends ---- */

int command_true(struct call *call)
{
    (void)call;
    return 0;
}

int command_false(struct call *call)
{
    (void)call;
    return 1;
}

int command_exit(struct call *call)
{
    u64 status = (u64)call->shell->status;

    if (call->argc > 2) {
        return call_misuse(call, "one status at most");
    }
    if (call->argc == 2 && !number_read(call->argv[1], &status)) {
        call_misuse(call, "a status is a number");
        status = STATUS_MISUSE;
    }
    call->shell->unwind = UNWIND_EXIT;
    return (int)(status & STATUS_MASK);
}

static int leave_loops(struct call *call, enum unwind unwind)
{
    u64 levels = 1;

    if (call->argc > 2 || (call->argc == 2 && !number_read(call->argv[1], &levels)) ||
        levels == 0) {
        return call_misuse(call, "a number of loops, at least 1");
    }
    if (call->shell->loops == 0) {
        return call_complain(call, "there is no loop here");
    }
    call->shell->levels = levels < call->shell->loops ? (unsigned)levels : call->shell->loops;
    call->shell->unwind = unwind;
    return 0;
}

int command_break(struct call *call)
{
    return leave_loops(call, UNWIND_BREAK);
}

int command_continue(struct call *call)
{
    return leave_loops(call, UNWIND_CONTINUE);
}

/* ---- variables ---- */

/* The name in NAME or NAME=VALUE; NULL: it is none, and that has been said. */
static char *name_of(struct call *call, const char *word)
{
    size_t bytes = lexer_name_bytes(word);
    struct buffer name = {0};

    if (bytes == 0 || (word[bytes] != '\0' && word[bytes] != '=')) {
        call_complain(call, "%s: not a name", word);
        return NULL;
    }
    buffer_add(&name, word, bytes);
    return name.at;
}

static void list_exported(struct call *call, const char *before)
{
    for (const struct variable *it = call->shell->variables.first; it; it = it->next) {
        if (it->exported) {
            out_format(call, "%s%s=%s\n", before, it->name, it->value);
        }
    }
}

int command_env(struct call *call)
{
    if (call->argc > 1) {
        return call_misuse(call, "no words; NAME=VALUE COMMAND runs a command with a variable");
    }
    list_exported(call, "");
    return 0;
}

int command_export(struct call *call)
{
    struct variables *variables = &call->shell->variables;
    int status = 0;

    if (call->argc == 1) {
        list_exported(call, "export ");
    }
    for (int i = 1; i < call->argc; i++) {
        char *name = name_of(call, call->argv[i]);
        struct variable *variable;

        if (!name) {
            status = 1;
            continue;
        }
        variable = variables_find(variables, name);
        if (call->argv[i][strlen(name)] == '=') {
            variable = variables_set(variables, name, call->argv[i] + strlen(name) + 1);
        } else if (!variable) {
            variable = variables_set(variables, name, "");
        }
        variable->exported = true;
        free(name);
    }
    return status;
}

int command_unset(struct call *call)
{
    int status = 0;

    for (int i = 1; i < call->argc; i++) {
        char *name = name_of(call, call->argv[i]);

        if (name) {
            variables_unset(&call->shell->variables, name);
        } else {
            status = 1;
        }
        free(name);
    }
    return status;
}
