/* SPDX-License-Identifier: BSD-2-Clause */
#pragma once
/* Waiting for several descriptors: guest/libc/poll.c.  select() is in <sys/select.h>. */
#include <signal.h>
#include <time.h>

#define POLLIN   0x001
#define POLLPRI  0x002 /* never */
#define POLLOUT  0x004
#define POLLERR  0x008
#define POLLHUP  0x010
#define POLLNVAL 0x020

#define POLLRDNORM POLLIN
#define POLLWRNORM POLLOUT

typedef unsigned long nfds_t;

struct pollfd {
    int fd;
    short events;
    short revents;
};

#ifdef __cplusplus
extern "C" {
#endif

int poll(struct pollfd *fds, nfds_t count, int milliseconds);
int ppoll(struct pollfd *fds, nfds_t count, const struct timespec *time, const sigset_t *mask);

#ifdef __cplusplus
}
#endif
