/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Files where Linux is no judge:
 *
 *     fork       each process has offsets, descriptors and file systems of its own after a fork
 *     full       memory ends in the middle of a file
 *     initrd     what is in /initrd: names and first bytes
 *     close      what stdio holds back is written at the end, also where stdout was moved
 */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <sys/wait.h>
#include <unistd.h>

static void check(int good, const char *what)
{
    if (!good) {
        printf("files: %s: %s\n", what, strerror(errno));
        exit(1);
    }
}

static void forks(void)
{
    char bytes[8] = "";
    int fd = open("/tmp/f", O_RDWR | O_CREAT, 0644), status = 0;
    FILE *held = fopen("/tmp/held", "w");
    struct stat found;
    pid_t child;

    check(fd >= 0 && write(fd, "0123456789", 10) == 10 && lseek(fd, 2, SEEK_SET) == 2, "write");
    check(fputs("once in each", held) >= 0, "fputs");
    child = fork();
    check(child >= 0, "fork");
    if (child == 0) {
        check(read(fd, bytes, 3) == 3 && memcmp(bytes, "234", 3) == 0, "child reads");
        check(pwrite(fd, "CHILD", 5, 0) == 5 && unlink("/tmp/f") == 0, "child writes");
        check(mkdir("/tmp/childs", 0755) == 0 && chdir("/tmp/childs") == 0, "child makes");
        check(fclose(held) == 0 && stat("/tmp/held", &found) == 0 && found.st_size == 12, "flush");
        exit(7);
    }
    check(waitpid(child, &status, 0) == child && WEXITSTATUS(status) == 7, "wait");
    check(lseek(fd, 0, SEEK_CUR) == 2, "the offset is the parent's own");
    check(pread(fd, bytes, 5, 0) == 5 && memcmp(bytes, "01234", 5) == 0, "so are the bytes");
    check(stat("/tmp/childs", &found) < 0 && stat("/tmp/f", &found) == 0, "and names");
    check(fclose(held) == 0 && stat("/tmp/held", &found) == 0 && found.st_size == 12, "fclose");
}

static void full(void)
{
    static char block[65536];
    struct statvfs before, now;
    unsigned long blocks = 0;
    ssize_t done;
    int fd = open("/tmp/large", O_RDWR | O_CREAT, 0644);

    memset(block, 'x', sizeof(block));
    check(statvfs("/tmp", &before) == 0, "statvfs");
    while ((done = write(fd, block, sizeof(block))) > 0) {
        blocks += (unsigned long)done / before.f_bsize;
    }
    check(done < 0 && errno == ENOSPC, "write");
    check(blocks > before.f_bfree * 3 / 4 && statvfs("/tmp", &now) == 0, "nearly all");
    check(mkdir("/tmp/d", 0755) == 0 || errno == ENOSPC || errno == ENOMEM, "mkdir");
    check(pread(fd, block, 1, 0) == 1 && block[0] == 'x', "read");
    check(ftruncate(fd, 0) == 0 && write(fd, block, sizeof(block)) == sizeof(block), "again");
    check(close(fd) == 0 && unlink("/tmp/large") == 0, "unlink");
    printf("files: %lu blocks of %lu\n", blocks, (unsigned long)before.f_bfree);
}

static void show(const char *folder)
{
    struct dirent **list;
    int count = scandir(folder, &list, NULL, alphasort);

    check(count >= 0, folder);
    for (int i = 0; i < count; i++) {
        char path[512], text[32] = "";
        int fd;

        snprintf(path, sizeof(path), "%s/%s", folder, list[i]->d_name);
        if (list[i]->d_name[0] == '.') {
            continue;
        }
        if (list[i]->d_type == DT_DIR) {
            printf("files: %s/\n", path);
            show(path);
            continue;
        }
        fd = open(path, O_RDONLY);
        check(fd >= 0 && read(fd, text, sizeof(text) - 1) >= 0 && close(fd) == 0, path);
        printf("files: %s: %s\n", path, text);
        check(unlink(path) < 0 && errno == EROFS, "unlink");
    }
}

static void late(void)
{
    printf("files: atexit\n");
}

static void closes(void)
{
    int fd = open("/tmp/out", O_WRONLY | O_CREAT, 0644);

    check(atexit(late) == 0, "atexit");
    check(dup2(fd, 1) == 1 && printf("into the file\n") > 0, "printf");
    check(fflush(stdout) == 0, "fflush");
    check(dup2(open("/dev/console", O_WRONLY), 1) == 1, "back");
    check(fputs("half a line", stdout) >= 0, "fputs");
}

int main(int argc, char **argv)
{
    const char *what = argc > 1 ? argv[1] : "";

    if (strcmp(what, "fork") == 0) {
        forks();
    } else if (strcmp(what, "full") == 0) {
        full();
    } else if (strcmp(what, "initrd") == 0) {
        show("/initrd");
    } else if (strcmp(what, "close") == 0) {
        closes();
        return 0;
    }
    printf("files: ok\n");
    return 0;
}
