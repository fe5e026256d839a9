/* SPDX-License-Identifier: BSD-2-Clause */
/* What is known of files, and changed without opening them. */
#include "guest/fs/tree.h"

static int stat_of(struct found *found, struct vfs_stat *stat)
{
    struct node *node = found->node;

    *stat = (struct vfs_stat){
        .mount = found->mount->number,
        .id = node->id,
        .type = node->type,
        .nlink = node->nlink,
        .readonly = node->fs->readonly,
    };
    return node->fs->ops->attr(node, &stat->attr);
}

static int space_of(struct found *found, struct fs_space *space, struct vfs_stat *stat)
{
    int error = stat_of(found, stat);

    return error ? error : found->mount->fs->ops->space(found->mount->fs, space);
}

static int chmod_of(struct found *found, u32 permissions)
{
    struct fs *fs = found->mount->fs;

    return fs->readonly ? EROFS : fs->ops->chmod(found->node, permissions);
}

static int times_of(struct found *found, const struct vfs_times *times)
{
    struct node *node = found->node;
    struct node_attr attr;
    int error;

    if (node->fs->readonly) {
        return EROFS;
    }
    error = node->fs->ops->attr(node, &attr);
    if (error) {
        return error;
    }
    return node->fs->ops->set_times(node, times->keep_atime ? attr.atime_s : times->atime_s,
                                    times->keep_mtime ? attr.mtime_s : times->mtime_s,
                                    times->keep_mtime ? attr.mtime_ns : times->mtime_ns);
}

/* An open file with its lock, as walk_find has what a path names. */
static struct found begin(struct file *file)
{
    fs_lock(file->mount->lock);
    return (struct found){file->mount, node_get(file->node)};
}

/* ---- by path ---- */

int vfs_stat(const char *path, struct vfs_stat *stat)
{
    struct found found;
    int error = walk_find(path, &found);

    if (!error) {
        error = stat_of(&found, stat);
        found_put(&found);
    }
    return error;
}

/* What the file system has in all and left, of which path names something. */
int vfs_space(const char *path, struct fs_space *space, struct vfs_stat *stat)
{
    struct found found;
    int error = walk_find(path, &found);

    if (!error) {
        error = space_of(&found, space, stat);
        found_put(&found);
    }
    return error;
}

int vfs_chmod(const char *path, u32 permissions)
{
    struct found found;
    int error = walk_find(path, &found);

    if (!error) {
        error = chmod_of(&found, permissions);
        found_put(&found);
    }
    return error;
}

int vfs_set_times(const char *path, const struct vfs_times *times)
{
    struct found found;
    int error = walk_find(path, &found);

    if (!error) {
        error = times_of(&found, times);
        found_put(&found);
    }
    return error;
}

int vfs_truncate(const char *path, u64 bytes)
{
    struct found found;
    int error = walk_find(path, &found);

    if (error) {
        return error;
    }
    switch (found.node->type) {
    case NODE_DIRECTORY: error = EISDIR; break;
    case NODE_DEVICE:
    case NODE_PIPE: error = EINVAL; break;
    case NODE_FILE:
        error = bytes > INT64_MAX           ? EFBIG
                : found.mount->fs->readonly ? EROFS
                                            : found.mount->fs->ops->truncate(found.node, bytes);
        break;
    }
    found_put(&found);
    return error;
}

/* ---- of open files ---- */

int file_stat(struct file *file, struct vfs_stat *stat)
{
    struct found found = begin(file);
    int error = stat_of(&found, stat);

    found_put(&found);
    return error;
}

int file_space(struct file *file, struct fs_space *space, struct vfs_stat *stat)
{
    struct found found = begin(file);
    int error = space_of(&found, space, stat);

    found_put(&found);
    return error;
}

int file_chmod(struct file *file, u32 permissions)
{
    struct found found = begin(file);
    int error = chmod_of(&found, permissions);

    found_put(&found);
    return error;
}

int file_set_times(struct file *file, const struct vfs_times *times)
{
    struct found found = begin(file);
    int error = times_of(&found, times);

    found_put(&found);
    return error;
}
