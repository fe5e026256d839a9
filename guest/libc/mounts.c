/* SPDX-License-Identifier: BSD-2-Clause */
/* Mounting and what there is room for: <sys/mount.h>, <sys/statvfs.h>, <sys/vfs.h>. */
#include <errno.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/statvfs.h>
#include <sys/vfs.h>

#include "guest/libc/descriptor.h"

/* What can be mounted without a device. */
static int make(const char *type, struct fs **fs)
{
    if (strcmp(type, "ramfs") == 0) {
        return ramfs_mount(fs);
    }
    if (strcmp(type, "devfs") == 0) {
        return devfs_mount(fs);
    }
    return ENODEV;
}

/*
 * mount - a new file system at a directory.
 *
 * ENODEV: no such type: "ramfs" and "devfs" are there.  Disks and archives are mounted when the
 * program begins.  EBUSY, ENOENT, ENOTDIR, ENOMEM.  MS_RDONLY is the one flag.
 */
int mount(const char *source, const char *path, const char *type, unsigned long flags,
          const void *options)
{
    struct fs *fs;
    int error;

    (void)source;
    (void)options;
    if (flags & ~(unsigned long)MS_RDONLY) {
        return files_result(EINVAL);
    }
    error = make(type, &fs);
    if (error) {
        return files_result(error);
    }
    fs->readonly = (flags & MS_RDONLY) != 0;
    error = vfs_mount(path, fs, fs->ops->type);
    if (error) {
        (void)fs->ops->unmount(fs);
    }
    return files_result(error);
}

int umount(const char *path)
{
    return files_result(vfs_umount(path));
}

static int give(int error, const struct fs_space *space, const struct vfs_stat *stat,
                struct statvfs *to)
{
    if (error) {
        return files_result(error);
    }
    *to = (struct statvfs){
        .f_bsize = space->block_bytes,
        .f_frsize = space->block_bytes,
        .f_blocks = space->blocks,
        .f_bfree = space->free_blocks,
        .f_bavail = space->free_blocks,
        .f_files = space->files,
        .f_ffree = space->free_files,
        .f_favail = space->free_files,
        .f_fsid = stat->mount,
        .f_flag = stat->readonly ? ST_RDONLY : 0,
        .f_namemax = FS_NAME_MAX,
    };
    return 0;
}

int statvfs(const char *restrict path, struct statvfs *restrict to)
{
    struct fs_space space;
    struct vfs_stat stat;

    return give(vfs_space(path, &space, &stat), &space, &stat, to);
}

int fstatvfs(int fd, struct statvfs *to)
{
    struct file *file = descriptor_get(fd);
    struct fs_space space;
    struct vfs_stat stat;
    int error;

    if (!file) {
        return -1;
    }
    error = file_space(file, &space, &stat);
    file_put(file);
    return give(error, &space, &stat, to);
}

static int shorten(int result, const struct statvfs *from, struct statfs *to)
{
    if (result == 0) {
        *to = (struct statfs){
            .f_bsize = (long)from->f_bsize,
            .f_blocks = from->f_blocks,
            .f_bfree = from->f_bfree,
            .f_bavail = from->f_bavail,
            .f_files = from->f_files,
            .f_ffree = from->f_ffree,
            .f_namelen = (long)from->f_namemax,
            .f_flags = (long)from->f_flag,
        };
    }
    return result;
}

int statfs(const char *path, struct statfs *to)
{
    struct statvfs found = {0};

    return shorten(statvfs(path, &found), &found, to);
}

int fstatfs(int fd, struct statfs *to)
{
    struct statvfs found = {0};

    return shorten(fstatvfs(fd, &found), &found, to);
}
