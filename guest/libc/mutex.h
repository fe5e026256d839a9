/* SPDX-License-Identifier: BSD-2-Clause */
#pragma once
/* What is in a pthread_mutex_t. */
#include <pthread.h>

#include "guest/libc/shared_sync.h"
#include "guest/sync.h"

_Static_assert(sizeof(struct mutex) <= sizeof(((pthread_mutex_t *)0)->opaque_), "pthread.h");

static inline struct mutex *mutex_of(pthread_mutex_t *mutex)
{
    return (struct mutex *)(void *)mutex->opaque_;
}

/* Above the types of pthread.h: what else an attribute says. */
#define MUTEX_TYPE   3
#define MUTEX_SHARED 4 /* or robust: see mutex_shared.c */
#define MUTEX_ROBUST 8

static inline bool mutex_is_shared(const pthread_mutex_t *mutex)
{
    return mutex->type_ >= MUTEX_SHARED;
}
