/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Mounts.  The first is the root.  Each further one covers a directory that is there, as long as it
 * is mounted; a path comes into it where it names that directory, component by component, so /tmpx
 * is not in what is mounted at /tmp.  One directory can be covered once.
 *
 * What the library OS mounts before main, /dev and the like, must have a place also on a disk that
 * has no such directory and may not be written: a point, which is a directory in this tree alone.
 * It is covered from the moment that it is there until it goes.
 */
#include <stdlib.h>
#include <string.h>

#include "guest/fs/tree.h"

bool vfs_is_up(void)
{
    return vfs.root != NULL;
}

static void mount_free(struct mount *mount)
{
    if (mount) {
        fs_lock_destroy(mount->lock);
        free(mount->root);
        free(mount);
    }
}

static struct mount *mount_make(struct fs *fs, const char *source)
{
    struct mount *mount = calloc(1, sizeof(*mount));

    if (!mount || fs_lock_create(&mount->lock) != 0) {
        free(mount);
        return NULL;
    }
    mount->root = calloc(1, sizeof(*mount->root));
    if (!mount->root) {
        mount_free(mount);
        return NULL;
    }
    mount->fs = fs;
    mount->source = source;
    mount->root->mount = mount;
    mount->root->refs = 1;
    mount->root->node = node_get(fs->root);
    fs->root->vfs = mount->root;
    fs->vfs = mount;
    list_init(&mount->link);
    return mount;
}

static void announce(struct mount *mount)
{
    fs_lock(vfs.lock);
    mount->number = ++vfs.numbers;
    list_add_tail(&vfs.mounts, &mount->link);
    fs_unlock(vfs.lock);
}

static int mount_root(struct mount *mount)
{
    if (fs_lock_create(&vfs.lock) != 0) {
        return ENOMEM;
    }
    announce(mount);
    vfs.cwd = dir_get(mount->root);
    vfs.root = mount->root;
    return 0;
}

/* Who comes in before it is in the list waits for its lock; so a fork has that of all in use. */
static int mount_at(struct dir *point, struct mount *mount)
{
    struct __lock *lock = point->mount->lock;
    int error = 0;

    fs_lock(lock);
    if (point == point->mount->root || point->covers) {
        error = EBUSY;
    } else if (point->node->nlink == 0) {
        error = ENOENT;
    } else {
        fs_lock(mount->lock);
        mount->point = point;
        point->covers = mount;
    }
    fs_unlock(lock);
    if (!error) {
        announce(mount);
        fs_unlock(mount->lock);
    }
    return error;
}

static void point_forget(struct node *node)
{
    struct point *point = (struct point *)(void *)node, **at = &point->parent->points;

    while (*at != point) {
        at = &(*at)->next;
    }
    *at = point->next;
    free(point);
}

/* Of a point: nothing else is ever called. */
static struct fs points = {
    .ops = &(const struct fs_ops){.type = "point", .forget = point_forget}
};

/* A point in a place where nothing is.  No other task runs yet. */
static int point_make(const struct place *place, struct dir **made)
{
    static u64 next_id = 1UL << 63;
    struct point *point = calloc(1, sizeof(*point));

    if (!point) {
        return ENOMEM;
    }
    point->node = (struct node){
        .fs = &points, .type = NODE_DIRECTORY, .holders = 1, .id = next_id, .nlink = 1};
    next_id++;
    point->parent = place->dir;
    point->next = place->dir->points;
    place->dir->points = point;
    return dir_of(place->dir, place->name, &point->node, made);
}

/* As walk_to_dir; what is missing is made. */
static int walk_or_make(const char *path, struct dir **dir)
{
    struct place place;
    int error = walk_to_dir(path, dir);

    if (error != ENOENT) {
        return error;
    }
    error = walk_to(path, &place);
    if (!error) {
        error = place.last == PLACE_NAME ? point_make(&place, dir) : ENOENT;
        dir_put(place.dir);
    }
    return error;
}

static int mount_with(const char *path, struct fs *fs, const char *source,
                      int (*walk)(const char *path, struct dir **dir))
{
    struct mount *mount = mount_make(fs, source);
    struct dir *point;
    int error;

    if (!mount) {
        return ENOMEM;
    }
    if (!vfs.root) {
        error = mount_root(mount);
    } else {
        error = walk(path, &point);
        if (!error) {
            error = mount_at(point, mount);
            if (error) {
                dir_put(point);
            }
        }
    }
    if (error) {
        fs->root->vfs = NULL;
        fs->root->holders--;
        mount_free(mount);
    }
    return error;
}

