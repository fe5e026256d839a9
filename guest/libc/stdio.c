/* SPDX-License-Identifier: BSD-2-Clause */
/* stdio on files: what of it picolibc's fronts do not do as POSIX has it.  fopen.c has more. */
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
