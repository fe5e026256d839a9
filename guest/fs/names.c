/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * What changes names, and what asks for them.  Each looks names up and changes them under one hold
 * of the lock.  A mount point cannot be removed or renamed (EBUSY); what it is in can be renamed.
 */
#include <stdlib.h>
#include <string.h>

#include "guest/fs/tree.h"

/* What a place names in its directory; NULL: nothing, or not by a name.  The lock is held. */
static int look(const struct place *place, struct node **node)
{
    int error = dir_lookup(place->dir, place->name, node);

    if (error) {
        *node = NULL;
    }
    return error;
}

static const struct fs_ops *ops_of(const struct dir *dir)
{
    return dir->mount->fs->ops;
}

/* Where a path leads, with the lock of its mount; place_end() ends it.  Errors as walk_to. */
static int place_begin(const char *path, struct place *place)
{
    int error = walk_to(path, place);

    if (!error) {
        fs_lock(place->dir->mount->lock);
    }
    return error;
}

static void place_end(struct place *place)
{
    struct __lock *lock = place->dir->mount->lock;

    dir_put_locked(place->dir);
    fs_unlock(lock);
}

int vfs_mkdir(const char *path, u32 permissions)
{
    struct place place;
    struct node *node = NULL;
    int error = place_begin(path, &place);

    if (error) {
        return error;
    }
    error = place.last != PLACE_NAME ? EEXIST : look(&place, &node);
    if (!error) {
        error = EEXIST;
    } else if (error == ENOENT && place.dir->node->nlink > 0) {
        error = place.dir->mount->fs->readonly
                    ? EROFS
                    : ops_of(place.dir)->create(place.dir->node, place.name, NODE_DIRECTORY, &node);
        if (!error) {
            /* a file system that keeps no permissions says so, and that is all right here */
            (void)ops_of(place.dir)->chmod(node, permissions);
        }
    }
    if (node) {
        node_put(node);
    }
    place_end(&place);
    return error;
}

/* The lock is held. */
static int remove_from(const struct place *place, struct node *node)
{
    if (node_covered(node)) {
        return EBUSY;
    }
    if (place->dir->mount->fs->readonly) {
        return EROFS;
    }
    return ops_of(place->dir)->remove(place->dir->node, place->name, node);
}

int vfs_rmdir(const char *path)
{
    static const int of_others[] = {
        [PLACE_ROOT] = EBUSY, [PLACE_DOT] = EINVAL, [PLACE_DOT_DOT] = ENOTEMPTY};
    struct place place;
    struct node *node = NULL;
    int error = place_begin(path, &place);

    if (error) {
        return error;
    }
    error = place.last != PLACE_NAME ? of_others[place.last] : look(&place, &node);
    if (!error) {
        error = node->type != NODE_DIRECTORY ? ENOTDIR : remove_from(&place, node);
        node_put(node);
    }
    place_end(&place);
    return error;
}

/* EISDIR for a directory, as Linux says it. */
int vfs_unlink(const char *path)
{
    struct place place;
    struct node *node = NULL;
    int error = place_begin(path, &place);

    if (error) {
        return error;
    }
    error = place.last != PLACE_NAME ? EISDIR : look(&place, &node);
    if (!error) {
        error = node->type == NODE_DIRECTORY ? EISDIR
                : place.slash                ? ENOTDIR
                                             : remove_from(&place, node);
        node_put(node);
    }
    place_end(&place);
    return error;
}

/* ---- rename ---- */

static bool is_within(const struct dir *dir, const struct node *node)
{
    for (; dir; dir = dir->parent) {
        if (dir->node == node) {
            return true;
        }
    }
    return false;
}

/* Whether node, found at `from`, may get the place `to`, where `there` is, or NULL. */
static int may_move(const struct place *from, struct node *node, const struct place *to,
                    struct node *there)
{
    if (node->type != NODE_DIRECTORY && (from->slash || to->slash)) {
        return ENOTDIR;
    }
    if (is_within(to->dir, node)) {
        return EINVAL;
    }
    if (there && is_within(from->dir, there)) {
        return ENOTEMPTY;
    }
    if (there && there != node) {
        if (node->type == NODE_DIRECTORY && there->type != NODE_DIRECTORY) {
            return ENOTDIR;
        }
        if (node->type != NODE_DIRECTORY && there->type == NODE_DIRECTORY) {
            return EISDIR;
        }
    }
    if (node_covered(node) || (there && node_covered(there))) {
        return EBUSY;
    }
    return from->dir->mount->fs->readonly ? EROFS : 0;
}

