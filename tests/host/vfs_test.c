/* SPDX-License-Identifier: BSD-2-Clause */
/* The VFS, ramfs and devfs by themselves: what vfs_linux_test.c cannot compare. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "tests/host/fat_world.h"
#include "tests/host/vfs_world.h"
#include "tests/test.h"

static int write_file(const char *path, const char *text)
{
    struct file *file;
    int error = vfs_open(path, O_WRONLY | O_CREAT | O_TRUNC, 0644, &file);
    s64 done;

    if (error) {
        return error;
    }
    done = file_write(file, text, strlen(text));
    file_put(file);
    return done == (s64)strlen(text) ? 0 : done < 0 ? (int)-done : ENOSPC;
}

/* ---- mounts ---- */

static void mounts(void *unused)
{
    char text[200];
    struct fs *fs;
    struct file *file;
    struct vfs_mount mount;
    struct vfs_stat stat;

    (void)unused;
    mount_ramfs("/");
    CHECK_EQ(vfs_mkdir("/tmp", 0755), 0);
    CHECK_EQ(vfs_mkdir("/tmpx", 0755), 0);
    CHECK_EQ(write_file("/tmp/under", "covered"), 0);
    mount_ramfs("/tmp");
    CHECK_EQ(write_file("/tmp/f", "in tmp"), 0);
    CHECK_EQ(write_file("/tmpx/f", "in tmpx"), 0);
    CHECK(file_holds("/tmp/f", "in tmp") && file_holds("/tmpx/f", "in tmpx"));
    CHECK(file_holds("/tmp/../tmp/./f", "in tmp") && file_holds("/tmpx/../tmp/f", "in tmp"));
    CHECK_EQ(vfs_stat("/tmp/under", &stat), ENOENT);
    CHECK_EQ(vfs_rename("/tmp/f", "/tmpx/g"), EXDEV);
    CHECK_EQ(vfs_rename("/tmp", "/t"), EBUSY);
    CHECK_EQ(vfs_rename("/tmpx", "/tmp"), EBUSY);
    CHECK_EQ(vfs_rmdir("/tmp"), EBUSY);
    CHECK_EQ(vfs_unlink("/tmp"), EISDIR);
    CHECK_EQ(vfs_mkdir("/tmp", 0755), EEXIST);
    /* one within the other, and a name that moves with what it is in */
    CHECK_EQ(vfs_mkdir("/tmp/a", 0755), 0);
    CHECK_EQ(vfs_mkdir("/tmp/a/b", 0755), 0);
    mount_ramfs("/tmp/a/b");
    CHECK_EQ(vfs_rename("/tmp/a", "/tmp/z"), 0);
    CHECK_EQ(write_file("/tmp/z/b/deep", "deep"), 0);
    CHECK_EQ(vfs_mount_get(2, &mount), 0);
    CHECK_STR(mount.path, "/tmp/z/b");
    CHECK_EQ(vfs_mount_get(3, &mount), ENOENT);
    CHECK_EQ(vfs_mount_get(0, &mount), 0);
    CHECK_STR(mount.path, "/");
    CHECK_STR(mount.type, "ramfs");
    CHECK_EQ(vfs_chdir("/tmp/z/b"), 0);
    CHECK(file_holds("../../f", "in tmp") && file_holds("../../../tmpx/f", "in tmpx"));
    CHECK_EQ(vfs_getcwd(text, sizeof(text)), 0);
    CHECK_STR(text, "/tmp/z/b");
    /* in use in several ways */
    CHECK_EQ(vfs_umount("/tmp/z/b"), EBUSY);
    CHECK_EQ(vfs_chdir("/tmp/z"), 0);
    CHECK_EQ(vfs_open("b/deep", O_RDONLY, 0, &file), 0);
    CHECK_EQ(vfs_umount("b"), EBUSY);
    CHECK_EQ(vfs_umount("/tmp"), EBUSY);
    file_put(file);
    CHECK_EQ(vfs_open("b", O_RDONLY, 0, &file), 0);
    CHECK_EQ(vfs_umount("b"), EBUSY);
    file_put(file);
    CHECK_EQ(vfs_umount("b"), 0);
    CHECK_EQ(vfs_stat("b/deep", &stat), ENOENT);
    CHECK_EQ(vfs_umount("b"), EINVAL);
    CHECK_EQ(vfs_umount("/tmp"), EBUSY);
    CHECK_EQ(vfs_chdir("/"), 0);
    CHECK_EQ(vfs_umount("/tmp"), 0);
    CHECK(file_holds("/tmp/under", "covered"));
    CHECK_EQ(vfs_umount("/"), EBUSY);
    CHECK_EQ(vfs_umount("/none"), ENOENT);
    CHECK_EQ(ramfs_mount(&fs), 0);
    CHECK_EQ(vfs_mount("/none", fs, "x"), ENOENT);
    CHECK_EQ(vfs_mount("/tmp/under", fs, "x"), ENOTDIR);
    CHECK_EQ(vfs_mount("/", fs, "x"), EBUSY);
    CHECK_EQ(vfs_mount("/tmp", fs, "x"), 0);
    CHECK_EQ(vfs_umount("/tmp"), 0);
    CHECK_EQ(locks_held, 0);
}

