/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * A program that is to be started: its image, which is a file if there is one of that name, else
 * the image of the hypervisor's bundle that is named so, and its arguments.
 *
 *     argv[0] \0 argv[1] \0 ... words \0 ... \0 forkvisor.NAME=VALUE \0 ... NAME=VALUE \0 ...
 *
 * An empty string ends argv there.  One of argv travels as a blank, and forkvisor.empty says which
 * these are; forkvisor.words says how many at the end of argv are the library OS's own words.
 */
#include <errno.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "sbi/ecall.h"

#include "guest/libc/exec.h"
#include "guest/libc/inherit.h"
#include "guest/libc/words.h"
#include "guest/machine.h"
#include "guest/proc.h"

__attribute__((weak)) int program_load(const char *path, void **image, size_t *bytes)
{
    (void)path;
    (void)image;
    (void)bytes;
    return ENOENT;
}

__attribute__((weak)) void inherit_signals(struct inherit *to)
{
    (void)to;
}

__attribute__((weak)) void inherit_descriptors(struct inherit *to)
{
    (void)to;
}

static void add_bytes(struct inherit *to, const char *from, size_t bytes)
{
    if (to->full || bytes > sizeof(to->bytes) - to->used) {
        to->full = true;
        return;
    }
    memcpy(to->bytes + to->used, from, bytes);
    to->used += bytes;
}

static void add_string(struct inherit *to, const char *text)
{
    add_bytes(to, text, strlen(text) + 1);
}

void inherit_add(struct inherit *to, const char *name, const char *value)
{
    add_bytes(to, INHERIT_PREFIX, strlen(INHERIT_PREFIX));
    add_bytes(to, name, strlen(name));
    add_bytes(to, "=", 1);
    add_string(to, value);
}

bool inherit_is_child(const struct inherit *to)
{
    return to->is_child;
}

/* The library OS's own words of the command line stay with the machine: it looks for them in the
 * new one, which is all of argv.  How many. */
static unsigned add_words(struct inherit *to)
{
    const char *word = machine_bootargs();
    unsigned count = 0;
    size_t bytes;

    while ((word = words_next_own(word, &bytes))) {
        add_bytes(to, word, bytes);
        add_bytes(to, "", 1);
        word += bytes;
        count++;
    }
    return count;
}

static void add_number(struct inherit *to, const char *name, unsigned number)
{
    char text[sizeof("4294967295")];

    snprintf(text, sizeof(text), "%u", number);
    inherit_add(to, name, text);
}

static void add_arguments(struct inherit *to, char *const argv[])
{
    unsigned words;

    for (size_t i = 0; argv[i]; i++) {
        add_string(to, argv[i][0] ? argv[i] : " ");
    }
    words = add_words(to);
    add_bytes(to, "", 1);
    if (words > 0) {
        add_number(to, "words", words);
    }
    for (unsigned i = 0; argv[i]; i++) {
        if (argv[i][0] == '\0') {
            add_number(to, "empty", i);
        }
    }
}

static void add_environment(struct inherit *to, char *const environment[])
{
    for (; environment && *environment; environment++) {
        if ((*environment)[0] != '\0' && !inherit_is(*environment)) {
            add_string(to, *environment);
        }
    }
}

/* The last part of a path, without suffix. */
static int name_of(const char *path, char name[PROC_NAME_BYTES_MAX])
{
    const char *slash = strrchr(path, '/'), *last = slash ? slash + 1 : path;
    const char *dot = strrchr(last, '.');
    size_t length = dot && dot > last ? (size_t)(dot - last) : strlen(last);

    if (length == 0 || length >= PROC_NAME_BYTES_MAX) {
        return ENOENT;
    }
    memcpy(name, last, length);
    name[length] = '\0';
    return 0;
}

/* A name of the bundle: whether it is one, the hypervisor will say. */
static int take_name(struct program *program, const char *path)
{
    int error;

    program->image_bytes = 0;
    program->image = malloc(PROC_NAME_BYTES_MAX);
    if (!program->image) {
        return ENOMEM;
    }
    error = name_of(path, program->image);
    if (error) {
        free(program->image);
    }
    return error;
}

/* The first file of that name in the folders of PATH. */
static int load_from_path(struct program *program, const char *name)
{
    const char *folders = getenv("PATH");
    char path[PATH_MAX];
    int error = ENOENT;

    while (folders && *folders && error == ENOENT) {
        int length = (int)strcspn(folders, ":");

        if (snprintf(path, sizeof(path), "%.*s/%s", length, length ? folders : ".", name) <
            PATH_MAX) {
            error = program_load(path, &program->image, &program->image_bytes);
        }
        folders += length + (folders[length] == ':');
    }
    return error;
}

static int set_arguments(struct inherit *args, bool is_child, char *const argv[],
                         char *const environment[])
{
    if (!proc_available()) {
        return ENOSYS;
    }
    if (!argv || !argv[0]) {
        return EINVAL;
    }
    args->used = 0;
    args->full = false;
    args->is_child = is_child;
    add_arguments(args, argv);
    add_environment(args, environment);
    inherit_signals(args);
    inherit_descriptors(args);
    return args->full ? E2BIG : 0;
}

/*
 * program_open - what execve() takes, made ready.
 *
 * ENOSYS: bare.  ENOENT: no such file, and it cannot be a name of the bundle (whether it is one
 * only the call itself tells).  E2BIG: more arguments than there is room for.  EINVAL: not even
 * argv[0].  ENOMEM.
 */
int program_open(struct program *program, bool is_child, const char *path, char *const argv[],
                 char *const environment[])
{
    int error = set_arguments(&program->args, is_child, argv, environment);

    if (error == 0) {
        error = program_load(path, &program->image, &program->image_bytes);
        error = error == ENOENT ? take_name(program, path) : error;
    }
    return error;
}

int program_find(struct program *program, bool is_child, const char *name, char *const argv[],
                 char *const environment[])
{
    int error;

    if (strchr(name, '/')) {
        return program_open(program, is_child, name, argv, environment);
    }
    error = set_arguments(&program->args, is_child, argv, environment);
    if (error == 0) {
        error = load_from_path(program, name);
        error = error == ENOENT ? take_name(program, name) : error;
    }
    return error;
}

void program_close(struct program *program)
{
    free(program->image);
}

/* What the hypervisor says, as execve() does. */
int program_error(long error)
{
    switch (error) {
    case PROC_ERR_NOENT: return ENOENT;
    case SBI_ERR_INVALID_PARAM: return ENOEXEC;
    case PROC_ERR_NOMEM: return ENOMEM;
    case PROC_ERR_QUOTA: return EAGAIN;
    case SBI_ERR_NOT_SUPPORTED: return ENOSYS;
    default: return EIO;
    }
}

struct proc_image program_image(const struct program *program)
{
    return (struct proc_image){program->image, program->image_bytes, program->args.bytes,
                               program->args.used};
}
