/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Streams on descriptors: what is behind picolibc's FILE once there are files.  picolibc 1.8 has a
 * layer of its own for this, but it writes a buffer's beginning again after a short write, is lost
 * at exit, and cannot tell an error from the end; so this one is in its place.  The fronts (fputc,
 * printf, fgetc, ungetc, scanf, fseek) are picolibc's, which call what ext has.
 *
 *     reading   buffer | at: next byte ... end |   descriptor's offset is that of end
 *     writing   buffer | at: free             |   descriptor's offset is that of the buffer's begin
 *
 * On the console there is no buffer here: guest/console.c has the line, and guest/libc/input.c what
 * is typed.  Which it is, is asked each time, since dup2 may change it.
 *
 * Locks: streams_lock, a stream's, and then those of the VFS.
 */
#include "guest/libc/stream.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "guest/guest.h"
#include "guest/libc/descriptor.h"
#include "guest/libc/input.h"

#define BUFFER_BYTES 4096

struct __lock *streams_lock;
struct list streams = {&streams, &streams};

static int get(FILE *file);

struct stream *stream_of(FILE *file)
{
    return file->get == get ? (struct stream *)(void *)file : NULL;
}

FILE *stream_file(struct stream *stream)
{
    return &stream->ext.cfile.file;
}

bool stream_is_console(const struct stream *stream)
{
    return stream->fd >= 0 && descriptor_is_console(stream->fd);
}

/* ---- the buffer ---- */

/* One byte of the stream itself where there is no memory for more, or none is wanted. */
static void have_buffer(struct stream *stream)
{
    static const size_t one = 1;

    if (stream->buffer) {
        return;
    }
    stream->size = stream->mode == _IONBF ? one : BUFFER_BYTES;
    stream->buffer = malloc(stream->size);
    stream->own_buffer = stream->buffer != NULL;
}

static int failed(struct stream *stream)
{
    stream_file(stream)->flags |= __SERR;
    return _FDEV_ERR;
}

/* Writes all, or says how much. */
static size_t write_all(struct stream *stream, const char *from, size_t bytes)
{
    size_t done = 0;

    while (done < bytes) {
        ssize_t now = write(stream->fd, from + done, bytes - done);

        if (now <= 0) {
            (void)failed(stream);
            break;
        }
        done += (size_t)now;
    }
    return done;
}

/* What could not be written stays. */
static int write_back(struct stream *stream)
{
    size_t done = write_all(stream, stream->buffer, stream->at);

    memmove(stream->buffer, stream->buffer + done, stream->at - done);
    stream->at -= done;
    return stream->at == 0 ? 0 : EOF;
}

/* The descriptor's offset is the stream's again, if it has one; ungetc's byte is not in it. */
static void drop_read(struct stream *stream)
{
    if (stream->at < stream->end) {
        int before = errno;

        (void)lseek(stream->fd, -(off_t)(stream->end - stream->at), SEEK_CUR);
        errno = before;
    }
    stream->at = stream->end = 0;
}

int stream_flush_locked(struct stream *stream)
{
    if (stream->writing) {
        return write_back(stream);
    }
    drop_read(stream);
    return 0;
}

static int turn(struct stream *stream, bool writing)
{
    if (stream->writing != writing) {
        if (stream_flush_locked(stream) != 0) {
            return EOF;
        }
        stream->writing = writing;
        stream->at = stream->end = 0;
    }
    have_buffer(stream);
    return 0;
}

int stream_put_locked(struct stream *stream, char c)
{
    if (turn(stream, true) != 0) {
        return _FDEV_ERR;
    }
    if (!stream->buffer) {
        return write_all(stream, &c, 1) == 1 ? (unsigned char)c : _FDEV_ERR;
    }
    if (stream->at == stream->size && write_back(stream) != 0) {
        return _FDEV_ERR;
    }
    stream->buffer[stream->at++] = c;
    if (stream->mode == _IONBF || (stream->mode == _IOLBF && c == '\n')) {
        return write_back(stream) == 0 ? (unsigned char)c : _FDEV_ERR;
    }
    return (unsigned char)c;
}

