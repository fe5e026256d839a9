/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Reading and writing pipes: who may, and for what who cannot waits.
 *
 * Each side has a lock: `owner` of its struct proc_hold (guest/owner.h).  If its process is killed,
 * the hypervisor frees it; where it is stopped, others wait until it goes on.  Signal handlers of
 * the process that has it are held back.
 *
 * Who waits there waits for the other side's bell, a word (guest/word.h), which is rung when it is
 * known that somebody waits, and by the hypervisor.
 */
#include <errno.h>
#include <signal.h>

#include "guest/fs/vfs.h"
#include "guest/libc/pause.h"
#include "guest/libc/pipe_parts.h"
#include "guest/libc/signal.h"
#include "guest/owner.h"
#include "guest/word.h"

static u32 load(const u32 *word)
{
    return __atomic_load_n(word, __ATOMIC_ACQUIRE);
}

static bool nonblocking(const struct end *end)
{
    return (end->side->state.flags & O_NONBLOCK) != 0;
}

/* ---- the lock ---- */

static void lock_end(struct end *end)
{
    u32 *owner = &end->side->hold.owner;

    signal_hold();
    for (;;) {
        spin_lock(&end->lock);
        if (owner_try(owner)) {
            return;
        }
        spin_unlock(&end->lock);
        (void)!owner_wait(owner, PAUSE_FOR_EVER, "the end of a pipe", WORD_DEAF);
    }
}

static void unlock_end(struct end *end)
{
    spin_unlock(&end->lock);
    owner_release(&end->side->hold.owner);
    signal_release();
}

/* ---- bytes ---- */

/* Something changed for the other side. */
static void tell(struct end *end)
{
    struct channel *channel = channel_of(end);
    u32 *bell = &end->side->hold.bell;
    u32 here = channel->end[!end->which].holds;

    if (pipe_side_waits(end->other)) {
        __atomic_fetch_add(bell, 1, __ATOMIC_RELEASE);
        word_wake(bell, load(&end->other->hold.holders) > here);
    }
}

/* Until the other side's bell is not `bell` any more. */
static int wait_for(struct end *end, u32 bell, const char *what)
{
    return word_wait(&(struct word_at){&end->other->hold.bell, bell}, 1, PAUSE_FOR_EVER, what,
                     WORD_RESTARTS);
}

static u32 piece(size_t bytes)
{
    return bytes < PIPE_RING_BYTES ? (u32)bytes : PIPE_RING_BYTES;
}

static u32 room(const struct pipe *pipe)
{
    return PIPE_RING_BYTES - pipe_used(pipe);
}

static u32 get(struct end *end, struct pipe *pipe, void *to, size_t bytes)
{
    u32 count;

    if (pipe_used(pipe) == 0) {
        return 0;
    }
    lock_end(end);
    count = pipe_get(pipe, to, piece(bytes));
    unlock_end(end);
    if (count > 0 && room(pipe) >= PIPE_WHOLE) {
        tell(end);
    }
    return count;
}

/* What there is, `bytes` at most; 0 bytes: all writers are gone.  EAGAIN, EINTR. */
int pipe_read(struct node *node, u64 offset, void *to, size_t bytes, size_t *done)
{
    struct end *end = end_of(node);
    struct pipe *pipe = channel_of(end)->pipe;
    int error = 0;

    (void)offset;
    *done = 0;
    while (!error && bytes > 0) {
        u32 bell = load(&pipe->writer.hold.bell);
        bool ended = load(&pipe->writer.hold.holders) == 0; /* before the look at the ring */

        *done = get(end, pipe, to, bytes);
        if (*done > 0 || ended) {
            break;
        }
        if (nonblocking(end)) {
            return EAGAIN;
        }
        pipe_side_will_wait(end->side);
        if (pipe_used(pipe) == 0) {
            error = wait_for(end, bell, "bytes in a pipe");
        }
    }
    return error;
}

/* What is not written in pieces fits, or a piece does. */
static bool has_room(const struct pipe *pipe, size_t bytes)
{
    u32 there = room(pipe);

    return there >= PIPE_WHOLE || there >= bytes;
}

static u32 put(struct end *end, struct pipe *pipe, const u8 *from, size_t bytes)
{
    u32 count;

    if (!has_room(pipe, bytes) && (bytes <= PIPE_WHOLE || room(pipe) == 0)) {
        return 0;
    }
    lock_end(end);
    count = pipe_put(pipe, from, piece(bytes));
    unlock_end(end);
    if (count > 0) {
        tell(end);
    }
    return count;
}

/* All of it, unless readers go, a signal comes, or nobody may wait.  Up to PIPE_BUF bytes are not
 * mixed with others'. */
int pipe_write(struct node *node, u64 offset, const void *from, size_t bytes, size_t *done)
{
    struct end *end = end_of(node);
    struct pipe *pipe = channel_of(end)->pipe;
    int error = 0;

    (void)offset;
    *done = 0;
    while (!error && *done < bytes) {
        u32 bell = load(&pipe->reader.hold.bell), count;

        if (load(&pipe->reader.hold.holders) == 0) {
            raise(SIGPIPE);
            return EPIPE;
        }
        count = put(end, pipe, (const u8 *)from + *done, bytes - *done);
        *done += count;
        if (count > 0) {
            continue;
        }
        if (nonblocking(end)) {
            return EAGAIN;
        }
        pipe_side_will_wait(end->side);
        if (!has_room(pipe, bytes - *done)) {
            error = wait_for(end, bell, "room in a pipe");
        }
    }
    return error;
}

void pipe_ready(struct node *node, struct fs_ready *ready)
{
    struct end *end = end_of(node);
    struct pipe *pipe = channel_of(end)->pipe;
    u32 *bell = &end->other->hold.bell;
    bool ended;

    *ready = (struct fs_ready){.word = bell, .value = load(bell)};
    ended = load(&end->other->hold.holders) == 0;
    pipe_side_will_wait(end->side);
    if (end->which == PIPE_READER) {
        ready->what = pipe_used(pipe) > 0 ? FS_READABLE : 0;
    } else {
        ready->what = room(pipe) >= PIPE_WHOLE || ended ? FS_WRITABLE : 0;
    }
    ready->what |= ended ? FS_ENDED : 0;
}
