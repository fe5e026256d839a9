/* SPDX-License-Identifier: BSD-2-Clause */
/* Names of files, and what is known of them, as POSIX has it.  There are no links, and one user. */
#include <errno.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/time.h>
#include <time.h>
#include <unistd.h>
#include <utime.h>

#include "guest/libc/descriptor.h"

#define UNIT_BYTES  512 /* of st_blocks */
#define BLOCK_BYTES 4096
#define NS_PER_S    1000000000L
#define NS_PER_US   1000L

static mode_t mode_of(const struct vfs_stat *stat)
{
    static const mode_t types[] = {
        [NODE_FILE] = S_IFREG,
        [NODE_DIRECTORY] = S_IFDIR,
        [NODE_DEVICE] = S_IFCHR,
        [NODE_PIPE] = S_IFIFO,
    };

    return types[stat->type] | (mode_t)stat->attr.permissions;
}

static int give(int error, const struct vfs_stat *from, struct stat *to)
{
    if (error) {
        return files_result(error);
    }
    memset(to, 0, sizeof(*to));
    to->st_dev = (dev_t)from->mount;
    to->st_ino = (ino_t)from->id;
    to->st_mode = mode_of(from);
    to->st_nlink = from->nlink;
    to->st_rdev = from->type == NODE_DEVICE ? (dev_t)from->id : 0;
    to->st_size = (off_t)from->attr.bytes;
    to->st_blksize = BLOCK_BYTES;
    to->st_blocks = (blkcnt_t)((from->attr.used_bytes + UNIT_BYTES - 1) / UNIT_BYTES);
    to->st_mtim = (struct timespec){from->attr.mtime_s, (long)from->attr.mtime_ns};
    to->st_atim.tv_sec = from->attr.atime_s;
    to->st_ctim.tv_sec = from->attr.ctime_s;
    return 0;
}

int stat(const char *restrict path, struct stat *restrict to)
{
    struct vfs_stat found;

    return give(vfs_stat(path, &found), &found, to);
}

int lstat(const char *restrict path, struct stat *restrict to)
{
    return stat(path, to);
}

int fstat(int fd, struct stat *to)
{
    struct file *file = descriptor_get(fd);
    struct vfs_stat found;
    int error;

    if (!file) {
        return -1;
    }
    error = file_stat(file, &found);
    file_put(file);
    return give(error, &found, to);
}

/* To root all is allowed but to write where nobody can, and to execute what nobody can. */
int access(const char *path, int mode)
{
    struct vfs_stat found;
    int error = mode & ~(R_OK | W_OK | X_OK) ? EINVAL : vfs_stat(path, &found);

    if (!error && (mode & W_OK) && found.readonly && found.type != NODE_DEVICE) {
        error = EROFS;
    }
    if (!error && (mode & X_OK) && found.type != NODE_DIRECTORY &&
        !(found.attr.permissions & (S_IXUSR | S_IXGRP | S_IXOTH))) {
        error = EACCES;
    }
    return files_result(error);
}

int mkdir(const char *path, mode_t mode)
{
    return files_result(vfs_mkdir(path, files_umask(mode)));
}

int rmdir(const char *path)
{
    return files_result(vfs_rmdir(path));
}

int unlink(const char *path)
{
    return files_result(vfs_unlink(path));
}

int remove(const char *path)
{
    int error = vfs_unlink(path);

    return files_result(error == EISDIR ? vfs_rmdir(path) : error);
}

int rename(const char *from, const char *to)
{
    return files_result(vfs_rename(from, to));
}

int chdir(const char *path)
{
    return files_result(vfs_chdir(path));
}

int fchdir(int fd)
{
    struct file *file = descriptor_get(fd);
    int error;

    if (!file) {
        return -1;
    }
    error = file_chdir(file);
    file_put(file);
    return files_result(error);
}