/* A directory that is in use goes to another place in the tree. */
static void move_dir(struct dir *dir, const struct place *to)
{
    struct dir *old = dir->parent;

    dir->parent = dir_get(to->dir);
    dir->name_bytes = (u32)to->name.bytes;
    memcpy(dir->name, to->name.at, to->name.bytes);
    dir_put_locked(old);
}

static bool same_name(const struct place *a, const struct place *b)
{
    return a->dir == b->dir && a->name.bytes == b->name.bytes &&
           memcmp(a->name.at, b->name.at, a->name.bytes) == 0;
}

/* The lock is held; nodes are held. */
static int move(const struct place *from, struct node *node, const struct place *to,
                struct node *there)
{
    int error = may_move(from, node, to, there);

    if (error || (there == node && same_name(from, to))) {
        return error;
    }
    /* the same by another name: one that differs in case, where that does not count */
    error = ops_of(to->dir)->rename(from->dir->node, from->name, node, to->dir->node, to->name,
                                    there == node ? NULL : there);
    if (!error && node->type == NODE_DIRECTORY && node->vfs) {
        move_dir(node->vfs, to);
    }
    return error;
}

static int rename_locked(const struct place *from, const struct place *to)
{
    struct node *node, *there = NULL;
    int error;

    if (from->last != PLACE_NAME || to->last != PLACE_NAME) {
        return EBUSY;
    }
    error = look(from, &node);
    if (error) {
        return error;
    }
    error = look(to, &there);
    if (!error || (error == ENOENT && to->dir->node->nlink > 0)) {
        error = move(from, node, to, there);
    }
    if (there) {
        node_put(there);
    }
    node_put(node);
    return error;
}

/*
 * vfs_rename - POSIX's: what has the new name is replaced, if it is of the same kind, and as a
 * directory is empty.
 *
 * EXDEV: they are on two mounts.  EINVAL: a directory into itself.  EBUSY: "/", "." or "..", or
 * something is mounted there.  ENOTDIR, EISDIR, ENOTEMPTY, EROFS, ENOSPC ...
 */
int vfs_rename(const char *old, const char *new)
{
    struct place from, to;
    struct __lock *lock;
    int error = walk_to(old, &from);

    if (error) {
        return error;
    }
    error = walk_to(new, &to);
    if (error) {
        dir_put(from.dir);
        return error;
    }
    if (from.dir->mount != to.dir->mount) {
        dir_put(from.dir);
        dir_put(to.dir);
        return EXDEV;
    }
    lock = from.dir->mount->lock;
    fs_lock(lock);
    error = rename_locked(&from, &to);
    dir_put_locked(from.dir);
    dir_put_locked(to.dir);
    fs_unlock(lock);
    return error;
}

/* ---- the working directory ---- */

static void chdir_to(struct dir *dir)
{
    struct dir *before;

    fs_lock(vfs.lock);
    before = vfs.cwd;
    vfs.cwd = dir;
    fs_unlock(vfs.lock);
    dir_put(before);
}

int vfs_chdir(const char *path)
{
    struct dir *dir;
    int error = walk_to_dir(path, &dir);

    if (!error) {
        chdir_to(dir);
    }
    return error;
}

int file_chdir(struct file *file)
{
    if (!file->dir) {
        return ENOTDIR;
    }
    chdir_to(dir_get(file->dir));
    return 0;
}

/* ERANGE: it is longer.  ENOENT: it was removed. */
int vfs_getcwd(char *to, size_t bytes)
{
    struct dir *dir = dir_cwd();
    int error = dir_path(dir, to, bytes);

    dir_put(dir);
    return error;
}

/* The path of what there is at `path`, without ".", ".." and what is too much of "/". */
int vfs_realpath(const char *path, char *to, size_t bytes)
{
    struct place place;
    struct found found;
    size_t used;
    int error = walk_find(path, &found); /* is it there? */

    if (error) {
        return error;
    }
    found_put(&found);
    error = walk_to(path, &place);
    if (error) {
        return error;
    }
    error = dir_path(place.dir, to, bytes);
    dir_put(place.dir);
    if (error || place.last != PLACE_NAME) {
        return error;
    }
    used = strlen(to);
    used -= used == 1; /* of the root: "/" */
    if (used + 1 + place.name.bytes + 1 > bytes) {
        return ENAMETOOLONG;
    }
    to[used] = '/';
    memcpy(to + used + 1, place.name.at, place.name.bytes);
    to[used + 1 + place.name.bytes] = '\0';
    return 0;
}
