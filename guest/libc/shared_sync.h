/* SPDX-License-Identifier: BSD-2-Clause */
#pragma once
/*
 * What pthread's objects do where processes share them.  They are in an image only if it refers to
 * a function that sets the attribute; the weak ones in their place are never called.
 */
#include <pthread.h>

#include "lib/kit/types.h"

int mutex_shared_lock(pthread_mutex_t *mutex, u64 deadline);
int mutex_shared_try(pthread_mutex_t *mutex);
int mutex_shared_unlock(pthread_mutex_t *mutex);
int mutex_shared_destroy(pthread_mutex_t *mutex);
/* This process unmaps what may contain some. */
void mutex_shared_forget(const void *first, size_t bytes);

int cond_shared_wait(pthread_cond_t *cond, pthread_mutex_t *mutex, u64 deadline);
void cond_shared_wake(pthread_cond_t *cond);

int barrier_shared_wait(pthread_barrier_t *barrier);
