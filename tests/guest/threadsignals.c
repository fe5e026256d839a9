/* SPDX-License-Identifier: BSD-2-Clause */
/* Which thread a signal goes to, and that it ends what that thread waits for. */
#include <errno.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/time.h>
#include <unistd.h>

#define EXPECT(condition)                                                                  \
    do {                                                                                   \
        if (!(condition)) {                                                                \
            printf("threadsignals: line %d: %s, errno %d\n", __LINE__, #condition, errno); \
            exit(1);                                                                       \
        }                                                                                  \
    } while (0)

#define MS 1000

static volatile int count[NSIG];
static pthread_t volatile runner[NSIG];
static pthread_mutex_t mutex = PTHREAD_MUTEX_INITIALIZER;
static pthread_cond_t cond = PTHREAD_COND_INITIALIZER;
static volatile int stop, waits;

static void note(int signal)
{
    runner[signal] = pthread_self();
    count[signal]++;
}

static void wait_for(int signal, int number)
{
    while (count[signal] < number) {
        usleep(MS);
    }
}

static void *compute(void *arg)
{
    while (!stop) {
        sched_yield();
    }
    return arg;
}

static void *sleep_once(void *arg)
{
    waits = 1;
    EXPECT(usleep(100 * 1000 * MS) == -1 && errno == EINTR);
    return arg;
}

static void *wait_condition(void *arg)
{
    pthread_mutex_lock(&mutex);
    while (!stop) {
        waits++;
        pthread_cond_wait(&cond, &mutex);
    }
    pthread_mutex_unlock(&mutex);
    return arg;
}

static void *take_mutex(void *arg)
{
    waits = 1;
    pthread_mutex_lock(&mutex);
    pthread_mutex_unlock(&mutex);
    return arg;
}

static void *take_signal(void *arg)
{
    sigset_t set = 1UL << SIGUSR2;
    int signal;

    waits = 1;
    EXPECT(sigwait(&set, &signal) == 0 && signal == SIGUSR2);
    return arg;
}

/* All but that thread block what is sent; it inherits what its maker blocks. */
static pthread_t start(void *(*fn)(void *), sigset_t blocked)
{
    sigset_t before;
    pthread_t thread;

    waits = stop = 0;
    pthread_sigmask(SIG_SETMASK, &blocked, &before);
    EXPECT(pthread_create(&thread, NULL, fn, NULL) == 0);
    pthread_sigmask(SIG_SETMASK, &before, NULL);
    return thread;
}

static void finish(pthread_t thread)
{
    stop = 1;
    pthread_cond_broadcast(&cond);
    EXPECT(pthread_join(thread, NULL) == 0);
}

static void until_it_waits(void)
{
    while (!waits) {
        usleep(MS);
    }
    usleep(5 * MS);
}

int main(void)
{
    struct sigaction action = {.sa_handler = note};
    sigset_t block = 1UL << SIGUSR1 | 1UL << SIGUSR2, none = 0;
    struct itimerval soon = {
        .it_value = {0, 20 * MS}
    };
    pthread_t thread;

    EXPECT(sigaction(SIGUSR1, &action, NULL) == 0 && sigaction(SIGALRM, &action, NULL) == 0);
    pthread_sigmask(SIG_SETMASK, &block, NULL);

    thread = start(compute, none); /* the only one that does not block it */
    EXPECT(kill(getpid(), SIGUSR1) == 0);
    wait_for(SIGUSR1, 1);
    EXPECT(runner[SIGUSR1] == thread);
    EXPECT(pthread_kill(thread, SIGUSR1) == 0 && pthread_kill(thread, 99) == EINVAL);
    wait_for(SIGUSR1, 2);
    finish(thread);

    thread = start(sleep_once, none);
    until_it_waits();
    EXPECT(kill(getpid(), SIGUSR1) == 0);
    finish(thread);
    EXPECT(count[SIGUSR1] == 3);

    thread = start(wait_condition, none);
    until_it_waits();
    EXPECT(pthread_kill(thread, SIGUSR1) == 0);
    wait_for(SIGUSR1, 4);
    EXPECT(runner[SIGUSR1] == thread);
    finish(thread);

    pthread_mutex_lock(&mutex);
    thread = start(take_mutex, none); /* its handler runs when it has the mutex */
    until_it_waits();
    EXPECT(pthread_kill(thread, SIGUSR1) == 0);
    pthread_mutex_unlock(&mutex);
    finish(thread);
    EXPECT(count[SIGUSR1] == 5);

    thread = start(take_signal, block);
    until_it_waits();
    EXPECT(kill(getpid(), SIGUSR2) == 0);
    finish(thread);

    /* main joins, and runs a handler meanwhile */
    thread = start(compute, ~0UL);
    EXPECT(setitimer(ITIMER_REAL, &soon, NULL) == 0);
    wait_for(SIGALRM, 1);
    EXPECT(runner[SIGALRM] == pthread_self());
    finish(thread);
    printf("threadsignals: done\n");
    return 0;
}
