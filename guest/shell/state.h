/* SPDX-License-Identifier: BSD-2-Clause */
#pragma once
/*
 * A shell: the one that a person talks to, or that of a script or of a job, which is like it but
 * for its own variables, arguments and status.  The working directory is the program's, so theirs
 * all.
 */
#include <sys/types.h>

#include "guest/shell/variables.h"

struct history;
struct jobs;

/* Descriptors; -1: none. */
struct io {
    int in, out, err;
};

/* The processes of what a person sees as one: the foreground, or a job.  They are a group. */
struct processes {
    volatile pid_t group; /* 0: there are none; their first one, too, which is the input's */
    bool leader_over;     /* and was waited for, */
    int leader_status;    /* with this */
    volatile bool stopped;
    bool has_input; /* the shell has given it the terminal */
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
    bool is_job;         /* a task of the program */
    bool is_stage;       /* a process of its own, which ends behind this */
    int terminal;        /* the input that ^C comes from, and that programs are given; -1: none */
    unsigned exec_depth; /* depth of a command that may replace this process; 0: none may */
    const volatile int *stop;    /* the signal that is to end what runs, once there is one */
    struct processes *processes; /* all shells of a task have the same */
    struct jobs *jobs;           /* all shells have the same */
    struct history *history;     /* NULL: not interactive */
};

#define SHELL_DEPTH 16

#define STATUS_MISUSE      2
#define STATUS_CANNOT_RUN  126
#define STATUS_NOT_FOUND   127
#define STATUS_INTERRUPTED 130
#define STATUS_SIGNALED    128 /* and the signal */

bool shell_stopped(const struct shell *shell);
void shell_say(const struct shell *shell, struct io io, const char *format, ...)
    __printf_like(3, 4);
void shell_tell(int fd, const char *format, ...) __printf_like(2, 3);
const char *shell_variable(const struct shell *shell, const char *name, const char *otherwise);

/* A script, also one that is only commands for this shell itself (source). */
int shell_run_text(struct shell *shell, struct io io, const char *text);
int shell_run_script(struct shell *shell, struct io io, int argc, char **argv);
int shell_source(struct shell *shell, struct io io, const char *path);
