/* SPDX-License-Identifier: BSD-2-Clause */
#pragma once
/* Reading into, and writing from, several pieces of memory: guest/libc/io.c. */
#include <sys/types.h>

struct iovec {
    void *iov_base;
    size_t iov_len;
};

#ifndef IOV_MAX
#    define IOV_MAX 1024
#endif

#ifdef __cplusplus
extern "C" {
#endif

ssize_t readv(int fd, const struct iovec *pieces, int count);
ssize_t writev(int fd, const struct iovec *pieces, int count);

#ifdef __cplusplus
}
#endif
