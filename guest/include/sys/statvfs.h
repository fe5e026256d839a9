/* SPDX-License-Identifier: BSD-2-Clause */
#pragma once
/* The room of a file system: guest/libc/mounts.c. */

#define ST_RDONLY 1

struct statvfs {
    unsigned long f_bsize, f_frsize;           /* bytes of a block */
    unsigned long f_blocks, f_bfree, f_bavail; /* blocks of f_frsize */
    unsigned long f_files, f_ffree, f_favail;  /* 0: without limit */
    unsigned long f_fsid, f_flag, f_namemax;
};

#ifdef __cplusplus
extern "C" {
#endif

int statvfs(const char *__restrict path, struct statvfs *__restrict to);
int fstatvfs(int fd, struct statvfs *to);

#ifdef __cplusplus
}
#endif
