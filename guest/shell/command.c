/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The table of commands, and what all of them use: options, output, messages.
 *
 * A command is a function in the shell's own task.  It gets descriptors, writes to nothing else,
 * and leaves none open.  Output is collected for a write at a time.  What takes long, or as long as
 * somebody likes, asks call_stopped() now and then.
 */
#include "guest/shell/command.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "guest/shell/memory.h"

#define SLICE_NS    10000000
#define NS_PER_S    1000000000ULL
#define NUMBER_BASE 10
#define PATH_FIRST  64

static const struct command commands[] = {
#define X(name, identifier, usage, help) {name, usage, help, command_##identifier},
#include "guest/shell/commands.def"
#undef X
};

/* NULL: there is none of the name. */
const struct command *command_find(const char *name)
{
    for (size_t i = 0; i < ARRAY_LEN(commands); i++) {
        if (strcmp(commands[i].name, name) == 0) {
            return &commands[i];
        }
    }
    return NULL;
}

const struct command *command_next(const struct command *command)
{
    command = command ? command + 1 : commands;
    return command < commands + ARRAY_LEN(commands) ? command : NULL;
}

int command_call(const struct command *command, struct shell *shell, struct io io, int argc,
                 char **argv)
{
    struct call call = {.shell = shell, .io = io, .argc = argc, .argv = argv, .command = command};
    int status;

    call.output = memory_get(OUTPUT_BYTES);
    status = command->run(&call);
    out_flush(&call);
    free(call.output);
    return call.write_failed && status == 0 ? 1 : status;
}

/* ---- output ---- */

static bool write_all(int fd, const char *bytes, size_t count)
{
    while (count > 0) {
        ssize_t written = write(fd, bytes, count);

        if (written < 0 && errno == EINTR) {
            continue;
        }
        if (written <= 0) {
            return false;
        }
        bytes += written;
        count -= (size_t)written;
    }
    return true;
}

void out_flush(struct call *call)
{
    size_t used = call->used;

    call->used = 0;
    if (!call->write_failed && !write_all(call->io.out, call->output, used)) {
        call->write_failed = true;
        call_fail(call, "write");
    }
}

void out_bytes(struct call *call, const char *bytes, size_t count)
{
    while (count > 0) {
        size_t part = OUTPUT_BYTES - call->used < count ? OUTPUT_BYTES - call->used : count;

        memcpy(call->output + call->used, bytes, part);
        call->used += part;
        bytes += part;
        count -= part;
        if (call->used == OUTPUT_BYTES) {
            out_flush(call);
        }
    }
}

void out_text(struct call *call, const char *text)
{
    out_bytes(call, text, strlen(text));
}

void out_char(struct call *call, char c)
{
    out_bytes(call, &c, 1);
}

void out_format(struct call *call, const char *format, ...)
{
    struct buffer text = {0};
    va_list arguments;

    va_start(arguments, format);
    buffer_add_format(&text, format, arguments);
    va_end(arguments);
    out_bytes(call, buffer_text(&text), text.used);
    buffer_free(&text);
}

/* ---- messages ---- */

static void say(struct call *call, const char *format, va_list arguments)
{
    struct buffer line = {0};

    buffer_add_text(&line, call->argv[0]);
    buffer_add_text(&line, ": ");
    buffer_add_format(&line, format, arguments);
    buffer_add_char(&line, '\n');
    out_flush(call);
    write_all(call->io.err, line.at, line.used);
    buffer_free(&line);
}

int call_complain(struct call *call, const char *format, ...)
{
    va_list arguments;

    va_start(arguments, format);
    say(call, format, arguments);
    va_end(arguments);
    return 1;
}

int call_fail(struct call *call, const char *what)
{
    return call_complain(call, "%s: %s", what, strerror(errno));
}

int call_misuse(struct call *call, const char *why)
{
    call_complain(call, "%s; usage: %s %s", why, call->argv[0], call->command->usage);
    return STATUS_MISUSE;
}

/* ---- options ---- */

static u64 option_bit(char letter)
{
    return 1UL << (letter & 63);
}

bool options_has(const struct options *options, char letter)
{
    return (options->letters & option_bit(letter)) != 0;
}

static bool refuse_option(struct call *call, const char *what, char letter)
{
    char why[48];

    snprintf(why, sizeof(why), what, letter);
    call_misuse(call, why);
    return false;
}

