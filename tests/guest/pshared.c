/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * What processes share to wait for each other: mutexes, conditions, barriers and named semaphores,
 * what becomes of them when a process is killed, and what others may write there.
 */
#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <semaphore.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

#include "tests/guest/children.h"
#include "tests/guest/expect.h"

#define CHILDREN 4
#define TURNS    150
#define ROUNDS   40
#define KILLS    25
#define NAMES    63
#define SOON_NS  20000000L

const char *expect_name = "pshared";

static struct common {
    pthread_mutex_t mutex;
    pthread_cond_t cond;
    pthread_barrier_t barrier;
    volatile int a, b, turn, ready;
    int serial;
} * common;

static void reap_all(int count)
{
    for (int i = 0; i < count; i++) {
        int status = -1;

        EXPECT(wait(&status) > 0 && status == 0);
    }
}

static void kill_and_reap(pid_t pid)
{
    EXPECT(kill(pid, SIGKILL) == 0);
    reap(pid, SIGKILL);
}

static void wait_ready(int value)
{
    while (common->ready != value) {
        usleep(1000);
    }
}

static const struct timespec *soon(void)
{
    static struct timespec at;

    clock_gettime(CLOCK_REALTIME, &at);
    at.tv_nsec += SOON_NS;
    if (at.tv_nsec >= 1000000000L) {
        at.tv_nsec -= 1000000000L;
        at.tv_sec++;
    }
    return &at;
}

static void make_mutex(int type, int robust)
{
    pthread_mutexattr_t attr;
    int is;

    EXPECT(pthread_mutexattr_init(&attr) == 0);
    EXPECT(pthread_mutexattr_getpshared(&attr, &is) == 0 && is == PTHREAD_PROCESS_PRIVATE);
    EXPECT(pthread_mutexattr_setpshared(&attr, 2) == EINVAL);
    EXPECT(pthread_mutexattr_setrobust(&attr, -1) == EINVAL);
    EXPECT(pthread_mutexattr_setpshared(&attr, PTHREAD_PROCESS_SHARED) == 0);
    EXPECT(pthread_mutexattr_settype(&attr, type) == 0);
    EXPECT(pthread_mutexattr_setrobust(&attr, robust) == 0);
    EXPECT(pthread_mutexattr_getpshared(&attr, &is) == 0 && is == PTHREAD_PROCESS_SHARED);
    EXPECT(pthread_mutexattr_gettype(&attr, &is) == 0 && is == type);
    EXPECT(pthread_mutexattr_getrobust(&attr, &is) == 0 && is == robust);
    memset((void *)common, 0, sizeof(*common));
    EXPECT(pthread_mutex_init(&common->mutex, &attr) == 0);
    EXPECT(pthread_mutexattr_destroy(&attr) == 0);
}

/* ---- mutexes ---- */

/* Two stores, between which others get their turn. */
static void *count(void *unused)
{
    for (int i = 0; i < TURNS; i++) {
        EXPECT(pthread_mutex_lock(&common->mutex) == 0);
        common->a++;
        if (i % 16 == 0) {
            sched_yield();
        }
        common->b++;
        EXPECT(common->a == common->b);
        EXPECT(pthread_mutex_unlock(&common->mutex) == 0);
    }
    return unused;
}

/* Two threads each of several processes. */
static void counting(int type, int robust)
{
    make_mutex(type, robust);
    for (int i = 0; i < CHILDREN; i++) {
        if (child_of() == 0) {
            pthread_t thread;

            EXPECT(pthread_create(&thread, NULL, count, NULL) == 0);
            count(NULL);
            EXPECT(pthread_join(thread, NULL) == 0);
            _exit(0);
        }
    }
    reap_all(CHILDREN);
    EXPECT(common->a == 2 * CHILDREN * TURNS && common->b == common->a);
    EXPECT(pthread_mutex_destroy(&common->mutex) == 0);
}

