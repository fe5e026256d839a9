/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * pipe(): bytes from one process to another that do not leave the guests.
 *
 * The ring is in shared pages (pipe_ring.c).  Who waits there waits for the other side's bell, a
 * word (guest/word.h), which is rung when it is known that somebody waits.  How many processes have
 * an end open is counted by the hypervisor (PROC_HOLD): it counts a child when it is forked, and
 * one that is killed, and then rings the bell.  So a reader without writers comes to the end, and a
 * writer without readers gets EPIPE and SIGPIPE, whatever happened to them.
 *
 * Each side has a lock: `owner` of its struct proc_hold is the pid that has it; bit 31, that others
 * wait.  If its process is killed, the hypervisor frees it.  Within the process it is held with
 * preemption and signal handlers off.
 *
 * An end is a node of a file system without names; a process has one file for it at most.  It is
 * let go of with the last descriptor, not with the last call that still uses the file.
 *
 * Bare, or within one process, all is the same but that nobody else is there.
 */
#define _GNU_SOURCE /* pipe2 */
#include "guest/libc/pipe.h"

#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "lib/kit/list.h"

#include "guest/fs/tree.h"
#include "guest/init.h"
#include "guest/libc/descriptor.h"
#include "guest/libc/fork.h"
#include "guest/libc/pause.h"
#include "guest/libc/pipe_ring.h"
#include "guest/libc/signal.h"
#include "guest/libc/states.h"
#include "guest/panic.h"
#include "guest/proc.h"
#include "guest/shared.h"
#include "guest/spin.h"
#include "guest/word.h"

#define PAGES        (sizeof(struct pipe) / PIPE_PAGE)
#define OWNER_WAITED 0x80000000U /* of proc_hold.owner */
#define BARE_PID     1

struct end {
    struct node node;    /* first */
    enum pipe_end which; /* its place in its channel */
    struct file *file;   /* NULL: this process does not have it */
    struct pipe_side *side, *other;
    struct spin lock; /* before side->hold.owner */
    bool holds;       /* this process is one of side->hold.holders */
};

struct channel {
    struct end end[2]; /* enum pipe_end */
    struct pipe *pipe;
    u32 ends;         /* that are in use */
    struct list link; /* of channels */
};

static const struct fs_ops pipe_ops;
static struct fs pipes = {.ops = &pipe_ops};
static struct mount mount = {.fs = &pipes}; /* its lock: before a pipe comes or goes */
static struct list channels = {&channels, &channels};
static u64 last_id;

static u32 load(const u32 *word)
{
    return __atomic_load_n(word, __ATOMIC_ACQUIRE);
}

static struct end *end_of(const struct node *node)
{
    return (struct end *)(void *)node;
}

static struct channel *channel_of(struct end *end)
{
    return container_of(end - end->which, struct channel, end[0]);
}

static bool nonblocking(const struct end *end)
{
    return (end->side->state.flags & O_NONBLOCK) != 0;
}

/* ---- who has it open ---- */

static void hold_bare(struct end *end, bool holds)
{
    struct proc_hold *hold = &end->side->hold;

    if (holds && !end->holds) {
        __atomic_fetch_add(&hold->holders, 1, __ATOMIC_RELAXED);
    } else if (!holds && end->holds) {
        __atomic_fetch_sub(&hold->holders, 1, __ATOMIC_RELEASE);
        __atomic_fetch_add(&hold->bell, 1, __ATOMIC_RELEASE);
        word_wake(&hold->bell, false);
    }
}

/* ENFILE: it is one too many for the hypervisor. */
static int hold(struct end *end, enum proc_hold_how how)
{
    long error = 0;

    if (!proc_available()) {
        hold_bare(end, how != PROC_HOLD_NONE);
    } else {
        error = proc_hold(&end->side->hold, how);
    }
    if (error) {
        return error == PROC_ERR_QUOTA ? ENFILE : error == PROC_ERR_NOMEM ? ENOMEM : ENOSYS;
    }
    end->holds = how != PROC_HOLD_NONE;
    return 0;
}

static u32 own_pid(void)
{
    static u32 pid, forks;

    if (pid == 0 || forks != proc_forks) {
        pid = proc_available() ? (u32)proc_getpid() : BARE_PID;
        forks = proc_forks;
    }
    return pid;
}

static void wait_for_owner(struct end *end, u32 owner)
{
    u32 *word = &end->side->hold.owner;

    if (!(owner & OWNER_WAITED)) {
        if (!__atomic_compare_exchange_n(word, &owner, owner | OWNER_WAITED, false,
                                         __ATOMIC_RELAXED, __ATOMIC_RELAXED)) {
            return;
        }
        owner |= OWNER_WAITED;
    }
    (void)!word_wait(&(struct word_at){word, owner}, 1, PAUSE_FOR_EVER, "the end of a pipe",
                     WORD_DEAF);
}

