/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Component shell: where its commands come from, and what all parts of it use.
 *
 * Commands run in the shell's own task, one after the other, scripts too; `&` makes a task
 * (jobs.c).  Programs, and what stands before a | in pipelines, are processes (pipeline.c).
 */
#include "guest/shell/shell.h"

#include <errno.h>
#include <fcntl.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "guest/shell/command.h"
#include "guest/shell/execute.h"
#include "guest/shell/image.h"
#include "guest/shell/jobs.h"
#include "guest/shell/pipeline.h"
#include "guest/shell/prompt.h"

#define SCRIPT_BYTES (1 << 20)
#define TEXT_BYTES   512 /* that tell a script from a program */
#define READ_BYTES   4096

extern char **environ;

/* ---- for all parts ---- */

/* Whether what runs is to end.  On a terminal somebody may have typed ^C. */
bool shell_stopped(const struct shell *shell)
{
    if (shell->terminal >= 0) {
        image_look_at_input();
    }
    return *shell->stop != 0;
}

static void tell(int fd, const char *name, const char *format, va_list arguments, const char *end)
{
    struct buffer line = {0};
    ssize_t ignored;

    if (name) {
        buffer_add_text(&line, name);
        buffer_add_text(&line, ": ");
    }
    buffer_add_format(&line, format, arguments);
    buffer_add_text(&line, end);
    ignored = write(fd, line.at, line.used);
    (void)ignored; /* there is nobody to tell */
    buffer_free(&line);
}

/* A line of the shell's own. */
void shell_say(const struct shell *shell, struct io io, const char *format, ...)
{
    va_list arguments;

    va_start(arguments, format);
    tell(io.err, shell->name, format, arguments, "\n");
    va_end(arguments);
}

void shell_tell(int fd, const char *format, ...)
{
    va_list arguments;

    va_start(arguments, format);
    tell(fd, NULL, format, arguments, "");
    va_end(arguments);
}

const char *shell_variable(const struct shell *shell, const char *name, const char *otherwise)
{
    const char *value = variables_get(&shell->variables, name);

    return value ? value : otherwise;
}

/* ---- text ---- */

static int refuse_text(struct shell *shell, struct io io, const char *why)
{
    shell_say(shell, io, "%s", why);
    shell->status = STATUS_MISUSE;
    return STATUS_MISUSE;
}

/* Line by line; an error ends it.  Returns the last status. */
int shell_run_text(struct shell *shell, struct io io, const char *text)
{
    struct arena arena = {0};
    enum parse_result result = PARSE_DONE;
    struct parse_error error;
    struct tree *tree;

    while (*text && result == PARSE_DONE && shell->unwind == UNWIND_NOT) {
        result = parse_line(&text, &arena, &tree, &error);
        if (result == PARSE_DONE) {
            execute(shell, tree, io);
        }
        arena_free(&arena);
    }
    if (result == PARSE_ERROR) {
        return refuse_text(shell, io, error.text);
    }
    if (result == PARSE_INCOMPLETE) {
        return refuse_text(shell, io, "syntax error: the text ends too early");
    }
    return shell->status;
}

/* ---- scripts ---- */

static const char *const is_program = "a program, no script";

static const char *read_whole(int fd, struct buffer *text)
{
    char part[READ_BYTES];
    ssize_t count;

    while ((count = read(fd, part, sizeof(part))) > 0) {
        size_t looked_at = text->used < TEXT_BYTES ? (size_t)count : 0;

        if (memchr(part, '\0', looked_at)) {
            return is_program;
        }
        if (text->used + (size_t)count > SCRIPT_BYTES) {
            return "more than 1 MiB: too large for a script";
        }
        buffer_add(text, part, (size_t)count);
    }
    return count < 0 ? strerror(errno) : NULL;
}

/* 0: text has what is in the file; else a status, and it is said why not, but where *program is
 * set: it is, or may be found elsewhere as, a program.  program may be NULL. */
static int read_script(const struct shell *shell, struct io io, const char *path,
                       struct buffer *text, bool *program)
{
    int fd = open(path, O_RDONLY);
    const char *why;

    if (fd < 0 && errno == ENOENT && program && image_has_processes()) {
        *program = true;
        return STATUS_NOT_FOUND;
    }
    if (fd < 0) {
        shell_say(shell, io, "%s: %s", path, strerror(errno));
        return errno == ENOENT || errno == ENOTDIR ? STATUS_NOT_FOUND : STATUS_CANNOT_RUN;
    }
    why = read_whole(fd, text);
    close(fd);
    if (why == is_program && program) {
        *program = true;
        buffer_free(text);
        return STATUS_CANNOT_RUN;
    }
    if (why) {
        shell_say(shell, io, "%s: %s", path, why);
        buffer_free(text);
        return STATUS_CANNOT_RUN;
    }
    return 0;
}

/* argv[0] is its path, or that of a program, or only its name.  A script is run as if by a shell of
 * its own, with the variables that are exported. */
