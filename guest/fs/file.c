/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Open files: what is open, how, and where in it.  All descriptors that were made from one another
 * share one, and so its offset.  A child that was forked has a copy of all memory and thus of this,
 * too; but offset and flags are first moved to memory that both have (guest/libc/states.c).
 *
 * Of a file, the offset and the bytes at it are one step for other tasks.  Devices are read and
 * written without the lock, since a terminal may wait for ever; they have no offset.
 */
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "guest/fs/tree.h"

#define OFFSET_MAX INT64_MAX

/* Places in a directory: two of ours, then those of the file system, then points. */
enum { AT_DOT, AT_DOT_DOT, AT_ENTRIES };
#define AT_POINTS (1UL << 62)

int file_flags(const struct file *file)
{
    return (int)file->state->flags & (O_ACCMODE | O_APPEND | O_NONBLOCK);
}

static bool reads(int flags)
{
    return (flags & O_ACCMODE) != O_WRONLY;
}

static bool writes(int flags)
{
    return (flags & O_ACCMODE) != O_RDONLY;
}

/* It has no offset, and who reads may wait: without a lock. */
static bool is_stream(const struct file *file)
{
    return file->node->type == NODE_DEVICE || file->node->type == NODE_PIPE;
}

/* ---- open and close ---- */

/* Whether what is there may be opened so. */
static int may_open(const struct place *place, const struct node *node, int flags)
{
    bool directory = node->type == NODE_DIRECTORY;

    if ((flags & (O_CREAT | O_EXCL)) == (O_CREAT | O_EXCL)) {
        return EEXIST;
    }
    if (directory && (writes(flags) || (flags & O_CREAT))) {
        return EISDIR;
    }
    if (!directory && ((flags & O_DIRECTORY) || place->slash)) {
        return ENOTDIR;
    }
    if (node->type == NODE_FILE && (writes(flags) || (flags & O_TRUNC)) && node->fs->readonly) {
        return EROFS;
    }
    return 0;
}

static int create(const struct place *place, u32 permissions, struct node **node)
{
    struct fs *fs = place->dir->mount->fs;
    int error;

    if (fs->readonly) {
        return EROFS;
    }
    error = fs->ops->create(place->dir->node, place->name, NODE_FILE, node);
    if (!error) {
        (void)fs->ops->chmod(*node, permissions); /* as in vfs_mkdir */
    }
    return error;
}

/* The node at a place, held, and its directory, if it is one; place->dir's lock is held. */
static int open_node(struct place *place, int flags, u32 permissions, struct file *file)
{
    struct node *node = NULL;
    int error = 0;

    if (place->last != PLACE_NAME) {
        node = node_get(place->dir->node);
    } else if (place->slash && (flags & O_CREAT)) {
        return EISDIR; /* whatever is there, as on Linux */
    } else {
        error = dir_lookup(place->dir, place->name, &node);
        if (error == ENOENT && (flags & O_CREAT) && place->dir->node->nlink > 0) {
            error = create(place, permissions, &file->node);
            return error;
        }
    }
    error = error ? error : may_open(place, node, flags);
    if (!error && (flags & O_TRUNC) && node->type == NODE_FILE) {
        error = node->fs->ops->truncate(node, 0);
    }
    if (!error && node->type == NODE_DIRECTORY) {
        if (place->last != PLACE_NAME) {
            file->dir = dir_get(place->dir);
        } else {
            error = dir_of(place->dir, place->name, node_get(node), &file->dir);
        }
    }
    if (error && node) {
        node_put(node);
    }
    file->node = error ? NULL : node;
    return error;
}

/* What is mounted on the directory that was opened is meant. */
static void cross(struct file *file)
{
    struct __lock *outer = file->mount->lock;
    struct mount *inner = file->dir->covers;
    struct dir *root = dir_get(inner->root);

    node_put(file->node);
    dir_put_locked(file->dir);
    fs_unlock(outer);
    fs_lock(inner->lock);
    file->mount = inner;
    file->dir = root;
    file->node = node_get(root->node);
}

