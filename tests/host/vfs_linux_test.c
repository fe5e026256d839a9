/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The VFS against Linux: the same random calls in a folder of this machine and in a mounted file
 * system; each must give the same result, errno and bytes.
 *
 * Paths are made of few names, "." and "..", and begin in the working directory, which moves and is
 * renamed and removed as well.  None leaves the folder: that is counted.
 */
#include <dirent.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "tests/host/fat_world.h"
#include "tests/host/vfs_world.h"
#include "tests/test.h"

#define OPEN_MAX_  6
#define BYTES_MAX_ 20000

struct pair {
    int fd; /* Linux's; -1: none */
    struct file *file;
};

struct run {
    u64 random;
    struct pair open[OPEN_MAX_];
    char folder[64]; /* with the folder "w" that all happens in */
    char path[300], path2[300];
    char bytes[BYTES_MAX_], bytes2[BYTES_MAX_];
    u64 step;
    u64 successes;
};

static u64 draw(struct run *run, u64 below)
{
    return test_random(&run->random) % below;
}

static void same(struct run *run, const char *call, s64 linux_result, s64 ours)
{
    if (linux_result != ours) {
        FAIL("step %llu: %s(%s, %s) gives %lld (%s), on Linux %lld (%s)",
             (unsigned long long)run->step, call, run->path, run->path2, (long long)ours,
             ours < 0 ? error_name((int)-ours) : "", (long long)linux_result,
             linux_result < 0 ? error_name((int)-linux_result) : "");
    }
    run->successes += ours >= 0;
}

/* As ours give it. */
static s64 of_linux(s64 result)
{
    return result < 0 ? -errno : result;
}

/* How deep the working directory is below "w"; -1: it was removed. */
static int depth(struct run *run)
{
    char linux_at[1000], ours[1000];
    char *got = getcwd(linux_at, sizeof(linux_at));
    int error = vfs_getcwd(ours, sizeof(ours)), slashes = 0;

    same(run, "getcwd", got ? 0 : -errno, -error);
    if (!got) {
        return -1;
    }
    CHECK_EQ(strncmp(ours, "/m", 2), 0);
    CHECK_STR(ours + 2, linux_at + strlen(run->folder));
    for (const char *p = ours; *p; p++) {
        slashes += *p == '/';
    }
    return slashes - 2; /* of "/m/w" */
}

static void make_path(struct run *run, char *path)
{
    static const char *const names[] = {"a", "b", "c", "d.txt", ".", ".."};
    int level = depth(run);
    u64 parts = draw(run, 4) + (draw(run, 20) > 0);
    bool may_go_up = true;

    if (level < 0) {
        level = 1; /* at least: what was removed was below "w" */
        parts = parts < 2 ? parts : 2;
    }
    *path = '\0';
    for (u64 i = 0; i < parts; i++) {
        const char *name = names[draw(run, 10) % ARRAY_LEN(names)];

        if (strcmp(name, "..") == 0) {
            may_go_up = level > 0;
            name = may_go_up ? name : "a";
        }
        level += strcmp(name, "..") == 0 ? -1 : strcmp(name, ".") != 0;
        strcat(path, name);
        if (i + 1 < parts || draw(run, 8) == 0) {
            strcat(path, draw(run, 10) ? "/" : "//");
        }
    }
}

/* ---- calls ---- */

static void do_open(struct run *run)
{
    static const int access[] = {O_RDONLY, O_WRONLY, O_RDWR};
    struct pair *pair = &run->open[draw(run, OPEN_MAX_)];
    int flags = access[draw(run, 3)];
    int error;

    flags |= draw(run, 2) ? O_CREAT : 0;
    flags |= draw(run, 6) ? 0 : O_EXCL & (flags & O_CREAT ? -1 : 0);
    flags |= draw(run, 4) ? 0 : O_TRUNC;
    flags |= draw(run, 4) ? 0 : O_APPEND;
    flags |= draw(run, 8) ? 0 : O_DIRECTORY & (flags & O_CREAT ? 0 : -1);
    if ((flags & O_ACCMODE) == O_RDONLY) {
        flags &= ~O_TRUNC; /* unspecified */
    }
    if (pair->fd >= 0) {
        return;
    }
    pair->fd = open(run->path, flags, 0644);
    error = vfs_open(run->path, flags, 0644, &pair->file);
    same(run, "open", pair->fd < 0 ? -errno : 0, -error);
}

static void do_close(struct run *run)
{
    struct pair *pair = &run->open[draw(run, OPEN_MAX_)];

    if (pair->fd >= 0) {
        CHECK_EQ(close(pair->fd), 0);
        file_put(pair->file);
        pair->fd = -1;
    }
}

