/* SPDX-License-Identifier: BSD-2-Clause */
/* Commands that run others: scripts, programs, a command with its time; help; and read. */
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "guest/shell/columns.h"
#include "guest/shell/command.h"
#include "guest/shell/execute.h"
#include "guest/shell/history.h"
#include "guest/shell/lexer.h"
#include "guest/shell/memory.h"
#include "guest/shell/terminal.h"

#define NS_PER_MS    1000000
#define MS_PER_S     1000
#define S_PER_MINUTE 60

static const char language[] =
    "help COMMAND... tells more.\n"
    "\n"
    "Words:  '...' \"...\" \\c  $NAME ${NAME} $? $# $0 $1 $@ $* $$  ~  * ? [a-z]  # comment\n"
    "Lists:  a | b   a; b   a && b   a || b   ! a   a &   { a; b; }   NAME=VALUE a\n"
    "        if a; then b; elif c; then d; else e; fi   for NAME in WORD...; do a; done\n"
    "        while a; do b; done   until a; do b; done\n"
    "Files:  <file >file >>file 2>file 2>&1\n"
    "Others: a script or program by its path, a program by its name, or run FILE\n"
    "Keys:   as readline has them: arrows, ^A ^E ^K ^U ^W ^Y ^L ^R, Alt-B Alt-F, Tab\n"
    "        ^C ends what runs, ^D the shell; !! !N !TEXT repeat a line\n"
    "Absent: $(...), ^Z, ( ), functions, case, <<, $((...)), ${NAME...}, set, links, owners, chmod\n";

static int help_on(struct call *call, const char *name)
{
    const struct command *command = command_find(name);

    if (!command) {
        return call_complain(call, "%s: no such command", name);
    }
    out_format(call, "%s%s%s\n    %s\n", command->name, *command->usage ? " " : "", command->usage,
               command->help);
    return 0;
}

static void list_commands(struct call *call)
{
    struct strings names = {0};
    struct buffer text = {0};

    for (const struct command *it = command_next(NULL); it; it = command_next(it)) {
        strings_add(&names, (char *)it->name);
    }
    columns_format(&text, names.at, names.used, terminal_columns(call->shell));
    out_bytes(call, text.at, text.used);
    buffer_free(&text);
    strings_free(&names);
}

int command_help(struct call *call)
{
    int status = 0;

    for (int i = 1; i < call->argc; i++) {
        status |= help_on(call, call->argv[i]);
    }
    if (call->argc > 1) {
        return status;
    }
    list_commands(call);
    out_text(call, language);
    return 0;
}

int command_history(struct call *call)
{
    const struct history *history = call->shell->history;

    for (unsigned i = 0; history && i < history->count; i++) {
        out_format(call, "%5u  %s\n", history->forgotten + i + 1, history->lines[i]);
    }
    return 0;
}

int command_run(struct call *call)
{
    if (call->argc < 2) {
        return call_misuse(call, "which file?");
    }
    return shell_run_script(call->shell, call->io, call->argc - 1, call->argv + 1);
}

int command_source(struct call *call)
{
    if (call->argc != 2) {
        return call_misuse(call, "one file");
    }
    return shell_source(call->shell, call->io, call->argv[1]);
}

int command_time(struct call *call)
{
    struct timespec begin, end;
    s64 ms;
    int status;

    if (call->argc < 2) {
        return call_misuse(call, "which command?");
    }
    clock_gettime(CLOCK_MONOTONIC, &begin);
    status = execute_words(call->shell, call->io, call->argc - 1, call->argv + 1);
    clock_gettime(CLOCK_MONOTONIC, &end);
    ms = (s64)(end.tv_sec - begin.tv_sec) * MS_PER_S + (end.tv_nsec - begin.tv_nsec) / NS_PER_MS;
    shell_tell(call->io.err, "real    %ldm%ld.%03lds\n", (long)(ms / MS_PER_S / S_PER_MINUTE),
               (long)(ms / MS_PER_S % S_PER_MINUTE), (long)(ms % MS_PER_S));
    return status;
}

/* ---- read ---- */

/* A line without its end; false: the input has ended. */
static bool read_line(struct call *call, struct buffer *line)
{
    char c;

    while (!call_stopped(call) && read(call->io.in, &c, 1) == 1) {
        if (c == '\n') {
            return true;
        }
        buffer_add_char(line, c);
    }
    return false;
}

int command_read(struct call *call)
{
    struct buffer line = {0};
    bool complete;
    char *p;

    for (int i = 1; i < call->argc; i++) {
        if (lexer_name_bytes(call->argv[i]) != strlen(call->argv[i]) || !*call->argv[i]) {
            return call_complain(call, "%s: not a name", call->argv[i]);
        }
    }
    if (call->argc < 2) {
        return call_misuse(call, "into which variable?");
    }
    complete = read_line(call, &line);
    buffer_add_char(&line, '\0');
    p = line.at + strspn(line.at, " \t");
    for (int i = 1; i < call->argc; i++) {
        size_t bytes = strcspn(p, " \t");
        char *next = p + bytes + strspn(p + bytes, " \t");

        if (i + 1 == call->argc) { /* the rest */
            bytes = strlen(p);
            while (bytes > 0 && strchr(" \t", p[bytes - 1])) {
                bytes--;
            }
        }
        p[bytes] = '\0';
        variables_set(&call->shell->variables, call->argv[i], p);
        p = next;
    }
    buffer_free(&line);
    return complete ? 0 : 1;
}