/* Component channels has its own: who executes another program passes files on by name. */
__attribute__((weak)) char *file_name_for(const char *path)
{
    (void)path;
    return NULL;
}

/*
 * vfs_open - what a path names, opened by the flags of open().
 *
 * O_CLOEXEC, O_NOCTTY, O_SYNC and O_NONBLOCK are accepted; there is no exec, nothing that is not
 * ready but terminals, and who wants things on the medium calls file_sync.  Errors are POSIX's.
 */
int vfs_open(const char *path, int flags, u32 permissions, struct file **opened)
{
    struct file *file;
    struct place place;
    int error;

    if ((flags & O_ACCMODE) == O_ACCMODE) {
        return EINVAL;
    }
    file = calloc(1, sizeof(*file));
    if (!file) {
        return ENOMEM;
    }
    error = walk_to(path, &place);
    if (error) {
        free(file);
        return error;
    }
    file->mount = place.dir->mount;
    file->refs = 1;
    file->own.flags = (u32)flags;
    file->state = &file->own;
    fs_lock(file->mount->lock);
    error = open_node(&place, flags, permissions, file);
    dir_put_locked(place.dir);
    if (!error && file->dir && file->dir->covers) {
        cross(file);
    }
    if (!error && !file->dir) {
        file->mount->files++;
    }
    fs_unlock(file->mount->lock);
    if (error) {
        free(file);
        return error;
    }
    file->name = file_name_for(path);
    *opened = file;
    return 0;
}

struct file *file_get(struct file *file)
{
    __atomic_fetch_add(&file->refs, 1, __ATOMIC_RELAXED);
    return file;
}

/* A file whose state was elsewhere is gone.  Component channels has its own. */
__attribute__((weak)) void file_state_gone(const struct file_state *state)
{
    (void)state;
}

void file_put(struct file *file)
{
    struct __lock *lock = file->mount->lock;

    if (__atomic_sub_fetch(&file->refs, 1, __ATOMIC_ACQ_REL) > 0) {
        return;
    }
    fs_lock(lock);
    node_put(file->node);
    if (file->dir) {
        dir_put_locked(file->dir);
    } else {
        file->mount->files--;
    }
    fs_unlock(lock);
    if (file->state != &file->own) {
        file_state_gone(file->state);
    }
    free(file->name);
    free(file);
}

/* An open file that no path leads to: on a node whose hold it takes over, with a state that is
 * elsewhere (NULL: the file's own).  NULL: no memory. */
struct file *file_make(struct mount *mount, struct node *node, struct file_state *state)
{
    struct file *file = calloc(1, sizeof(*file));

    if (file) {
        *file = (struct file){.mount = mount, .node = node, .refs = 1};
        file->state = state ? state : &file->own;
        mount->files++;
    }
    return file;
}

/* ---- bytes ---- */

static int may_transfer(const struct file *file, bool allowed)
{
    if (!allowed) {
        return EBADF;
    }
    return file->node->type == NODE_DIRECTORY ? EISDIR : 0;
}

static s64 result(int error, size_t done)
{
    return error && done == 0 ? -(s64)error : (s64)done;
}

/* The lock is held, but for devices. */
static s64 read_at(struct file *file, u64 offset, void *to, size_t bytes)
{
    size_t done = 0;
    int error;

    if (bytes > OFFSET_MAX - offset) {
        bytes = OFFSET_MAX - offset;
    }
    error = file->node->fs->ops->read(file->node, offset, to, bytes, &done);
    return result(error, done);
}

