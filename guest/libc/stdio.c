/* SPDX-License-Identifier: BSD-2-Clause */
/* stdio on files: what of it picolibc's fronts do not do as POSIX has it. */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "guest/guest.h"
#include "guest/libc/descriptor.h"
#include "guest/libc/input.h"
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

/* NULL: all streams. */
int fflush(FILE *file)
{
    struct list *link;
    int result = 0;

    if (file) {
        return file->flush ? file->flush(file) : 0;
    }
    fs_lock(streams_lock);
    list_for_each(link, &streams) {
        struct stream *stream = container_of(link, struct stream, link);

        if ((stream->writing || stream_is_console(stream)) &&
            stream_flush(stream_file(stream)) != 0) {
            result = EOF;
        }
    }
    fs_unlock(streams_lock);
    return result;
}

int fileno(FILE *file)
{
    struct stream *stream = stream_of(file);

    if (!stream || stream->fd < 0) {
        errno = EBADF;
        return -1;
    }
    return stream->fd;
}

/* ---- positions ---- */

off_t ftello(FILE *file)
{
    struct stream *stream = stream_of(file);
    const struct __file_ext *ext = (const struct __file_ext *)(const void *)file;
    off_t at;

    if (!stream) {
        if ((file->flags & __SEXT) && ext->seek) {
            return ext->seek(file, 0, SEEK_CUR);
        }
        errno = ESPIPE;
        return -1;
    }
    fs_lock(stream->lock);
    /* what is appended goes to the end, wherever the descriptor is now */
    at = lseek(stream->fd, 0,
               stream->writing && (fcntl(stream->fd, F_GETFL) & O_APPEND) ? SEEK_END : SEEK_CUR);
    if (at >= 0) {
        at += stream->writing ? (off_t)stream->at : -(off_t)(stream->end - stream->at);
        at -= file->unget != 0;
    }
    fs_unlock(stream->lock);
    return at;
}

long ftell(FILE *file)
{
    return ftello(file);
}

int fgetpos(FILE *restrict file, fpos_t *restrict position)
{
    *position = ftello(file);
    return *position < 0 ? -1 : 0;
}

int fsetpos(FILE *file, fpos_t *position) /* picolibc knows no const here */
{
    return fseeko(file, *position, SEEK_SET);
}

/* ---- blocks ---- */

static size_t read_bytes(char *to, size_t bytes, FILE *file)
{
    struct stream *stream = stream_of(file);
    size_t done = 0;
    int c;

    if (stream && !file->unget && !stream_is_console(stream)) {
        fs_lock(stream->lock);
        done = stream_read_locked(stream, to, bytes);
        fs_unlock(stream->lock);
        return done;
    }
    while (done < bytes && (c = getc(file)) != EOF) {
        to[done++] = (char)c;
        if (stream && !stream_is_console(stream)) {
            return done + read_bytes(to + done, bytes - done, file); /* ungetc's was first */
        }
    }
    return done;
}

static size_t write_bytes(const char *from, size_t bytes, FILE *file)
{
    struct stream *stream = stream_of(file);
    size_t done = 0;

    if (stream && !stream_is_console(stream)) {
        fs_lock(stream->lock);
        done = stream_write_locked(stream, from, bytes);
        fs_unlock(stream->lock);
        return done;
    }
    while (done < bytes && file->put(from[done], file) >= 0) {
        done++;
    }
    return done;
}

size_t fread(void *restrict to, size_t size, size_t count, FILE *restrict file)
{
    size_t bytes;

    if (!(file->flags & __SRD) || size == 0 || __builtin_mul_overflow(size, count, &bytes)) {
        return 0;
    }
    return read_bytes(to, bytes, file) / size;
}

size_t fwrite(const void *restrict from, size_t size, size_t count, FILE *restrict file)
{
    size_t bytes;

    if (!(file->flags & __SWR) || size == 0 || __builtin_mul_overflow(size, count, &bytes)) {
        return 0;
    }
    return write_bytes(from, bytes, file) / size;
}

/* ---- temporary files ---- */

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
