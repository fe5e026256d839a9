/* SPDX-License-Identifier: BSD-2-Clause */
#pragma once
/*
 * Inside of the VFS: directories in use, and mounts.  See tree.c.
 */
#include "lib/kit/list.h"

#include "guest/fs/fs.h"
#include "guest/fs/lock.h"
#include "guest/fs/vfs.h"

struct mount {
    struct __lock *lock; /* for all calls of fs, and what is marked so below */

    /* immutable while mounted: */
    struct fs *fs;
    struct dir *root;
    struct dir *point; /* held; NULL: the root of all */
    const char *source;
    u64 number;

    u32 files;        /* open ones that are no directories; guarded by lock */
    struct list link; /* guarded by vfs.lock */
};

struct dir {
    struct mount *mount;
    struct node *node;    /* held */
    u32 refs;             /* atomic; the last is given back under mount->lock */
    struct mount *covers; /* what is mounted here; guarded by mount->lock */

    /* guarded by mount->lock: */
    struct dir *parent;   /* held; NULL: mount->root */
    struct point *points; /* in it, beside what the file system has */
    u32 name_bytes;
    char name[FS_NAME_MAX];
};

/* A mount point that is no directory of the file system: mount.c. */
struct point {
    struct node node; /* first */
    struct dir *parent;
    struct point *next; /* of parent->points */
};

struct vfs {
    struct __lock *lock; /* held for moments, never around calls of a file system */
    struct list mounts;  /* the root first; guarded by lock */
    struct dir *root;    /* immutable */
    struct dir *cwd;     /* held; guarded by lock */
    u64 numbers;         /* guarded by lock */
};
extern struct vfs vfs;

struct file {
    struct mount *mount;
    struct node *node; /* held */
    struct dir *dir;   /* held; NULL: it is none */
    u32 refs;          /* atomic */
    u32 descriptors;   /* that have it; guarded by the lock of their table */
    struct file_state *state;
    struct file_state own; /* where that is until somebody shares it */
    char *name;            /* that it was opened by; NULL: not known */
};

static inline struct dir *dir_get(struct dir *dir)
{
    __atomic_fetch_add(&dir->refs, 1, __ATOMIC_RELAXED);
    return dir;
}
void dir_put(struct dir *dir);
void dir_put_locked(struct dir *dir);
__must_check int dir_of(struct dir *parent, struct name name, struct node *node,
                        struct dir **found);
__must_check int dir_lookup(struct dir *dir, struct name name, struct node **found);
__must_check int dir_down(struct dir **at, struct name name);
void dir_up(struct dir **at);
struct dir *dir_cwd(void);

static inline struct mount *node_covered(const struct node *node)
{
    const struct dir *dir = node->type == NODE_DIRECTORY ? node->vfs : NULL;

    return dir ? dir->covers : NULL;
}

/* Where a path leads, but for its last component. */
struct place {
    struct dir *dir; /* held */
    enum { PLACE_NAME, PLACE_ROOT, PLACE_DOT, PLACE_DOT_DOT } last;
    struct name name; /* PLACE_NAME; else the path is dir itself */
    bool slash;       /* one follows: only a directory can be meant */
};
__must_check int walk_to(const char *path, struct place *place);
__must_check int walk_to_dir(const char *path, struct dir **dir);

/* What a path names, with the lock of its mount. */
struct found {
    struct mount *mount;
    struct node *node; /* held */
};
__must_check int walk_find(const char *path, struct found *found);
void found_put(struct found *found);

__must_check int dir_path(struct dir *dir, char *to, size_t bytes);
