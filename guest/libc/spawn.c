/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * posix_spawn: a child that begins with another program.  Where it is to have nothing but another
 * group it is made at once; else by a fork that does what is asked for, and an exec.  If that
 * cannot be done the child ends with status 127.
 */
#include <errno.h>
#include <signal.h>
#include <spawn.h>
#include <stdlib.h>
#include <sys/wait.h>
#include <unistd.h>

#include "guest/libc/exec.h"
#include "guest/libc/spawn_action.h"
#include "guest/proc.h"

#define STATUS_NOT_STARTED 127

#define FLAGS_KNOWN \
    (POSIX_SPAWN_RESETIDS | POSIX_SPAWN_SETPGROUP | POSIX_SPAWN_SETSIGDEF | POSIX_SPAWN_SETSIGMASK)

struct __posix_spawnattr {
    short flags;
    pid_t group;
    sigset_t blocked;
    sigset_t defaults;
};

/* In the child.  False: it cannot be done. */
static bool set_up(const struct __posix_spawnattr *attr, const struct spawn_action *actions)
{
    short flags = attr ? attr->flags : 0;

    if ((flags & POSIX_SPAWN_SETPGROUP) && setpgid(0, attr->group) < 0) {
        return false;
    }
    for (int sig = 1; (flags & POSIX_SPAWN_SETSIGDEF) && sig < NSIG; sig++) {
        if (attr->defaults & 1UL << sig) {
            signal(sig, SIG_DFL);
        }
    }
    if (flags & POSIX_SPAWN_SETSIGMASK) {
        sigprocmask(SIG_SETMASK, &attr->blocked, NULL);
    }
    for (; actions; actions = actions->next) {
        if (!actions->apply(actions)) {
            return false;
        }
    }
    return true;
}

static __noreturn void begin(program_open_fn *open, const char *path, char *const argv[],
                             char *const environment[])
{
    struct program program;

    if (open(&program, false, path, argv, environment) == 0) {
        program_exec(&program);
    }
    _exit(STATUS_NOT_STARTED);
}

static int start_by_fork(pid_t *pid, program_open_fn *open, const char *path,
                         const struct spawn_action *actions, const struct __posix_spawnattr *attr,
                         char *const argv[], char *const environment[])
{
    pid_t child = fork();

    if (child < 0) {
        return errno;
    }
    if (child == 0) {
        if (!set_up(attr, actions)) {
            _exit(STATUS_NOT_STARTED);
        }
        begin(open, path, argv, environment);
    }
    if (pid) {
        *pid = child;
    }
    return 0;
}

static int start_at_once(pid_t *pid, program_open_fn *open, const char *path,
                         const struct __posix_spawnattr *attr, char *const argv[],
                         char *const environment[])
{
    struct program program;
    struct proc_image image;
    int error = open(&program, true, path, argv, environment);
    long child;

    if (error) {
        return error;
    }
    image = program_image(&program);
    child = proc_spawn(&image);
    program_close(&program);
    if (child < 0) {
        return program_error(child);
    }
    if (attr && (attr->flags & POSIX_SPAWN_SETPGROUP)) {
        proc_setpgid(child, attr->group);
    }
    if (pid) {
        *pid = (pid_t)child;
    }
    return 0;
}

/* Returns the error: EINVAL: flags that are not there; those of fork() and execve(). */
static int start(pid_t *pid, program_open_fn *open, const char *path,
                 const posix_spawn_file_actions_t *actions, const posix_spawnattr_t *attr,
                 char *const argv[], char *const environment[])
{
    const struct __posix_spawnattr *how = attr ? *attr : NULL;
    const struct spawn_action *first = actions ? (*actions)->first : NULL;

    if (how && (how->flags & ~FLAGS_KNOWN)) {
        return EINVAL;
    }
    if (first || (how && (how->flags & (POSIX_SPAWN_SETSIGDEF | POSIX_SPAWN_SETSIGMASK)))) {
        return start_by_fork(pid, open, path, first, how, argv, environment);
    }
    return start_at_once(pid, open, path, how, argv, environment);
}

int posix_spawn(pid_t *restrict pid, const char *restrict path,
                const posix_spawn_file_actions_t *actions, const posix_spawnattr_t *restrict attr,
                char *const argv[], char *const environment[])
{
    return start(pid, program_open, path, actions, attr, argv, environment);
}

int posix_spawnp(pid_t *restrict pid, const char *restrict name,
                 const posix_spawn_file_actions_t *actions, const posix_spawnattr_t *restrict attr,
                 char *const argv[], char *const environment[])
{
    return start(pid, program_find, name, actions, attr, argv, environment);
}

/* ---- attributes ---- */

int posix_spawnattr_init(posix_spawnattr_t *attr)
{
    *attr = calloc(1, sizeof(**attr));
    return *attr ? 0 : ENOMEM;
}

int posix_spawnattr_destroy(posix_spawnattr_t *attr)
{
    free(*attr);
    return 0;
}

int posix_spawnattr_setflags(posix_spawnattr_t *attr, short flags)
{
    if (flags & ~FLAGS_KNOWN) {
        return EINVAL;
    }
    (*attr)->flags = flags;
    return 0;
}

int posix_spawnattr_getflags(const posix_spawnattr_t *restrict attr, short *restrict flags)
{
    *flags = (*attr)->flags;
    return 0;
}

int posix_spawnattr_setpgroup(posix_spawnattr_t *attr, pid_t group)
{
    (*attr)->group = group;
    return 0;
}

int posix_spawnattr_getpgroup(const posix_spawnattr_t *restrict attr, pid_t *restrict group)
{
    *group = (*attr)->group;
    return 0;
}

int posix_spawnattr_setsigmask(posix_spawnattr_t *restrict attr, const sigset_t *restrict set)
{
    (*attr)->blocked = *set;
    return 0;
}

int posix_spawnattr_getsigmask(const posix_spawnattr_t *restrict attr, sigset_t *restrict set)
{
    *set = (*attr)->blocked;
    return 0;
}

int posix_spawnattr_setsigdefault(posix_spawnattr_t *restrict attr, const sigset_t *restrict set)
{
    (*attr)->defaults = *set;
    return 0;
}

int posix_spawnattr_getsigdefault(const posix_spawnattr_t *restrict attr, sigset_t *restrict set)
{
    *set = (*attr)->defaults;
    return 0;
}