/*
 * vfs_mount - fs at the directory `path`, which it covers.  The first one becomes the root.
 *
 * EBUSY: something is mounted there already.  ENOENT, ENOTDIR, ENOMEM.  After an error fs is still
 * the caller's.
 */
int vfs_mount(const char *path, struct fs *fs, const char *source)
{
    return mount_with(path, fs, source, walk_to_dir);
}

/* The same, and a point is made where nothing is.  Before main only. */
int vfs_mount_first(const char *path, struct fs *fs, const char *source)
{
    return mount_with(path, fs, source, walk_or_make);
}

/* Takes the two references to the root, the mount's and the caller's, if nobody else has one: then
 * nobody gets one any more.  The locks of point and mount are held. */
static bool end_use(struct mount *mount)
{
    u32 refs = 2;

    return mount->files == 0 && __atomic_compare_exchange_n(&mount->root->refs, &refs, 0, false,
                                                            __ATOMIC_ACQUIRE, __ATOMIC_RELAXED);
}

static int detach(struct mount *mount)
{
    struct mount *outer = mount->point->mount;
    bool idle;

    fs_lock(outer->lock);
    fs_lock(mount->lock);
    idle = end_use(mount);
    if (idle) {
        mount->point->covers = NULL;
        dir_put_locked(mount->point);
    }
    fs_unlock(mount->lock);
    fs_unlock(outer->lock);
    if (!idle) {
        return EBUSY;
    }
    fs_lock(vfs.lock);
    list_del(&mount->link);
    fs_unlock(vfs.lock);
    return 0;
}

/*
 * vfs_umount - what is mounted at path is written back, and gone.
 *
 * EINVAL: nothing is mounted there.  EBUSY: it is in use, or the root.  An error of the last
 * write-back is told, and it is gone as well.
 */
int vfs_umount(const char *path)
{
    struct dir *dir;
    struct mount *mount;
    int error = walk_to_dir(path, &dir);

    if (error) {
        return error;
    }
    mount = dir->mount;
    error = dir != mount->root ? EINVAL : !mount->point ? EBUSY : detach(mount);
    if (error) {
        dir_put(dir);
        return error;
    }
    mount->fs->root->vfs = NULL;
    node_put(mount->fs->root);
    error = mount->fs->ops->unmount(mount->fs);
    mount_free(mount);
    return error;
}

/* False: the mount is going away. */
static bool try_get(struct dir *root)
{
    u32 refs = __atomic_load_n(&root->refs, __ATOMIC_RELAXED);

    while (refs > 0 && !__atomic_compare_exchange_n(&root->refs, &refs, refs + 1, false,
                                                    __ATOMIC_ACQUIRE, __ATOMIC_RELAXED)) {
    }
    return refs > 0;
}

/* Its root, held; NULL: there are not so many. */
static struct dir *mount_get(size_t index)
{
    struct list *link;
    struct dir *root = NULL;

    fs_lock(vfs.lock);
    list_for_each(link, &vfs.mounts) {
        struct dir *next = container_of(link, struct mount, link)->root;

        if (index > 0) {
            index--;
        } else if (try_get(next)) {
            root = next;
            break;
        }
    }
    fs_unlock(vfs.lock);
    return root;
}

/* Those that come or go between two calls may be missed or told twice. */
int vfs_mount_get(size_t index, struct vfs_mount *mount)
{
    struct dir *root = mount_get(index);
    int error;

    if (!root) {
        return ENOENT;
    }
    mount->type = root->mount->fs->ops->type;
    mount->source = root->mount->source;
    mount->readonly = root->mount->fs->readonly;
    error = dir_path(root, mount->path, sizeof(mount->path));
    dir_put(root);
    return error;
}

/* All of all; the first error. */
int vfs_sync(void)
{
    struct dir *root;
    int first = 0;

    for (size_t i = 0; (root = mount_get(i)) != NULL; i++) {
        struct mount *mount = root->mount;
        int error;

        fs_lock(mount->lock);
        error = mount->fs->ops->sync_all(mount->fs);
        fs_unlock(mount->lock);
        dir_put(root);
        first = first ? first : error;
    }
    return first;
}