static void do_read(struct run *run, struct pair *pair)
{
    size_t bytes = draw(run, draw(run, 2) ? 100 : BYTES_MAX_);
    u64 offset = draw(run, 30000);
    bool at = draw(run, 2);
    s64 got;

    if (at) {
        got = of_linux(pread(pair->fd, run->bytes, bytes, (off_t)offset));
        same(run, "pread", got, file_pread(pair->file, offset, run->bytes2, bytes));
    } else {
        got = of_linux(read(pair->fd, run->bytes, bytes));
        same(run, "read", got, file_read(pair->file, run->bytes2, bytes));
    }
    if (got > 0) {
        CHECK_EQ(memcmp(run->bytes, run->bytes2, (size_t)got), 0);
    }
}

static void do_write(struct run *run, struct pair *pair)
{
    size_t bytes = draw(run, draw(run, 2) ? 100 : BYTES_MAX_);
    u64 offset = draw(run, 30000);
    bool appends = file_flags(pair->file) & O_APPEND;

    for (size_t i = 0; i < bytes; i++) {
        run->bytes[i] = (char)test_random(&run->random);
    }
    if (!appends && draw(run, 2)) { /* there Linux appends */
        same(run, "pwrite", of_linux(pwrite(pair->fd, run->bytes, bytes, (off_t)offset)),
             file_pwrite(pair->file, offset, run->bytes, bytes));
    } else {
        same(run, "write", of_linux(write(pair->fd, run->bytes, bytes)),
             file_write(pair->file, run->bytes, bytes));
    }
}

static void do_seek(struct run *run, struct pair *pair)
{
    static const int whences[] = {SEEK_SET, SEEK_CUR, SEEK_END};
    int whence = whences[draw(run, 3)];
    s64 offset = (s64)draw(run, 40000) - 10000;

    if (file_node(pair->file)->type != NODE_DIRECTORY) {
        same(run, "lseek", of_linux(lseek(pair->fd, offset, whence)),
             file_seek(pair->file, offset, whence));
    }
}

static void same_stat(struct run *run, const char *call, int result, const struct stat *on_linux,
                      int error, const struct vfs_stat *ours)
{
    same(run, call, result < 0 ? -errno : 0, -error);
    if (!error) {
        CHECK_EQ(S_ISDIR(on_linux->st_mode), ours->type == NODE_DIRECTORY);
        CHECK_EQ(on_linux->st_nlink == 0, ours->nlink == 0);
        if (ours->type == NODE_FILE) {
            CHECK_EQ(on_linux->st_size, ours->attr.bytes);
        }
    }
}

/* Something with an open file. */
static void do_file(struct run *run)
{
    struct pair *pair = &run->open[draw(run, OPEN_MAX_)];
    struct stat on_linux;
    struct vfs_stat ours;
    u64 bytes = draw(run, 30000);

    if (pair->fd < 0) {
        return;
    }
    switch (draw(run, 8)) {
    case 0:
        same(run, "ftruncate", of_linux(ftruncate(pair->fd, (off_t)bytes)),
             -file_truncate(pair->file, bytes));
        break;
    case 1:
        same_stat(run, "fstat", fstat(pair->fd, &on_linux), &on_linux, file_stat(pair->file, &ours),
                  &ours);
        break;
    case 2: same(run, "fchdir", of_linux(fchdir(pair->fd)), -file_chdir(pair->file)); break;
    case 3: do_seek(run, pair); break;
    case 4:
    case 5: do_read(run, pair); break;
    default: do_write(run, pair);
    }
}

static int by_name(const void *a, const void *b)
{
    return strcmp(a, b);
}

/* Names in order, with a letter for the type. */
static void sort_names(char (*names)[300], size_t count, char *text)
{
    qsort(names, count, sizeof(*names), by_name);
    *text = '\0';
    for (size_t i = 0; i < count; i++) {
        strcat(strcat(text, names[i]), " ");
    }
}

static void do_list(struct run *run)
{
    static char names[64][300];
    DIR *dir = opendir(run->path);
    struct file *file;
    struct fs_entry entry;
    struct dirent *next;
    size_t count = 0;
    int result = dir ? 0 : -errno;
    int error = vfs_open(run->path, O_RDONLY | O_DIRECTORY, 0, &file);

    same(run, "opendir", result, -error);
    if (error) {
        return;
    }
    while ((next = readdir(dir)) != NULL) {
        snprintf(names[count++], 300, "%s%s", next->d_name, next->d_type == DT_DIR ? "/" : "");
    }
    sort_names(names, count, run->bytes);
    closedir(dir);
    count = 0;
    while ((error = file_list(file, &entry)) == 0) {
        snprintf(names[count++], 300, "%s%s", entry.name, entry.type == NODE_DIRECTORY ? "/" : "");
    }
    CHECK_EQ(error, ENOENT);
    sort_names(names, count, run->bytes2);
    file_put(file);
    CHECK_STR(run->bytes2, run->bytes);
}

