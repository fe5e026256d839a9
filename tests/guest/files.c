/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * POSIX's files, call by call: what each must give, and each errno.  Compiled for the host it says
 * the same on Linux (tests/qemu/files.sh does so), which is where the expectations come from.
 *
 *     files [DIR]     DIR: an empty directory to work in, / without it
 */
#define _GNU_SOURCE
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <sys/uio.h>
#include <unistd.h>

static unsigned checks, failures;

/* What a call gave, and its errno where that is -1. */
static void want(const char *text, int line, long got, int error, long expected, int expected_error)
{
    checks++;
    if (got != expected || (expected_error && error != expected_error)) {
        printf("files: line %d: %s gave %ld (%s), not %ld (%s)\n", line, text, got,
               got == -1 ? strerror(error) : "no error", expected,
               expected_error ? strerror(expected_error) : "no error");
        failures++;
    }
}

#define GIVES(expected, call)                              \
    do {                                                   \
        errno = 0;                                         \
        long got_ = (long)(call);                          \
        want(#call, __LINE__, got_, errno, (expected), 0); \
    } while (0)
#define FAILS(error, call)                               \
    do {                                                 \
        errno = 0;                                       \
        long got_ = (long)(call);                        \
        want(#call, __LINE__, got_, errno, -1, (error)); \
    } while (0)
/* Gives what is no -1, but sets errno. */
#define SETS(expected, error, call)                               \
    do {                                                          \
        errno = 0;                                                \
        long got_ = (long)(call);                                 \
        int error_ = errno;                                       \
        want(#call, __LINE__, got_, error_, (expected), 0);       \
        want("errno of " #call, __LINE__, error_, 0, (error), 0); \
    } while (0)
#define TRUE(condition) GIVES(1, !!(condition))

static char long_name[300];  /* of 256 */
static char full_name[300];  /* of 255 */
static char long_path[5000]; /* of more than PATH_MAX */

static void make(const char *path, const char *text)
{
    int fd = open(path, O_WRONLY | O_CREAT | O_TRUNC, 0666);

    TRUE(fd >= 0);
    GIVES((long)strlen(text), write(fd, text, strlen(text)));
    GIVES(0, close(fd));
}

static bool holds(const char *path, const char *text)
{
    char bytes[256] = "";
    int fd = open(path, O_RDONLY);
    ssize_t got = fd < 0 ? -1 : read(fd, bytes, sizeof(bytes) - 1);

    if (fd >= 0) {
        close(fd);
    }
    return got == (ssize_t)strlen(text) && strcmp(bytes, text) == 0;
}

static long size_of(const char *path)
{
    struct stat found;

    return stat(path, &found) < 0 ? -1 : (long)found.st_size;
}

static void opening(void)
{
    int fd;

    FAILS(ENOENT, open("none", O_RDONLY));
    FAILS(ENOENT, open("", O_RDONLY));
    FAILS(ENOENT, open("", O_RDWR | O_CREAT, 0666));
    FAILS(ENOENT, open("none/file", O_WRONLY | O_CREAT, 0666));
    make("file", "text");
    FAILS(ENOTDIR, open("file/below", O_RDONLY));
    FAILS(ENOTDIR, open("file/below", O_WRONLY | O_CREAT, 0666));
    FAILS(ENOTDIR, open("file/", O_RDONLY));
    FAILS(ENOTDIR, open("file/.", O_RDONLY));
    FAILS(ENOTDIR, open("file/..", O_RDONLY));
    FAILS(ENOTDIR, open("file", O_RDONLY | O_DIRECTORY));
    FAILS(EEXIST, open("file", O_WRONLY | O_CREAT | O_EXCL, 0666));
    FAILS(EISDIR, open("new/", O_WRONLY | O_CREAT, 0666));
    FAILS(EISDIR, open(".", O_WRONLY));
    FAILS(EISDIR, open(".", O_RDWR));
    FAILS(EISDIR, open("..", O_RDONLY | O_CREAT, 0666));
    FAILS(EISDIR, open("/", O_WRONLY | O_CREAT, 0666));
    FAILS(EEXIST, open("/", O_WRONLY | O_CREAT | O_EXCL, 0666));
    FAILS(ENAMETOOLONG, open(long_name, O_WRONLY | O_CREAT, 0666));
    FAILS(ENAMETOOLONG, open(long_path, O_RDONLY));
    make(full_name, "255");
    TRUE(holds(full_name, "255"));
    GIVES(0, unlink(full_name));
    fd = open("file", O_WRONLY | O_TRUNC);
    TRUE(fd >= 0);
    GIVES(0, size_of("file"));
    FAILS(EBADF, read(fd, long_name, 1));
    GIVES(0, close(fd));
    FAILS(EBADF, close(fd));
    FAILS(EBADF, close(-1));
    FAILS(EBADF, read(fd, long_name, 1));
    fd = open(".", O_RDONLY);
    TRUE(fd >= 0);
    FAILS(EISDIR, read(fd, long_name, 1));
    FAILS(EBADF, write(fd, "x", 1));
    GIVES(0, close(fd));
    fd = open("././/file", O_RDONLY | O_CLOEXEC);
    TRUE(fd >= 0);
    FAILS(EBADF, write(fd, "x", 1));
    FAILS(EINVAL, ftruncate(fd, 0));
    GIVES(FD_CLOEXEC, fcntl(fd, F_GETFD));
    GIVES(0, fcntl(fd, F_SETFD, 0));
    GIVES(0, fcntl(fd, F_GETFD));
    GIVES(O_RDONLY, fcntl(fd, F_GETFL) & O_ACCMODE);
    GIVES(0, close(fd));
    GIVES(0, unlink("file"));
}

static volatile int negative = -1;

static void bytes(void)
{
    char got[16];
    struct iovec pieces[2] = {
        {(void *)"one", 3},
        {(void *)"two", 3}
    };
    int fd = open("bytes", O_RDWR | O_CREAT, 0644);

    GIVES(10, write(fd, "0123456789", 10));
    GIVES(10, lseek(fd, 0, SEEK_CUR));
    GIVES(0, read(fd, got, 1));
    GIVES(4, lseek(fd, 4, SEEK_SET));
    GIVES(3, read(fd, got, 3));
    TRUE(memcmp(got, "456", 3) == 0);
    GIVES(2, pread(fd, got, 10, 8));
    GIVES(0, pread(fd, got, 10, 100));
    GIVES(7, lseek(fd, 0, SEEK_CUR));
    GIVES(2, pwrite(fd, "ab", 2, 1));
    GIVES(7, lseek(fd, 0, SEEK_CUR));
    FAILS(EINVAL, pread(fd, got, 1, -1));
    FAILS(EINVAL, pwrite(fd, got, 1, -1));
    FAILS(EINVAL, lseek(fd, -1, SEEK_SET));
    FAILS(EINVAL, lseek(fd, -8, SEEK_CUR));
    FAILS(EINVAL, lseek(fd, 0, 9));
    GIVES(8, lseek(fd, -2, SEEK_END));
    GIVES(15, lseek(fd, 5, SEEK_END));
    GIVES(0, read(fd, got, 1));
    GIVES(1, write(fd, "!", 1)); /* 10 to 14 are a gap */
    GIVES(16, pread(fd, got, 16, 0));
    TRUE(memcmp(got, "0ab3456789\0\0\0\0\0!", 16) == 0);
    GIVES(0, ftruncate(fd, 3));
    GIVES(3, size_of("bytes"));
    GIVES(0, ftruncate(fd, 6));
    GIVES(6, pread(fd, got, 16, 0));
    TRUE(memcmp(got, "0ab\0\0\0", 6) == 0);
    FAILS(EINVAL, ftruncate(fd, -1));
    GIVES(0, truncate("bytes", 1));
    GIVES(1, size_of("bytes"));
    FAILS(EINVAL, truncate("bytes", -1));
    FAILS(ENOENT, truncate("none", 1));
    FAILS(EISDIR, truncate(".", 1));
    GIVES(0, lseek(fd, 0, SEEK_SET));
    GIVES(6, writev(fd, pieces, 2));
    GIVES(0, lseek(fd, 0, SEEK_SET));
    pieces[0] = (struct iovec){got, 4};
    pieces[1] = (struct iovec){got + 8, 8};
    GIVES(6, readv(fd, pieces, 2));
    TRUE(memcmp(got, "onet", 4) == 0 && memcmp(got + 8, "wo", 2) == 0);
    FAILS(EINVAL, readv(fd, pieces, negative));
    FAILS(EBADF, writev(99, pieces, 1));
    GIVES(0, write(fd, "", 0));
    GIVES(0, fsync(fd));
    GIVES(0, fdatasync(fd));
    FAILS(EBADF, fsync(99));
    sync();
    GIVES(0, close(fd));
    fd = open("bytes", O_WRONLY | O_APPEND);
    GIVES(0, lseek(fd, 0, SEEK_CUR));
    GIVES(1, write(fd, "A", 1));
    GIVES(7, lseek(fd, 0, SEEK_CUR));
    GIVES(0, lseek(fd, 0, SEEK_SET));
    GIVES(1, write(fd, "B", 1));
    TRUE(holds("bytes", "onetwoAB"));
    GIVES(0, fcntl(fd, F_SETFL, 0));
    GIVES(0, lseek(fd, 0, SEEK_SET));
    GIVES(1, write(fd, "C", 1));
    TRUE(holds("bytes", "CnetwoAB"));
    GIVES(0, close(fd));
    GIVES(0, unlink("bytes"));
}

/* 64 KiB with each byte known, at offsets around chunks and beyond. */
static void large(void)
{
    static unsigned char block[70000], back[70000];
    int fd = open("large", O_RDWR | O_CREAT | O_TRUNC, 0666);

    for (size_t i = 0; i < sizeof(block); i++) {
        block[i] = (unsigned char)(i * 31 + i / 251);
    }
    GIVES((long)sizeof(block), write(fd, block, sizeof(block)));
    for (off_t at = 0; at < 70000; at += 1021) {
        ssize_t left = 70000 - at < 5000 ? 70000 - at : 5000;

        GIVES(left, pread(fd, back, 5000, at));
        TRUE(memcmp(back, block + at, (size_t)left) == 0);
    }
    GIVES(0, ftruncate(fd, 4097));
    GIVES(0, ftruncate(fd, 70000));
    GIVES(70000, pread(fd, back, sizeof(back), 0));
    memset(block + 4097, 0, sizeof(block) - 4097);
    TRUE(memcmp(back, block, sizeof(block)) == 0);
    GIVES(3, pwrite(fd, "end", 3, 3000000));
    GIVES(3000003, size_of("large"));
    GIVES(5, pread(fd, back, 10, 2999998));
    close(fd);
    GIVES(0, unlink("large"));
}

static void bytes_10_are_5(void)
{
    char back[10];
    int fd = open("sparse", O_RDWR | O_CREAT, 0666);

    GIVES(3, pwrite(fd, "end", 3, 1 << 20));
    GIVES(5, pread(fd, back, 10, (1 << 20) - 2));
    TRUE(memcmp(back, "\0\0end", 5) == 0);
    close(fd);
    GIVES(0, unlink("sparse"));
}

static void descriptors(void)
{
    char got[8];
    struct stat a, b;
    int low, other, fd = open("shared", O_RDWR | O_CREAT, 0666);

    low = fd;
    GIVES(4, write(fd, "abcd", 4));
    other = dup(fd);
    GIVES(low + 1, other);
    GIVES(1, lseek(fd, 1, SEEK_SET));
    GIVES(1, read(other, got, 1));
    GIVES(2, lseek(fd, 0, SEEK_CUR)); /* shared */
    GIVES(0, close(fd));
    GIVES(1, read(other, got, 1));
    TRUE(got[0] == 'c');
    GIVES(low, open("shared", O_RDONLY)); /* the lowest, with an offset of its own */
    GIVES(0, lseek(low, 0, SEEK_CUR));
    GIVES(100, fcntl(other, F_DUPFD, 100));
    GIVES(3, lseek(100, 0, SEEK_CUR));
    FAILS(EINVAL, fcntl(other, F_DUPFD, -1));
    GIVES(101, dup2(other, 101));
    GIVES(101, dup2(101, 101));
    FAILS(EBADF, dup2(999, 101));
    FAILS(EBADF, dup2(999, 999));
    FAILS(EBADF, dup2(other, -1));
    FAILS(EBADF, dup(999));
    FAILS(EINVAL, dup3(other, other, 0));
    GIVES(102, dup3(other, 102, O_CLOEXEC));
    GIVES(FD_CLOEXEC, fcntl(102, F_GETFD));
    FAILS(EBADF, fcntl(999, F_GETFD));
    GIVES(0, fstat(other, &a));
    GIVES(0, stat("shared", &b));
    TRUE(a.st_ino == b.st_ino && a.st_dev == b.st_dev && S_ISREG(a.st_mode));
    FAILS(EBADF, fstat(999, &a));
    SETS(0, ENOTTY, isatty(other));
    SETS(0, EBADF, isatty(999));
    GIVES(0, close(100));
    GIVES(0, close(101));
    GIVES(0, close(102));
    /* nameless, but there */
    GIVES(0, unlink("shared"));
    FAILS(ENOENT, open("shared", O_RDONLY));
    GIVES(2, pread(other, got, 2, 1));
    GIVES(1, pwrite(other, "X", 1, 5));
    GIVES(0, fstat(other, &a));
    TRUE(a.st_nlink == 0 && a.st_size == 6);
    GIVES(0, close(other));
    GIVES(0, close(low));
}

static void all_descriptors(void)
{
    static int used[1024];
    unsigned count = 0;
    int fd = open(".", O_RDONLY), next;

    while (count < 1024 && (next = dup(fd)) >= 0) {
        TRUE(next > (count > 0 ? used[count - 1] : fd));
        used[count++] = next;
    }
    TRUE(count > 200 && count < 1024);
    FAILS(EMFILE, dup(fd));
    FAILS(EMFILE, open(".", O_RDONLY));
    FAILS(EMFILE, open("leftover", O_RDWR | O_CREAT, 0600));
    while (count > 0) {
        GIVES(0, close(used[--count]));
    }
    GIVES(0, close(fd));
    unlink("leftover");
}

static unsigned entries(const char *path, const char *wanted, unsigned char *type)
{
    DIR *dir = opendir(path);
    struct dirent *entry;
    unsigned count = 0, hits = 0;

    TRUE(dir != NULL);
    while (dir && (entry = readdir(dir)) != NULL) {
        count++;
        if (wanted && strcmp(entry->d_name, wanted) == 0) {
            hits++;
            if (type) {
                *type = entry->d_type;
            }
        }
    }
    if (dir) {
        GIVES(0, closedir(dir));
    }
    if (wanted) {
        TRUE(hits == 1);
    }
    return count;
}

static void directories(void)
{
    unsigned char type = DT_UNKNOWN;
    struct stat found, dot;
    DIR *dir;
    long place;
    char name[300];

    GIVES(0, mkdir("d", 0777));
    FAILS(EEXIST, mkdir("d", 0777));
    FAILS(EEXIST, mkdir("d/", 0777));
    FAILS(EEXIST, mkdir(".", 0777));
    FAILS(EEXIST, mkdir("d/..", 0777));
    FAILS(EEXIST, mkdir("/", 0777));
    FAILS(ENOENT, mkdir("", 0777));
    FAILS(ENOENT, mkdir("none/e", 0777));
    FAILS(ENAMETOOLONG, mkdir(long_name, 0777));
    GIVES(0, mkdir("d/e/", 0777));
    make("d/f", "f");
    FAILS(ENOTDIR, mkdir("d/f/g", 0777));
    FAILS(EEXIST, mkdir("d/f", 0777));
    GIVES(0, stat("d/e/..", &found));
    GIVES(0, stat("d", &dot));
    TRUE(found.st_ino == dot.st_ino && S_ISDIR(found.st_mode));
    FAILS(ENOENT, stat("d/none/..", &found));
    FAILS(ENOTDIR, stat("d/f/..", &found));
    FAILS(ENOTDIR, stat("d/f/", &found));
    FAILS(ENOENT, stat("", &found));
    GIVES(0, stat("d//.//e/", &found));
    GIVES(0, lstat("d/f", &found));
    TRUE(S_ISREG(found.st_mode) && found.st_nlink == 1);
    GIVES(4, entries("d", ".", &type));
    TRUE(type == DT_DIR);
    GIVES(4, entries("d", "..", NULL));
    GIVES(4, entries("d", "e", &type));
    TRUE(type == DT_DIR);
    GIVES(4, entries("d", "f", &type));
    TRUE(type == DT_REG);
    TRUE(!opendir("none") && errno == ENOENT);
    TRUE(!opendir("d/f") && errno == ENOTDIR);
    FAILS(ENOTEMPTY, rmdir("d"));
    FAILS(EINVAL, rmdir("d/e/."));
    FAILS(ENOTEMPTY, rmdir("d/e/.."));
    FAILS(ENOTDIR, rmdir("d/f"));
    FAILS(ENOENT, rmdir("d/none"));
    FAILS(EBUSY, rmdir("/"));
    FAILS(EISDIR, unlink("d/e"));
    FAILS(EISDIR, unlink("d/e/"));
    FAILS(EISDIR, unlink("."));
    FAILS(ENOTDIR, unlink("d/f/"));
    FAILS(ENOENT, unlink("d/none"));
    FAILS(ENOENT, unlink(""));
    /* seekdir goes where telldir was, also when names went */
    dir = opendir("d");
    for (int i = 0; i < 100; i++) {
        snprintf(name, sizeof(name), "d/name%d", i);
        make(name, "");
    }
    rewinddir(dir);
    for (int i = 0; i < 50; i++) {
        TRUE(readdir(dir) != NULL);
    }
    place = telldir(dir);
    strcpy(name, readdir(dir)->d_name);
    TRUE(readdir(dir) != NULL);
    seekdir(dir, place);
    TRUE(strcmp(readdir(dir)->d_name, name) == 0);
    rewinddir(dir);
    for (struct dirent *entry; (entry = readdir(dir)) != NULL;) {
        if (strncmp(entry->d_name, "name", 4) == 0) {
            snprintf(name, sizeof(name), "d/%.100s", entry->d_name);
            GIVES(0, unlink(name)); /* while it is read */
        }
    }
    GIVES(0, closedir(dir));
    GIVES(4, entries("d", NULL, NULL));
    GIVES(0, remove("d/f"));
    GIVES(0, remove("d/e"));
    GIVES(0, rmdir("d/"));
    FAILS(ENOENT, remove("d"));
}

static int by_name(const struct dirent **a, const struct dirent **b)
{
    return strcmp((*a)->d_name, (*b)->d_name);
}

static int no_dots(const struct dirent *entry)
{
    return entry->d_name[0] != '.';
}

static void listing(void)
{
    struct dirent **list = NULL;
    int fd;
    DIR *dir;

    GIVES(0, mkdir("l", 0755));
    make("l/b", "");
    make("l/a", "");
    GIVES(0, mkdir("l/c", 0755));
    GIVES(3, scandir("l", &list, no_dots, by_name));
    for (int i = 0; i < 3; i++) {
        TRUE(list[i]->d_name[0] == 'a' + i);
        free(list[i]);
    }
    free(list);
    FAILS(ENOENT, scandir("none", &list, NULL, NULL));
    fd = open("l", O_RDONLY | O_DIRECTORY);
    dir = fdopendir(fd);
    TRUE(dir != NULL);
    GIVES(fd, dirfd(dir));
    GIVES(0, closedir(dir));
    FAILS(EBADF, close(fd));
    fd = open("l/a", O_RDONLY);
    TRUE(!fdopendir(fd) && errno == ENOTDIR);
    GIVES(0, close(fd));
    GIVES(0, unlink("l/a"));
    GIVES(0, unlink("l/b"));
    GIVES(0, rmdir("l/c"));
    GIVES(0, rmdir("l"));
}

static void renaming(void)
{
    char got[8];
    struct stat before, after;
    int fd;

    make("a", "A");
    make("b", "B");
    GIVES(0, mkdir("d", 0755));
    GIVES(0, mkdir("d/sub", 0755));
    GIVES(0, mkdir("e", 0755));
    FAILS(ENOENT, rename("none", "x"));
    FAILS(ENOENT, rename("none", "a"));
    FAILS(ENOENT, rename("a", "none/x"));
    FAILS(ENOENT, rename("", "x"));
    FAILS(ENOENT, rename("a", ""));
    FAILS(ENOTDIR, rename("a/", "x"));
    FAILS(ENOTDIR, rename("a", "x/"));
    FAILS(ENOTDIR, rename("a", "b/x"));
    FAILS(EISDIR, rename("a", "e"));
    FAILS(ENOTDIR, rename("e", "a"));
    FAILS(ENOTEMPTY, rename("e", "d"));
    FAILS(ENOTEMPTY, rename("d/sub", "d"));
    FAILS(EINVAL, rename("d", "d/sub/x"));
    FAILS(EINVAL, rename("d", "d/x"));
    FAILS(EINVAL, rename("d", "d/sub"));
    FAILS(EBUSY, rename(".", "x"));
    FAILS(EBUSY, rename("d/..", "x"));
    FAILS(EBUSY, rename("a", "."));
    FAILS(EBUSY, rename("/", "x"));
    FAILS(ENAMETOOLONG, rename("a", long_name));
    FAILS(ENAMETOOLONG, rename(long_name, "x"));
    GIVES(0, rename("a", "a"));
    GIVES(0, rename("a", "./a"));
    GIVES(0, rename("d", "d"));
    GIVES(0, stat("a", &before));
    fd = open("b", O_RDONLY);
    GIVES(0, rename("a", "b")); /* what was b lives on */
    GIVES(0, stat("b", &after));
    TRUE(before.st_ino == after.st_ino);
    GIVES(1, read(fd, got, 8));
    TRUE(got[0] == 'B');
    GIVES(0, close(fd));
    FAILS(ENOENT, stat("a", &before));
    TRUE(holds("b", "A"));
    GIVES(0, rename("b", "d/sub/b"));
    GIVES(0, rename("d", "new/"));
    TRUE(holds("new/sub/b", "A"));
    GIVES(0, rename("new/sub", "e")); /* over an empty directory */
    TRUE(holds("e/b", "A"));
    FAILS(ENOENT, stat("new/sub", &before));
    GIVES(0, rename("e", "new/e"));
    GIVES(0, rename("new/e/b", "new/b"));
    GIVES(0, rename("new/e/", "new/f/"));
    TRUE(holds("new/b", "A"));
    GIVES(0, unlink("new/b"));
    GIVES(0, rmdir("new/f"));
    GIVES(0, rmdir("new"));
}

static bool cwd_is(const char *root, const char *path)
{
    char expected[5000], got[5000];

    snprintf(expected, sizeof(expected), "%s%s", root, path);
    return getcwd(got, sizeof(got)) && strcmp(got, expected) == 0;
}

static void working_directory(void)
{
    char root[1000], small[2], *given;
    struct stat found;
    int fd, up;

    TRUE(getcwd(root, sizeof(root)) != NULL);
    GIVES(0, mkdir("w", 0755));
    GIVES(0, mkdir("w/x", 0755));
    make("w/file", "in w");
    FAILS(ENOENT, chdir("none"));
    FAILS(ENOTDIR, chdir("w/file"));
    FAILS(ENOENT, chdir(""));
    up = open(".", O_RDONLY);
    GIVES(0, chdir("w/x"));
    if (strcmp(root, "/") == 0) {
        root[0] = '\0';
    }
    TRUE(cwd_is(root, "/w/x"));
    TRUE(!getcwd(small, sizeof(small)) && errno == ERANGE);
    TRUE(!getcwd(small, 0) && errno == EINVAL);
    given = getcwd(NULL, 0);
    TRUE(given != NULL);
    free(given);
    TRUE(holds("../file", "in w"));
    /* it follows what is renamed above it */
    GIVES(0, mkdir("../../v", 0755));
    GIVES(0, rename("../../w", "../../v/moved"));
    TRUE(cwd_is(root, "/v/moved/x"));
    TRUE(holds("../file", "in w"));
    GIVES(0, rename("../x", "../y"));
    TRUE(cwd_is(root, "/v/moved/y"));
    /* and is no more when it is removed */
    GIVES(0, rmdir("../y"));
    TRUE(!getcwd(small, sizeof(small)) && errno != 0);
    TRUE(!getcwd(root + 500, 500) && errno == ENOENT);
    FAILS(ENOENT, open("file", O_WRONLY | O_CREAT, 0666));
    FAILS(ENOENT, mkdir("sub", 0777));
    FAILS(ENOENT, stat("file", &found));
    GIVES(0, stat(".", &found));
    GIVES(0, entries(".", NULL, NULL));
    GIVES(0, chdir(".."));
    TRUE(cwd_is(root, "/v/moved"));
    FAILS(EBADF, fchdir(999));
    fd = open("file", O_RDONLY);
    FAILS(ENOTDIR, fchdir(fd));
    GIVES(0, close(fd));
    GIVES(0, fchdir(up));
    GIVES(0, close(up));
    TRUE(cwd_is(root[0] ? root : "/", ""));
    GIVES(0, unlink("v/moved/file"));
    GIVES(0, rmdir("v/moved"));
    GIVES(0, rmdir("v"));
}

static void attributes(void)
{
    struct timespec times[2] = {
        {1000000000, 0        },
        {1234567890, 123456789}
    };
    struct stat found;
    mode_t before = umask(027);

    make("attr", "x");
    GIVES(0, stat("attr", &found));
    GIVES(0640, found.st_mode & 0777);
    TRUE(found.st_size == 1 && found.st_blksize > 0);
    GIVES(027, umask(before));
    GIVES(0, chmod("attr", 0600));
    GIVES(0, stat("attr", &found));
    GIVES(0600, found.st_mode & 0777);
    FAILS(ENOENT, chmod("none", 0600));
    GIVES(0, access("attr", F_OK));
    GIVES(0, access("attr", R_OK | W_OK));
    FAILS(EACCES, access("attr", X_OK));
    GIVES(0, access(".", X_OK));
    FAILS(ENOENT, access("none", F_OK));
    FAILS(EINVAL, access("attr", 0100));
    GIVES(0, utimensat(AT_FDCWD, "attr", times, 0));
    GIVES(0, stat("attr", &found));
    GIVES(1234567890, found.st_mtime);
    GIVES(1000000000, found.st_atime);
    times[0].tv_nsec = UTIME_OMIT;
    times[1].tv_nsec = UTIME_NOW;
    GIVES(0, utimensat(AT_FDCWD, "attr", times, 0));
    GIVES(0, stat("attr", &found));
    GIVES(1000000000, found.st_atime);
    TRUE(found.st_mtime != 1234567890);
    times[0].tv_nsec = 1000000000;
    FAILS(EINVAL, utimensat(AT_FDCWD, "attr", times, 0));
    FAILS(ENOENT, utimensat(AT_FDCWD, "none", NULL, 0));
    GIVES(0, unlink("attr"));
}

static void paths(void)
{
    char root[1000], expected[2000], *got;
    struct statvfs room;

    TRUE(getcwd(root, sizeof(root)) != NULL);
    if (strcmp(root, "/") == 0) {
        root[0] = '\0';
    }
    GIVES(0, mkdir("p", 0755));
    make("p/file", "");
    got = realpath("p/.././p//file", NULL);
    snprintf(expected, sizeof(expected), "%s/p/file", root);
    TRUE(got && strcmp(got, expected) == 0);
    free(got);
    got = realpath("p/..//p/", NULL);
    snprintf(expected, sizeof(expected), "%s/p", root);
    TRUE(got && strcmp(got, expected) == 0);
    free(got);
    got = realpath("/", NULL);
    TRUE(got && strcmp(got, "/") == 0);
    free(got);
    TRUE(!realpath("p/none", NULL) && errno == ENOENT);
    TRUE(!realpath("p/file/", NULL) && errno == ENOTDIR);
    TRUE(!realpath("", NULL) && errno == ENOENT);
    GIVES(0, unlink("p/file"));
    GIVES(0, rmdir("p"));
    GIVES(0, statvfs(".", &room));
    TRUE(room.f_bsize > 0 && room.f_blocks > 0 && room.f_bfree <= room.f_blocks);
    GIVES(255, room.f_namemax);
    FAILS(ENOENT, statvfs("none", &room));
}

/* ---- devices ---- */

static void devices(void)
{
    struct stat found;
    char got[64];
    int fd = open("/dev/null", O_RDWR);

    GIVES(3, write(fd, "abc", 3));
    GIVES(0, read(fd, got, 3));
    GIVES(0, fstat(fd, &found));
    TRUE(S_ISCHR(found.st_mode));
    SETS(0, ENOTTY, isatty(fd));
    FAILS(EINVAL, ftruncate(fd, 0));
    GIVES(0, close(fd));
    fd = open("/dev/null", O_WRONLY | O_TRUNC | O_CREAT, 0666);
    TRUE(fd >= 0);
    GIVES(0, close(fd));
    FAILS(ENOTDIR, open("/dev/null/x", O_RDONLY));
    FAILS(ENOTDIR, open("/dev/null", O_RDONLY | O_DIRECTORY));
    fd = open("/dev/zero", O_RDONLY);
    memset(got, 1, sizeof(got));
    GIVES(64, read(fd, got, 64));
    TRUE(got[0] == 0 && got[63] == 0);
    GIVES(0, close(fd));
    fd = open("/dev/full", O_RDWR);
    FAILS(ENOSPC, write(fd, "x", 1));
    GIVES(8, read(fd, got, 8));
    GIVES(0, close(fd));
    fd = open("/dev/urandom", O_RDONLY);
    memset(got, 0, sizeof(got));
    GIVES(64, read(fd, got, 64));
    TRUE(memcmp(got, got + 32, 32) != 0);
    GIVES(0, close(fd));
    entries("/dev", "null", NULL);
}

/* ---- stdio ---- */

static bool cannot_open(const char *path, const char *mode, int error)
{
    FILE *file = fopen(path, mode);

    if (file) {
        fclose(file);
    }
    return !file && errno == error;
}

/* Whether a byte can be written. */
static int put_byte(FILE *file)
{
    return fputc('x', file);
}

static void streams(void)
{
    char line[64], block[9000];
    FILE *file = fopen("stream", "w+");
    fpos_t place;

    TRUE(file != NULL);
    GIVES(11, fprintf(file, "line %d\nend", 1) + 1);
    GIVES(10, ftell(file));
    GIVES(0, fseek(file, 0, SEEK_SET));
    TRUE(fgets(line, sizeof(line), file) && strcmp(line, "line 1\n") == 0);
    GIVES('e', fgetc(file));
    GIVES(8, ftell(file));
    GIVES('E', ungetc('E', file));
    GIVES(7, ftell(file));
    GIVES('E', fgetc(file));
    GIVES(2, (long)fread(line, 1, 10, file));
    TRUE(feof(file) && !ferror(file));
    GIVES(EOF, fgetc(file));
    clearerr(file);
    TRUE(!feof(file));
    GIVES(0, fseek(file, -3, SEEK_END));
    TRUE(!feof(file));
    GIVES('e', fgetc(file));
    GIVES(0, fseek(file, 0, SEEK_CUR));
    GIVES('N', fputc('N', file));
    GIVES(0, fseek(file, 0, SEEK_CUR));
    GIVES('d', fgetc(file));
    rewind(file);
    GIVES(0, fgetpos(file, &place));
    GIVES('l', fgetc(file));
    GIVES(0, fsetpos(file, &place));
    GIVES('l', fgetc(file));
    GIVES(EOF, fseek(file, -1, SEEK_SET));
    GIVES(0, fclose(file));
    TRUE(holds("stream", "line 1\neNd"));
    file = fopen("stream", "a");
    GIVES(1, fputs("+", file) >= 0);
    GIVES(11, ftell(file));
    GIVES(0, fclose(file));
    TRUE(holds("stream", "line 1\neNd+"));
    file = fopen("stream", "r");
    GIVES(EOF, put_byte(file));
    clearerr(file);
    GIVES(4, (long)fread(line, 2, 2, file) * 2);
    GIVES(0, fclose(file));
    file = fopen("stream", "r+");
    GIVES('L', fputc('L', file));
    GIVES(0, fclose(file));
    TRUE(holds("stream", "Line 1\neNd+"));
    TRUE(cannot_open("stream", "wx", EEXIST));
    TRUE(cannot_open("none", "r", ENOENT));
    TRUE(cannot_open("none", "r+", ENOENT));
    TRUE(cannot_open("none", "q", EINVAL));
    /* larger than buffers, in odd pieces */
    for (size_t i = 0; i < sizeof(block); i++) {
        block[i] = (char)('a' + i % 26);
    }
    file = fopen("stream", "w");
    for (size_t i = 0; i < sizeof(block); i += 300) {
        GIVES(3, (long)fwrite(block + i, 100, 3, file));
    }
    GIVES(0, fflush(file));
    GIVES(9000, size_of("stream"));
    GIVES(0, fclose(file));
    file = fopen("stream", "r");
    GIVES(0, fseek(file, 4090, SEEK_SET));
    GIVES(20, (long)fread(line, 1, 20, file));
    TRUE(memcmp(line, block + 4090, 20) == 0);
    GIVES(0, fclose(file));
    GIVES(0, unlink("stream"));
}

static void buffers(void)
{
    char own[16], line[64];
    FILE *file = fopen("buffer", "w"), *other;
    int fd;

    GIVES(0, setvbuf(file, NULL, _IONBF, 0));
    fputs("now", file);
    TRUE(holds("buffer", "now"));
    GIVES(0, fclose(file));
    file = fopen("buffer", "a");
    GIVES(0, setvbuf(file, own, _IOLBF, sizeof(own)));
    fputs("a\n", file);
    TRUE(holds("buffer", "nowa\n"));
    fputs("b", file);
    TRUE(holds("buffer", "nowa\n"));
    GIVES(0, fflush(NULL));
    TRUE(holds("buffer", "nowa\nb"));
    GIVES(0, fclose(file));
    file = fopen("buffer", "r");
    fd = fileno(file);
    TRUE(fd > 2);
    other = fdopen(dup(fd), "r");
    TRUE(fgets(line, sizeof(line), other) && strcmp(line, "nowa\n") == 0);
    GIVES(0, fclose(other));
    GIVES(0, fclose(file));
    FAILS(EBADF, close(fd));
    TRUE(!fdopen(999, "r") && errno == EBADF);
    fd = open("buffer", O_RDONLY);
    TRUE(!fdopen(fd, "w") && errno == EINVAL);
    GIVES(0, close(fd));
    file = fopen("/dev/full", "w");
    fputs("x", file);
    GIVES(EOF, fflush(file));
    TRUE(ferror(file));
    fclose(file);
    file = tmpfile();
    TRUE(file != NULL);
    fputs("temporary", file);
    rewind(file);
    TRUE(fgets(line, sizeof(line), file) && strcmp(line, "temporary") == 0);
    GIVES(0, fclose(file));
    strcpy(line, "tempXXXXXX");
    fd = mkstemp(line);
    TRUE(fd >= 0 && strncmp(line, "temp", 4) == 0 && !strchr(line, 'X'));
    GIVES(0, close(fd));
    GIVES(0, unlink(line));
    strcpy(line, "short");
    FAILS(EINVAL, mkstemp(line));
    file = fopen("buffer", "w");
    fputs("first", file);
    file = freopen("buffer2", "w", file);
    TRUE(file != NULL);
    fputs("second", file);
    GIVES(0, fclose(file));
    TRUE(holds("buffer", "first") && holds("buffer2", "second"));
    GIVES(0, unlink("buffer"));
    GIVES(0, unlink("buffer2"));
}

/* As a shell does `>` and `<`. */
static void redirects(void)
{
    char line[64] = "";
    int out = dup(1), in = dup(0), fd = open("out", O_WRONLY | O_CREAT | O_TRUNC, 0666);

    fflush(stdout);
    GIVES(1, dup2(fd, 1));
    GIVES(0, close(fd));
    printf("printed %d\n", 1);
    puts("put");
    fflush(stdout);
    TRUE(write(1, "written\n", 8) == 8);
    GIVES(1, dup2(out, 1));
    GIVES(0, close(out));
    TRUE(holds("out", "printed 1\nput\nwritten\n"));
    fd = open("out", O_RDONLY);
    GIVES(0, dup2(fd, 0));
    GIVES(0, close(fd));
    TRUE(fgets(line, sizeof(line), stdin) && strcmp(line, "printed 1\n") == 0);
    TRUE(scanf("%10s", line) == 1 && strcmp(line, "put") == 0);
    fseek(stdin, 0, SEEK_END);
    GIVES(0, dup2(in, 0));
    GIVES(0, close(in));
    clearerr(stdin);
    GIVES(0, unlink("out"));
}

/* 1,000 names in a directory. */
static void many(void)
{
    char name[32];

    GIVES(0, mkdir("many", 0755));
    GIVES(0, chdir("many"));
    for (int i = 0; i < 1000; i++) {
        snprintf(name, sizeof(name), "file%d", i);
        make(name, name);
    }
    GIVES(1002, entries(".", "file777", NULL));
    for (int i = 0; i < 1000; i += 7) {
        snprintf(name, sizeof(name), "file%d", i);
        TRUE(holds(name, name));
    }
    for (int i = 0; i < 1000; i++) {
        snprintf(name, sizeof(name), "file%d", i);
        GIVES(0, unlink(name));
    }
    GIVES(2, entries(".", NULL, NULL));
    GIVES(0, chdir(".."));
    GIVES(0, rmdir("many"));
}

int main(int argc, char **argv)
{
    memset(long_name, 'n', 256);
    memset(full_name, 'n', 255);
    for (size_t i = 0; i < sizeof(long_path) - 1; i++) {
        long_path[i] = "./"[i % 2];
    }
    TRUE(chdir(argc > 1 ? argv[1] : "/") == 0);
    opening();
    bytes();
    large();
    bytes_10_are_5();
    descriptors();
    all_descriptors();
    directories();
    listing();
    renaming();
    working_directory();
    attributes();
    paths();
    devices();
    streams();
    buffers();
    redirects();
    many();
    printf("files: %u checks, %u failed\n", checks, failures);
    return failures ? 1 : 0;
}
