/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Processes as POSIX has them, in a program without tasks: statuses, wait's errors, what is printed
 * once, random numbers that differ, order of atfork handlers.  "bare": there are none.
 */
#include <errno.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>
#include <sys/wait.h>
#include <unistd.h>

#define EXPECT(condition)                                                         \
    do {                                                                          \
        if (!(condition)) {                                                       \
            printf("fork: line %d: %s, errno %d\n", __LINE__, #condition, errno); \
            exit(1);                                                              \
        }                                                                         \
    } while (0)

#define CHILDREN 20

static int bare(void)
{
    int status;

    EXPECT(fork() == -1 && errno == ENOSYS);
    EXPECT(wait(&status) == -1 && errno == ECHILD);
    EXPECT(getpid() == 1 && getppid() == 0);
    printf("fork: ok\n");
    return 0;
}

/* A child that ends so; its status. */
static int status_of(void (*end)(int), int arg)
{
    int status = -1;
    pid_t child = fork();

    if (child == 0) {
        end(arg);
        _exit(99);
    }
    EXPECT(child > 0);
    EXPECT(waitpid(child, &status, 0) == child);
    return status;
}

static void end_by_signal(int signal)
{
    raise(signal);
}

static void end_by_abort(int arg)
{
    (void)arg;
    abort();
}

static void end_by_crash(int arg)
{
    *(volatile int *)(long)arg = 1;
}

static void statuses(void)
{
    int status = status_of(_exit, 3);

    EXPECT(WIFEXITED(status) && WEXITSTATUS(status) == 3);
    status = status_of(_exit, 256 + 7);
    EXPECT(WIFEXITED(status) && WEXITSTATUS(status) == 7);
    status = status_of(exit, 5);
    EXPECT(WIFEXITED(status) && WEXITSTATUS(status) == 5);
    status = status_of(end_by_abort, 0);
    EXPECT(WIFSIGNALED(status) && WTERMSIG(status) == SIGABRT);
    status = status_of(end_by_signal, SIGTERM);
    EXPECT(WIFSIGNALED(status) && WTERMSIG(status) == SIGTERM);
    status = status_of(end_by_crash, 8);
    EXPECT(WIFEXITED(status) && WEXITSTATUS(status) == 1);
}

static void waiting(void)
{
    pid_t children[CHILDREN], got;
    int status, seen = 0;

    EXPECT(wait(NULL) == -1 && errno == ECHILD);
    EXPECT(waitpid(1 << 20, NULL, 0) == -1 && errno == ECHILD);
    EXPECT(waitpid(-1, NULL, 1 << 20) == -1 && errno == EINVAL);
    for (int i = 0; i < CHILDREN; i++) {
        children[i] = fork();
        if (children[i] == 0) {
            usleep(i == 0 ? 100000000 : 50000);
            _exit(i);
        }
        EXPECT(children[i] > 0);
    }
    EXPECT(waitpid(children[0], &status, WNOHANG) == 0);
    EXPECT(kill(children[0], SIGKILL) == 0);
    EXPECT(waitpid(children[0], &status, 0) == children[0] && WTERMSIG(status) == SIGKILL);
    EXPECT(waitpid(children[7], &status, 0) == children[7] && WEXITSTATUS(status) == 7);
    EXPECT(waitpid(children[7], &status, 0) == -1 && errno == ECHILD);
    while ((got = wait(&status)) > 0) {
        EXPECT(children[WEXITSTATUS(status)] == got);
        seen++;
    }
    EXPECT(got == -1 && errno == ECHILD && seen == CHILDREN - 2);
}

static void identity(void)
{
    pid_t parent = getpid(), child = fork();
    int status;

    if (child == 0) {
        _exit(getppid() == parent && getpid() != parent ? 0 : 1);
    }
    EXPECT(wait(&status) == child && status == 0);
}

static void draw(void)
{
    unsigned char number[16];

    EXPECT(getrandom(number, sizeof(number), 0) == (ssize_t)sizeof(number));
    printf("fork: drew ");
    for (size_t i = 0; i < sizeof(number); i++) {
        printf("%02x", number[i]);
    }
    printf("\n");
}

/* Parent, child and grandchild, each after a fork and before the next one. */
static void random_numbers(void)
{
    draw();
    for (int i = 0; i < 2; i++) {
        pid_t child = fork();

        draw();
        if (child > 0) {
            EXPECT(wait(NULL) == child);
            if (i > 0) {
                _exit(0);
            }
            return;
        }
    }
    _exit(0);
}

static char order[64];

static void note(char c)
{
    size_t length = strlen(order);

    order[length] = c;
}

static void prepare1(void)
{
    note('a');
}

static void prepare2(void)
{
    note('b');
}

static void parent1(void)
{
    note('p');
}

static void parent2(void)
{
    note('q');
}

static void child1(void)
{
    note('c');
}

static void child2(void)
{
    note('d');
}

static void handlers(void)
{
    pid_t child;
    int status;

    EXPECT(pthread_atfork(prepare1, parent1, child1) == 0);
    EXPECT(pthread_atfork(prepare2, parent2, child2) == 0);
    EXPECT(pthread_atfork(NULL, NULL, NULL) == 0);
    child = fork();
    if (child == 0) {
        _exit(strcmp(order, "bacd") == 0 ? 0 : 1);
    }
    EXPECT(wait(&status) == child && status == 0);
    EXPECT(strcmp(order, "bapq") == 0);
    while (pthread_atfork(NULL, NULL, NULL) == 0) {
    }
    EXPECT(pthread_atfork(NULL, NULL, NULL) == ENOMEM);
}

static void output(void)
{
    pid_t child;

    printf("fork: half");
    child = fork();
    if (child == 0) {
        printf(" child\n");
        _exit(0);
    }
    EXPECT(wait(NULL) == child);
    printf(" parent\n");
}

int main(int argc, char **argv)
{
    if (argc > 1 && strcmp(argv[1], "bare") == 0) {
        return bare();
    }
    statuses();
    waiting();
    identity();
    random_numbers();
    handlers();
    output();
    printf("fork: ok\n");
    return 0;
}