int shell_run_script(struct shell *shell, struct io io, int argc, char **argv)
{
    struct buffer text = {0};
    bool program = false;
    int status = read_script(shell, io, argv[0], &text, &program);
    struct shell script = {
        .name = argv[0],
        .arguments = argv + 1,
        .argument_count = argc - 1,
        .depth = shell->depth,
        .is_job = shell->is_job,
        .is_stage = shell->is_stage,
        .terminal = shell->terminal,
        .stop = shell->stop,
        .processes = shell->processes,
        .jobs = shell->jobs,
    };
    char *directory;

    if (program) {
        return program_run(shell, io, argv, status == STATUS_CANNOT_RUN || strchr(argv[0], '/'));
    }
    if (status) {
        return status;
    }
    directory = path_working();
    variables_copy(&script.variables, &shell->variables, false);
    status = shell_run_text(&script, io, buffer_text(&text));
    variables_free(&script.variables);
    if (script.unwind == UNWIND_INTERRUPT) {
        shell->unwind = UNWIND_INTERRUPT;
    }
    if (directory && chdir(directory) != 0) {
        shell_say(shell, io, "%s: %s", directory, strerror(errno));
    }
    free(directory);
    buffer_free(&text);
    return status;
}

/* As if its lines were typed. */
int shell_source(struct shell *shell, struct io io, const char *path)
{
    struct buffer text = {0};
    int status = read_script(shell, io, path, &text, NULL);

    if (status == 0) {
        int before = shell->status;

        shell->status = 0;
        status = shell_run_text(shell, io, buffer_text(&text));
        shell->status = before;
    }
    buffer_free(&text);
    return status;
}

/* ---- standard input ---- */

/* A line and its end, which the last one may not have.  False: there is none. */
static bool read_line(int fd, struct buffer *text)
{
    size_t before = text->used;
    ssize_t count;
    char c = '\0';

    while (c != '\n') {
        count = read(fd, &c, 1);
        if (count < 0 && errno == EINTR) {
            continue;
        }
        if (count <= 0) {
            break;
        }
        if (c != '\0') {
            buffer_add_char(text, c);
        }
    }
    return text->used > before;
}

/* One line at a time, so that commands can read what follows theirs. */
static int run_input(struct shell *shell, struct io io)
{
    struct buffer text = {0};
    struct arena arena = {0};
    enum parse_result result = PARSE_DONE;
    struct parse_error error;
    struct tree *tree;

    while (result != PARSE_ERROR && shell->unwind == UNWIND_NOT && read_line(io.in, &text)) {
        const char *at = text.at;

        result = parse_line(&at, &arena, &tree, &error);
        if (result == PARSE_DONE) {
            execute(shell, tree, io);
        }
        if (result != PARSE_INCOMPLETE) {
            buffer_cut(&text, 0);
        }
        arena_free(&arena);
    }
    buffer_free(&text);
    if (result == PARSE_ERROR) {
        return refuse_text(shell, io, error.text);
    }
    if (result == PARSE_INCOMPLETE) {
        return refuse_text(shell, io, "syntax error: the input ends too early");
    }
    return shell->status;
}

/* ---- start ---- */

static void import_environment(struct variables *variables)
{
    for (char **it = environ; it && *it; it++) {
        size_t bytes = lexer_name_bytes(*it);

        if (bytes > 0 && (*it)[bytes] == '=') {
            struct arena arena = {0};
            const char *name = arena_copy(&arena, *it, bytes);

            variables_set(variables, name, *it + bytes + 1)->exported = true;
            arena_free(&arena);
        }
    }
    if (!variables_find(variables, "HOME")) {
        variables_set(variables, "HOME", "/")->exported = true;
    }
}

static int run_arguments(struct shell *shell, struct io io, int argc, char **argv)
{
    if (argc >= 2 && strcmp(argv[1], "-c") == 0) {
        if (argc == 2) {
            return refuse_text(shell, io, "-c: no commands follow");
        }
        if (argc > 3) {
            shell->name = argv[3];
            shell->arguments = argv + 4;
            shell->argument_count = argc - 4;
        }
        return shell_run_text(shell, io, argv[2]);
    }
    if (argc >= 2 && argv[1][0] == '-') {
        shell_say(shell, io, "%s: usage: [-c TEXT | FILE] [WORD...]", argv[1]);
        return STATUS_MISUSE;
    }
    if (argc >= 2) {
        return shell_run_script(shell, io, argc - 1, argv + 1);
    }
    return isatty(io.in) && isatty(io.out) ? prompt_run(shell, io) : run_input(shell, io);
}

int shell_run(int in, int out, int err, int argc, char **argv)
{
    static const volatile int never;
    struct io io = {in, out, err};
    struct processes processes = {0};
    struct shell shell = {
        .name = "shell",
        .terminal = isatty(in) ? in : -1,
        .stop = &never,
        .processes = &processes,
        .jobs = jobs_create(),
    };
    int status;

    import_environment(&shell.variables);
    status = run_arguments(&shell, io, argc, argv);
    jobs_destroy(shell.jobs);
    variables_free(&shell.variables);
    return status;
}
