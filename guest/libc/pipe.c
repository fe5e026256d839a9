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
 * An end is a node of a file system without names; a process has one file for it at most.  It is
 * let go of with the last descriptor, not with the last call that still uses the file.
 *
 * Bare, or within one process, all is the same but that nobody else is there.
 */
#define _GNU_SOURCE /* pipe2 */
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "guest/fs/tree.h"
#include "guest/init.h"
#include "guest/libc/descriptor.h"
#include "guest/libc/fork.h"
#include "guest/libc/pipe_parts.h"
#include "guest/libc/states.h"
#include "guest/panic.h"
#include "guest/proc.h"
#include "guest/shared.h"
#include "guest/word.h"

#define PAGES (sizeof(struct pipe) / PIPE_PAGE)

static const struct fs_ops pipe_ops;
static struct fs pipes = {.ops = &pipe_ops};
static struct mount mount = {.fs = &pipes}; /* its lock: before a pipe comes or goes */
static struct list channels = {&channels, &channels};
static u64 last_id;

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
        pipe->reader = (struct pipe_side){.state.flags = O_RDONLY | (u32)(flags & O_NONBLOCK)};
        pipe->writer = (struct pipe_side){.state.flags = O_WRONLY | (u32)(flags & O_NONBLOCK)};
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