/* How many were taken; fewer after an error. */
size_t stream_write_locked(struct stream *stream, const char *from, size_t bytes)
{
    size_t done = 0;

    if (turn(stream, true) != 0) {
        return 0;
    }
    if (stream->mode == _IOFBF && stream->buffer && bytes < stream->size) {
        if (bytes > stream->size - stream->at && write_back(stream) != 0) {
            return 0;
        }
        memcpy(stream->buffer + stream->at, from, bytes);
        stream->at += bytes;
        return bytes;
    }
    if (stream->mode == _IOLBF) {
        while (done < bytes && stream_put_locked(stream, from[done]) >= 0) {
            done++;
        }
        return done;
    }
    return write_back(stream) == 0 ? write_all(stream, from, bytes) : 0;
}

/* At least one byte into the buffer: 0; or _FDEV_EOF, _FDEV_ERR. */
static int fill(struct stream *stream)
{
    ssize_t now = read(stream->fd, stream->buffer, stream->size);

    stream->at = stream->end = 0;
    if (now <= 0) {
        return now == 0 ? _FDEV_EOF : failed(stream);
    }
    stream->end = (size_t)now;
    return 0;
}

int stream_get_locked(struct stream *stream)
{
    char c;
    int error;

    if (stream_file(stream)->flags & __SEOF) {
        return _FDEV_EOF;
    }
    if (turn(stream, false) != 0) {
        return _FDEV_ERR;
    }
    if (!stream->buffer) {
        ssize_t now = read(stream->fd, &c, 1);

        return now > 0 ? (unsigned char)c : now == 0 ? _FDEV_EOF : failed(stream);
    }
    if (stream->at == stream->end) {
        error = fill(stream);
        if (error) {
            return error;
        }
    }
    return (unsigned char)stream->buffer[stream->at++];
}

/* How many there were before the end, or an error. */
size_t stream_read_locked(struct stream *stream, char *to, size_t bytes)
{
    FILE *file = stream_file(stream);
    size_t done = 0;

    while (done < bytes) {
        size_t there = stream->writing ? 0 : stream->end - stream->at;
        int c;

        if (there > 0) {
            there = there < bytes - done ? there : bytes - done;
            memcpy(to + done, stream->buffer + stream->at, there);
            stream->at += there;
            done += there;
            continue;
        }
        c = stream_get_locked(stream);
        if (c < 0) {
            file->flags |= c == _FDEV_EOF ? __SEOF : __SERR;
            break;
        }
        to[done++] = (char)c;
    }
    return done;
}

/* ---- what picolibc calls ---- */

static int put(char c, FILE *file)
{
    struct stream *stream = (struct stream *)(void *)file;
    int result;

    if (stream_is_console(stream)) {
        console_putc(c);
        return (unsigned char)c;
    }
    fs_lock(stream->lock);
    result = stream_put_locked(stream, c);
    fs_unlock(stream->lock);
    return result;
}

static int get(FILE *file)
{
    struct stream *stream = (struct stream *)(void *)file;
    int result;

    if (stream_is_console(stream)) {
        result = input_getc();
        return result == EOF ? _FDEV_EOF : result;
    }
    fs_lock(stream->lock);
    result = stream_get_locked(stream);
    fs_unlock(stream->lock);
    return result;
}

int stream_flush(FILE *file)
{
    struct stream *stream = (struct stream *)(void *)file;
    int result;

    if (stream_is_console(stream)) {
        console_flush();
    }
    fs_lock(stream->lock);
    result = stream_flush_locked(stream);
    fs_unlock(stream->lock);
    return result;
}

/* The caller, fseek, then forgets ungetc's byte and the end. */
static __off_t seek(FILE *file, __off_t offset, int whence)
{
    struct stream *stream = (struct stream *)(void *)file;
    __off_t result = -1;

    fs_lock(stream->lock);
    if (whence == SEEK_CUR && !stream->writing) {
        offset -= file->unget != 0;
    }
    if (stream_flush_locked(stream) == 0) {
        result = lseek(stream->fd, offset, whence);
    }
    fs_unlock(stream->lock);
    return result;
}

