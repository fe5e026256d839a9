/* SPDX-License-Identifier: BSD-2-Clause */
/* Directories, names, the working directory, attributes. */
#define _GNU_SOURCE
#include <dirent.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <unistd.h>

#include "tests/guest/files/files.h"

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

void test_names(void)
{
    directories();
    listing();
    renaming();
    working_directory();
    attributes();
    paths();
    many();
}
