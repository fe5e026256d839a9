/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Trees of commands are run.
 *
 * A command of the shell itself needs no fork: a redirection opens a file and the command gets its
 * descriptor; a variable that is set for one command is set back behind it.  Programs and pipelines
 * are pipeline.c's.
 *
 * shell->unwind says why no more is run: each function returns at once while it is set, until the
 * loop, script or prompt that it is for has reset it.
 */
#include "guest/shell/execute.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <unistd.h>

#include "guest/shell/command.h"
#include "guest/shell/expand.h"
#include "guest/shell/jobs.h"
#include "guest/shell/pipeline.h"

#define FILE_MODE 0666

/* ---- redirections ---- */

/* A descriptor that is closed behind the command. */
struct opened {
    struct opened *next;
    int fd;
};

static int open_target(enum redirect_op op, const char *path)
{
    switch (op) {
    case REDIRECT_WRITE: return open(path, O_WRONLY | O_CREAT | O_TRUNC, FILE_MODE);
    case REDIRECT_APPEND: return open(path, O_WRONLY | O_CREAT | O_APPEND, FILE_MODE);
    case REDIRECT_READ:
    case REDIRECT_COPY: break;
    }
    return open(path, O_RDONLY);
}

static int *io_at(struct io *io, int fd)
{
    return fd == STDIN_FILENO ? &io->in : fd == STDOUT_FILENO ? &io->out : &io->err;
}

static bool is_descriptor(const char *text)
{
    return *text >= '0' && *text <= '2' && text[1] == '\0';
}

static void close_all(const struct opened *opened)
{
    for (; opened; opened = opened->next) {
        close(opened->fd);
    }
}

/* In their order, until one fails: false, and it is said why.  What was opened is in *opened. */
static bool redirect_all(const struct shell *shell, const struct redirect *redirect,
                         struct arena *arena, struct io *io, struct opened **opened)
{
    struct io said = *io;

    for (; redirect; redirect = redirect->next) {
        const char *target = expand_one(shell, arena, redirect->target);
        struct opened *note;

        if (redirect->op == REDIRECT_COPY) {
            if (!is_descriptor(target)) {
                shell_say(shell, said, "%s: only descriptors 0, 1 and 2 are copied", target);
                return false;
            }
            *io_at(io, redirect->fd) = *io_at(io, *target - '0');
            continue;
        }
        note = arena_get(arena, sizeof(*note));
        *note = (struct opened){.next = *opened, .fd = open_target(redirect->op, target)};
        if (note->fd < 0) {
            shell_say(shell, said, "%s: %s", target, strerror(errno));
            return false;
        }
        *io_at(io, redirect->fd) = note->fd;
        *opened = note;
    }
    return true;
}

/* ---- assignments ---- */

/* A variable as it was before. */
struct saved {
    struct saved *next;
    char *name;
    char *value; /* NULL: it was not set */
    bool exported;
};

static bool is_assignment(const char *word)
{
    size_t bytes = lexer_name_bytes(word);

    return bytes > 0 && word[bytes] == '=';
}

static struct saved *save(struct shell *shell, struct arena *arena, char *name, struct saved *next)
{
    const struct variable *variable = variables_find(&shell->variables, name);
    struct saved *saved = arena_get(arena, sizeof(*saved));

    *saved = (struct saved){.next = next, .name = name};
    if (variable) {
        saved->value = arena_copy(arena, variable->value, strlen(variable->value));
        saved->exported = variable->exported;
    }
    return saved;
}

/* The assignments that words begin with.  Returns how it was before. */
static struct saved *assign(struct shell *shell, struct arena *arena, const struct word *words)
{
    struct saved *saved = NULL;

    for (; words && is_assignment(words->text); words = words->next) {
        const char *text = words->text;
        size_t bytes = lexer_name_bytes(text);
        char *name = arena_copy(arena, text, bytes);

        saved = save(shell, arena, name, saved);
        variables_set(&shell->variables, name, expand_one(shell, arena, text + bytes + 1));
    }
    return saved;
}

static void export_all(struct shell *shell, const struct saved *saved)
{
    for (; saved; saved = saved->next) {
        variables_find(&shell->variables, saved->name)->exported = true;
    }
}

static void restore(struct shell *shell, const struct saved *saved)
{
    for (; saved; saved = saved->next) {
        if (saved->value) {
            variables_set(&shell->variables, saved->name, saved->value)->exported = saved->exported;
        } else {
            variables_unset(&shell->variables, saved->name);
        }
    }
}

/* ---- commands ---- */

/* A command, a script by its path, or a program.  argc is at least 1. */
int execute_words(struct shell *shell, struct io io, int argc, char **argv)
{
    const struct command *command = command_find(argv[0]);
    int status;

    if (shell->depth == SHELL_DEPTH) {
        shell_say(shell, io, "%s: too many scripts run each other", argv[0]);
        return STATUS_CANNOT_RUN;
    }
    shell->depth++;
    if (command) {
        status = command_call(command, shell, io, argc, argv);
    } else if (strchr(argv[0], '/')) {
        status = shell_run_script(shell, io, argc, argv);
    } else {
        status = program_run(shell, io, argv, false);
    }
    shell->depth--;
    return status;
}

