/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * exec: another program in place of this one, in the same process.  What it keeps is pid, group,
 * children, devices and shared memory; and, by inherit.h, ignored and blocked signals, the alarm,
 * and descriptors as far as they can be passed.  All else of this program is gone.
 *
 * What it wrote to files is on its disk before, if that is a disk's: the new program begins with
 * what is there.  What stdio holds back is not: flush it.
 */
#include "guest/libc/exec.h"

#include <errno.h>
#include <stdarg.h>
#include <stddef.h>
#include <unistd.h>

#include "guest/libc/files.h"
#include "guest/proc.h"

#define ARGUMENTS 64 /* of execl and its like */

int program_exec(struct program *program)
{
    struct proc_image image = program_image(program);

    files_end();
    return program_error(proc_exec(&image));
}

static int replace(program_open_fn *open, const char *path, char *const argv[],
                   char *const environment[])
{
    struct program program;
    int error = open(&program, false, path, argv, environment);

    if (error == 0) {
        error = program_exec(&program);
        program_close(&program);
    }
    errno = error;
    return -1;
}

/* Errors are those of program_open and program_error. */
int execve(const char *path, char *const argv[], char *const environment[])
{
    return replace(program_open, path, argv, environment);
}

int execv(const char *path, char *const argv[])
{
    return replace(program_open, path, argv, environ);
}

int execvp(const char *name, char *const argv[])
{
    return replace(program_find, name, argv, environ);
}

/* Those of a call, up to the NULL; with_environment: what comes behind that.  False: too many. */
static bool collect(char **argv, const char *first, va_list *rest, bool with_environment,
                    char *const **environment)
{
    size_t count = 0;

    for (const char *argument = first; argument; argument = va_arg(*rest, const char *)) {
        if (count == ARGUMENTS) {
            errno = E2BIG;
            return false;
        }
        argv[count++] = (char *)(uintptr_t)argument;
    }
    argv[count] = NULL;
    *environment = with_environment ? va_arg(*rest, char *const *) : environ;
    return true;
}

static int replace_listed(program_open_fn *open, const char *path, const char *first, va_list *rest,
                          bool with_environment)
{
    char *argv[ARGUMENTS + 1];
    char *const *environment;

    return collect(argv, first, rest, with_environment, &environment)
               ? replace(open, path, argv, environment)
               : -1;
}

int execl(const char *path, const char *first, ...)
{
    va_list rest;

    va_start(rest, first);
    replace_listed(program_open, path, first, &rest, false);
    va_end(rest);
    return -1;
}

int execle(const char *path, const char *first, ...)
{
    va_list rest;

    va_start(rest, first);
    replace_listed(program_open, path, first, &rest, true);
    va_end(rest);
    return -1;
}

int execlp(const char *name, const char *first, ...)
{
    va_list rest;

    va_start(rest, first);
    replace_listed(program_find, name, first, &rest, false);
    va_end(rest);
    return -1;
}