static s64 write_at(struct file *file, u64 offset, const void *from, size_t bytes)
{
    size_t done = 0;
    int error;

    if (bytes > OFFSET_MAX - offset) {
        if (offset == OFFSET_MAX) {
            return -EFBIG;
        }
        bytes = OFFSET_MAX - offset;
    }
    error = file->node->fs->ops->write(file->node, offset, from, bytes, &done);
    return result(error, done);
}

s64 file_read(struct file *file, void *to, size_t bytes)
{
    int error = may_transfer(file, reads(file_flags(file)));
    s64 done;

    if (error) {
        return -error;
    }
    if (is_stream(file)) {
        return read_at(file, 0, to, bytes);
    }
    fs_lock(file->mount->lock);
    done = read_at(file, file->state->offset, to, bytes);
    if (done > 0) {
        file->state->offset += (u64)done;
    }
    fs_unlock(file->mount->lock);
    return done;
}

static int seek_to_end(struct file *file, u64 *offset)
{
    struct node_attr attr;
    int error = file->node->fs->ops->attr(file->node, &attr);

    if (!error) {
        *offset = attr.bytes;
    }
    return error;
}

s64 file_write(struct file *file, const void *from, size_t bytes)
{
    int error = may_transfer(file, writes(file_flags(file)));
    u64 offset;
    s64 done;

    if (error) {
        return -error;
    }
    if (is_stream(file)) {
        return write_at(file, 0, from, bytes);
    }
    if (bytes == 0) {
        return 0;
    }
    fs_lock(file->mount->lock);
    offset = file->state->offset;
    error = file_flags(file) & O_APPEND ? seek_to_end(file, &offset) : 0;
    done = error ? -error : write_at(file, offset, from, bytes);
    if (done > 0) {
        file->state->offset = offset + (u64)done;
    }
    fs_unlock(file->mount->lock);
    return done;
}

s64 file_pread(struct file *file, u64 offset, void *to, size_t bytes)
{
    int error = may_transfer(file, reads(file_flags(file)));
    s64 done;

    if (error || is_stream(file)) {
        return error ? -error : -ESPIPE;
    }
    fs_lock(file->mount->lock);
    done = read_at(file, offset, to, bytes);
    fs_unlock(file->mount->lock);
    return done;
}

/* O_APPEND changes nothing, as POSIX has it; Linux appends. */
s64 file_pwrite(struct file *file, u64 offset, const void *from, size_t bytes)
{
    int error = may_transfer(file, writes(file_flags(file)));
    s64 done;

    if (error || is_stream(file)) {
        return error ? -error : -ESPIPE;
    }
    if (bytes == 0) {
        return 0;
    }
    fs_lock(file->mount->lock);
    done = write_at(file, offset, from, bytes);
    fs_unlock(file->mount->lock);
    return done;
}

/* ESPIPE: a device.  EINVAL: before the begin, or no such whence.  EOVERFLOW. */
s64 file_seek(struct file *file, s64 offset, int whence)
{
    u64 from = 0;
    s64 to;
    int error = 0;

    if (is_stream(file)) {
        return -ESPIPE;
    }
    fs_lock(file->mount->lock);
    switch (whence) {
    case SEEK_SET: break;
    case SEEK_CUR: from = file->state->offset; break;
    case SEEK_END: error = seek_to_end(file, &from); break;
    default: error = EINVAL;
    }
    if (!error && __builtin_add_overflow((s64)from, offset, &to)) {
        error = EOVERFLOW;
    }
    if (!error && to < 0) {
        error = EINVAL;
    }
    if (!error) {
        file->state->offset = (u64)to;
    }
    fs_unlock(file->mount->lock);
    return error ? -error : to;
}

/* ---- directories ---- */

static void dot(struct fs_entry *entry, const char *name, const struct dir *dir)
{
    strcpy(entry->name, name);
    entry->id = dir->node->id;
    entry->type = NODE_DIRECTORY;
}