static void owners(void)
{
    pthread_mutex_t *mutex = &common->mutex;
    pid_t child;

    make_mutex(PTHREAD_MUTEX_RECURSIVE, PTHREAD_MUTEX_STALLED);
    EXPECT(pthread_mutex_lock(mutex) == 0 && pthread_mutex_trylock(mutex) == 0);
    EXPECT(pthread_mutex_destroy(mutex) == EBUSY);
    child = child_of();
    if (child == 0) {
        EXPECT(pthread_mutex_unlock(mutex) == EPERM); /* its parent's */
        EXPECT(pthread_mutex_trylock(mutex) == EBUSY);
        EXPECT(pthread_mutex_timedlock(mutex, soon()) == ETIMEDOUT);
        common->ready = 1;
        EXPECT(pthread_mutex_lock(mutex) == 0);
        EXPECT(common->a == 5 && pthread_mutex_unlock(mutex) == 0);
        _exit(0);
    }
    wait_ready(1);
    usleep(5000);
    EXPECT(pthread_mutex_unlock(mutex) == 0);
    common->a = 5;
    EXPECT(pthread_mutex_unlock(mutex) == 0 && pthread_mutex_unlock(mutex) == EPERM);
    reap(child, 0);
    make_mutex(PTHREAD_MUTEX_ERRORCHECK, PTHREAD_MUTEX_STALLED);
    EXPECT(pthread_mutex_lock(mutex) == 0 && pthread_mutex_lock(mutex) == EDEADLK);
    EXPECT(pthread_mutex_trylock(mutex) == EBUSY && pthread_mutex_unlock(mutex) == 0);
}

/* Has it until it is killed. */
static pid_t holder(void)
{
    pid_t child;

    common->ready = 0;
    child = child_of();
    if (child == 0) {
        int error = pthread_mutex_lock(&common->mutex);

        EXPECT(error == 0 || error == EOWNERDEAD);
        common->ready = 1;
        for (;;) {
            pause();
        }
    }
    wait_ready(1);
    return child;
}

static void stalled(void)
{
    make_mutex(PTHREAD_MUTEX_NORMAL, PTHREAD_MUTEX_STALLED);
    kill_and_reap(holder());
    EXPECT(pthread_mutex_trylock(&common->mutex) == EBUSY);
    EXPECT(pthread_mutex_timedlock(&common->mutex, soon()) == ETIMEDOUT);
}

static void robust(void)
{
    pthread_mutex_t *mutex = &common->mutex;
    pid_t child, waiter;

    make_mutex(PTHREAD_MUTEX_NORMAL, PTHREAD_MUTEX_ROBUST);
    EXPECT(pthread_mutex_consistent(mutex) == EINVAL);
    kill_and_reap(holder());
    EXPECT(pthread_mutex_trylock(mutex) == EOWNERDEAD);
    EXPECT(pthread_mutex_consistent(mutex) == 0 && pthread_mutex_unlock(mutex) == 0);
    EXPECT(pthread_mutex_lock(mutex) == 0 && pthread_mutex_unlock(mutex) == 0);
    /* one that waits meanwhile, and says nothing of it being consistent */
    child = holder();
    waiter = child_of();
    if (waiter == 0) {
        common->ready = 2;
        EXPECT(pthread_mutex_lock(mutex) == EOWNERDEAD);
        EXPECT(pthread_mutex_unlock(mutex) == 0);
        _exit(0);
    }
    wait_ready(2);
    usleep(5000);
    kill_and_reap(child);
    reap(waiter, 0);
    EXPECT(pthread_mutex_lock(mutex) == ENOTRECOVERABLE);
    EXPECT(pthread_mutex_trylock(mutex) == ENOTRECOVERABLE);
    EXPECT(pthread_mutex_destroy(mutex) == 0);
}

/* At whatever moment one is killed: what the mutex protects is whole, or its next owner knows. */
static void robust_at_work(void)
{
    int died = 0;

    make_mutex(PTHREAD_MUTEX_NORMAL, PTHREAD_MUTEX_ROBUST);
    for (int i = 0; i < KILLS; i++) {
        pid_t child[2];
        int error;

        for (int j = 0; j < 2; j++) {
            child[j] = child_of();
            while (child[j] == 0) {
                error = pthread_mutex_lock(&common->mutex);
                EXPECT(error == 0 || error == EOWNERDEAD);
                if (error) {
                    common->a = common->b;
                    EXPECT(pthread_mutex_consistent(&common->mutex) == 0);
                }
                common->a++;
                common->b++;
                EXPECT(pthread_mutex_unlock(&common->mutex) == 0);
            }
        }
        usleep((useconds_t)(1000 + 731 * i % 4000));
        kill_and_reap(child[0]);
        kill_and_reap(child[1]);
        error = pthread_mutex_lock(&common->mutex);
        EXPECT(error == EOWNERDEAD || (error == 0 && common->a == common->b));
        if (error) {
            died++;
            common->a = common->b;
            EXPECT(pthread_mutex_consistent(&common->mutex) == 0);
        }
        EXPECT(pthread_mutex_unlock(&common->mutex) == 0);
    }
    printf("pshared: %d of %d died with it\n", died, KILLS);
}

