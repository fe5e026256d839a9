/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Several threads in the same files: names come, move and go under each other's feet, a file system
 * is mounted and unmounted, and working directory and descriptors change.  A call may fail as if
 * the others had been first or last, and in no other way; what is written by one call is read
 * whole.
 */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <unistd.h>

#include "guest/fs/vfs.h"

#define THREADS 4U
#define ROUNDS  3000U
#define BLOCK   600

static unsigned successes[THREADS];

static void check(int result, const char *what)
{
    static const int expected[] = {ENOENT, ENOTDIR, EISDIR, EEXIST,   ENOTEMPTY,
                                   EINVAL, EBUSY,   EXDEV,  ENOTEMPTY};

    for (size_t i = 0; result < 0 && i < sizeof(expected) / sizeof(*expected); i++) {
        if (errno == expected[i]) {
            return;
        }
    }
    if (result < 0) {
        printf("filestasks: %s: %s\n", what, strerror(errno));
        exit(1);
    }
}

static const char *name(unsigned *random, char *path)
{
    static const char *const folders[] = {"/tmp/", "/tmp/a/", "/tmp/a/b/", "", "../", "/tmp/m/"};
    static const char *const names[] = {"a", "b", "c", "a/c", "m", "m/x"};

    sprintf(path, "%s%s", folders[rand_r(random) % 6], names[rand_r(random) % 6]);
    return path;
}

/* All bytes of a block are the same letter; blocks do not mix. */
static void blocks(unsigned *random, const char *path)
{
    char block[BLOCK];
    int fd = open(path, O_RDWR | O_CREAT, 0644);
    ssize_t got;

    check(fd, "open");
    if (fd < 0) {
        return;
    }
    memset(block, 'a' + (int)(rand_r(random) % 26), sizeof(block));
    check((int)pwrite(fd, block, sizeof(block), 0), "pwrite");
    got = pread(fd, block, sizeof(block), 0);
    check((int)got, "pread");
    for (ssize_t i = 1; i < got; i++) {
        if (block[i] != block[0]) {
            printf("filestasks: two blocks are mixed\n");
            exit(1);
        }
    }
    check(close(fd), "close");
}

static int list(const char *path)
{
    DIR *dir = opendir(path);

    if (!dir) {
        return -1;
    }
    while (readdir(dir)) {
    }
    return closedir(dir);
}

static void *work(void *number)
{
    unsigned random = (unsigned)(size_t)number + 1;
    char path[64], other[64];
    struct stat found;

    for (unsigned i = 0; i < ROUNDS; i++) {
        int result = 0;

        name(&random, path);
        switch (rand_r(&random) % 10) {
        case 0: result = mkdir(path, 0755); break;
        case 1: result = rmdir(path); break;
        case 2: result = unlink(path); break;
        case 3: result = rename(path, name(&random, other)); break;
        case 4: result = stat(path, &found); break;
        case 5: result = chdir(path); break;
        case 6: result = list(path); break;
        case 7: result = number ? 0 : mount("none", "/tmp/m", "ramfs", 0, NULL); break;
        case 8: result = getcwd(other, sizeof(other)) ? umount("/tmp/m") : -1; break;
        default: blocks(&random, path);
        }
        check(result, path);
        successes[(size_t)number] += result == 0;
    }
    return NULL;
}

/* Where the directories are by now: between the look for one and the mount it may have been
 * renamed, and then another one can be mounted on, too; the last one first, which may be in others.
 */
static void unmount_all(void)
{
    struct vfs_mount mount;
    size_t count = 0;

    while (vfs_mount_get(count, &mount) == 0) {
        count++;
    }
    while (count-- > 0) {
        if (vfs_mount_get(count, &mount) == 0 && strncmp(mount.path, "/tmp/", 5) == 0) {
            check(umount(mount.path), mount.path);
        }
    }
}

int main(void)
{
    pthread_t threads[THREADS];
    unsigned all = 0;

    for (size_t i = 0; i < THREADS; i++) {
        if (pthread_create(&threads[i], NULL, work, (void *)i) != 0) {
            return 1;
        }
    }
    for (size_t i = 0; i < THREADS; i++) {
        pthread_join(threads[i], NULL);
        all += successes[i];
    }
    check(chdir("/"), "chdir");
    unmount_all();
    if (umount("/tmp") < 0) { /* nobody holds anything of it any more */
        perror("umount");
        return 1;
    }
    printf("filestasks: %u of %u calls did something\n", all, THREADS * ROUNDS);
    return all > ROUNDS / 2 ? 0 : 1;
}
