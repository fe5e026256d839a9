/* SPDX-License-Identifier: BSD-2-Clause */
#pragma once
/* Descriptors: numbers of open files.  Component vfs; see descriptor.c. */
#include "guest/fs/vfs.h"

#define DESCRIPTORS 1024

/* Held: file_put ends it.  NULL, with errno EBADF: the number is not in use. */
struct file *descriptor_get(int fd);
/* The lowest free number from `least` on, which takes the hold over; or -1, with errno, and file is
 * put. */
int descriptor_add(struct file *file, int least, bool cloexec);
/* The first number in use from *fd on, which moves behind it, and its file, held.  False: there is
 * none. */
struct descriptor {
    struct file *file;
    int fd;
    bool cloexec;
};
bool descriptor_look(int *fd, struct descriptor *found);
/* `to` becomes file, whose hold it takes over; what it was is closed. */
void descriptor_put(int to, struct file *file, bool cloexec);
/* It is the console, which stdio writes to without a buffer of its own; also before there are
 * files. */
bool descriptor_is_console(int fd);

/* 0, or -1 and errno. */
int files_result(int error);
/* The same of a count, where an error is negative. */
s64 files_count(s64 result);
u32 files_umask(u32 permissions);