/* At `to`, or if that is NULL in memory that the caller frees, of so many bytes, 0: as it needs. */
char *getcwd(char *to, size_t bytes)
{
    char *given = to;
    int error;

    if (bytes == 0 && given) {
        (void)files_result(EINVAL);
        return NULL;
    }
    if (!given) {
        bytes = bytes ? bytes : VFS_PATH_MAX;
        to = malloc(bytes);
    }
    error = to ? vfs_getcwd(to, bytes) : ENOMEM;
    if (error) {
        if (!given) {
            free(to);
        }
        (void)files_result(error);
        return NULL;
    }
    return to;
}

char *realpath(const char *restrict path, char *restrict to)
{
    char *given = to;
    int error = EINVAL;

    if (path) {
        to = given ? given : malloc(PATH_MAX);
        error = to ? vfs_realpath(path, to, PATH_MAX) : ENOMEM;
    }
    if (error) {
        if (path && !given) {
            free(to);
        }
        (void)files_result(error);
        return NULL;
    }
    return to;
}

int chmod(const char *path, mode_t mode)
{
    return files_result(vfs_chmod(path, mode & 0777));
}

int fchmod(int fd, mode_t mode)
{
    struct file *file = descriptor_get(fd);
    int error;

    if (!file) {
        return -1;
    }
    error = file_chmod(file, mode & 0777);
    file_put(file);
    return files_result(error);
}

/* ---- times ---- */

static bool is_special(long ns)
{
    return ns == UTIME_NOW || ns == UTIME_OMIT;
}

/* NULL: both are now. */
static int read_times(const struct timespec times[2], struct vfs_times *to)
{
    u32 ns;
    s64 now = fs_now(&ns);

    *to = (struct vfs_times){.atime_s = now, .mtime_s = now, .mtime_ns = ns};
    if (!times) {
        return 0;
    }
    for (int i = 0; i < 2; i++) {
        if (!is_special(times[i].tv_nsec) &&
            (times[i].tv_nsec < 0 || times[i].tv_nsec >= NS_PER_S)) {
            return EINVAL;
        }
    }
    to->keep_atime = times[0].tv_nsec == UTIME_OMIT;
    to->keep_mtime = times[1].tv_nsec == UTIME_OMIT;
    if (!is_special(times[0].tv_nsec)) {
        to->atime_s = times[0].tv_sec;
    }
    if (!is_special(times[1].tv_nsec)) {
        to->mtime_s = times[1].tv_sec;
        to->mtime_ns = (u32)times[1].tv_nsec;
    }
    return 0;
}

static int set_times(const char *path, const struct timespec times[2])
{
    struct vfs_times parsed;
    int error = read_times(times, &parsed);

    return files_result(error ? error : vfs_set_times(path, &parsed));
}

/* Relative to the working directory alone: ENOSYS for another. */
int utimensat(int fd, const char *path, const struct timespec times[2], int flags)
{
    (void)flags; /* AT_SYMLINK_NOFOLLOW: there are no links */
    if (fd != AT_FDCWD && path[0] != '/') {
        return files_result(ENOSYS);
    }
    return set_times(path, times);
}

int futimens(int fd, const struct timespec times[2])
{
    struct file *file = descriptor_get(fd);
    struct vfs_times parsed;
    int error;

    if (!file) {
        return -1;
    }
    error = read_times(times, &parsed);
    if (!error) {
        error = file_set_times(file, &parsed);
    }
    file_put(file);
    return files_result(error);
}

int utimes(const char *path, const struct timeval times[2])
{
    struct timespec precise[2];

    if (!times) {
        return set_times(path, NULL);
    }
    for (int i = 0; i < 2; i++) {
        precise[i] = (struct timespec){times[i].tv_sec, times[i].tv_usec * NS_PER_US};
        if (is_special(precise[i].tv_nsec)) {
            return files_result(EINVAL);
        }
    }
    return set_times(path, precise);
}

int utime(const char *path, const struct utimbuf *times)
{
    struct timespec precise[2];

    if (!times) {
        return set_times(path, NULL);
    }
    precise[0] = (struct timespec){times->actime, 0};
    precise[1] = (struct timespec){times->modtime, 0};
    return set_times(path, precise);
}