/* A mapping that comes again at the same place is held again. */
static void mapped_again(void)
{
    for (int i = 0; i < 3; i++) {
        EXPECT(munmap(common, sizeof(*common)) == 0);
        common =
            mmap(NULL, sizeof(*common), PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
        EXPECT(common != MAP_FAILED);
        make_mutex(PTHREAD_MUTEX_NORMAL, PTHREAD_MUTEX_ROBUST);
        EXPECT(pthread_mutex_lock(&common->mutex) == 0);
        EXPECT(pthread_mutex_unlock(&common->mutex) == 0);
        kill_and_reap(holder());
        EXPECT(pthread_mutex_lock(&common->mutex) == EOWNERDEAD);
        EXPECT(pthread_mutex_unlock(&common->mutex) == 0);
    }
}

/* ---- conditions and barriers ---- */

static void make_cond(void)
{
    pthread_condattr_t attr;
    int is;

    EXPECT(pthread_condattr_init(&attr) == 0 && pthread_condattr_setpshared(&attr, 7) == EINVAL);
    EXPECT(pthread_condattr_setpshared(&attr, PTHREAD_PROCESS_SHARED) == 0);
    EXPECT(pthread_condattr_getpshared(&attr, &is) == 0 && is == PTHREAD_PROCESS_SHARED);
    EXPECT(pthread_cond_init(&common->cond, &attr) == 0);
}

static void turns(int self)
{
    for (int i = 0; i < ROUNDS; i++) {
        EXPECT(pthread_mutex_lock(&common->mutex) == 0);
        while (common->turn % CHILDREN != self) {
            EXPECT(pthread_cond_wait(&common->cond, &common->mutex) == 0);
        }
        EXPECT(common->turn++ == i * CHILDREN + self);
        EXPECT(pthread_cond_broadcast(&common->cond) == 0);
        EXPECT(pthread_mutex_unlock(&common->mutex) == 0);
    }
}

static void conditions(void)
{
    pid_t child;

    make_mutex(PTHREAD_MUTEX_NORMAL, PTHREAD_MUTEX_STALLED);
    make_cond();
    for (int i = 0; i < CHILDREN; i++) {
        if (child_of() == 0) {
            turns(i);
            _exit(0);
        }
    }
    reap_all(CHILDREN);
    EXPECT(common->turn == CHILDREN * ROUNDS);
    EXPECT(pthread_cond_wait(&common->cond, &common->mutex) == EPERM);
    EXPECT(pthread_mutex_lock(&common->mutex) == 0);
    EXPECT(pthread_cond_timedwait(&common->cond, &common->mutex, soon()) == ETIMEDOUT);
    child = child_of(); /* killed while it waits */
    if (child == 0) {
        EXPECT(pthread_mutex_lock(&common->mutex) == 0);
        common->ready = 1;
        (void)pthread_cond_wait(&common->cond, &common->mutex);
        _exit(1);
    }
    EXPECT(pthread_mutex_unlock(&common->mutex) == 0);
    wait_ready(1);
    EXPECT(pthread_mutex_lock(&common->mutex) == 0); /* it waits by now */
    kill_and_reap(child);
    EXPECT(pthread_cond_signal(&common->cond) == 0);
    EXPECT(pthread_mutex_unlock(&common->mutex) == 0);
    common->turn = 0;
    child = child_of(); /* a signal for somebody who lives */
    if (child == 0) {
        turns(0);
        _exit(0);
    }
    for (int i = 0; i < ROUNDS; i++) {
        EXPECT(pthread_mutex_lock(&common->mutex) == 0);
        while (common->turn % CHILDREN == 0) {
            EXPECT(pthread_cond_wait(&common->cond, &common->mutex) == 0);
        }
        common->turn += CHILDREN - 1;
        EXPECT(pthread_cond_signal(&common->cond) == 0);
        EXPECT(pthread_mutex_unlock(&common->mutex) == 0);
    }
    reap(child, 0);
}

static void barriers(void)
{
    pthread_barrierattr_t attr;
    int is;

    memset((void *)common, 0, sizeof(*common));
    EXPECT(pthread_barrierattr_init(&attr) == 0 &&
           pthread_barrierattr_setpshared(&attr, -1) == EINVAL);
    EXPECT(pthread_barrierattr_setpshared(&attr, PTHREAD_PROCESS_SHARED) == 0);
    EXPECT(pthread_barrierattr_getpshared(&attr, &is) == 0 && is == PTHREAD_PROCESS_SHARED);
    EXPECT(pthread_barrier_init(&common->barrier, &attr, 0) == EINVAL);
    EXPECT(pthread_barrier_init(&common->barrier, &attr, CHILDREN) == 0);
    for (int i = 0; i < CHILDREN; i++) {
        if (child_of() != 0) {
            continue;
        }
        for (int round = 0; round < ROUNDS; round++) {
            int last;

            __atomic_fetch_add(&common->a, 1, __ATOMIC_SEQ_CST);
            last = pthread_barrier_wait(&common->barrier);
            EXPECT(last == 0 || last == PTHREAD_BARRIER_SERIAL_THREAD);
            EXPECT(common->a >= (round + 1) * CHILDREN);
            __atomic_fetch_add(&common->serial, last != 0, __ATOMIC_SEQ_CST);
            EXPECT(common->a <= (round + 2) * CHILDREN);
        }
        _exit(0);
    }
    reap_all(CHILDREN);
    EXPECT(common->a == CHILDREN * ROUNDS && common->serial == ROUNDS);
    EXPECT(pthread_barrier_destroy(&common->barrier) == 0);
}

/* ---- named semaphores ---- */

static void names_are_checked(void)
{
    char name[80];

    memset(name, 'n', sizeof(name));
    name[0] = '/';
    name[79] = '\0';
    EXPECT(sem_open(name, O_CREAT, 0600, 1) == SEM_FAILED && errno == ENAMETOOLONG);
    EXPECT(sem_open("none", O_CREAT, 0600, 1) == SEM_FAILED && errno == EINVAL);
    EXPECT(sem_open("/", O_CREAT, 0600, 1) == SEM_FAILED && errno == EINVAL);
    EXPECT(sem_open("/a/b", O_CREAT, 0600, 1) == SEM_FAILED && errno == EINVAL);
    EXPECT(sem_open("/a", O_CREAT, 0600, SEM_VALUE_MAX + 1U) == SEM_FAILED && errno == EINVAL);
    EXPECT(sem_open("/a", 0) == SEM_FAILED && errno == ENOENT);
    FAILS(sem_unlink("/a"), ENOENT);
    FAILS(sem_close(NULL), EINVAL);
}

static void names(void)
{
    sem_t *mine, *again, *other;
    pid_t child;
    int value;

    names_are_checked();
    child = child_of(); /* the child makes it, and its parent finds it */
    if (child == 0) {
        mine = sem_open("/work", O_CREAT | O_EXCL, 0600, 2);
        EXPECT(mine != SEM_FAILED && sem_wait(mine) == 0);
        _exit(0);
    }
    reap(child, 0);
    EXPECT(sem_open("/work", O_CREAT | O_EXCL, 0600, 9) == SEM_FAILED && errno == EEXIST);
    mine = sem_open("/work", O_CREAT, 0600, 9);
    again = sem_open("/work", 0);
    EXPECT(mine != SEM_FAILED && mine == again);
    EXPECT(sem_getvalue(mine, &value) == 0 && value == 1 && sem_wait(mine) == 0);
    EXPECT(sem_close(again) == 0);
    EXPECT(sem_unlink("/work") == 0);
    other = sem_open("/work", O_CREAT, 0600, 0); /* another one: that is still open */
    EXPECT(other != SEM_FAILED && other != mine);
    child = child_of();
    if (child == 0) {
        for (int i = 0; i < TURNS; i++) {
            EXPECT(sem_wait(mine) == 0 && sem_post(other) == 0);
        }
        _exit(0);
    }
    for (int i = 0; i < TURNS; i++) {
        EXPECT(sem_post(mine) == 0 && sem_wait(other) == 0);
    }
    reap(child, 0);
    EXPECT(sem_close(mine) == 0 && sem_close(other) == 0 && sem_unlink("/work") == 0);
    FAILS(sem_close(mine), EINVAL);
}

static void open_all(void)
{
    for (int i = 0; i < NAMES; i++) {
        char name[16];

        snprintf(name, sizeof(name), "/many%d", i);
        EXPECT(sem_open(name, O_CREAT | O_EXCL, 0600, 0) != SEM_FAILED);
        EXPECT(sem_unlink(name) == 0);
    }
    EXPECT(sem_open("/more", O_CREAT, 0600, 0) == SEM_FAILED && errno == ENOSPC);
}

/* Those of who was killed are free again; and so is the lock of their names, at whatever moment. */
static void names_killed(void)
{
    for (int i = 0; i < KILLS; i++) {
        pid_t child = child_of();

        while (child == 0) {
            sem_t *semaphore = sem_open("/quick", O_CREAT, 0600, 1);

            EXPECT(semaphore != SEM_FAILED && sem_close(semaphore) == 0);
            (void)sem_unlink("/quick");
        }
        usleep((useconds_t)(1000 + 577 * i % 3000));
        kill_and_reap(child);
    }
    (void)sem_unlink("/quick");
    for (int i = 0; i < 2; i++) {
        pid_t child = child_of();

        if (child == 0) {
            open_all();
            common->ready = i + 10;
            for (;;) {
                pause();
            }
        }
        wait_ready(i + 10);
        kill_and_reap(child);
    }
}

/* ---- what others write ---- */

/* Whatever is in the words, who uses them fails or waits, and can be told to stop. */
static void hostile(void)
{
    sem_t *semaphore = sem_open("/victim", O_CREAT, 0600, 0);

    EXPECT(semaphore != SEM_FAILED);
    for (int fill = 1; fill < 256; fill += 127) {
        pid_t child, user;

        make_mutex(PTHREAD_MUTEX_NORMAL, PTHREAD_MUTEX_ROBUST);
        make_cond();
        EXPECT(pthread_mutex_lock(&common->mutex) == 0);
        child = child_of();
        if (child == 0) { /* all but the flags that say what it is */
            memset((char *)&common->mutex + 8, fill, sizeof(common->mutex) - 8);
            memset((char *)&common->cond + 8, fill, sizeof(common->cond) - 8);
            memset((char *)semaphore - 16, fill, 120); /* its hold, its words, its name */
            _exit(0);
        }
        reap(child, 0);
        EXPECT(pthread_mutex_unlock(&common->mutex) == EPERM);
        EXPECT(pthread_mutex_trylock(&common->mutex) == EBUSY);
        EXPECT(pthread_mutex_timedlock(&common->mutex, soon()) == ETIMEDOUT);
        EXPECT(pthread_cond_wait(&common->cond, &common->mutex) == EPERM);
        EXPECT(pthread_cond_signal(&common->cond) == 0);
        (void)sem_trywait(semaphore);
        (void)sem_post(semaphore);
        EXPECT(sem_open("/victim", 0) == SEM_FAILED);
        user = child_of();
        if (user == 0) {
            (void)pthread_mutex_lock(&common->mutex);
            _exit(1);
        }
        usleep(5000);
        kill_and_reap(user);
    }
}

int main(void)
{
    common = mmap(NULL, sizeof(*common), PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    EXPECT(common != MAP_FAILED);
    counting(PTHREAD_MUTEX_NORMAL, PTHREAD_MUTEX_STALLED);
    counting(PTHREAD_MUTEX_RECURSIVE, PTHREAD_MUTEX_ROBUST);
    owners();
    stalled();
    robust();
    robust_at_work();
    mapped_again();
    conditions();
    barriers();
    names();
    names_killed();
    hostile();
    printf("pshared: ok\n");
    return 0;
}
