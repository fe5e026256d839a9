/* SPDX-License-Identifier: BSD-2-Clause */
#pragma once
/*
 * POSIX semaphores.  Without names: guest/libc/semaphore.c; where processes are to share one, it
 * has to be in memory that they share: mmap().  With names: guest/libc/sem_open.c.
 */
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

#define SEM_FAILED ((sem_t *)0)

int sem_init(sem_t *semaphore, int shared, unsigned value);
int sem_destroy(sem_t *semaphore);
int sem_wait(sem_t *semaphore);
int sem_trywait(sem_t *semaphore);
int sem_timedwait(sem_t *semaphore, const struct timespec *time);
int sem_post(sem_t *semaphore);
int sem_getvalue(sem_t *semaphore, int *value);

sem_t *sem_open(const char *name, int flags, ...); /* with O_CREAT: mode_t mode, unsigned value */
int sem_close(sem_t *semaphore);
int sem_unlink(const char *name);

#ifdef __cplusplus
}
#endif