static void lock_end(struct end *end)
{
    u32 owner;

    signal_hold();
    for (;;) {
        spin_lock(&end->lock);
        owner = 0;
        if (__atomic_compare_exchange_n(&end->side->hold.owner, &owner, own_pid(), false,
                                        __ATOMIC_ACQUIRE, __ATOMIC_RELAXED)) {
            return;
        }
        spin_unlock(&end->lock);
        wait_for_owner(end, owner);
    }
}

static void unlock_end(struct end *end)
{
    u32 *word = &end->side->hold.owner;
    u32 owner = __atomic_exchange_n(word, 0, __ATOMIC_RELEASE);

    spin_unlock(&end->lock);
    if (owner & OWNER_WAITED) {
        word_wake(word, true);
    }
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
static int pipe_read(struct node *node, u64 offset, void *to, size_t bytes, size_t *done)
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
static int pipe_write(struct node *node, u64 offset, const void *from, size_t bytes, size_t *done)
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

static void pipe_ready(struct node *node, struct fs_ready *ready)
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

/* ---- coming and going ---- */

static void pipe_close(struct node *node)
{
    struct end *end = end_of(node);

    fs_lock(mount.lock);
    if (end->holds && hold(end, PROC_HOLD_NONE) != 0) {
        panic("pipe: %p was not held", (void *)end->side);
    }
    fs_unlock(mount.lock);
}

/* The lock is held; so it is where nodes are forgotten. */
static void channel_free(struct channel *channel)
{
    list_del(&channel->link);
    shared_free(channel->pipe, PAGES);
    free(channel);
}

static void pipe_forget(struct node *node)
{
    struct end *end = end_of(node);
    struct channel *channel = channel_of(end);

    /* what this process registered for there is given back */
    word_wake(&end->other->hold.bell, proc_available());
    end->file = NULL;
    if (--channel->ends == 0) {
        channel_free(channel);
    }
}

/* What this process knows of a pipe; the lock is held.  NULL: no memory. */
static struct channel *channel_make(struct pipe *pipe)
{
    struct channel *channel = calloc(1, sizeof(*channel));

    if (channel) {
        channel->pipe = pipe;
        channel->end[PIPE_WRITER].which = PIPE_WRITER;
        channel->end[PIPE_READER].side = channel->end[PIPE_WRITER].other = &pipe->reader;
        channel->end[PIPE_WRITER].side = channel->end[PIPE_READER].other = &pipe->writer;
        last_id++;
        list_add_tail(&channels, &channel->link);
    }
    return channel;
}

/* The file of an end that this process does not have yet. */
static struct file *open_end(struct end *end)
{
    end->node =
        (struct node){.fs = &pipes, .type = NODE_PIPE, .holders = 1, .id = last_id, .nlink = 1};
    end->file = file_make(&mount, &end->node, &end->side->state);
    if (end->file) {
        channel_of(end)->ends++;
    }
    return end->file;
}

/* Both ends, held and with a file each; or an errno, and nothing is left. */
static int make(struct pipe *pipe, struct channel **made)
{
    struct channel *channel = channel_make(pipe);
    int error = channel ? 0 : ENOMEM;

    for (size_t i = 0; i < ARRAY_LEN(channel->end) && !error; i++) {
        error = open_end(&channel->end[i]) ? hold(&channel->end[i], PROC_HOLD_HERE) : ENOMEM;
    }
    if (error && !channel) {
        shared_free(pipe, PAGES);
    } else if (error) {
        channel->ends++; /* so that it stays until here */
        for (size_t i = 0; i < ARRAY_LEN(channel->end); i++) {
            if (channel->end[i].file) {
                pipe_close(&channel->end[i].node);
                file_put(channel->end[i].file);
            }
        }
        channel_free(channel);
    }
    *made = channel;
    return error;
}

/* Two descriptors for two files, which they take over. */
static int give(struct channel *channel, int fds[2], bool cloexec)
{
    struct file *reader = channel->end[PIPE_READER].file, *writer = channel->end[PIPE_WRITER].file;
    int to[2];

    to[0] = descriptor_add(reader, 0, cloexec);
    if (to[0] < 0) {
        file_close(writer);
        file_put(writer);
        return -1;
    }
    to[1] = descriptor_add(writer, 0, cloexec);
    if (to[1] < 0) {
        close(to[0]);
        errno = EMFILE;
        return -1;
    }
    memcpy(fds, to, sizeof(to));
    return 0;
}

/*
 * pipe2 - fds[0] reads what is written to fds[1].
 *
 * EINVAL: flags other than O_CLOEXEC and O_NONBLOCK.  ENFILE: the process has PROC_HOLDS_MAX / 2
 * pipes.  EMFILE, ENOMEM.  Nothing is left of it then, and fds are as before.
 */
int pipe2(int fds[2], int flags)
{
    struct channel *channel;
    struct pipe *pipe;
    int error;

    if (flags & ~(O_CLOEXEC | O_NONBLOCK)) {
        return files_result(EINVAL);
    }
    fs_lock(mount.lock);
    pipe = shared_alloc(PAGES);
    error = pipe ? 0 : ENOMEM;
    if (!error) {
        memset(pipe, 0, offsetof(struct pipe, ring));
        pipe->reader.state.flags = O_RDONLY | (u32)(flags & O_NONBLOCK);
        pipe->writer.state.flags = O_WRONLY | (u32)(flags & O_NONBLOCK);
        error = make(pipe, &channel);
    }
    error = error ? files_result(error) : give(channel, fds, (flags & O_CLOEXEC) != 0);
    fs_unlock(mount.lock);
    return error;
}

int pipe(int fds[2])
{
    return pipe2(fds, 0);
}

/* ---- descriptors that change hands ---- */

static struct channel *find(const struct pipe *pipe)
{
    struct list *it;

    list_for_each(it, &channels) {
        struct channel *channel = container_of(it, struct channel, link);

        if (channel->pipe == pipe) {
            return channel;
        }
    }
    return NULL;
}

/* It is held already: the hypervisor has counted this process when it began. */
struct file *pipe_adopt(struct pipe *pipe, enum pipe_end which_end)
{
    struct channel *channel;
    struct file *file = NULL;

    fs_lock(mount.lock);
    channel = find(pipe);
    if (!channel) {
        channel = channel_make(pipe);
    }
    if (channel) {
        channel->end[which_end].holds = true;
        file = open_end(&channel->end[which_end]);
    }
    fs_unlock(mount.lock);
    return file;
}

struct pipe *pipe_of(const struct file *file, enum pipe_end *end)
{
    struct node *node = file_node(file);

    if (node->fs != &pipes) {
        return NULL;
    }
    *end = end_of(node)->which;
    return channel_of(end_of(node))->pipe;
}

void pipe_keep(struct file *file, bool kept)
{
    struct end *end = end_of(file_node(file));

    if (end->holds) {
        (void)!hold(end, kept ? PROC_HOLD_KEPT : PROC_HOLD_HERE);
    }
}

/* In the child, what a task of the parent had closed and not yet let go of. */
static void let_go(void)
{
    struct list *it;

    list_for_each(it, &channels) {
        struct channel *channel = container_of(it, struct channel, link);

        for (size_t i = 0; i < ARRAY_LEN(channel->end); i++) {
            if (channel->end[i].file && *file_descriptors(channel->end[i].file) == 0) {
                pipe_close(&channel->end[i].node);
            }
        }
    }
}

static bool prepare(void)
{
    if (!fork_in_handler()) {
        fs_lock(mount.lock);
    } else if (!fs_try_lock(mount.lock)) {
        return false;
    }
    if (states_share()) {
        return true;
    }
    fs_unlock(mount.lock);
    return false;
}

bool fork_channels(enum fork_step step)
{
    if (step == FORK_PREPARE) {
        return prepare();
    }
    if (step == FORK_CHILD) {
        let_go();
    }
    fs_unlock(mount.lock);
    return true;
}

/* ---- the rest of a file system ---- */

static int pipe_attr(struct node *node, struct node_attr *attr)
{
    (void)node;
    *attr = (struct node_attr){.permissions = 0600};
    return 0;
}

static int pipe_set_times(struct node *node, s64 atime_s, s64 mtime_s, u32 mtime_ns)
{
    (void)node;
    (void)atime_s;
    (void)mtime_s;
    (void)mtime_ns;
    return 0; /* it has none */
}

static int pipe_chmod(struct node *node, u32 permissions)
{
    (void)node;
    (void)permissions;
    return 0; /* they bind nobody */
}

static int pipe_space(struct fs *fs, struct fs_space *space)
{
    (void)fs;
    *space = (struct fs_space){.block_bytes = PIPE_PAGE};
    return 0;
}

static const struct fs_ops pipe_ops = {
    .type = "pipefs",
    .read = pipe_read,
    .write = pipe_write,
    .ready = pipe_ready,
    .close = pipe_close,
    .attr = pipe_attr,
    .set_times = pipe_set_times,
    .chmod = pipe_chmod,
    .forget = pipe_forget,
    .space = pipe_space,
};

static GUEST_INIT(INIT_FILES) void bring_up(void)
{
    if (fs_lock_create(&mount.lock) != 0) {
        panic("pipes: no memory for a lock; raise MEM");
    }
}
