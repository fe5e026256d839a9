/* SPDX-License-Identifier: BSD-2-Clause */
#pragma once
/* Waiting for children: guest/libc/process.c.  A status is as sbi/proc.h has it. */
#include <signal.h>
#include <sys/resource.h>
#include <sys/types.h>

#ifdef __cplusplus
extern "C" {
#endif

#define WNOHANG    1
#define WUNTRACED  2
#define WSTOPPED   WUNTRACED
#define WCONTINUED 8

#define WIFEXITED(status)    (((status)&0x7f) == 0)
#define WEXITSTATUS(status)  (((status) >> 8) & 0xff)
#define WIFSIGNALED(status)  (((status)&0x7f) > 0 && ((status)&0x7f) < 0x7f)
#define WTERMSIG(status)     ((status)&0x7f)
#define WIFSTOPPED(status)   (((status)&0xff) == 0x7f)
#define WSTOPSIG(status)     WEXITSTATUS(status)
#define WIFCONTINUED(status) ((status) == 0xffff)
#define WCOREDUMP(status)    0

pid_t wait(int *);
pid_t waitpid(pid_t, int *, int);
pid_t wait3(int *, int, struct rusage *);
pid_t wait4(pid_t, int *, int, struct rusage *);

#ifdef __cplusplus
}
#endif