static int set_buffer(FILE *file, char *buffer, int mode, size_t size)
{
    struct stream *stream = (struct stream *)(void *)file;
    int result;

    if (mode != _IOFBF && mode != _IOLBF && mode != _IONBF) {
        return -1;
    }
    fs_lock(stream->lock);
    result = stream_flush_locked(stream);
    if (result == 0) {
        if (stream->own_buffer) {
            free(stream->buffer);
        }
        stream->own_buffer = false;
        stream->mode = mode;
        stream->buffer = mode == _IONBF || size == 0 ? NULL : buffer;
        stream->size = size;
        if (!stream->buffer && mode != _IONBF && size > 0) {
            stream->buffer = malloc(size);
            stream->own_buffer = stream->buffer != NULL;
        }
    }
    fs_unlock(stream->lock);
    return result;
}

static int close_stream(FILE *file)
{
    struct stream *stream = (struct stream *)(void *)file;
    int result = stream_flush(file);

    fs_lock(streams_lock);
    list_del(&stream->link);
    fs_unlock(streams_lock);
    fs_lock(stream->lock);
    if (close(stream->fd) < 0) {
        result = EOF;
    }
    stream->fd = -1;
    file->flags &= (u8) ~(__SRD | __SWR);
    if (stream->own_buffer) {
        free(stream->buffer);
    }
    stream->own_buffer = false;
    stream->buffer = NULL;
    stream->at = stream->end = 0;
    fs_unlock(stream->lock);
    if (stream->made) {
        fs_lock_destroy(stream->lock);
        free(stream);
    }
    return result;
}

/* A stream on fd that reads (__SRD), writes (__SWR) or both.  False: no memory. */
bool stream_init(struct stream *stream, int fd, int flags)
{
    stream->ext = (struct __file_ext)FDEV_SETUP_EXT(put, get, stream_flush, close_stream, seek,
                                                    set_buffer, (u8)flags);
    stream->fd = fd;
    stream->mode = _IOFBF;
    list_init(&stream->link);
    if (fs_lock_create(&stream->lock) != 0) {
        return false;
    }
    fs_lock(streams_lock);
    list_add_tail(&streams, &stream->link);
    fs_unlock(streams_lock);
    return true;
}

/* ---- those that are there ---- */

/* In the place of the base's, which know the console alone. */
#define STANDARD(number, rw, how)                                                               \
    {                                                                                           \
        .ext = FDEV_SETUP_EXT(put, get, stream_flush, close_stream, seek, set_buffer, rw),      \
        .link = {&standard[number].link, &standard[number].link}, .fd = (number), .mode = (how) \
    }
static struct stream standard[] = {
    STANDARD(STDIN_FILENO, __SRD, _IOFBF),
    STANDARD(STDOUT_FILENO, __SWR, _IOFBF),
    STANDARD(STDERR_FILENO, __SWR, _IONBF),
};
FILE *const stdin = &standard[STDIN_FILENO].ext.cfile.file;
FILE *const stdout = &standard[STDOUT_FILENO].ext.cfile.file;
FILE *const stderr = &standard[STDERR_FILENO].ext.cfile.file;

/* Until then they have no locks.  False: no memory. */
bool streams_begin(void)
{
    if (fs_lock_create(&streams_lock) != 0) {
        return false;
    }
    for (size_t i = 0; i < ARRAY_LEN(standard); i++) {
        if (fs_lock_create(&standard[i].lock) != 0) {
            return false;
        }
        list_add_tail(&streams, &standard[i].link);
    }
    return true;
}

/* The locks of the streams before `end` in the list. */
static void unlock_until(const struct list *end)
{
    struct list *link;

    for (link = streams.next; link != end; link = link->next) {
        fs_unlock(container_of(link, struct stream, link)->lock);
    }
    fs_unlock(streams_lock);
}

/* All of them, as vfs_lock_all. */
bool streams_lock_all(bool wait)
{
    struct list *link;

    if (wait) {
        fs_lock(streams_lock);
    } else if (!fs_try_lock(streams_lock)) {
        return false;
    }
    list_for_each(link, &streams) {
        struct stream *stream = container_of(link, struct stream, link);

        if (wait) {
            fs_lock(stream->lock);
        } else if (!fs_try_lock(stream->lock)) {
            unlock_until(link);
            return false;
        }
    }
    return true;
}

void streams_unlock_all(void)
{
    unlock_until(&streams);
}