static int run_command(struct shell *shell, const struct tree *tree, struct io io,
                       struct arena *arena)
{
    const struct word *words = tree->words;
    struct strings arguments = {0};
    struct saved *saved;
    int status = 0;

    while (words && is_assignment(words->text)) {
        words = words->next;
    }
    for (; words; words = words->next) {
        expand_word(shell, arena, words->text, &arguments);
    }
    saved = assign(shell, arena, tree->words);
    if (arguments.used > 0) {
        export_all(shell, saved);
        status = execute_words(shell, io, (int)arguments.used, arguments.at);
        restore(shell, saved);
    }
    strings_free(&arguments);
    return status;
}

/* ---- compounds ---- */

/* Behind a loop's round: whether there is another one. */
static bool goes_on(struct shell *shell)
{
    switch (shell->unwind) {
    case UNWIND_NOT: return true;
    case UNWIND_BREAK:
    case UNWIND_CONTINUE:
        if (--shell->levels > 0) {
            return false;
        }
        break;
    case UNWIND_EXIT:
    case UNWIND_INTERRUPT: return false;
    }
    if (shell->unwind == UNWIND_BREAK) {
        shell->unwind = UNWIND_NOT;
        return false;
    }
    shell->unwind = UNWIND_NOT;
    return true;
}

static int run_while(struct shell *shell, const struct tree *tree, struct io io)
{
    int status = 0;

    for (;;) {
        bool holds = execute(shell, tree->condition, io) == 0;

        if (shell->unwind == UNWIND_NOT) {
            if (holds != (tree->kind == TREE_WHILE)) {
                return status;
            }
            status = execute(shell, tree->left, io);
        }
        if (!goes_on(shell)) {
            return status;
        }
    }
}

static int run_for(struct shell *shell, const struct tree *tree, struct io io, struct arena *arena)
{
    struct strings values = {0};
    int status = 0;

    for (const struct word *word = tree->words; word; word = word->next) {
        expand_word(shell, arena, word->text, &values);
    }
    if (!tree->has_in) {
        expand_word(shell, arena, "\"$@\"", &values);
    }
    for (size_t i = 0; i < values.used; i++) {
        variables_set(&shell->variables, tree->text, values.at[i]);
        status = execute(shell, tree->left, io);
        if (!goes_on(shell)) {
            break;
        }
    }
    strings_free(&values);
    return status;
}

static int run_if(struct shell *shell, const struct tree *tree, struct io io)
{
    for (; tree; tree = tree->right) {
        int status = tree->condition ? execute(shell, tree->condition, io) : 0;

        if (shell->unwind != UNWIND_NOT) {
            return status;
        }
        if (status == 0) {
            return execute(shell, tree->left, io);
        }
    }
    return 0;
}

static int run_list(struct shell *shell, const struct tree *part, struct io io)
{
    int status = 0;

    for (; part && shell->unwind == UNWIND_NOT; part = part->next) {
        if (part->join == JOIN_ALWAYS || (part->join == JOIN_AND) == (status == 0)) {
            status = execute(shell, part, io);
        }
    }
    return status;
}

/* Redirections are in effect. */
static int run_tree(struct shell *shell, const struct tree *tree, struct io io, struct arena *arena)
{
    int status = 0;

    switch (tree->kind) {
    case TREE_COMMAND: return run_command(shell, tree, io, arena);
    case TREE_LIST: return run_list(shell, tree->left, io);
    case TREE_PIPELINE: return pipeline_run(shell, tree->left, io);
    case TREE_NOT: return execute(shell, tree->left, io) == 0 ? 1 : 0;
    case TREE_BACKGROUND: return jobs_start(shell, io, tree->text);
    case TREE_IF: return run_if(shell, tree, io);
    case TREE_GROUP: return execute(shell, tree->left, io);
    case TREE_FOR:
    case TREE_WHILE:
    case TREE_UNTIL:
        shell->loops++;
        status =
            tree->kind == TREE_FOR ? run_for(shell, tree, io, arena) : run_while(shell, tree, io);
        shell->loops--;
        break;
    }
    return status;
}

/* tree may be NULL: that does nothing. */
int execute(struct shell *shell, const struct tree *tree, struct io io)
{
    struct arena arena = {0};
    struct opened *opened = NULL;
    int status = 1;

    if (!tree || shell->unwind != UNWIND_NOT) {
        return shell->status;
    }
    if (redirect_all(shell, tree->redirects, &arena, &io, &opened)) {
        status = run_tree(shell, tree, io, &arena);
    }
    close_all(opened);
    arena_free(&arena);
    if (shell->unwind == UNWIND_NOT && shell_stopped(shell)) {
        shell->unwind = UNWIND_INTERRUPT;
    }
    if (shell->unwind == UNWIND_INTERRUPT) {
        status = *shell->stop ? STATUS_SIGNALED + *shell->stop : STATUS_INTERRUPTED;
    }
    shell->status = status;
    return shell->status;
}
