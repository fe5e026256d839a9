/* SPDX-License-Identifier: BSD-2-Clause */
#pragma once
/*
 * A file system, as the VFS uses it.  It needs no locks: the VFS lets one task at a time into each
 * mounted file system.  Compiles on the host, too.
 *
 * Errors are errno's, 0 is success; after an error nothing has changed, but where it is said.
 *
 * A node is a file, directory or device that is in use.  A file system gives the same node for the
 * same file as long as anybody holds it.  Whoever gets a node holds it once more, and puts it by
 * node_put(); the last one calls ops->forget.  A node whose name is gone stays usable until then.
 *
 * A name is one component: 1 to FS_NAME_MAX bytes, no '/' or NUL, neither "." nor "..".  What else
 * is not a name there is for the file system to say (EINVAL).  Whether case counts is its choice.
 */
#include <errno.h>

#include "lib/kit/types.h"

#define FS_NAME_MAX 255

struct fs;
struct node;

/* A pipe is a device that has no name. */
enum node_type { NODE_FILE, NODE_DIRECTORY, NODE_DEVICE, NODE_PIPE };

struct name {
    const char *at; /* not NUL-terminated */
    size_t bytes;
};

struct node_attr {
    u64 bytes;      /* of a file */
    u64 used_bytes; /* what it takes */
    s64 mtime_s, atime_s, ctime_s;
    u32 mtime_ns;
    u32 permissions; /* 0777 at most */
};

struct fs_entry {
    char name[FS_NAME_MAX + 1];
    u64 id; /* the node's */
    enum node_type type;
};

struct fs_space {
    u64 block_bytes, blocks, free_blocks;
    u64 files, free_files; /* 0: without limit */
};

/* Of what can keep one waiting, what would not at the moment; and how to learn of a change. */
#define FS_READABLE 0x1U
#define FS_WRITABLE 0x2U
#define FS_ENDED    0x4U /* who is at the other end is gone */
struct fs_ready {
    u32 what;        /* FS_... */
    const u32 *word; /* another value than `value` and a word_wake() (guest/word.h) tell; or NULL */
    u32 value;
};

struct fs_ops {
    const char *type; /* "fat32" */

    /* ENOENT */
    int (*lookup)(struct node *dir, struct name name, struct node **found);
    /* A file or directory.  EEXIST, ENOSPC, EINVAL, EROFS */
    int (*create)(struct node *dir, struct name name, enum node_type type, struct node **made);
    /* node is what lookup gives for the name.  ENOTEMPTY, EROFS */
    int (*remove)(struct node *dir, struct name name, struct node *node);
    /* What has the name `to` already, replaced, is removed: the VFS has checked that types fit and
     * that a directory does not move into itself; replaced is NULL if there is none.  ENOTEMPTY */
    int (*rename)(struct node *from_dir, struct name from, struct node *node, struct node *to_dir,
                  struct name to, struct node *replaced);
    /* The entry at *position, 0 first, which moves on; ENOENT at the end.  "." and ".." are the
     * VFS's.  Entries that come or go meanwhile may be missed, others not. */
    int (*list)(struct node *dir, u64 *position, struct fs_entry *entry);

    /* *done bytes, fewer only at the end or after an error behind the first byte.  Of a device this
     * and write are called without the lock, and by several tasks at a time: they may wait. */
    int (*read)(struct node *node, u64 offset, void *to, size_t bytes, size_t *done);
    /* ... a gap before offset reads as zeros.  ENOSPC, EFBIG, EROFS */
    int (*write)(struct node *node, u64 offset, const void *from, size_t bytes, size_t *done);
    int (*truncate)(struct node *node, u64 bytes); /* longer: zeros */

    int (*attr)(struct node *node, struct node_attr *attr);
    int (*set_times)(struct node *node, s64 atime_s, s64 mtime_s, u32 mtime_ns);
    int (*chmod)(struct node *node, u32 permissions);
    /* What was written to the node, and what is needed to find it, is on the medium. */
    int (*sync)(struct node *node);
    /* Optional: without it nothing keeps one waiting. */
    void (*ready)(struct node *node, struct fs_ready *ready);
    /* Optional: this process has no descriptor of it any more, though it may still be in use. */
    void (*close)(struct node *node);
    /* The last holder is gone. */
    void (*forget)(struct node *node);

    /* Of the whole: */
    int (*sync_all)(struct fs *fs);
    int (*space)(struct fs *fs, struct fs_space *space);
    /* No node but the root is in use; afterwards fs is gone.  After an error of the last write-back
     * it is gone as well. */
    int (*unmount)(struct fs *fs);
};

/* Each file system has one first in its own struct; so do nodes. */
struct fs {
    const struct fs_ops *ops;
    struct node *root; /* held by the file system */
    bool readonly;
    void *vfs; /* the VFS's own */
};

struct node {
    struct fs *fs;
    enum node_type type;
    u32 holders;
    u64 id;    /* of no other node of this file system that is in use: st_ino */
    u16 nlink; /* 0: the name is gone */
    void *vfs; /* the VFS's own */
};

static inline struct node *node_get(struct node *node)
{
    node->holders++;
    return node;
}

static inline void node_put(struct node *node)
{
    if (--node->holders == 0)
        node->fs->ops->forget(node);
}

/* The time for what is changed now: since 1970, UTC; the VFS has it, and so do tests. */
s64 fs_now(u32 *ns);
/* Bytes of memory that nobody has: for who keeps files in it. */
u64 fs_memory_left(void);

/* A line for the log: what is wrong with a disk.  The VFS has it, and so do tests. */
void fs_log(const char *format, ...) __printf_like(1, 2);

/* Mounting: one function for each file system.  Each gives *fs, or an error and a line that says
 * why in `why` (for the log; never NULL). */
struct block;
int ramfs_mount(struct fs **fs);
int devfs_mount(struct fs **fs);
int fat32_mount(struct block *block, bool readonly, struct fs **fs, const char **why);
/* The files of a ustar archive, or one file if it is none; the memory stays. */
int archive_mount(const void *archive, u64 bytes, struct fs **fs, const char **why);
