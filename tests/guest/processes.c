/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Signals between processes, and waiting for them.
 *
 * Each part is named by an argument; all of them without one.  "storm" is a part of its own.
 */
#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/time.h>
#include <sys/wait.h>
#include <termios.h>
#include <time.h>
#include <unistd.h>

#define EXPECT(condition)                                                              \
    do {                                                                               \
        if (!(condition)) {                                                            \
            printf("processes: line %d: %s, errno %d\n", __LINE__, #condition, errno); \
            _exit(1);                                                                  \
        }                                                                              \
    } while (0)

#define MS 1000

static volatile int count[NSIG];

static void note(int signal)
{
    count[signal]++;
}

static void handle(int signal, void (*handler)(int), int flags)
{
    struct sigaction action = {.sa_handler = handler, .sa_flags = flags};

    EXPECT(sigaction(signal, &action, NULL) == 0);
}

static void reset(void)
{
    sigset_t none = 0;

    for (int sig = 1; sig < NSIG; sig++) {
        signal(sig, SIG_DFL);
        count[sig] = 0;
    }
    sigprocmask(SIG_SETMASK, &none, NULL);
}

/* Again and again, so that what is to be interrupted is, however late it begins. */
static void ring_each(suseconds_t us)
{
    struct itimerval value = {
        .it_interval = {0, us},
          .it_value = {0, us}
    };

    EXPECT(setitimer(ITIMER_REAL, &value, NULL) == 0);
}

static void ring_in(suseconds_t us)
{
    struct itimerval value = {
        .it_value = {0, us}
    };

    EXPECT(setitimer(ITIMER_REAL, &value, NULL) == 0);
}

/* A child that runs fn, and ends with its result. */
static pid_t child_of(int (*fn)(void))
{
    pid_t child = fork();

    EXPECT(child >= 0);
    if (child == 0) {
        _exit(fn());
    }
    return child;
}

static int sleep_for_ever(void)
{
    while (pause() < 0) {
    }
    return 0;
}

static int compute_for_ever(void)
{
    volatile unsigned long n = 0;

    while (n < ~0UL) {
        n++;
    }
    return 0;
}

static int end_with_7(void)
{
    return 7;
}

static int status_of(pid_t child)
{
    int status = -1;
    pid_t got;

    do {
        got = waitpid(child, &status, 0);
    } while (got < 0 && errno == EINTR);
    EXPECT(got == child);
    return status;
}

/* ---- the end of others ---- */

static void test_kill(void)
{
    static const int fatal[] = {SIGTERM, SIGKILL, SIGINT, SIGHUP, SIGUSR1, SIGALRM, SIGPIPE};

    for (size_t i = 0; i < sizeof(fatal) / sizeof(fatal[0]); i++) {
        pid_t child = child_of(i % 2 ? compute_for_ever : sleep_for_ever);
        int status;

        EXPECT(kill(child, 0) == 0 && kill(child, fatal[i]) == 0);
        status = status_of(child);
        EXPECT(WIFSIGNALED(status) && WTERMSIG(status) == fatal[i]);
    }
    EXPECT(kill(999999, SIGTERM) == -1 && errno == ESRCH);
    EXPECT(kill(-999999, SIGTERM) == -1 && errno == ESRCH);
    EXPECT(kill(getpid(), 99) == -1 && errno == EINVAL);
    EXPECT(waitpid(-1, NULL, 0) == -1 && errno == ECHILD);
    EXPECT(waitpid(-1, NULL, 64) == -1 && errno == EINVAL);
}

static int end_as_told(void)
{
    sigset_t set = 1UL << SIGUSR1 | 1UL << SIGUSR2;
    int signal;

    EXPECT(kill(getppid(), 0) == -1 && errno == ESRCH); /* which it may not name */
    sigwait(&set, &signal);
    return signal;
}

static void test_handlers(void)
{
    sigset_t set = 1UL << SIGUSR1 | 1UL << SIGUSR2;
    pid_t child;
    int status;

    sigprocmask(SIG_BLOCK, &set, NULL);
    child = child_of(end_as_told);
    sigprocmask(SIG_UNBLOCK, &set, NULL);
    EXPECT(kill(child, SIGCHLD) == 0 && kill(child, SIGUSR2) == 0);
    status = status_of(child);
    EXPECT(WIFEXITED(status) && WEXITSTATUS(status) == SIGUSR2);
    /* one that comes at once is not lost: it pends */
    handle(SIGUSR1, note, 0);
    child = fork();
    if (child == 0) {
        while (count[SIGUSR1] == 0) {
        }
        _exit(3);
    }
    EXPECT(kill(child, SIGUSR1) == 0);
    EXPECT(WEXITSTATUS(status_of(child)) == 3 && count[SIGUSR1] == 0);
}

static int fault(void)
{
    return *(volatile char *)0x7000000000;
}

static int abort_here(void)
{
    abort();
}

static void test_faults(void)
{
    int status = status_of(child_of(fault));

    EXPECT(WIFSIGNALED(status) && WTERMSIG(status) == SIGSEGV);
    status = status_of(child_of(abort_here));
    EXPECT(WIFSIGNALED(status) && WTERMSIG(status) == SIGABRT);
}

/* ---- waiting ---- */

static void test_interrupted(void)
{
    pid_t child = child_of(sleep_for_ever), other;
    int status, before;

    handle(SIGALRM, note, 0);
    ring_each(3 * MS);
    EXPECT(waitpid(child, &status, 0) == -1 && errno == EINTR && count[SIGALRM] >= 1);
    EXPECT(waitpid(child, &status, WNOHANG) == 0);
    handle(SIGALRM, note, SA_RESTART);
    before = count[SIGALRM];
    other = fork();
    if (other == 0) { /* who ends the wait, but not before some alarms */
        usleep(50 * MS);
        _exit(0);
    }
    EXPECT(waitpid(-1, &status, 0) == other && count[SIGALRM] > before && WIFEXITED(status));
    ring_each(0);
    kill(child, SIGKILL);
    EXPECT(WTERMSIG(status_of(child)) == SIGKILL);
}

static void test_child_signal(void)
{
    sigset_t block = 1UL << SIGCHLD, none = 0;
    int ended = 0;

    handle(SIGCHLD, note, SA_RESTART);
    sigprocmask(SIG_BLOCK, &block, NULL);
    for (int i = 0; i < 5; i++) {
        child_of(end_with_7);
    }
    while (ended < 5) {
        int status;

        while (waitpid(-1, &status, WNOHANG) > 0) {
            EXPECT(WEXITSTATUS(status) == 7);
            ended++;
        }
        if (ended < 5) {
            sigsuspend(&none);
        }
    }
    sigprocmask(SIG_UNBLOCK, &block, NULL);
    EXPECT(count[SIGCHLD] >= 1 && count[SIGCHLD] <= 5);
}

static void expect_no_child(void)
{
    int status;

    EXPECT(waitpid(-1, &status, 0) == -1 && errno == ECHILD);
}

/* When a child was waited for its signal has been taken, whoever took its interrupt. */
static void test_signal_before_wait(void)
{
    for (int i = 0; i < 50; i++) {
        signal(SIGCHLD, SIG_IGN);
        child_of(end_with_7);
        expect_no_child();
        handle(SIGCHLD, note, 0);
        count[SIGCHLD] = 0;
        EXPECT(WEXITSTATUS(status_of(child_of(end_with_7))) == 7 && count[SIGCHLD] == 1);
    }
}

static void test_no_zombies(void)
{
    struct sigaction action = {.sa_handler = note, .sa_flags = SA_NOCLDWAIT};

    signal(SIGCHLD, SIG_IGN);
    child_of(end_with_7);
    child_of(end_with_7);
    expect_no_child();
    EXPECT(sigaction(SIGCHLD, &action, NULL) == 0);
    child_of(end_with_7);
    while (count[SIGCHLD] == 0) {
        usleep(MS);
    }
    expect_no_child();
}

static void test_stop(void)
{
    pid_t child = child_of(compute_for_ever);
    int status;

    handle(SIGCHLD, note, SA_NOCLDSTOP);
    EXPECT(kill(child, SIGSTOP) == 0);
    EXPECT(waitpid(child, &status, WUNTRACED) == child);
    EXPECT(WIFSTOPPED(status) && WSTOPSIG(status) == SIGSTOP);
    EXPECT(waitpid(child, &status, WUNTRACED | WNOHANG) == 0); /* told once */
    EXPECT(kill(child, SIGCONT) == 0);
    EXPECT(waitpid(child, &status, WCONTINUED) == child && WIFCONTINUED(status));
    usleep(MS);
    EXPECT(count[SIGCHLD] == 0);
    handle(SIGCHLD, note, 0);
    kill(child, SIGSTOP);
    while (count[SIGCHLD] < 1) {
        usleep(MS);
    }
    kill(child, SIGKILL); /* also what is stopped */
    EXPECT(WTERMSIG(status_of(child)) == SIGKILL);
    while (count[SIGCHLD] < 2) {
        usleep(MS);
    }
}

static int stop_itself(void)
{
    raise(SIGTSTP);
    return 5;
}

static void test_stop_itself(void)
{
    pid_t child = child_of(stop_itself);
    int status;

    EXPECT(waitpid(child, &status, WUNTRACED) == child && WIFSTOPPED(status));
    kill(child, SIGCONT);
    EXPECT(WEXITSTATUS(status_of(child)) == 5);
}

/* ---- groups ---- */

static void test_groups(void)
{
    pid_t self = getpid(), a = child_of(sleep_for_ever), b = child_of(sleep_for_ever);
    pid_t c = child_of(sleep_for_ever);
    int status;

    EXPECT(getpgrp() == self && getpgid(0) == self && getpgid(a) == self);
    EXPECT(setpgid(a, 0) == 0 && setpgid(b, a) == 0 && getpgid(b) == a);
    EXPECT(setpgid(a, 999999) == -1 && errno == EPERM);
    EXPECT(setpgid(-1, 0) == -1 && errno == EINVAL);
    EXPECT(getpgid(999999) == -1 && errno == ESRCH);
    EXPECT(setsid() == -1 && errno == EPERM);
    EXPECT(killpg(a, SIGTERM) == 0);
    for (int i = 0; i < 2; i++) {
        pid_t got = waitpid(-a, &status, 0);

        EXPECT((got == a || got == b) && WTERMSIG(status) == SIGTERM);
    }
    EXPECT(waitpid(-a, &status, WNOHANG) == -1 && errno == ECHILD);
    EXPECT(waitpid(0, &status, WNOHANG) == 0);
    /* oneself is of the group, too */
    handle(SIGUSR1, note, 0);
    EXPECT(kill(0, SIGUSR1) == 0);
    EXPECT(WTERMSIG(status_of(c)) == SIGUSR1);
    while (count[SIGUSR1] == 0) {
        usleep(MS);
    }
    EXPECT(count[SIGUSR1] == 1);
    if (fork() == 0) {
        EXPECT(setsid() == getpid() && getpgrp() == getpid());
        EXPECT(tcgetpgrp(0) > 0 || errno == ENOTTY);
        _exit(0);
    }
    EXPECT(wait(&status) > 0 && status == 0);
}

static int be_orphaned(void)
{
    if (fork() == 0) {
        while (getppid() != 1) {
            usleep(MS);
        }
        _exit(0);
    }
    return 0;
}

/* Only where this process is the first one does it see them. */
static void test_orphans(void)
{
    EXPECT(status_of(child_of(be_orphaned)) == 0);
    if (getpid() == 1) {
        int status;

        EXPECT(wait(&status) > 0 && status == 0);
    }
}

/* ---- fork ---- */

static void test_fork(void)
{
    sigset_t block = 1UL << SIGUSR1 | 1UL << SIGALRM, now;
    struct itimerval left;
    pid_t child;

    handle(SIGUSR1, note, 0);
    handle(SIGALRM, note, 0);
    sigprocmask(SIG_BLOCK, &block, NULL);
    raise(SIGUSR1);
    kill(getpid(), SIGUSR1);
    ring_in(60 * MS);
    child = fork();
    if (child == 0) {
        EXPECT(sigpending(&now) == 0 && now == 0);
        EXPECT(sigprocmask(SIG_BLOCK, NULL, &now) == 0 && now == block);
        EXPECT(signal(SIGUSR1, SIG_DFL) == note);
        EXPECT(getitimer(ITIMER_REAL, &left) == 0);
        EXPECT(left.it_value.tv_sec == 0 && left.it_value.tv_usec == 0);
        usleep(100 * MS);
        EXPECT(sigpending(&now) == 0 && now == 0);
        ring_in(MS); /* one of its own rings */
        now = 0;
        EXPECT(sigsuspend(&now) == -1 && count[SIGALRM] == 1);
        _exit(0);
    }
    EXPECT(status_of(child) == 0);
    EXPECT(sigpending(&now) == 0 && now == block); /* the parent's has rung as well */
    sigprocmask(SIG_UNBLOCK, &block, NULL);
    EXPECT(count[SIGALRM] == 1 && count[SIGUSR1] == 2);
}

static volatile pid_t forked;

static void fork_within(int signal)
{
    count[signal]++;
    forked = fork();
}

/* A handler forks, and both return to what was interrupted. */
static void test_fork_in_handler(void)
{
    unsigned left;

    handle(SIGALRM, fork_within, 0);
    ring_in(2 * MS);
    while (count[SIGALRM] == 0) {
    }
    if (forked == 0) {
        _exit(9);
    }
    EXPECT(WEXITSTATUS(status_of(forked)) == 9);
    do { /* once more, if the alarm was faster than the sleep */
        ring_in(60 * MS);
        left = sleep(2);
        if (forked == 0) {
            _exit(8);
        }
        EXPECT(WEXITSTATUS(status_of(forked)) == 8);
    } while (left == 0);
}

static int limit_itself(void)
{
    struct rlimit limit;
    pid_t child;

    EXPECT(getrlimit(RLIMIT_NPROC, &limit) == 0);
    limit.rlim_cur = limit.rlim_max = 2;
    EXPECT(setrlimit(RLIMIT_NPROC, &limit) == 0);
    limit.rlim_cur = limit.rlim_max = 3;
    EXPECT(setrlimit(RLIMIT_NPROC, &limit) == -1 && errno == EPERM);
    child = child_of(sleep_for_ever);
    EXPECT(fork() == -1 && errno == EAGAIN);
    kill(child, SIGKILL);
    status_of(child);
    return WEXITSTATUS(status_of(child_of(end_with_7))) == 7 ? 0 : 1;
}

static void test_limits(void)
{
    EXPECT(status_of(child_of(limit_itself)) == 0);
}

/* ---- many ---- */

static int count_signals(void)
{
    while (count[SIGTERM] == 0) {
        usleep(100);
    }
    return count[SIGUSR1] > 0;
}

#define CROWD 12

static void test_storm(void)
{
    pid_t crowd[CROWD];
    unsigned seed = 1;

    handle(SIGUSR1, note, 0);
    handle(SIGTERM, note, 0);
    for (int i = 0; i < CROWD; i++) {
        crowd[i] = child_of(i % 3 == 0 ? compute_for_ever : count_signals);
    }
    for (int i = 0; i < 2000; i++) {
        int who = (int)(rand_r(&seed) % CROWD);

        if (who % 3 != 0) {
            EXPECT(kill(crowd[who], SIGUSR1) == 0);
        } else {
            EXPECT(kill(crowd[who], i % 2 ? SIGSTOP : SIGCONT) == 0);
        }
    }
    for (int i = 0; i < CROWD; i++) {
        int status;

        EXPECT(kill(crowd[i], i % 3 == 0 ? SIGKILL : SIGTERM) == 0);
        status = status_of(crowd[i]);
        EXPECT(i % 3 == 0 ? WTERMSIG(status) == SIGKILL : WIFEXITED(status) && WEXITSTATUS(status));
    }
    expect_no_child();
}

static const struct {
    const char *name;
    void (*fn)(void);
} tests[] = {
    {"kill",               test_kill              },
    {"handlers",           test_handlers          },
    {"faults",             test_faults            },
    {"interrupted",        test_interrupted       },
    {"child_signal",       test_child_signal      },
    {"signal_before_wait", test_signal_before_wait},
    {"no_zombies",         test_no_zombies        },
    {"stop",               test_stop              },
    {"stop_itself",        test_stop_itself       },
    {"groups",             test_groups            },
    {"orphans",            test_orphans           },
    {"fork",               test_fork              },
    {"fork_in_handler",    test_fork_in_handler   },
    {"limits",             test_limits            },
    {"storm",              test_storm             },
};

int main(int argc, char **argv)
{
    for (size_t i = 0; i < sizeof(tests) / sizeof(tests[0]); i++) {
        if (argc == 1 || strcmp(argv[1], tests[i].name) == 0) {
            tests[i].fn();
            reset();
            printf("processes: %s\n", tests[i].name);
        }
    }
    printf("processes: done\n");
    return 0;
}
