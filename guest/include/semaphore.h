/* SPDX-License-Identifier: BSD-2-Clause */
#pragma once
/* POSIX semaphores without names: guest/libc/semaphore.c.  Where processes are to share one, it has
 * to be in memory that they share: mmap(). */
#include <limits.h>
#include <time.h>

#ifdef __cplusplus
extern "C" {
#endif

#define SEM_VALUE_MAX INT_MAX

typedef struct {
    unsigned shared_, waits_; /* waits_: how many wait, if it is shared */
    unsigned long opaque_[4];
} sem_t;

int sem_init(sem_t *semaphore, int shared, unsigned value);
int sem_destroy(sem_t *semaphore);
int sem_wait(sem_t *semaphore);
int sem_trywait(sem_t *semaphore);
int sem_timedwait(sem_t *semaphore, const struct timespec *time);
int sem_post(sem_t *semaphore);
int sem_getvalue(sem_t *semaphore, int *value);

#ifdef __cplusplus
}
#endif