/* Something with names. */
static void do_names(struct run *run)
{
    struct stat on_linux;
    struct vfs_stat ours;

    make_path(run, run->path);
    switch (draw(run, 11)) {
    case 0:
        same(run, "mkdir", of_linux(mkdir(run->path, 0755)), -vfs_mkdir(run->path, 0755));
        break;
    case 1: same(run, "rmdir", of_linux(rmdir(run->path)), -vfs_rmdir(run->path)); break;
    case 2: same(run, "unlink", of_linux(unlink(run->path)), -vfs_unlink(run->path)); break;
    case 3:
        if (draw(run, 3) == 0) {
            same(run, "chdir", of_linux(chdir(run->path)), -vfs_chdir(run->path));
        }
        break;
    case 4:
    case 5:
        same_stat(run, "stat", stat(run->path, &on_linux), &on_linux, vfs_stat(run->path, &ours),
                  &ours);
        break;
    case 6: do_list(run); break;
    case 7:
        same(run, "truncate", of_linux(truncate(run->path, 5000)), -vfs_truncate(run->path, 5000));
        break;
    case 8: do_open(run); break;
    default:
        make_path(run, run->path2);
        same(run, "rename", of_linux(rename(run->path, run->path2)),
             -vfs_rename(run->path, run->path2));
    }
    run->path2[0] = '\0';
}

/* ---- runs ---- */

static void remove_folder(const char *folder)
{
    char text[200];

    CHECK_EQ(shell(text, sizeof(text), "rm -rf %s", folder), 0);
}

static void go(struct run *run, u64 steps)
{
    int before = open(".", O_RDONLY);

    strcpy(run->folder, "/tmp/vfs_linux_XXXXXX");
    CHECK(mkdtemp(run->folder) != NULL);
    CHECK_EQ(chdir(run->folder), 0);
    CHECK_EQ(mkdir("w", 0755), 0);
    CHECK_EQ(chdir("w"), 0);
    CHECK_EQ(vfs_mkdir("/m/w", 0755), 0);
    CHECK_EQ(vfs_chdir("/m/w"), 0);
    for (size_t i = 0; i < OPEN_MAX_; i++) {
        run->open[i].fd = -1;
    }
    for (run->step = 0; run->step < steps; run->step++) {
        u64 choice = draw(run, 10);

        if (choice < 6) {
            do_names(run);
        } else if (choice < 9) {
            do_file(run);
        } else {
            do_close(run);
        }
        CHECK_EQ(locks_held, 0);
    }
    for (size_t i = 0; i < OPEN_MAX_; i++) {
        if (run->open[i].fd >= 0) {
            close(run->open[i].fd);
            file_put(run->open[i].file);
        }
    }
    CHECK_EQ(vfs_chdir("/"), 0);
    CHECK_EQ(vfs_umount("/m"), 0); /* nothing is held any more */
    CHECK_EQ(fchdir(before), 0);
    close(before);
    remove_folder(run->folder);
    CHECK(run->successes > steps / 5); /* else it tests nothing */
}

static void in_ramfs(void *argument)
{
    static struct run run;

    run.random = *(u64 *)argument;
    mount_ramfs("/");
    CHECK_EQ(vfs_mkdir("/m", 0755), 0);
    mount_ramfs("/m");
    go(&run, 20000);
}

TEST(vfs_ramfs_is_as_linux)
{
    for (u64 seed = 1; seed <= 5; seed++) {
        test_must_pass(in_ramfs, &seed);
    }
}

static void in_fat(void *argument)
{
    static struct run run;
    static struct disk disk;
    struct fs *fs;
    const char *why;

    run.random = *(u64 *)argument;
    disk_make(&disk, 64 << 20, "-F 32 -s 1");
    CHECK_EQ(fat32_mount(&disk.block, false, &fs, &why), 0);
    mount_ramfs("/");
    CHECK_EQ(vfs_mkdir("/m", 0755), 0);
    CHECK_EQ(vfs_mount("/m", fs, "disk"), 0);
    go(&run, 4000);
    disk_check(&disk);
}

TEST(vfs_fat_is_as_linux)
{
    for (u64 seed = 1; seed <= 2; seed++) {
        test_must_pass(in_fat, &seed);
    }
}