/* The letters of one argument; *at is its place, which moves on to that of a value. */
static bool read_letters(struct call *call, const char *letters, struct options *options, int *at)
{
    for (const char *p = call->argv[*at] + 1; *p; p++) {
        const char *known = *p == ':' ? NULL : strchr(letters, *p);

        if (!known) {
            return refuse_option(call, "there is no option -%c", *p);
        }
        options->letters |= option_bit(*p);
        if (known[1] != ':') {
            continue;
        }
        options->valued = *p;
        if (p[1]) {
            options->value = p + 1;
        } else if (*at + 1 < call->argc) {
            options->value = call->argv[++*at];
        } else {
            return refuse_option(call, "-%c has no value", *p);
        }
        return true;
    }
    return true;
}

/* The word at `at` moves to the place `to` before it. */
static void move_word(char **argv, int at, int to)
{
    char *word = argv[at];

    memmove(argv + to + 1, argv + to, (size_t)(at - to) * sizeof(*argv));
    argv[to] = word;
}

/*
 * options_read - options wherever they stand before a --; they move before the other words.
 *
 * False: what is wrong has been said, and the status is STATUS_MISUSE.
 */
bool options_read(struct call *call, const char *letters, struct options *options)
{
    *options = (struct options){.first = 1};
    for (int at = 1; at < call->argc; at++) {
        int begin = at;
        bool ends = strcmp(call->argv[at], "--") == 0;

        if (call->argv[at][0] != '-' || !call->argv[at][1]) {
            continue;
        }
        if (!ends && !read_letters(call, letters, options, &at)) {
            return false;
        }
        for (; begin <= at; begin++) {
            move_word(call->argv, begin, options->first++);
        }
        if (ends) {
            break;
        }
    }
    return true;
}

/* A decimal number of at most 18 digits. */
bool number_read(const char *text, u64 *number)
{
    size_t digits = strspn(text, "0123456789");

    *number = strtoull(text, NULL, NUMBER_BASE);
    return digits > 0 && digits < 19 && text[digits] == '\0';
}

/* ---- waiting ---- */

bool call_stopped(struct call *call)
{
    return shell_stopped(call->shell);
}

static u64 now(void)
{
    struct timespec time;

    clock_gettime(CLOCK_MONOTONIC, &time);
    return (u64)time.tv_sec * NS_PER_S + (u64)time.tv_nsec;
}

bool call_pause(struct call *call, u64 ns)
{
    u64 end = now() + ns;

    out_flush(call);
    for (u64 time = now(); time < end; time = now()) {
        u64 slice = end - time < SLICE_NS ? end - time : SLICE_NS;

        if (call_stopped(call)) {
            return false;
        }
        nanosleep(&(struct timespec){.tv_nsec = (long)slice}, NULL);
    }
    return true;
}

/* ---- paths ---- */

/* The working directory. */
char *path_working(void)
{
    for (size_t bytes = PATH_FIRST;; bytes *= 2) {
        char *path = memory_get(bytes);

        if (getcwd(path, bytes)) {
            return path;
        }
        free(path);
        if (errno != ERANGE) {
            return NULL;
        }
    }
}

char *path_join(const char *directory, const char *name)
{
    struct buffer path = {0};

    buffer_add_text(&path, directory);
    if (path.used > 0 && path.at[path.used - 1] != '/') {
        buffer_add_char(&path, '/');
    }
    buffer_add_text(&path, name);
    return path.at;
}

/* Without slashes behind it, which are not of *bytes; of "/" it is "/". */
const char *path_last(const char *path, size_t *bytes)
{
    size_t end = strlen(path), begin;

    while (end > 1 && path[end - 1] == '/') {
        end--;
    }
    begin = end;
    while (begin > 0 && path[begin - 1] != '/') {
        begin--;
    }
    if (begin == end && begin > 0) {
        begin--;
    }
    *bytes = end - begin;
    return path + begin;
}

bool path_is_directory(const char *path)
{
    struct stat status;

    return stat(path, &status) == 0 && S_ISDIR(status.st_mode);
}

bool path_is_dots(const char *name)
{
    return strcmp(name, ".") == 0 || strcmp(name, "..") == 0;
}
