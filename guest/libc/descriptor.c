/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Descriptors: a table of open files.  Those that dup makes are the same open file; a forked child
 * has a copy of it, whose offset and flags are in memory that both share.  0, 1 and 2 are the
 * console when the program begins, unless it was executed with others (inherit.c).
 *
 * The lock is held for a few instructions only; who uses a file holds it, so that a close by
 * somebody else meanwhile is no harm.
 */
#define _GNU_SOURCE /* dup3 */
#include "guest/libc/descriptor.h"

#include <errno.h>
#include <stdarg.h>
#include <sys/stat.h>
#include <unistd.h>

#include "guest/fs/devfs.h"
#include "guest/libc/files.h"
#include "guest/libc/input.h"
#include "guest/spin.h"

static struct {
    struct file *file; /* held */
    bool cloexec;
} table[DESCRIPTORS]; /* guarded by lock */
static int used;      /* no higher number has ever been in use; guarded by lock */
static struct spin lock;
static u32 umask_bits = S_IWGRP | S_IWOTH;

/* sysconf(_SC_OPEN_MAX); the base has another. */
const long descriptors_max = DESCRIPTORS;

int files_result(int error)
{
    if (error) {
        errno = error;
        return -1;
    }
    return 0;
}

s64 files_count(s64 result)
{
    if (result < 0) {
        errno = (int)-result;
        return -1;
    }
    return result;
}

u32 files_umask(u32 permissions)
{
    return permissions & 0777 & ~umask_bits;
}

mode_t umask(mode_t mask)
{
    mode_t before = umask_bits;

    umask_bits = mask & 0777;
    return before;
}

static bool in_range(int fd)
{
    return fd >= 0 && fd < DESCRIPTORS;
}

struct file *descriptor_get(int fd)
{
    struct file *file = NULL;

    if (in_range(fd)) {
        spin_lock(&lock);
        file = table[fd].file;
        if (file) {
            file_get(file);
        }
        spin_unlock(&lock);
    }
    if (!file) {
        errno = EBADF;
    }
    return file;
}

/* A descriptor's hold; it was the last one's. */
static void drop(struct file *file, bool last)
{
    if (last) {
        file_close(file);
    }
    file_put(file);
}

/* The lock is held. */
static void set(int fd, struct file *file, bool cloexec)
{
    table[fd].file = file;
    table[fd].cloexec = cloexec;
    if (file) {
        (*file_descriptors(file))++;
        used = fd < used ? used : fd + 1;
    }
}

int descriptor_add(struct file *file, int least, bool cloexec)
{
    int fd = least;
    bool last = false;

    spin_lock(&lock);
    while (fd < DESCRIPTORS && table[fd].file) {
        fd++;
    }
    if (fd < DESCRIPTORS) {
        set(fd, file, cloexec);
    } else {
        last = *file_descriptors(file) == 0;
    }
    spin_unlock(&lock);
    if (fd == DESCRIPTORS) {
        drop(file, last);
        return files_result(EMFILE);
    }
    return fd;
}

bool descriptor_look(int *fd, struct descriptor *found)
{
    bool there = false;

    spin_lock(&lock);
    for (; *fd < used && !there; (*fd)++) {
        there = table[*fd].file != NULL;
        *found = (struct descriptor){table[*fd].file, *fd, table[*fd].cloexec};
    }
    if (there) {
        file_get(found->file);
    }
    spin_unlock(&lock);
    return there;
}

/* Without the lock: who moves a stream's descriptor while another task writes there gets either. */
bool descriptor_is_console(int fd)
{
    const struct file *file = table[fd].file;

    return !vfs_is_up() || (file && devfs_is_console(file_node(file)));
}

/* `to` becomes file, which it takes over; what it was is closed.  file may be NULL: nothing. */
static int put_at(int to, struct file *file, bool cloexec)
{
    struct file *before;
    bool last;

    spin_lock(&lock);
    before = table[to].file;
    last = before && --*file_descriptors(before) == 0;
    set(to, file, cloexec);
    spin_unlock(&lock);
    if (before) {
        drop(before, last);
    }
    return before ? 0 : EBADF;
}

void descriptor_put(int to, struct file *file, bool cloexec)
{
    (void)put_at(to, file, cloexec);
}

int close(int fd)
{
    return files_result(in_range(fd) ? put_at(fd, NULL, false) : EBADF);
}

static int dup_from(int fd, int least, bool cloexec)
{
    struct file *file;

    if (!in_range(least)) {
        return files_result(EINVAL);
    }
    file = descriptor_get(fd);
    return file ? descriptor_add(file, least, cloexec) : -1;
}

int dup(int fd)
{
    return dup_from(fd, 0, false);
}

static int dup_to(int fd, int to, bool cloexec)
{
    struct file *file = descriptor_get(fd);

    if (!file) {
        return -1;
    }
    if (!in_range(to)) {
        file_put(file);
        return files_result(EBADF);
    }
    (void)put_at(to, file, cloexec);
    return to;
}

int dup2(int fd, int to)
{
    struct file *file;

    if (fd != to) {
        return dup_to(fd, to, false);
    }
    file = descriptor_get(fd);
    if (!file) {
        return -1;
    }
    file_put(file);
    return fd;
}

int dup3(int fd, int to, int flags)
{
    if (fd == to || (flags & ~O_CLOEXEC)) {
        return files_result(EINVAL);
    }
    return dup_to(fd, to, (flags & O_CLOEXEC) != 0);
}

static int set_cloexec(int fd, bool cloexec)
{
    spin_lock(&lock);
    table[fd].cloexec = cloexec;
    spin_unlock(&lock);
    return 0;
}

/* Locks of files are not there: EINVAL. */
int fcntl(int fd, int command, ...)
{
    struct file *file = descriptor_get(fd);
    va_list arguments;
    int argument, result;

    if (!file) {
        return -1;
    }
    va_start(arguments, command);
    argument = va_arg(arguments, int);
    va_end(arguments);
    switch (command) {
    case F_DUPFD: result = dup_from(fd, argument, false); break;
    case F_DUPFD_CLOEXEC: result = dup_from(fd, argument, true); break;
    case F_GETFD: result = table[fd].cloexec ? FD_CLOEXEC : 0; break;
    case F_SETFD: result = set_cloexec(fd, (argument & FD_CLOEXEC) != 0); break;
    case F_GETFL: result = file_flags(file); break;
    case F_SETFL:
        file_set_flags(file, argument);
        result = 0;
        break;
    default: result = files_result(EINVAL);
    }
    file_put(file);
    return result;
}

int isatty(int fd)
{
    struct file *file = descriptor_get(fd);
    bool terminal;

    if (!file) {
        return 0;
    }
    terminal = devfs_is_console(file_node(file)) && console_is_terminal();
    file_put(file);
    if (!terminal) {
        errno = ENOTTY;
    }
    return terminal;
}
