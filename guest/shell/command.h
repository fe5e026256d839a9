/* SPDX-License-Identifier: BSD-2-Clause */
#pragma once
/* A command of the shell, and what all of them use.  See command.c; commands.def has them all. */
#include "guest/shell/state.h"

#define OUTPUT_BYTES 4096

/* One call of a command. */
struct call {
    struct shell *shell;
    struct io io;
    int argc;
    char **argv;
    const struct command *command;
    bool write_failed; /* said already */
    size_t used;
    char *output; /* [OUTPUT_BYTES] collected for io.out */
};

struct command {
    const char *name;
    const char *usage; /* behind the name */
    const char *help;
    int (*run)(struct call *call); /* its status */
};

#define X(name, identifier, usage, help) int command_##identifier(struct call *call);
#include "guest/shell/commands.def"
#undef X

const struct command *command_find(const char *name);
const struct command *command_next(const struct command *command); /* NULL: the first; by name */
int command_call(const struct command *command, struct shell *shell, struct io io, int argc,
                 char **argv);

/* Options as letters: "al", or "n:" for one with a value. */
struct options {
    u64 letters;       /* option_bit */
    const char *value; /* of the last one that has one */
    char valued;       /* which that was; NUL: none */
    int first;         /* in argv, behind them */
};

bool options_read(struct call *call, const char *letters, struct options *options);
bool options_has(const struct options *options, char letter);

/* Output; an error of it is said once, by command_call. */
void out_bytes(struct call *call, const char *bytes, size_t count);
void out_text(struct call *call, const char *text);
void out_char(struct call *call, char c);
void out_format(struct call *call, const char *format, ...) __printf_like(2, 3);
void out_flush(struct call *call);

/* Messages; each returns a status, 1 or, for usage, STATUS_MISUSE. */
int call_fail(struct call *call, const char *what); /* what: strerror(errno) */
int call_complain(struct call *call, const char *format, ...) __printf_like(2, 3);
int call_misuse(struct call *call, const char *why);

/* True: the command is to end, with STATUS_INTERRUPTED. */
bool call_stopped(struct call *call);
/* Nanoseconds, or until call_stopped(): then false. */
bool call_pause(struct call *call, u64 ns);

/* Paths. */
char *path_working(void);                                 /* free(); NULL: errno says why */
char *path_join(const char *directory, const char *name); /* free() */
const char *path_last(const char *path, size_t *bytes);   /* its last component */
bool path_is_directory(const char *path);
bool path_is_dots(const char *name); /* . or .. */

bool number_read(const char *text, u64 *number);
