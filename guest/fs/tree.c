/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Directories in use: those that somebody holds, and all above them, as a tree in memory.
 *
 *     root "/" -- "home" -- "me" <- working directory
 *         \-- "dev"
 *               : covered by the root of another mount, whose `point` is "dev"
 *
 * A file system knows no way up and no names of what it has; so ".." and getcwd are answered from
 * here, and a rename, which moves the directory in this tree, too, changes what they say.  Of a
 * directory there is at most one, which its node knows.  Memory is bounded by what is in use.
 *
 * Locks: a mount's, for its file system and its part of the tree; and vfs.lock.  Who holds one
 * takes no other, but for vfs_lock_all, and umount from the outer mount to the inner: so a file
 * system that does not answer stops nobody elsewhere.  Crossing needs no lock of the other side:
 * what covers a directory is looked up, and its root held, under the lock of the directory, and
 * umount looks under that one whether somebody holds it; and a mount holds its point.
 */
#include "guest/fs/tree.h"

#include <stdlib.h>
#include <string.h>

struct vfs vfs = {
    .mounts = {&vfs.mounts, &vfs.mounts}
};

/* dir->mount->lock is held. */
void dir_put_locked(struct dir *dir)
{
    while (dir && __atomic_sub_fetch(&dir->refs, 1, __ATOMIC_ACQ_REL) == 0) {
        struct dir *parent = dir->parent;

        dir->node->vfs = NULL;
        node_put(dir->node);
        free(dir);
        dir = parent;
    }
}

void dir_put(struct dir *dir)
{
    struct __lock *lock = dir->mount->lock;
    u32 refs = __atomic_load_n(&dir->refs, __ATOMIC_RELAXED);

    while (refs > 1) {
        if (__atomic_compare_exchange_n(&dir->refs, &refs, refs - 1, false, __ATOMIC_RELEASE,
                                        __ATOMIC_RELAXED)) {
            return;
        }
    }
    fs_lock(lock);
    dir_put_locked(dir);
    fs_unlock(lock);
}

/*
 * dir_of - the directory `node`, which is `name` in parent, as one in use.
 *
 * The hold of node goes over to it; after an error (ENOMEM) it is put.  parent->mount->lock is
 * held.
 */
int dir_of(struct dir *parent, struct name name, struct node *node, struct dir **found)
{
    struct dir *dir = node->vfs;

    if (dir) {
        node_put(node);
        *found = dir_get(dir);
        return 0;
    }
    dir = malloc(sizeof(*dir));
    if (!dir) {
        node_put(node);
        return ENOMEM;
    }
    dir->mount = parent->mount;
    dir->node = node;
    dir->refs = 1;
    dir->covers = NULL;
    dir->parent = dir_get(parent);
    dir->points = NULL;
    dir->name_bytes = (u32)name.bytes;
    memcpy(dir->name, name.at, name.bytes);
    node->vfs = dir;
    *found = dir;
    return 0;
}

/* ENOENT also where the directory itself was removed.  dir->mount->lock is held. */
int dir_lookup(struct dir *dir, struct name name, struct node **found)
{
    int error =
        dir->node->nlink == 0 ? ENOENT : dir->mount->fs->ops->lookup(dir->node, name, found);

    for (struct point *point = dir->points; error == ENOENT && point; point = point->next) {
        const struct dir *at = point->node.vfs;

        if (at->name_bytes == name.bytes && memcmp(at->name, name.at, name.bytes) == 0) {
            *found = node_get(&point->node);
            error = 0;
        }
    }
    return error;
}

/* To the directory of that name in *at, which is put, also after an error. */
int dir_down(struct dir **at, struct name name)
{
    struct dir *dir = *at, *next = NULL;
    struct __lock *lock = dir->mount->lock;
    struct node *node;
    int error;

    fs_lock(lock);
    error = dir_lookup(dir, name, &node);
    if (!error && node->type != NODE_DIRECTORY) {
        node_put(node);
        error = ENOTDIR;
    }
    if (!error) {
        error = dir_of(dir, name, node, &next);
    }
    if (!error && next->covers) {
        struct dir *inner = dir_get(next->covers->root);

        dir_put_locked(next);
        next = inner;
    }
    dir_put_locked(dir);
    fs_unlock(lock);
    *at = next;
    return error;
}

/* "..", which at the root is the root. */
void dir_up(struct dir **at)
{
    struct dir *dir = *at, *next;

    while (dir == dir->mount->root) {
        if (!dir->mount->point) {
            return;
        }
        next = dir_get(dir->mount->point);
        dir_put(dir);
        *at = dir = next;
    }
    fs_lock(dir->mount->lock);
    *at = dir_get(dir->parent);
    dir_put_locked(dir);
    fs_unlock((*at)->mount->lock);
}

struct dir *dir_cwd(void)
{
    struct dir *dir;

    fs_lock(vfs.lock);
    dir = dir_get(vfs.cwd);
    fs_unlock(vfs.lock);
    return dir;
}

/*
 * dir_path - where a directory is now, from the root.
 *
 * ENOENT: it was removed.  ERANGE: that is longer.  The caller holds dir, and so all mounts on the
 * way; what is renamed between two of them meanwhile may be told in part as it was.
 */
int dir_path(struct dir *dir, char *to, size_t bytes)
{
    char *at = to + bytes - 1; /* it grows downwards, and moves at the end */
    int error = 0;

    if (bytes < sizeof("/")) {
        return ERANGE;
    }
    *at = '\0';
    for (; dir; dir = dir->mount->point) {
        struct mount *mount = dir->mount;

        fs_lock(mount->lock);
        if (dir->node->nlink == 0) {
            error = ENOENT;
        }
        for (; !error && dir != mount->root; dir = dir->parent) {
            if ((size_t)(at - to) < dir->name_bytes + 1) {
                error = ERANGE;
                break;
            }
            at -= dir->name_bytes;
            memcpy(at, dir->name, dir->name_bytes);
            *--at = '/';
        }
        fs_unlock(mount->lock);
        if (error) {
            return error;
        }
        dir = mount->root;
    }
    if (*at == '\0') {
        *--at = '/';
    }
    memmove(to, at, (size_t)(to + bytes - at));
    return 0;
}

/* The locks of the mounts before `end` in the list. */
static void unlock_mounts(const struct list *end)
{
    struct list *link;

    for (link = vfs.mounts.next; link != end; link = link->next) {
        fs_unlock(container_of(link, struct mount, link)->lock);
    }
}

/*
 * vfs_lock_all - vfs.lock and all mounts', in the order of being mounted: outer ones first.
 *
 * False: wait is false, and one of them is another task's; none is held then.
 */
bool vfs_lock_all(bool wait)
{
    struct list *link;

    if (!vfs.root) {
        return true;
    }
    if (wait) {
        fs_lock(vfs.lock);
    } else if (!fs_try_lock(vfs.lock)) {
        return false;
    }
    list_for_each(link, &vfs.mounts) {
        struct mount *mount = container_of(link, struct mount, link);

        if (wait) {
            fs_lock(mount->lock);
        } else if (!fs_try_lock(mount->lock)) {
            unlock_mounts(link);
            fs_unlock(vfs.lock);
            return false;
        }
    }
    return true;
}

void vfs_unlock_all(void)
{
    if (vfs.root) {
        unlock_mounts(&vfs.mounts);
        fs_unlock(vfs.lock);
    }
}
