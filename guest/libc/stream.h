/* SPDX-License-Identifier: BSD-2-Clause */
#pragma once
/* Streams of stdio on descriptors.  Component vfs; see stream.c. */
#include <stdio.h>

#include "lib/kit/list.h"
#include "lib/kit/types.h"

#include "guest/fs/lock.h"

struct stream {
    struct __file_ext ext; /* first: what picolibc's stdio.h knows */
    struct __lock *lock;
    struct list link; /* guarded by streams_lock */
    int fd;           /* -1: closed */
    int mode;         /* _IOFBF, _IOLBF, _IONBF */
    bool own_buffer;  /* it is freed with the stream */
    bool writing;     /* the buffer holds what is not written yet; else what was read */
    bool made;        /* by fopen: the stream itself is freed, too */
    char *buffer;     /* NULL: not needed yet */
    size_t size;      /* of buffer */
    size_t at, end;   /* read: next byte, bytes; written: at is the number of bytes */
};

extern struct __lock *streams_lock; /* of the list; before any stream's */
extern struct list streams;

/* NULL: it is not one of these (fmemopen's, say). */
struct stream *stream_of(FILE *file);
bool stream_init(struct stream *stream, int fd, int flags);
int stream_flush(FILE *file);
int stream_put_locked(struct stream *stream, char c);
int stream_get_locked(struct stream *stream);
int stream_flush_locked(struct stream *stream);
size_t stream_write_locked(struct stream *stream, const char *from, size_t bytes);
size_t stream_read_locked(struct stream *stream, char *to, size_t bytes);
bool stream_is_console(const struct stream *stream);
FILE *stream_file(struct stream *stream);
__must_check bool streams_begin(void);
/* Around a fork. */
bool streams_lock_all(bool wait);
void streams_unlock_all(void);
