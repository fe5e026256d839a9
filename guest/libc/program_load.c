/* SPDX-License-Identifier: BSD-2-Clause */
/* Part of the component vfs: a program in a file. */
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include "guest/libc/exec.h"

static int read_all(int fd, char *to, size_t bytes)
{
    for (size_t done = 0; done < bytes;) {
        ssize_t now = read(fd, to + done, bytes - done);

        if (now < 0 && errno != EINTR) {
            return errno;
        }
        if (now == 0) {
            return ENOEXEC; /* it became shorter */
        }
        done += now > 0 ? (size_t)now : 0;
    }
    return 0;
}

static int load(int fd, void **image, size_t *bytes)
{
    struct stat about;
    int error;

    if (fstat(fd, &about) < 0) {
        return errno;
    }
    if (!S_ISREG(about.st_mode)) {
        return EACCES;
    }
    if (about.st_size == 0) {
        return ENOEXEC;
    }
    *bytes = (size_t)about.st_size;
    *image = malloc(*bytes);
    if (!*image) {
        return ENOMEM;
    }
    error = read_all(fd, *image, *bytes);
    if (error) {
        free(*image);
    }
    return error;
}

int program_load(const char *path, void **image, size_t *bytes)
{
    int fd = open(path, O_RDONLY), error;

    if (fd < 0) {
        return errno == ENOTDIR ? ENOENT : errno;
    }
    error = load(fd, image, bytes);
    close(fd);
    return error;
}
