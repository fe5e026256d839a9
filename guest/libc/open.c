/* SPDX-License-Identifier: BSD-2-Clause */
/* Opening by a name. */
#include <stdarg.h>

#include "guest/libc/descriptor.h"

int open(const char *path, int flags, ...)
{
    struct file *file;
    mode_t mode = 0;
    va_list arguments;
    int error;

    if (flags & O_CREAT) {
        va_start(arguments, flags);
        mode = va_arg(arguments, mode_t);
        va_end(arguments);
    }
    error = vfs_open(path, flags, files_umask(mode), &file);
    if (error) {
        return files_result(error);
    }
    return descriptor_add(file, 0, (flags & O_CLOEXEC) != 0);
}

int creat(const char *path, mode_t mode)
{
    return open(path, O_WRONLY | O_CREAT | O_TRUNC, mode);
}
