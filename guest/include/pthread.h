/* SPDX-License-Identifier: BSD-2-Clause */
#pragma once
/*
 * POSIX threads on the tasks of the component task: guest/libc/pthread*.c; guest/README.md has a
 * table of what is there.  Not: cancellation, priorities.
 *
 * All zeros is how each object begins, so a static one without initialiser is valid.  What is in
 * opaque_ is the same size on one hart and on several.
 */
#include <sched.h>
#include <sys/types.h>
#include <time.h>
#include <unistd.h> /* pthread_atfork */

#ifdef __cplusplus
extern "C" {
#endif

#define PTHREAD_KEYS_MAX              128
#define PTHREAD_DESTRUCTOR_ITERATIONS 4
#define PTHREAD_STACK_MIN             4096

#define PTHREAD_CREATE_JOINABLE 0
#define PTHREAD_CREATE_DETACHED 1

#define PTHREAD_MUTEX_NORMAL     0
#define PTHREAD_MUTEX_RECURSIVE  1
#define PTHREAD_MUTEX_ERRORCHECK 2
#define PTHREAD_MUTEX_DEFAULT    PTHREAD_MUTEX_NORMAL

#define PTHREAD_PROCESS_PRIVATE 0
#define PTHREAD_PROCESS_SHARED  1

#define PTHREAD_MUTEX_STALLED 0
#define PTHREAD_MUTEX_ROBUST  1

#define PTHREAD_BARRIER_SERIAL_THREAD (-1)

typedef struct task *pthread_t;
typedef unsigned pthread_key_t;

typedef struct {
    size_t stack_bytes_; /* 0: the default */
    int detached_;
} pthread_attr_t;

typedef struct {
    int type_;
} pthread_mutexattr_t;

typedef struct {
    int type_;
    unsigned depth_;
    unsigned long opaque_[6];
} __attribute__((aligned(16))) pthread_mutex_t;

typedef struct {
    clockid_t clock_; /* 0: CLOCK_REALTIME */
    int shared_;
} pthread_condattr_t;

typedef struct {
    clockid_t clock_;
    int shared_;
    unsigned long opaque_[4];
} pthread_cond_t;

typedef struct {
    int unused_;
} pthread_rwlockattr_t;

typedef struct {
    unsigned long opaque_[8];
} pthread_rwlock_t;

typedef struct {
    int shared_;
} pthread_barrierattr_t;

typedef struct {
    int shared_;
    unsigned long opaque_[8];
} pthread_barrier_t;

typedef int pthread_spinlock_t;

typedef struct {
    int state_;
} pthread_once_t;

/* clang-format off */
#define PTHREAD_MUTEX_INITIALIZER               {0, 0, {0}}
#define PTHREAD_RECURSIVE_MUTEX_INITIALIZER_NP  {PTHREAD_MUTEX_RECURSIVE, 0, {0}}
#define PTHREAD_ERRORCHECK_MUTEX_INITIALIZER_NP {PTHREAD_MUTEX_ERRORCHECK, 0, {0}}
#define PTHREAD_COND_INITIALIZER                {0, 0, {0}}
#define PTHREAD_RWLOCK_INITIALIZER              {{0}}
#define PTHREAD_ONCE_INIT                       {0}
/* clang-format on */

int pthread_create(pthread_t *thread, const pthread_attr_t *attr, void *(*start)(void *),
                   void *arg);
int pthread_join(pthread_t thread, void **result);
int pthread_detach(pthread_t thread);
void pthread_exit(void *result) __attribute__((noreturn));
pthread_t pthread_self(void);
int pthread_equal(pthread_t a, pthread_t b);
int pthread_once(pthread_once_t *once, void (*fn)(void));

int pthread_attr_init(pthread_attr_t *attr);
int pthread_attr_destroy(pthread_attr_t *attr);
int pthread_attr_setstacksize(pthread_attr_t *attr, size_t bytes);
int pthread_attr_getstacksize(const pthread_attr_t *attr, size_t *bytes);
int pthread_attr_setdetachstate(pthread_attr_t *attr, int state);
int pthread_attr_getdetachstate(const pthread_attr_t *attr, int *state);

int pthread_mutexattr_init(pthread_mutexattr_t *attr);
int pthread_mutexattr_destroy(pthread_mutexattr_t *attr);
int pthread_mutexattr_settype(pthread_mutexattr_t *attr, int type);
int pthread_mutexattr_gettype(const pthread_mutexattr_t *attr, int *type);
int pthread_mutexattr_setpshared(pthread_mutexattr_t *attr, int shared);
int pthread_mutexattr_getpshared(const pthread_mutexattr_t *attr, int *shared);
int pthread_mutexattr_setrobust(pthread_mutexattr_t *attr, int robust);
int pthread_mutexattr_getrobust(const pthread_mutexattr_t *attr, int *robust);
int pthread_mutex_init(pthread_mutex_t *mutex, const pthread_mutexattr_t *attr);
int pthread_mutex_destroy(pthread_mutex_t *mutex);
int pthread_mutex_lock(pthread_mutex_t *mutex);
int pthread_mutex_trylock(pthread_mutex_t *mutex);
int pthread_mutex_timedlock(pthread_mutex_t *mutex, const struct timespec *time);
int pthread_mutex_unlock(pthread_mutex_t *mutex);
int pthread_mutex_consistent(pthread_mutex_t *mutex);

int pthread_condattr_init(pthread_condattr_t *attr);
int pthread_condattr_destroy(pthread_condattr_t *attr);
int pthread_condattr_setclock(pthread_condattr_t *attr, clockid_t clock);
int pthread_condattr_getclock(const pthread_condattr_t *attr, clockid_t *clock);
int pthread_condattr_setpshared(pthread_condattr_t *attr, int shared);
int pthread_condattr_getpshared(const pthread_condattr_t *attr, int *shared);
int pthread_cond_init(pthread_cond_t *cond, const pthread_condattr_t *attr);
int pthread_cond_destroy(pthread_cond_t *cond);
int pthread_cond_wait(pthread_cond_t *cond, pthread_mutex_t *mutex);
int pthread_cond_timedwait(pthread_cond_t *cond, pthread_mutex_t *mutex,
                           const struct timespec *time);
int pthread_cond_signal(pthread_cond_t *cond);
int pthread_cond_broadcast(pthread_cond_t *cond);

int pthread_rwlock_init(pthread_rwlock_t *lock, const pthread_rwlockattr_t *attr);
int pthread_rwlock_destroy(pthread_rwlock_t *lock);
int pthread_rwlock_rdlock(pthread_rwlock_t *lock);
int pthread_rwlock_tryrdlock(pthread_rwlock_t *lock);
int pthread_rwlock_timedrdlock(pthread_rwlock_t *lock, const struct timespec *time);
int pthread_rwlock_wrlock(pthread_rwlock_t *lock);
int pthread_rwlock_trywrlock(pthread_rwlock_t *lock);
int pthread_rwlock_timedwrlock(pthread_rwlock_t *lock, const struct timespec *time);
int pthread_rwlock_unlock(pthread_rwlock_t *lock);

int pthread_barrierattr_init(pthread_barrierattr_t *attr);
int pthread_barrierattr_destroy(pthread_barrierattr_t *attr);
int pthread_barrierattr_setpshared(pthread_barrierattr_t *attr, int shared);
int pthread_barrierattr_getpshared(const pthread_barrierattr_t *attr, int *shared);
int pthread_barrier_init(pthread_barrier_t *barrier, const pthread_barrierattr_t *attr,
                         unsigned count);
int pthread_barrier_destroy(pthread_barrier_t *barrier);
int pthread_barrier_wait(pthread_barrier_t *barrier);

int pthread_spin_init(pthread_spinlock_t *lock, int shared);
int pthread_spin_destroy(pthread_spinlock_t *lock);
int pthread_spin_lock(pthread_spinlock_t *lock);
int pthread_spin_trylock(pthread_spinlock_t *lock);
int pthread_spin_unlock(pthread_spinlock_t *lock);

int pthread_key_create(pthread_key_t *key, void (*destructor)(void *value));
int pthread_key_delete(pthread_key_t key);
int pthread_setspecific(pthread_key_t key, const void *value);
void *pthread_getspecific(pthread_key_t key);

/* What pthread_exit still calls; push and pop are a pair of braces. */
struct pthread_cleanup_ {
    void (*fn)(void *arg);
    void *arg;
    struct pthread_cleanup_ *next;
};
void pthread_cleanup_push_(struct pthread_cleanup_ *cleanup);
void pthread_cleanup_pop_(int execute); /* the last one */
/* Pairs stand in each other: a name for each line. */
#define pthread_cleanup_name__(line) cleanup_##line##_
#define pthread_cleanup_name_(line)  pthread_cleanup_name__(line)
#define pthread_cleanup_push(f, a)                                           \
    {                                                                        \
        struct pthread_cleanup_ pthread_cleanup_name_(__LINE__) = {f, a, 0}; \
        pthread_cleanup_push_(&pthread_cleanup_name_(__LINE__))
#define pthread_cleanup_pop(execute) \
    pthread_cleanup_pop_(execute);   \
    }

#ifdef __cplusplus
}
#endif
