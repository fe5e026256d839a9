/* SPDX-License-Identifier: BSD-2-Clause */
#pragma once
/* The room of a file system, as Linux says it: guest/libc/mounts.c. */

struct statfs {
    long f_bsize;
    unsigned long f_blocks, f_bfree, f_bavail;
    unsigned long f_files, f_ffree; /* 0: without limit */
    long f_namelen, f_flags;
};

#ifdef __cplusplus
extern "C" {
#endif

int statfs(const char *path, struct statfs *to);
int fstatfs(int fd, struct statfs *to);

#ifdef __cplusplus
}
#endif
