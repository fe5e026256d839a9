/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Files as POSIX has them, where there are none but the console: descriptors 0, 1 and 2.
 *
 * The rule for all names: what would have to be there is not (ENOENT), and nothing can be made
 * (EROFS), as in an empty directory on a medium that cannot be written.  The rule for descriptors:
 * an open one is the console, which has no position (ESPIPE) and no length (EINVAL); the others are
 * EBADF, and there are no more of them (EMFILE).
 */
#include <errno.h>
#include <fcntl.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "guest/guest.h"
#include "guest/libc/input.h"

#define DESCRIPTORS 3

static bool closed[DESCRIPTORS];

static int fail(int error)
{
    errno = error;
    return -1;
}

static bool is_open(int fd)
{
    return fd >= 0 && fd < DESCRIPTORS && !closed[fd];
}

/* What a name comes to. */
static int name_fails(const char *path, bool creates)
{
    return fail(path && *path && creates ? EROFS : ENOENT);
}

int open(const char *path, int flags, ...)
{
    return name_fails(path, (flags & O_CREAT) != 0);
}

int creat(const char *path, mode_t mode)
{
    (void)mode;
    return name_fails(path, true);
}

int mkdir(const char *path, mode_t mode)
{
    (void)mode;
    return name_fails(path, true);
}

int stat(const char *restrict path, struct stat *restrict to)
{
    (void)to;
    return name_fails(path, false);
}

int access(const char *path, int mode)
{
    (void)mode;
    return name_fails(path, false);
}

int unlink(const char *path)
{
    return name_fails(path, false);
}

int rmdir(const char *path)
{
    return name_fails(path, false);
}

int rename(const char *from, const char *to)
{
    (void)to;
    return name_fails(from, false);
}

int chdir(const char *path)
{
    return path && strcmp(path, "/") == 0 ? 0 : name_fails(path, false);
}

char *getcwd(char *to, size_t bytes)
{
    if (bytes < sizeof("/")) {
        fail(bytes == 0 ? EINVAL : ERANGE);
        return NULL;
    }
    return strcpy(to, "/");
}

ssize_t read(int fd, void *to, size_t bytes)
{
    size_t done = 0;
    int error = EBADF;

    if (is_open(fd) && fd == STDIN_FILENO) {
        error = input_read(to, bytes, &done);
    }
    return error ? fail(error) : (ssize_t)done;
}

ssize_t write(int fd, const void *from, size_t bytes)
{
    const char *text = from;

    if (!is_open(fd) || fd == STDIN_FILENO) {
        return fail(EBADF);
    }
    for (size_t i = 0; i < bytes; i++) {
        console_putc(text[i]);
    }
    console_flush();
    return (ssize_t)bytes;
}

int close(int fd)
{
    if (!is_open(fd)) {
        return fail(EBADF);
    }
    closed[fd] = true;
    return 0;
}

off_t lseek(int fd, off_t offset, int whence)
{
    (void)offset;
    (void)whence;
    return fail(is_open(fd) ? ESPIPE : EBADF);
}

int fstat(int fd, struct stat *to)
{
    if (!is_open(fd)) {
        return fail(EBADF);
    }
    memset(to, 0, sizeof(*to));
    to->st_mode = S_IFCHR | S_IRUSR | S_IWUSR;
    to->st_nlink = 1;
    return 0;
}

int isatty(int fd)
{
    if (!is_open(fd)) {
        fail(EBADF);
        return 0;
    }
    if (!console_is_terminal()) {
        fail(ENOTTY);
        return 0;
    }
    return 1;
}

int fsync(int fd)
{
    return is_open(fd) ? 0 : fail(EBADF);
}

int ftruncate(int fd, off_t bytes)
{
    (void)bytes;
    return fail(is_open(fd) ? EINVAL : EBADF);
}

int dup(int fd)
{
    return fail(is_open(fd) ? EMFILE : EBADF);
}

int dup2(int fd, int to)
{
    return is_open(fd) && fd == to ? fd : fail(EBADF);
}

int pipe(int fds[2])
{
    (void)fds;
    return fail(EMFILE);
}

/* Flags are those of a file that is read and written; nothing can be set. */
int fcntl(int fd, int command, ...)
{
    if (!is_open(fd)) {
        return fail(EBADF);
    }
    switch (command) {
    case F_GETFD: return 0;
    case F_GETFL: return O_RDWR;
    default: return fail(EINVAL);
    }
}

/* picolibc knows no descriptor of streams that are not its own. */
int fileno(FILE *file)
{
    if (file == stdin) {
        return STDIN_FILENO;
    }
    if (file == stdout) {
        return STDOUT_FILENO;
    }
    return file == stderr ? STDERR_FILENO : fail(EBADF);
}
