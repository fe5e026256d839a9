/* SPDX-License-Identifier: BSD-2-Clause */
#pragma once
/*
 * Files by name, whatever file system they are on: paths, mounts, the working directory, and open
 * files.  POSIX's errno's, as results: 0 is success; where bytes are counted, an error is negative.
 * What POSIX calls a descriptor is guest/libc's.
 *
 *     tree.c      directories in use, and the mounts they are on
 *     walk.c      from a path to what it names
 *     mount.c     mount, umount, the list of mounts
 *     names.c     mkdir, rmdir, unlink, rename, chdir, getcwd
 *     attr.c      stat, statfs, chmod, times, truncate
 *     file.c      open files
 *
 * Any task may call any of these.  A call may take as long as a disk, or another machine, takes to
 * answer: no spin lock is held meanwhile, no interrupt is masked, and only those wait for it who
 * want the same mounted file system.
 */
#include <fcntl.h>

#include "guest/fs/fs.h"

#define VFS_PATH_MAX 4096 /* with its NUL */

struct file;
struct dir;

struct vfs_stat {
    struct node_attr attr;
    u64 mount; /* its number */
    u64 id;
    enum node_type type;
    u16 nlink;
    bool readonly; /* the file system */
};

struct vfs_mount {
    char path[VFS_PATH_MAX];
    const char *type;
    const char *source; /* what was mounted; valid while it is */
    bool readonly;
};

/* ---- mounts ---- */

bool vfs_is_up(void); /* there is a root */
/* The first one is the root, and its path is "/".  source is kept, not copied. */
__must_check int vfs_mount(const char *path, struct fs *fs, const char *source);
__must_check int vfs_mount_first(const char *path, struct fs *fs, const char *source);
__must_check int vfs_umount(const char *path);
__must_check int vfs_mount_get(size_t index, struct vfs_mount *mount); /* ENOENT: no more */
__must_check int vfs_space(const char *path, struct fs_space *space, struct vfs_stat *stat);
int vfs_sync(void);

/* ---- names ---- */

__must_check int vfs_stat(const char *path, struct vfs_stat *stat);
__must_check int vfs_mkdir(const char *path, u32 permissions);
__must_check int vfs_rmdir(const char *path);
__must_check int vfs_unlink(const char *path);
__must_check int vfs_rename(const char *from, const char *to);
__must_check int vfs_chmod(const char *path, u32 permissions);
__must_check int vfs_truncate(const char *path, u64 bytes);
__must_check int vfs_chdir(const char *path);
__must_check int vfs_getcwd(char *to, size_t bytes);
__must_check int vfs_realpath(const char *path, char *to, size_t bytes);

struct vfs_times {
    s64 atime_s, mtime_s;
    u32 mtime_ns;
    bool keep_atime, keep_mtime;
};
__must_check int vfs_set_times(const char *path, const struct vfs_times *times);

/* ---- open files ---- */

/* What descriptors of one open file have in common, in all processes. */
struct file_state {
    u64 offset; /* guarded by the mount's lock within a process */
    u32 flags;
    u32 unused;
};

/* flags: O_RDONLY ... of <fcntl.h>; the opener holds it. */
__must_check int vfs_open(const char *path, int flags, u32 permissions, struct file **file);
struct file *file_get(struct file *file);
void file_put(struct file *file);

s64 file_read(struct file *file, void *to, size_t bytes);
s64 file_write(struct file *file, const void *from, size_t bytes);
s64 file_pread(struct file *file, u64 offset, void *to, size_t bytes);
s64 file_pwrite(struct file *file, u64 offset, const void *from, size_t bytes);
s64 file_seek(struct file *file, s64 offset, int whence); /* SEEK_SET ... */
/* The next entry of a directory, "." and ".." too. */
__must_check int file_list(struct file *file, struct fs_entry *entry);
__must_check int file_stat(struct file *file, struct vfs_stat *stat);
__must_check int file_truncate(struct file *file, u64 bytes);
__must_check int file_sync(struct file *file);
__must_check int file_chmod(struct file *file, u32 permissions);
__must_check int file_set_times(struct file *file, const struct vfs_times *times);
__must_check int file_chdir(struct file *file);
__must_check int file_space(struct file *file, struct fs_space *space, struct vfs_stat *stat);
int file_flags(const struct file *file);
void file_set_flags(struct file *file, int flags); /* O_APPEND, O_NONBLOCK */
struct node *file_node(const struct file *file);
struct file_state *file_state(const struct file *file);
bool file_has_own_state(const struct file *file);
bool file_shares_state(const struct file *file);
void file_move_state(struct file *file, struct file_state *to);
void file_use_state(struct file *file, struct file_state *at); /* what is there is taken over */
void file_state_gone(const struct file_state *state);          /* weak */
const char *file_name(const struct file *file);
char *file_name_for(const char *path); /* weak: NULL, or from the heap */
void file_ready(struct file *file, struct fs_ready *ready);
u32 *file_descriptors(struct file *file); /* the descriptor table's: how many have it */
void file_close(struct file *file);
struct mount;
struct file *file_make(struct mount *mount, struct node *node, struct file_state *state);

/* ---- around a fork: all locks, so that the copy is whole.  False: one is taken, and wait is
 * false. */
bool vfs_lock_all(bool wait);
void vfs_unlock_all(void);
