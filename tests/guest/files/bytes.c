/* SPDX-License-Identifier: BSD-2-Clause */
/* Opening, bytes, descriptors. */
#define _GNU_SOURCE
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/uio.h>
#include <unistd.h>

#include "tests/guest/files/files.h"

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

static void sparse(void)
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

void test_bytes(void)
{
    opening();
    bytes();
    large();
    sparse();
    descriptors();
    all_descriptors();
}