TEST(vfs_mounts)
{
    test_must_pass(mounts, NULL);
}

/* Mount points where there is no directory, and nothing can be made. */
static void points(void *unused)
{
    char text[200];
    struct fs *root, *fs;

    (void)unused;
    CHECK_EQ(ramfs_mount(&root), 0);
    root->readonly = true;
    CHECK_EQ(vfs_mount("/", root, "ramfs"), 0);
    CHECK_EQ(devfs_mount(&fs), 0);
    CHECK_EQ(vfs_mount("/dev", fs, "devfs"), ENOENT);
    CHECK_EQ(vfs_mount_first("/dev", fs, "devfs"), 0);
    CHECK_EQ(ramfs_mount(&fs), 0);
    CHECK_EQ(vfs_mount_first("/none/tmp", fs, "ramfs"), ENOENT);
    CHECK_EQ(vfs_mount_first("/tmp", fs, "ramfs"), 0);
    list_names("/", text);
    CHECK_STR(text, ". .. tmp dev ");
    list_names("/dev", text);
    CHECK_STR(text, ". .. null zero full random urandom console tty ");
    CHECK_EQ(vfs_mkdir("/other", 0755), EROFS);
    CHECK_EQ(vfs_mkdir("/tmp", 0755), EEXIST);
    CHECK_EQ(vfs_rmdir("/tmp"), EBUSY);
    CHECK_EQ(vfs_chdir("/tmp"), 0);
    CHECK_EQ(write_file("f", "text"), 0);
    CHECK(file_holds("../tmp/f", "text") && file_holds("../dev/../tmp/f", "text"));
    CHECK_EQ(vfs_getcwd(text, sizeof(text)), 0);
    CHECK_STR(text, "/tmp");
    CHECK_EQ(vfs_chdir("/"), 0);
    CHECK_EQ(vfs_umount("/tmp"), 0);
    list_names("/", text);
    CHECK_STR(text, ". .. dev ");
    CHECK_EQ(vfs_umount("/dev"), 0);
    list_names("/", text);
    CHECK_STR(text, ". .. ");
}

TEST(vfs_points)
{
    test_must_pass(points, NULL);
}

static void locked(void *unused)
{
    (void)unused;
    CHECK(vfs_lock_all(true)); /* there is nothing yet */
    vfs_unlock_all();
    mount_ramfs("/");
    CHECK_EQ(vfs_mkdir("/m", 0755), 0);
    mount_ramfs("/m");
    CHECK(vfs_lock_all(true));
    CHECK_EQ(locks_held, 3);
    CHECK(!vfs_lock_all(false));
    CHECK_EQ(locks_held, 3);
    vfs_unlock_all();
    CHECK_EQ(locks_held, 0);
    CHECK(vfs_lock_all(false));
    vfs_unlock_all();
    CHECK_EQ(locks_held, 0);
}

