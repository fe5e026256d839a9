/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Forks of a program with tasks, from each kind of context; in each child only the forking task
 * goes on, and finds a library OS that works: heap, output, threads, timers, random numbers.
 *
 * "many": a thousand forks while threads work.
 */
#include <errno.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "guest/alarm.h"
#include "guest/timer.h"

#define PATIENCE_MS 20000
#define EXPECT(condition)                                                              \
    do {                                                                               \
        if (!(condition)) {                                                            \
            printf("posixfork: line %d: %s, errno %d\n", __LINE__, #condition, errno); \
            _exit(1);                                                                  \
        }                                                                              \
    } while (0)

#define WORKERS 4
#define MANY    1000
#define BLOCKS  50

static volatile unsigned long ticks; /* that other tasks counted */
static volatile int stop;
static pthread_mutex_t held = PTHREAD_MUTEX_INITIALIZER;
static pthread_mutex_t mine = PTHREAD_MUTEX_INITIALIZER;

/* Allocates, prints nowhere, sleeps: what a fork must not disturb. */
static void *work(void *arg)
{
    while (!stop) {
        void *block = malloc(100 + ticks % 1000);

        EXPECT(block);
        free(block);
        ticks++;
        usleep(200);
    }
    return arg;
}

static void *hold(void *arg)
{
    pthread_mutex_lock(&held);
    while (!stop) {
        usleep(500);
    }
    pthread_mutex_unlock(&held);
    return arg;
}

static void *set_to_one(void *arg)
{
    usleep(1000);
    *(int *)arg = 1;
    return NULL;
}

/* In a child: everything works, and nobody else does. */
static void check_child(void)
{
    unsigned long before = ticks;
    unsigned char number[8];
    void *blocks[BLOCKS];
    pthread_t thread;
    int value = 0;

    usleep(5000);
    EXPECT(ticks == before);
    for (int i = 0; i < BLOCKS; i++) {
        blocks[i] = malloc((size_t)(i * 37 + 1));
        EXPECT(blocks[i]);
    }
    for (int i = 0; i < BLOCKS; i++) {
        free(blocks[i]);
    }
    EXPECT(getrandom(number, sizeof(number), 0) == (ssize_t)sizeof(number));
    EXPECT(pthread_create(&thread, NULL, set_to_one, &value) == 0);
    EXPECT(pthread_join(thread, NULL) == 0 && value == 1);
    EXPECT(pthread_mutex_trylock(&mine) == EBUSY || pthread_mutex_unlock(&mine) == 0);
}

/* The other tasks of this process go on; the host may let their harts wait for a while. */
static bool others_run(unsigned long before)
{
    for (int ms = 0; ms < PATIENCE_MS && ticks == before; ms++) {
        usleep(1000);
    }
    return ticks != before;
}

/* The parent's side: others run while it waits. */
static void expect_child(pid_t child)
{
    unsigned long before = ticks;
    int status = -1;

    EXPECT(child > 0);
    EXPECT(waitpid(child, &status, 0) == child);
    if (status != 0) {
        printf("posixfork: child %d: status 0x%x\n", (int)child, (unsigned)status);
        _exit(1);
    }
    EXPECT(others_run(before));
}

static void fork_here(const char *where)
{
    pid_t child = fork();

    if (child == 0) {
        check_child();
        printf("posixfork: child of %s\n", where);
        _exit(0);
    }
    expect_child(child);
    printf("posixfork: %s\n", where);
}

static void *fork_in_task(void *arg)
{
    fork_here(arg);
    return NULL;
}

static void fork_with_held_mutex(void)
{
    pid_t child;

    pthread_mutex_lock(&mine);
    child = fork();
    if (child == 0) {
        EXPECT(pthread_mutex_trylock(&held) == EBUSY);
        EXPECT(pthread_mutex_unlock(&mine) == 0);
        check_child();
        _exit(0);
    }
    pthread_mutex_unlock(&mine);
    expect_child(child);
    printf("posixfork: held mutexes\n");
}

/* The child goes on where the alarm came: in main, if that is what it interrupted. */
static volatile pid_t forked;
static volatile int fork_errno, rang;

static u64 fork_in_alarm(struct alarm *alarm)
{
    (void)alarm;
    errno = 0;
    forked = fork();
    fork_errno = errno;
    rang = 1;
    return ALARM_NEVER;
}

static void fork_in_handler_of_timer(void)
{
    static struct alarm alarm = {.ring = fork_in_alarm};
    struct timespec quiet = {0, 20000000};
    int status = -1;

    stop = 1; /* so that nothing but main is there to be interrupted */
    usleep(20000);
    alarm_set(&alarm, timer_now() + alarm_ticks(1000000));
    while (!rang) {
    }
    stop = 0;
    if (forked == 0) {
        check_child();
        _exit(0);
    }
    EXPECT(forked > 0 && waitpid(forked, &status, 0) == forked && status == 0);
    rang = 0;
    alarm_set(&alarm, timer_now() + alarm_ticks(1000000));
    nanosleep(&quiet, NULL);
    EXPECT(rang && forked == -1 && fork_errno == EAGAIN);
    printf("posixfork: timer handler\n");
}

/* A child that never waits sees its own children only. */
static void wait_in_child(void)
{
    pid_t child = fork();

    if (child == 0) {
        int status;
        pid_t grandchild;

        EXPECT(wait(&status) == -1 && errno == ECHILD);
        grandchild = fork();
        if (grandchild == 0) {
            pthread_exit(NULL); /* the last thread: status 0 */
        }
        EXPECT(wait(&status) == grandchild && status == 0);
        _exit(0);
    }
    expect_child(child);
    printf("posixfork: wait in a child\n");
}

static void many(void)
{
    for (int i = 0; i < MANY; i++) {
        pid_t child = fork();
        int status = -1;

        if (child == 0) {
            void *block = malloc(1000);

            _exit(block ? i & 0x7f : 255);
        }
        EXPECT(child > 0);
        EXPECT(waitpid(child, &status, 0) == child);
        EXPECT(WIFEXITED(status) && WEXITSTATUS(status) == (i & 0x7f));
        if (i % 100 == 99) {
            printf("posixfork: %d\n", i + 1);
        }
    }
    printf("posixfork: %d forks\n", MANY);
}

int main(int argc, char **argv)
{
    pthread_t workers[WORKERS], holder, task;

    if (argc > 1 && strcmp(argv[1], "bare") == 0) {
        EXPECT(fork() == -1 && errno == ENOSYS);
        EXPECT(wait(NULL) == -1 && errno == ECHILD);
        printf("posixfork: ok\n");
        return 0;
    }
    for (int i = 0; i < WORKERS; i++) {
        EXPECT(pthread_create(&workers[i], NULL, work, NULL) == 0);
    }
    EXPECT(pthread_create(&holder, NULL, hold, NULL) == 0);
    usleep(2000);
    if (argc > 1 && strcmp(argv[1], "many") == 0) {
        many();
    } else {
        fork_here("main");
        EXPECT(pthread_create(&task, NULL, fork_in_task, "a task") == 0);
        EXPECT(pthread_join(task, NULL) == 0);
        fork_with_held_mutex();
        wait_in_child();
        fork_in_handler_of_timer();
    }
    stop = 1;
    for (int i = 0; i < WORKERS; i++) {
        EXPECT(pthread_join(workers[i], NULL) == 0);
    }
    EXPECT(pthread_join(holder, NULL) == 0);
    printf("posixfork: ok\n");
    return 0;
}
