/* SPDX-License-Identifier: BSD-2-Clause */
/* Streams that a program opens. */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "guest/libc/stream.h"

/* "r", "w" or "a", then any of "+", "b", "x" and "e"; what it means to open; 0: EINVAL. */
static int read_mode(const char *mode, int *open_flags)
{
    int flags, access = O_WRONLY;

    switch (mode[0]) {
    case 'r':
        flags = __SRD;
        access = O_RDONLY;
        *open_flags = 0;
        break;
    case 'w':
        flags = __SWR;
        *open_flags = O_CREAT | O_TRUNC;
        break;
    case 'a':
        flags = __SWR;
        *open_flags = O_CREAT | O_APPEND;
        break;
    default: errno = EINVAL; return 0;
    }
    for (const char *p = mode + 1; *p; p++) {
        if (*p == '+') {
            flags = __SRD | __SWR;
            access = O_RDWR;
        }
        *open_flags |= *p == 'x' ? O_EXCL : *p == 'e' ? O_CLOEXEC : 0;
    }
    *open_flags |= access;
    return flags;
}

static FILE *make(int fd, int flags)
{
    struct stream *stream = calloc(1, sizeof(*stream));

    if (!stream || !stream_init(stream, fd, flags)) {
        free(stream);
        errno = ENOMEM;
        return NULL;
    }
    stream->made = true;
    return stream_file(stream);
}

FILE *fopen(const char *restrict path, const char *restrict mode)
{
    int open_flags, flags = read_mode(mode, &open_flags), fd;
    FILE *file;

    if (!flags) {
        return NULL;
    }
    fd = open(path, open_flags, 0666);
    if (fd < 0) {
        return NULL;
    }
    file = make(fd, flags);
    if (!file) {
        (void)close(fd);
        errno = ENOMEM;
    }
    return file;
}

/* EINVAL: fd was not opened so.  After an error fd is still the caller's. */
FILE *fdopen(int fd, const char *mode)
{
    int open_flags, flags = read_mode(mode, &open_flags);
    int opened = fcntl(fd, F_GETFL);
    int access = opened & O_ACCMODE;

    if (!flags || opened < 0) {
        return NULL;
    }
    if (((flags & __SRD) && access == O_WRONLY) || ((flags & __SWR) && access == O_RDONLY)) {
        errno = EINVAL;
        return NULL;
    }
    if (open_flags & O_APPEND) {
        (void)fcntl(fd, F_SETFL, opened | O_APPEND);
    }
    return make(fd, flags);
}

/* The file that the stream goes on with, as fd; it was open as that or as none. */
static int move_to(struct stream *stream, int fd)
{
    if (stream->fd < 0 || stream->fd == fd) {
        stream->fd = fd;
        return 0;
    }
    if (dup2(fd, stream->fd) < 0) {
        return -1;
    }
    return close(fd);
}

/*
 * freopen - the same stream, and descriptor, for another file; without path the same file in
 * another mode, if it was opened for that.
 *
 * NULL after an error: the stream is closed then.
 */
FILE *freopen(const char *restrict path, const char *restrict mode, FILE *restrict file)
{
    struct stream *stream = stream_of(file);
    int open_flags, flags = read_mode(mode, &open_flags), fd;

    if (!stream || !flags) {
        errno = stream ? EINVAL : EBADF;
        return NULL;
    }
    (void)fflush(file);
    if (!path) {
        fd = stream->fd;
        open_flags = fcntl(fd, F_GETFL);
        if (open_flags < 0) {
            return NULL;
        }
    } else {
        fd = open(path, open_flags, 0666);
    }
    if (fd < 0 || move_to(stream, fd) < 0) {
        int error = errno;

        (void)fclose(file);
        errno = error;
        return NULL;
    }
    fs_lock(streams_lock);
    if (list_empty(&stream->link)) {
        list_add_tail(&streams, &stream->link); /* it was closed */
    }
    fs_unlock(streams_lock);
    file->unget = 0;
    file->flags = (u8)((file->flags & ~(__SRD | __SWR | __SERR | __SEOF)) | flags);
    return file;
}

/* In /tmp, without a name. */
FILE *tmpfile(void)
{
    char path[] = "/tmp/tmpfile.XXXXXX";
    int fd = mkstemp(path);
    FILE *file;

    if (fd < 0) {
        return NULL;
    }
    (void)unlink(path);
    file = fdopen(fd, "w+");
    if (!file) {
        (void)close(fd);
    }
    return file;
}
