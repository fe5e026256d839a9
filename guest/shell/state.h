/* SPDX-License-Identifier: BSD-2-Clause */
#pragma once
/*
 * A shell: the one that a person talks to, or that of a script or of a job, which is like it but
 * for its own variables, arguments and status.  The working directory is the program's, so theirs
 * all.
 */
#include "guest/shell/variables.h"

struct history;
struct jobs;

/* Descriptors; -1: none. */
struct io {
    int in, out, err;
};

/* How what is being run is left. */
enum unwind { UNWIND_NOT, UNWIND_BREAK, UNWIND_CONTINUE, UNWIND_EXIT, UNWIND_INTERRUPT };

struct shell {
    const char *name; /* $0, and what its messages begin with */
    char **arguments; /* $1 ... */
    int argument_count;
    struct variables variables;
    int status;         /* $? */
    enum unwind unwind; /* why nothing more is run, */
    unsigned levels;    /* and of how many loops */
    unsigned loops;     /* that are around what is run */
    unsigned depth;     /* of scripts, and of commands that run others */
    bool interactive;
    bool is_job;
    const volatile bool *stop; /* becomes true when somebody wants what runs to end */
    struct jobs *jobs;         /* all shells have the same */
    struct history *history;   /* NULL: not interactive */
};

#define SHELL_DEPTH 16

#define STATUS_MISUSE      2
#define STATUS_CANNOT_RUN  126
#define STATUS_NOT_FOUND   127
#define STATUS_INTERRUPTED 130

bool shell_stopped(const struct shell *shell);
void shell_say(const struct shell *shell, struct io io, const char *format, ...)
    __printf_like(3, 4);
void shell_tell(int fd, const char *format, ...) __printf_like(2, 3);
const char *shell_variable(const struct shell *shell, const char *name, const char *otherwise);

/* A script, also one that is only commands for this shell itself (source). */
int shell_run_text(struct shell *shell, struct io io, const char *text);
int shell_run_script(struct shell *shell, struct io io, int argc, char **argv);
int shell_source(struct shell *shell, struct io io, const char *path);
