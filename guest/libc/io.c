/* SPDX-License-Identifier: BSD-2-Clause */
/* Bytes of open files, as POSIX has them: on descriptors. */
#include <errno.h>
#include <limits.h>
#include <sys/stat.h>
#include <sys/uio.h>
#include <unistd.h>

#include "guest/libc/descriptor.h"

ssize_t read(int fd, void *to, size_t bytes)
{
    struct file *file = descriptor_get(fd);
    s64 done;

    if (!file) {
        return -1;
    }
    done = file_read(file, to, bytes);
    file_put(file);
    return (ssize_t)files_count(done);
}

ssize_t write(int fd, const void *from, size_t bytes)
{
    struct file *file = descriptor_get(fd);
    s64 done;

    if (!file) {
        return -1;
    }
    done = file_write(file, from, bytes);
    file_put(file);
    return (ssize_t)files_count(done);
}

ssize_t pread(int fd, void *to, size_t bytes, off_t offset)
{
    struct file *file = descriptor_get(fd);
    s64 done;

    if (!file) {
        return -1;
    }
    done = offset < 0 ? -EINVAL : file_pread(file, (u64)offset, to, bytes);
    file_put(file);
    return (ssize_t)files_count(done);
}

ssize_t pwrite(int fd, const void *from, size_t bytes, off_t offset)
{
    struct file *file = descriptor_get(fd);
    s64 done;

    if (!file) {
        return -1;
    }
    done = offset < 0 ? -EINVAL : file_pwrite(file, (u64)offset, from, bytes);
    file_put(file);
    return (ssize_t)files_count(done);
}

/* Piece by piece: other tasks may come in between. */
static ssize_t transfer(int fd, const struct iovec *pieces, int count,
                        s64 (*move)(struct file *file, void *at, size_t bytes))
{
    struct file *file = descriptor_get(fd);
    s64 all = 0, now = 0;

    if (!file) {
        return -1;
    }
    if (count < 0 || count > IOV_MAX) {
        file_put(file);
        return files_result(EINVAL);
    }
    for (int i = 0; i < count; i++) {
        now = move(file, pieces[i].iov_base, pieces[i].iov_len);
        all += now > 0 ? now : 0;
        if (now < 0 || (size_t)now < pieces[i].iov_len) {
            break;
        }
    }
    file_put(file);
    return (ssize_t)files_count(all == 0 ? now : all);
}

static s64 write_piece(struct file *file, void *at, size_t bytes)
{
    return file_write(file, at, bytes);
}

ssize_t readv(int fd, const struct iovec *pieces, int count)
{
    return transfer(fd, pieces, count, file_read);
}

ssize_t writev(int fd, const struct iovec *pieces, int count)
{
    return transfer(fd, pieces, count, write_piece);
}

off_t lseek(int fd, off_t offset, int whence)
{
    struct file *file = descriptor_get(fd);
    s64 at;

    if (!file) {
        return -1;
    }
    at = file_seek(file, offset, whence);
    file_put(file);
    return (off_t)files_count(at);
}

int ftruncate(int fd, off_t bytes)
{
    struct file *file = descriptor_get(fd);
    int error;

    if (!file) {
        return -1;
    }
    error = bytes < 0 ? EINVAL : file_truncate(file, (u64)bytes);
    file_put(file);
    return files_result(error);
}

int truncate(const char *path, off_t bytes)
{
    return files_result(bytes < 0 ? EINVAL : vfs_truncate(path, (u64)bytes));
}

int fsync(int fd)
{
    struct file *file = descriptor_get(fd);
    int error;

    if (!file) {
        return -1;
    }
    error = file_sync(file);
    file_put(file);
    return files_result(error);
}

int fdatasync(int fd)
{
    return fsync(fd);
}

/* It has no way to say that it failed. */
void sync(void)
{
    (void)vfs_sync();
}