TEST(vfs_locks)
{
    test_must_pass(locked, NULL);
}

/* ---- devices ---- */

static void devices(void *unused)
{
    struct file *file;
    struct vfs_stat stat;
    char bytes[8];
    struct fs *fs;

    (void)unused;
    mount_ramfs("/");
    CHECK_EQ(vfs_mkdir("/dev", 0755), 0);
    CHECK_EQ(devfs_mount(&fs), 0);
    CHECK_EQ(vfs_mount("/dev", fs, "devfs"), 0);
    CHECK_EQ(vfs_open("/dev/console", O_RDWR, 0, &file), 0);
    CHECK_EQ(file_write(file, "hello", 5), 5);
    CHECK_STR(console_said, "hello");
    console_types = "typed";
    CHECK_EQ(file_read(file, bytes, 3), 3);
    CHECK_EQ(file_read(file, bytes, 8), 2);
    CHECK_EQ(file_read(file, bytes, 8), 0);
    CHECK_EQ(file_seek(file, 0, SEEK_SET), -ESPIPE);
    CHECK_EQ(file_pread(file, 0, bytes, 1), -ESPIPE);
    CHECK_EQ(vfs_umount("/dev"), EBUSY);
    file_put(file);
    CHECK_EQ(vfs_mkdir("/dev/x", 0755), EROFS);
    CHECK_EQ(write_file("/dev/x", ""), EROFS);
    CHECK_EQ(vfs_unlink("/dev/null"), EROFS);
    CHECK_EQ(vfs_rename("/dev/null", "/dev/none"), EROFS);
    CHECK_EQ(vfs_truncate("/dev/null", 0), EINVAL);
    CHECK_EQ(vfs_stat("/dev/null", &stat), 0);
    CHECK_EQ(stat.type, NODE_DEVICE);
    CHECK_EQ(vfs_stat("/dev/null/", &stat), ENOTDIR);
    CHECK_EQ(vfs_umount("/dev"), 0);
}

TEST(vfs_devices)
{
    test_must_pass(devices, NULL);
}

/* ---- ramfs ---- */

static void sparse(void *unused)
{
    struct file *file;
    struct fs_space before, after;
    struct vfs_stat stat;
    u8 byte = 7;

    (void)unused;
    mount_ramfs("/");
    CHECK_EQ(vfs_space("/", &before, &stat), 0);
    CHECK_EQ(vfs_open("/f", O_RDWR | O_CREAT, 0644, &file), 0);
    CHECK_EQ(file_pwrite(file, INT64_MAX - 1, &byte, 1), 1);
    CHECK_EQ(file_pwrite(file, INT64_MAX, &byte, 1), -EFBIG);
    CHECK_EQ(file_pwrite(file, 3, &byte, 1), 1);
    CHECK_EQ(file_pwrite(file, 1UL << 40, &byte, 1), 1);
    for (u64 at = 0; at < 8; at++) {
        CHECK_EQ(file_pread(file, at, &byte, 1), 1);
        CHECK_EQ(byte, at == 3 ? 7 : 0);
    }
    CHECK_EQ(file_pread(file, 1UL << 40, &byte, 1), 1);
    CHECK_EQ(byte, 7);
    CHECK_EQ(file_pread(file, INT64_MAX - 1, &byte, 1), 1);
    CHECK_EQ(byte, 7);
    CHECK_EQ(file_pread(file, 1UL << 50, &byte, 1), 1);
    CHECK_EQ(byte, 0);
    CHECK_EQ(file_stat(file, &stat), 0);
    CHECK_EQ(stat.attr.bytes, INT64_MAX);
    CHECK(stat.attr.used_bytes < 25 * 4096); /* three chunks and what leads to them */
    CHECK_EQ(vfs_space("/", &after, &stat), 0);
    CHECK(after.blocks > before.blocks);
    CHECK_EQ(file_truncate(file, 4), 0);
    CHECK_EQ(file_truncate(file, 1UL << 41), 0);
    CHECK_EQ(file_pread(file, 1UL << 40, &byte, 1), 1);
    CHECK_EQ(byte, 0);
    CHECK_EQ(file_pread(file, 3, &byte, 1), 1);
    CHECK_EQ(byte, 7);
    CHECK_EQ(file_truncate(file, 0), 0);
    CHECK_EQ(file_stat(file, &stat), 0);
    CHECK_EQ(stat.attr.used_bytes, 0);
    CHECK_EQ(vfs_space("/", &after, &stat), 0);
    CHECK_EQ(after.blocks, before.blocks);
    file_put(file);
}

