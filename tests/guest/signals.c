/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Signals within one process: the same bare and in a VM, with tasks and without.
 *
 * Each part is named by an argument; all of them without one.
 */
#include <errno.h>
#include <fenv.h>
#include <setjmp.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/time.h>
#include <time.h>
#include <unistd.h>

#include "guest/trap.h"

#define EXPECT(condition)                                                            \
    do {                                                                             \
        if (!(condition)) {                                                          \
            printf("signals: line %d: %s, errno %d\n", __LINE__, #condition, errno); \
            exit(1);                                                                 \
        }                                                                            \
    } while (0)

#define TICK_US 2000

static volatile int count[NSIG];
static volatile int order[16], ordered;

static void note(int signal)
{
    count[signal]++;
    if (ordered < 16) {
        order[ordered++] = signal;
    }
    errno = ERANGE; /* which nobody sees */
}

static void handle(int signal, void (*handler)(int), int flags, sigset_t mask)
{
    struct sigaction action = {.sa_handler = handler, .sa_mask = mask, .sa_flags = flags};

    EXPECT(sigaction(signal, &action, NULL) == 0);
}

static sigset_t set_of(int signal)
{
    sigset_t set;

    sigemptyset(&set);
    EXPECT(sigaddset(&set, signal) == 0);
    return set;
}

static void reset(void)
{
    sigset_t none;

    sigemptyset(&none);
    for (int sig = 1; sig < NSIG; sig++) {
        signal(sig, SIG_IGN); /* what pends is forgotten */
        signal(sig, SIG_DFL);
        count[sig] = 0;
    }
    ordered = 0;
    sigprocmask(SIG_SETMASK, &none, NULL);
}

static void tick_every(suseconds_t us)
{
    struct itimerval value = {
        .it_interval = {0, us},
          .it_value = {0, us}
    };

    EXPECT(setitimer(ITIMER_REAL, &value, NULL) == 0);
}

/* ---- one by one ---- */

static void test_raise(void)
{
    EXPECT(signal(SIGUSR1, note) == SIG_DFL);
    EXPECT(signal(SIGUSR1, note) == note);
    errno = 0;
    EXPECT(raise(SIGUSR1) == 0 && count[SIGUSR1] == 1 && errno == 0);
    EXPECT(kill(getpid(), SIGUSR1) == 0 && count[SIGUSR1] == 2);
    EXPECT(kill(getpid(), 0) == 0);
    EXPECT(raise(SIGCHLD) == 0 && raise(SIGWINCH) == 0); /* ignored */
    EXPECT(signal(SIGTERM, SIG_IGN) == SIG_DFL && raise(SIGTERM) == 0);
    EXPECT(raise(NSIG) == -1 && errno == EINVAL);
    EXPECT(kill(getpid(), -1) == -1 && errno == EINVAL);
    EXPECT(signal(SIGKILL, note) == SIG_ERR && errno == EINVAL);
    EXPECT(signal(SIGSTOP, SIG_IGN) == SIG_ERR && signal(0, note) == SIG_ERR);
    EXPECT(strcmp(strsignal(SIGCHLD), "Child exited") == 0);
}

static void test_sets(void)
{
    sigset_t set;

    sigfillset(&set);
    EXPECT(sigismember(&set, 31) == 1 && sigdelset(&set, 31) == 0 && sigismember(&set, 31) == 0);
    EXPECT(sigismember(&set, 1) == 1 && sigismember(&set, NSIG) == -1 && errno == EINVAL);
    EXPECT(sigaddset(&set, 0) == -1 && sigdelset(&set, -1) == -1);
}

static void test_mask(void)
{
    sigset_t set = set_of(SIGUSR1), before, pending;

    handle(SIGUSR1, note, 0, 0);
    sigfillset(&before);
    EXPECT(sigprocmask(SIG_BLOCK, &set, &before) == 0 && before == 0);
    EXPECT(raise(SIGUSR1) == 0 && kill(getpid(), SIGUSR1) == 0 && count[SIGUSR1] == 0);
    EXPECT(sigpending(&pending) == 0 && sigismember(&pending, SIGUSR1) == 1);
    EXPECT(sigprocmask(SIG_UNBLOCK, &set, NULL) == 0);
    EXPECT(count[SIGUSR1] == 2); /* one of the thread, one of the process */
    EXPECT(sigpending(&pending) == 0 && pending == 0);
    EXPECT(sigprocmask(99, &set, NULL) == -1 && errno == EINVAL);
    /* what is ignored while it pends is gone */
    sigprocmask(SIG_BLOCK, &set, NULL);
    kill(getpid(), SIGUSR1);
    signal(SIGUSR1, SIG_IGN);
    signal(SIGUSR1, note);
    sigprocmask(SIG_UNBLOCK, &set, NULL);
    EXPECT(count[SIGUSR1] == 2);
    /* KILL and STOP are never blocked */
    sigfillset(&set);
    EXPECT(sigprocmask(SIG_SETMASK, &set, NULL) == 0 && sigprocmask(0, NULL, &set) == 0);
    EXPECT(!sigismember(&set, SIGKILL) && !sigismember(&set, SIGSTOP));
}

static volatile sigset_t seen_mask;

static void raise_within(int signal)
{
    sigset_t now;

    note(signal);
    sigprocmask(SIG_BLOCK, NULL, &now);
    seen_mask = now;
    if (ordered == 1) {
        raise(SIGUSR1);
        raise(SIGUSR2);
        note(SIGHUP);
    }
}

static void test_nested(void)
{
    sigset_t now;

    /* its own and those of sa_mask wait for its end */
    handle(SIGUSR1, raise_within, 0, set_of(SIGTERM));
    handle(SIGUSR2, note, 0, 0);
    raise(SIGUSR1);
    EXPECT(order[0] == SIGUSR1 && order[1] == SIGUSR2 && order[2] == SIGHUP && order[3] == SIGUSR1);
    EXPECT(ordered == 4 && (seen_mask & set_of(SIGTERM)) && (seen_mask & set_of(SIGUSR1)));
    EXPECT(sigprocmask(SIG_BLOCK, NULL, &now) == 0 && now == 0);
    reset();
    handle(SIGUSR1, raise_within, SA_NODEFER, set_of(SIGUSR2));
    handle(SIGUSR2, note, 0, 0);
    raise(SIGUSR1);
    EXPECT(order[0] == SIGUSR1 && order[1] == SIGUSR1 && order[2] == SIGHUP && order[3] == SIGUSR2);
    reset();
    handle(SIGUSR1, note, SA_RESETHAND, 0);
    raise(SIGUSR1);
    EXPECT(count[SIGUSR1] == 1 && signal(SIGUSR1, SIG_IGN) == SIG_DFL);
}

static siginfo_t seen;

static void note_info(int signal, siginfo_t *info, void *where)
{
    (void)where;
    count[signal]++;
    seen = *info;
}

static void test_info(void)
{
    struct sigaction action = {.sa_sigaction = note_info, .sa_flags = SA_SIGINFO}, old;

    EXPECT(sigaction(SIGUSR1, &action, NULL) == 0 && sigaction(SIGUSR1, NULL, &old) == 0);
    EXPECT(old.sa_sigaction == note_info && old.sa_flags == SA_SIGINFO);
    kill(getpid(), SIGUSR1);
    EXPECT(seen.si_signo == SIGUSR1 && seen.si_pid == getpid() && seen.si_code == SI_USER);
    action.sa_flags = 0x100;
    EXPECT(sigaction(SIGUSR1, &action, NULL) == -1 && errno == EINVAL);
}

/* ---- alarms, and what they interrupt ---- */

/* Registers and floating point of who is interrupted stay as they are, also if handlers compute. */
static void compute_within(int signal)
{
    volatile double x = count[signal];

    x = x * 1.5 + 3;
    fesetround(FE_UPWARD);
    count[signal]++;
}

static void test_compute(void)
{
    double a = 1, b = 3, sum = 0;
    unsigned long hash = 1;

    handle(SIGALRM, compute_within, 0, 0);
    tick_every(500);
    while (count[SIGALRM] < 50) {
        unsigned long expected = 7;
        double should = 0;

        sum = 0;
        hash = 7;
        for (int i = 0; i < 1000; i++) {
            hash = hash * 31 + (unsigned long)i;
            sum += a / b;
        }
        __asm__ volatile("" : "+r"(hash), "+f"(sum) : : "memory");
        for (int i = 0; i < 1000; i++) {
            expected = expected * 31 + (unsigned long)i;
            should += a / b;
        }
        EXPECT(hash == expected && sum == should && fegetround() == FE_TONEAREST);
    }
    tick_every(0);
    EXPECT(signal(SIGALRM, SIG_DFL) == compute_within);
}

static void test_sleep(void)
{
    struct timespec time = {50, 0}, left = {0, 0};
    struct itimerval value =
                         {
                             .it_value = {0, TICK_US}
    },
                     now;
    struct timespec from, to;

    handle(SIGALRM, note, SA_RESTART, 0); /* which means nothing to these */
    tick_every(TICK_US);
    EXPECT(nanosleep(&time, &left) == -1 && errno == EINTR && count[SIGALRM] >= 1);
    EXPECT(left.tv_sec < 50 && left.tv_sec > 30);
    EXPECT(sleep(50) > 30);
    EXPECT(pause() == -1 && errno == EINTR);
    tick_every(0);
    EXPECT(alarm(100) == 0 && alarm(50) == 100 && alarm(0) == 50 && alarm(0) == 0);
    EXPECT(getitimer(ITIMER_REAL, &now) == 0 && now.it_value.tv_sec == 0);
    EXPECT(setitimer(ITIMER_PROF, &value, NULL) == -1 && errno == EINVAL);
    value.it_value.tv_usec = 1000000;
    EXPECT(setitimer(ITIMER_REAL, &value, NULL) == -1 && errno == EINVAL);
    /* a sleep that nobody interrupts is as long as it is to be */
    clock_gettime(CLOCK_MONOTONIC, &from);
    usleep(20000);
    clock_gettime(CLOCK_MONOTONIC, &to);
    EXPECT((to.tv_sec - from.tv_sec) * 1000000000L + to.tv_nsec - from.tv_nsec >= 20000000);
}

static void raise_once_more(int signal)
{
    if (++count[signal] < 10) {
        raise(signal);
    }
}

static void test_suspend(void)
{
    sigset_t block = set_of(SIGALRM), none, now;

    sigemptyset(&none);
    handle(SIGALRM, note, SA_RESTART, 0);
    sigprocmask(SIG_BLOCK, &block, NULL);
    for (int i = 1; i <= 5; i++) {
        tick_every(TICK_US);
        EXPECT(sigsuspend(&none) == -1 && errno == EINTR && count[SIGALRM] == i);
        tick_every(0);
        EXPECT(sigprocmask(0, NULL, &now) == 0 && now == block);
        /* one that came meanwhile is not lost, and not counted here */
        while (sigpending(&now) == 0 && now) {
            struct timespec zero = {0, 0};

            EXPECT(sigtimedwait(&block, NULL, &zero) == SIGALRM);
        }
    }
    /* blocked again from the end of the handler on, before anything else comes */
    handle(SIGALRM, raise_once_more, 0, 0);
    count[SIGALRM] = 0;
    raise(SIGALRM);
    for (int i = 1; i <= 9; i++) {
        EXPECT(sigsuspend(&none) == -1 && errno == EINTR && count[SIGALRM] == i);
        EXPECT(sigpending(&now) == 0 && now == block);
    }
    EXPECT(sigsuspend(&none) == -1 && sigpending(&now) == 0 && now == 0);
}

static void test_wait(void)
{
    sigset_t both = set_of(SIGALRM) | set_of(SIGUSR1);
    struct timespec soon = {0, 3000000}, never = {100, 0}, bad = {0, -1};
    siginfo_t info;
    int signal;

    sigprocmask(SIG_BLOCK, &both, NULL);
    kill(getpid(), SIGUSR1);
    EXPECT(sigwait(&both, &signal) == 0 && signal == SIGUSR1);
    EXPECT(sigtimedwait(&both, NULL, &soon) == -1 && errno == EAGAIN);
    EXPECT(sigtimedwait(&both, NULL, &bad) == -1 && errno == EINVAL);
    tick_every(TICK_US);
    EXPECT(sigwait(&both, &signal) == 0 && signal == SIGALRM);
    EXPECT(sigwaitinfo(&both, &info) == SIGALRM && info.si_signo == SIGALRM);
    tick_every(0);
    while (sigtimedwait(&both, NULL, &soon) > 0) {
    }
    /* another one's handler ends it */
    handle(SIGALRM, note, 0, 0);
    both = set_of(SIGALRM);
    sigprocmask(SIG_UNBLOCK, &both, NULL);
    both = set_of(SIGUSR1);
    tick_every(TICK_US);
    EXPECT(sigtimedwait(&both, NULL, &never) == -1 && errno == EINTR && count[SIGALRM] > 0);
    tick_every(0);
}

/* Something is typed, late. */
static void test_read(void)
{
    char text[8];
    int before;

    handle(SIGALRM, note, 0, 0);
    tick_every(TICK_US);
    EXPECT(read(0, text, sizeof(text)) == -1 && errno == EINTR);
    handle(SIGALRM, note, SA_RESTART, 0);
    before = count[SIGALRM];
    EXPECT(read(0, text, sizeof(text)) > 0 && text[0] == 'x');
    tick_every(0);
    EXPECT(count[SIGALRM] > before);
}

/* ---- out of a handler ---- */

static sigjmp_buf out;

static void jump(int signal)
{
    count[signal]++;
    siglongjmp(out, signal);
}

static void test_jump(void)
{
    sigset_t block = set_of(SIGALRM), now;

    handle(SIGALRM, jump, 0, 0);
    for (volatile int i = 0; i < 20; i++) {
        if (sigsetjmp(out, 1) == 0) {
            sigprocmask(SIG_BLOCK, &block, NULL); /* not out of setitimer() */
            tick_every(500);
            sigprocmask(SIG_UNBLOCK, &block, NULL);
            for (;;) {
                __asm__ volatile("");
            }
        }
        tick_every(0);
        EXPECT(sigprocmask(0, NULL, &now) == 0 && now == 0);
    }
    EXPECT(count[SIGALRM] >= 20);
}

static void step_over(int signal, siginfo_t *info, void *where)
{
    struct trap *frame = where;

    count[signal]++;
    seen = *info;
    frame->pc += trap_insn_bytes(frame->pc);
}

static void test_faults(void)
{
    struct sigaction action = {.sa_sigaction = step_over, .sa_flags = SA_SIGINFO};
    volatile char *nowhere = (char *)0x7000000000;

    handle(SIGSEGV, jump, 0, 0);
    for (volatile int i = 0; i < 3; i++) {
        if (sigsetjmp(out, 1) == 0) {
            *nowhere = 1;
            EXPECT(!"reached");
        }
    }
    EXPECT(count[SIGSEGV] == 3);
    EXPECT(sigaction(SIGILL, &action, NULL) == 0 && sigaction(SIGSEGV, &action, NULL) == 0);
    __asm__ volatile(".4byte 0xffffffff");
    EXPECT(count[SIGILL] == 1 && seen.si_signo == SIGILL && seen.si_code == ILL_ILLOPC);
    *nowhere = 1;
    EXPECT(count[SIGSEGV] == 4 && seen.si_addr == (void *)nowhere);
    EXPECT(sigaction(SIGTRAP, &action, NULL) == 0);
    __asm__ volatile("ebreak");
    EXPECT(count[SIGTRAP] == 1);
}

/* ---- the end ---- */

static void fault(int signal)
{
    (void)signal;
    *(volatile char *)0x7000000000 = 1;
}

static void end(const char *how)
{
    if (strcmp(how, "term") == 0) {
        raise(SIGTERM);
    } else if (strcmp(how, "abort") == 0) {
        signal(SIGABRT, note); /* which returns: it is the end all the same */
        abort();
    } else if (strcmp(how, "segv") == 0) {
        fault(0);
    } else if (strcmp(how, "segv_twice") == 0) {
        signal(SIGSEGV, fault);
        fault(0);
    } else if (strcmp(how, "alarm") == 0) {
        alarm(1);
        for (;;) {
            pause();
        }
    }
    printf("signals: %s: still there\n", how);
    exit(1);
}

static const struct {
    const char *name;
    void (*fn)(void);
} tests[] = {
    {"raise",   test_raise  },
    {"sets",    test_sets   },
    {"mask",    test_mask   },
    {"nested",  test_nested },
    {"info",    test_info   },
    {"compute", test_compute},
    {"sleep",   test_sleep  },
    {"suspend", test_suspend},
    {"wait",    test_wait   },
    {"jump",    test_jump   },
    {"faults",  test_faults },
};

int main(int argc, char **argv)
{
    if (argc > 1 && strcmp(argv[1], "read") == 0) {
        test_read();
    }
    if (argc > 2) {
        end(argv[2]);
    }
    for (size_t i = 0; i < sizeof(tests) / sizeof(tests[0]); i++) {
        if (argc == 1 || strcmp(argv[1], tests[i].name) == 0) {
            tests[i].fn();
            reset();
            printf("signals: %s\n", tests[i].name);
        }
    }
    printf("signals: done\n");
    return 0;
}
