/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * POSIX threads: each is a task, main is one, and so is any task that was made otherwise; they may
 * all use what is here.
 *
 * A thread's result is in its thread-local storage, which is there until it is joined.  The program
 * ends when main returns, or when the last thread ends.
 */
#include <errno.h>
#include <pthread.h>
#include <stdlib.h>

#include "guest/libc/fork.h"
#include "guest/libc/keys.h"
#include "guest/libc/signal.h"
#include "guest/sync.h"

#define NAME "thread"

/* What a thread begins with; it frees that itself. */
struct start {
    void *(*fn)(void *arg);
    void *arg;
    u64 blocked; /* signals: those of who made it */
};

static __thread struct {
    void *result;
    struct pthread_cleanup_ *cleanups;
    bool is_counted;
} own;

static u32 alive = 1; /* main, and who is_counted */

/* The same variable of another task. */
static void **result_of(struct task *task)
{
    char *here = (char *)(thread_self() + 1);

    return (void **)((char *)(&task->thread + 1) + ((char *)&own.result - here));
}

__attribute__((weak)) void keys_destroy(void) {}

bool fork_threads(enum fork_step step)
{
    if (step == FORK_CHILD) {
        alive = 1;
        own.is_counted = true;
    }
    return true;
}

/* Component task calls this in each task that ends. */
void task_leaving(void)
{
    while (own.cleanups) {
        struct pthread_cleanup_ *last = own.cleanups;

        own.cleanups = last->next;
        last->fn(last->arg);
    }
    keys_destroy();
    if ((own.is_counted || !task_self()->block) &&
        __atomic_sub_fetch(&alive, 1, __ATOMIC_ACQ_REL) == 0) {
        exit(0);
    }
}

static int begin(void *arg)
{
    struct start start = *(struct start *)arg;

    free(arg);
    own.is_counted = true;
    signal_thread_begin(start.blocked);
    own.result = start.fn(start.arg);
    return 0;
}

/* EAGAIN: no memory. */
int pthread_create(pthread_t *thread, const pthread_attr_t *attr, void *(*fn)(void *), void *arg)
{
    struct task_options options = {.name = NAME, .stack_bytes = attr ? attr->stack_bytes_ : 0};
    struct start *start = malloc(sizeof(*start));
    struct task *task;

    if (!start) {
        return EAGAIN;
    }
    *start = (struct start){fn, arg, signal_thread_blocks()};
    __atomic_add_fetch(&alive, 1, __ATOMIC_ACQ_REL);
    task = task_spawn(begin, start, &options);
    if (!task) {
        __atomic_sub_fetch(&alive, 1, __ATOMIC_ACQ_REL);
        free(start);
        return EAGAIN;
    }
    *thread = task;
    return attr && attr->detached_ ? pthread_detach(task) : 0;
}

static bool is_over(void *thread)
{
    return __atomic_load_n(&((pthread_t)thread)->over, __ATOMIC_ACQUIRE);
}

/* EDEADLK: oneself.  EINVAL: it is detached, or somebody else joins it. */
int pthread_join(pthread_t thread, void **result)
{
    void *value;

    if (thread == task_self()) {
        return EDEADLK;
    }
    if (thread->detached || thread->joined) {
        return EINVAL;
    }
    while (
        signal_wait_until(&thread->ended, is_over, thread, ALARM_NEVER, "a thread's end", true)) {
    }
    value = *result_of(thread);
    if (task_join(thread, NULL) != ERR_OK) {
        return EINVAL;
    }
    if (result) {
        *result = value;
    }
    return 0;
}

int pthread_detach(pthread_t thread)
{
    return task_detach(thread) == ERR_OK ? 0 : EINVAL;
}

void pthread_exit(void *result)
{
    own.result = result;
    task_exit(0);
}

pthread_t pthread_self(void)
{
    return task_self();
}

int pthread_equal(pthread_t a, pthread_t b)
{
    return a == b;
}

int sched_yield(void)
{
    task_yield();
    if (signal_pending()) {
        signal_deliver(true);
    }
    return 0;
}

void pthread_cleanup_push_(struct pthread_cleanup_ *cleanup)
{
    cleanup->next = own.cleanups;
    own.cleanups = cleanup;
}

void pthread_cleanup_pop_(int execute)
{
    struct pthread_cleanup_ *cleanup = own.cleanups;

    own.cleanups = cleanup->next;
    if (execute) {
        cleanup->fn(cleanup->arg);
    }
}

int pthread_attr_init(pthread_attr_t *attr)
{
    *attr = (pthread_attr_t){0};
    return 0;
}

int pthread_attr_destroy(pthread_attr_t *attr)
{
    (void)attr;
    return 0;
}

int pthread_attr_setstacksize(pthread_attr_t *attr, size_t bytes)
{
    if (bytes < PTHREAD_STACK_MIN) {
        return EINVAL;
    }
    attr->stack_bytes_ = bytes;
    return 0;
}

int pthread_attr_getstacksize(const pthread_attr_t *attr, size_t *bytes)
{
    *bytes = attr->stack_bytes_ ? attr->stack_bytes_ : TASK_STACK_BYTES;
    return 0;
}

int pthread_attr_setdetachstate(pthread_attr_t *attr, int state)
{
    if (state != PTHREAD_CREATE_JOINABLE && state != PTHREAD_CREATE_DETACHED) {
        return EINVAL;
    }
    attr->detached_ = state;
    return 0;
}

int pthread_attr_getdetachstate(const pthread_attr_t *attr, int *state)
{
    *state = attr->detached_;
    return 0;
}