static int list_entry(struct file *file, struct fs_entry *entry)
{
    u64 position = file->state->offset - AT_ENTRIES;
    int error = file->node->fs->ops->list(file->node, &position, entry);

    if (!error) {
        file->state->offset = position + AT_ENTRIES;
    } else if (error == ENOENT && file->dir->points) {
        file->state->offset = AT_POINTS;
    }
    return error;
}

static int list_point(struct file *file, struct fs_entry *entry)
{
    const struct point *point = file->dir->points;
    const struct dir *at;

    for (u64 i = AT_POINTS; i < file->state->offset && point; i++) {
        point = point->next;
    }
    if (!point) {
        return ENOENT;
    }
    at = point->node.vfs;
    memcpy(entry->name, at->name, at->name_bytes);
    entry->name[at->name_bytes] = '\0';
    entry->id = point->node.id;
    entry->type = NODE_DIRECTORY;
    file->state->offset++;
    return 0;
}

/* ENOENT: that was all.  ENOTDIR. */
int file_list(struct file *file, struct fs_entry *entry)
{
    struct dir *dir = file->dir;
    int error = 0;

    if (!dir) {
        return ENOTDIR;
    }
    fs_lock(file->mount->lock);
    if (dir->node->nlink == 0) {
        error = ENOENT;
    } else if (file->state->offset < AT_ENTRIES) {
        bool up = file->state->offset++ == AT_DOT_DOT;

        dot(entry, up ? ".." : ".", up && dir->parent ? dir->parent : dir);
    } else {
        error = file->state->offset < AT_POINTS ? list_entry(file, entry) : ENOENT;
        if (error == ENOENT && file->state->offset >= AT_POINTS) {
            error = list_point(file, entry);
        }
    }
    fs_unlock(file->mount->lock);
    return error;
}

int file_truncate(struct file *file, u64 bytes)
{
    int error;

    if (!writes(file_flags(file)) || file->node->type != NODE_FILE) {
        return EINVAL;
    }
    if (bytes > OFFSET_MAX) {
        return EFBIG;
    }
    fs_lock(file->mount->lock);
    error = file->node->fs->ops->truncate(file->node, bytes);
    fs_unlock(file->mount->lock);
    return error;
}

int file_sync(struct file *file)
{
    int error;

    if (is_stream(file)) {
        return EINVAL;
    }
    fs_lock(file->mount->lock);
    error = file->node->fs->ops->sync(file->node);
    fs_unlock(file->mount->lock);
    return error;
}

void file_set_flags(struct file *file, int flags)
{
    const int settable = O_APPEND | O_NONBLOCK;

    file->state->flags = (file->state->flags & ~(u32)settable) | (u32)(flags & settable);
}

struct file_state *file_state(const struct file *file)
{
    return file->state;
}

/* It has an offset, and nobody shares it yet. */
bool file_has_own_state(const struct file *file)
{
    return !is_stream(file) && file->state == &file->own;
}

/* Offset and flags go to another place, which outlives the file. */
void file_move_state(struct file *file, struct file_state *to)
{
    *to = file->own;
    file->state = to;
}

bool file_shares_state(const struct file *file)
{
    return !is_stream(file) && file->state != &file->own;
}

const char *file_name(const struct file *file)
{
    return file->name;
}

void file_use_state(struct file *file, struct file_state *at)
{
    file->state = at;
}

/* What it would not wait for now. */
void file_ready(struct file *file, struct fs_ready *ready)
{
    const struct fs_ops *ops = file->node->fs->ops;

    *ready = (struct fs_ready){.what = FS_READABLE | FS_WRITABLE};
    if (ops->ready) {
        ops->ready(file->node, ready);
    }
}

u32 *file_descriptors(struct file *file)
{
    return &file->descriptors;
}

/* This process has no descriptor of it any more. */
void file_close(struct file *file)
{
    if (file->node->fs->ops->close) {
        file->node->fs->ops->close(file->node);
    }
}

struct node *file_node(const struct file *file)
{
    return file->node;
}
