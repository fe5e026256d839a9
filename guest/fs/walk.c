/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * From a path to what it names, a component after the other: each but the last must be there
 * (ENOENT) and be a directory (ENOTDIR), also where ".." follows.  The last one is for the caller
 * to look up, who may want to make it.  What others do meanwhile is seen or not; nothing is locked
 * between two components.
 */
#include <string.h>

#include "guest/fs/tree.h"

/* The length of the component at p; 0: there is none. */
static size_t component(const char *p)
{
    size_t bytes = 0;

    while (p[bytes] && p[bytes] != '/') {
        bytes++;
    }
    return bytes;
}

static const char *skip_slashes(const char *p)
{
    while (*p == '/') {
        p++;
    }
    return p;
}

static bool is_dot(const char *p, size_t bytes)
{
    return bytes == 1 && p[0] == '.';
}

static bool is_dot_dot(const char *p, size_t bytes)
{
    return bytes == 2 && p[0] == '.' && p[1] == '.';
}

/* One component: into place->last if it is the last, else down or up; dir is put after an error. */
static int step(struct place *place, const char *p, size_t bytes, bool last)
{
    place->last = PLACE_DOT;
    if (is_dot(p, bytes)) {
        return 0;
    }
    if (is_dot_dot(p, bytes)) {
        place->last = PLACE_DOT_DOT;
        dir_up(&place->dir);
        return 0;
    }
    place->name = (struct name){p, bytes};
    if (last) {
        place->last = PLACE_NAME;
        return 0;
    }
    return dir_down(&place->dir, place->name);
}

/*
 * walk_to - the directory that the last component of a path is in, held, and that component.
 *
 * ENOENT (the empty path, too), ENOTDIR, ENAMETOOLONG, ENOMEM, and what the file system says:
 * nothing is held then.
 */
int walk_to(const char *path, struct place *place)
{
    const char *p = skip_slashes(path), *next;
    int error = 0;

    if (*path == '\0') {
        return ENOENT;
    }
    if (strnlen(path, VFS_PATH_MAX) == VFS_PATH_MAX) {
        return ENAMETOOLONG;
    }
    place->dir = p == path ? dir_cwd() : dir_get(vfs.root);
    place->last = PLACE_ROOT;
    place->slash = false;
    for (; *p && !error; p = next) {
        size_t bytes = component(p);

        next = skip_slashes(p + bytes);
        if (bytes > FS_NAME_MAX) {
            dir_put(place->dir);
            return ENAMETOOLONG;
        }
        place->slash = p[bytes] == '/';
        error = step(place, p, bytes, *next == '\0');
    }
    return error;
}

/* To a directory, held. */
int walk_to_dir(const char *path, struct dir **dir)
{
    struct place place;
    int error = walk_to(path, &place);

    if (!error && place.last == PLACE_NAME) {
        error = dir_down(&place.dir, place.name);
    }
    *dir = place.dir;
    return error;
}

/* From the directory under a mount to its root, and from the lock of the one to that of the other.
 */
static void cross(struct found *found)
{
    struct mount *outer = found->mount, *inner = node_covered(found->node);
    struct dir *root = dir_get(inner->root);

    node_put(found->node);
    fs_unlock(outer->lock);
    fs_lock(inner->lock);
    found->mount = inner;
    found->node = node_get(root->node);
    dir_put_locked(root);
}

/*
 * walk_find - what a path names; found_put ends it.
 *
 * Errors as walk_to, and ENOTDIR: a slash follows, and it is no directory.
 */
int walk_find(const char *path, struct found *found)
{
    struct place place;
    int error = walk_to(path, &place);

    if (error) {
        return error;
    }
    found->mount = place.dir->mount;
    fs_lock(found->mount->lock);
    if (place.last != PLACE_NAME) {
        found->node = node_get(place.dir->node);
    } else {
        error = dir_lookup(place.dir, place.name, &found->node);
    }
    if (!error && place.slash && found->node->type != NODE_DIRECTORY) {
        node_put(found->node);
        error = ENOTDIR;
    }
    dir_put_locked(place.dir);
    if (error) {
        fs_unlock(found->mount->lock);
        return error;
    }
    if (place.last == PLACE_NAME && node_covered(found->node)) {
        cross(found);
    }
    return 0;
}

void found_put(struct found *found)
{
    struct __lock *lock = found->mount->lock;

    node_put(found->node);
    fs_unlock(lock);
}
