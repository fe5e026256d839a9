/* SPDX-License-Identifier: BSD-2-Clause */
#pragma once
/* What is in a pthread_mutex_t. */
#include <pthread.h>

#include "guest/sync.h"

_Static_assert(sizeof(struct mutex) <= sizeof(((pthread_mutex_t *)0)->opaque_), "pthread.h");

static inline struct mutex *mutex_of(pthread_mutex_t *mutex)
{
    return (struct mutex *)(void *)mutex->opaque_;
}