TEST(ramfs_sparse)
{
    test_must_pass(sparse, NULL);
}

/* A deep tree and many names go with their file system; leaks are the sanitizer's to find. */
static void all_goes(void *unused)
{
    char path[32];

    (void)unused;
    mount_ramfs("/");
    CHECK_EQ(vfs_mkdir("/m", 0755), 0);
    mount_ramfs("/m");
    CHECK_EQ(vfs_chdir("/m"), 0);
    for (int i = 0; i < 1000; i++) {
        snprintf(path, sizeof(path), "file%d", i);
        CHECK_EQ(write_file(path, path), 0);
        CHECK_EQ(vfs_mkdir("d", 0755), 0);
        CHECK_EQ(vfs_chdir("d"), 0);
    }
    CHECK_EQ(vfs_chdir("/"), 0);
    CHECK_EQ(vfs_umount("/m"), 0);
}

TEST(ramfs_all_goes)
{
    test_must_pass(all_goes, NULL);
}

/* ---- without memory ---- */

/* Each step may fail for want of memory, and nothing else; what it says that it did, it did. */
static bool may(int error)
{
    CHECK(error == 0 || error == ENOMEM || error == ENOSPC);
    return error == 0;
}

static void starve_at(u64 n)
{
    struct file *file = NULL;
    struct fs *fs = NULL;
    struct vfs_stat stat;
    struct fs_entry entry;
    bool mounted, made, written = false, moved = false;

    malloc_fails_at(n);
    mounted = may(ramfs_mount(&fs));
    if (mounted && !may(vfs_mount("/m", fs, "ramfs"))) {
        CHECK_EQ(fs->ops->unmount(fs), 0);
        mounted = false;
    }
    if (mounted) {
        made = may(vfs_mkdir("/m/a", 0755));
        if (made && may(vfs_open("/m/a/f", O_RDWR | O_CREAT, 0644, &file))) {
            written = file_write(file, "0123456789", 10) == 10;
            if (!written || file_pwrite(file, 100000, "end", 3) != 3) {
                CHECK(file_pread(file, 0, &entry, 1) >= 0);
            }
            file_put(file);
        }
        moved = made && may(vfs_rename("/m/a", "/m/b"));
        if (moved) {
            (void)may(vfs_chdir("/m/b"));
        }
        if (may(vfs_open("/m", O_RDONLY, 0, &file))) {
            while (file_list(file, &entry) == 0) {
            }
            file_put(file);
        }
        malloc_fails_at(0);
        CHECK_EQ(vfs_stat("/m/b", &stat), moved ? 0 : ENOENT);
        if (written) {
            CHECK_EQ(vfs_stat(moved ? "/m/b/f" : "/m/a/f", &stat), 0);
        }
        CHECK_EQ(vfs_chdir("/"), 0);
        CHECK_EQ(vfs_umount("/m"), 0);
    }
    malloc_fails_at(0);
    CHECK_EQ(locks_held, 0);
}

static void starve(void *unused)
{
    (void)unused;
    mount_ramfs("/");
    CHECK_EQ(vfs_mkdir("/m", 0755), 0);
    starve_at(UINT64_MAX);
    for (u64 n = 1; n <= 60; n++) {
        starve_at(n);
    }
}

TEST(vfs_starves)
{
    test_must_pass(starve, NULL);
}
