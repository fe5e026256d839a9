/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Component signals: POSIX's, between processes and within one.
 *
 *     other processes, hypervisor --events--> signals_pending --+
 *     kill() of oneself, alarm                                  +-- a thread that does not block it
 *     raise(), pthread_kill(), a fault --> its own pending -----+
 *
 * A thread takes what pends where nothing of the library is half done: at the end of a blocking
 * call, when it unblocks it, when it lets go of the last signal_hold(); or where an interrupt
 * returns to it (signal_trap.c).  The handler runs on its stack.
 *
 * Invariant: a bit of a pending set is cleared by who acts on it.  Whoever sets one makes a thread
 * look that may act on it.
 */
#include "guest/libc/signal.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "lib/riscv/csr.h"

#include "guest/events.h"
#include "guest/init.h"
#include "guest/irq.h"
#include "guest/libc/fork.h"
#include "guest/libc/inherit.h"
#include "guest/libc/signal_end.h"
#include "guest/libc/signals.h"
#include "guest/preempt.h"
#include "guest/proc.h"
#include "guest/threads.h"

#define INHERITED "signals"

__thread struct signal_thread signal_own;
struct sigaction signal_actions[NSIG];

static u64 pending;      /* for any thread */
static u64 sent_by_self; /* of those */
static u64 ever_blocked; /* by any thread */

/* ---- what pends ---- */

u64 signal_pending_set(void)
{
    return __atomic_load_n(&pending, __ATOMIC_RELAXED) |
           __atomic_load_n(&signal_own.pending, __ATOMIC_RELAXED);
}

bool signal_pending(void)
{
    return (signal_pending_set() & ~signal_own.blocked) != 0;
}

/* The lowest of them, of this thread first. */
int signal_take(u64 set)
{
    u64 wanted;

    while ((wanted = signal_pending_set() & set) != 0) {
        u64 bit = wanted & -wanted;

        if ((__atomic_fetch_and(&signal_own.pending, ~bit, __ATOMIC_ACQUIRE) & bit) ||
            (__atomic_fetch_and(&pending, ~bit, __ATOMIC_ACQUIRE) & bit)) {
            return __builtin_ctzl(bit);
        }
    }
    return 0;
}

bool signal_is_ignored(int signal)
{
    _sig_func_ptr handler = signal_actions[signal].sa_handler;

    return handler == SIG_IGN || (handler == SIG_DFL && (SIGNALS_IGNORED & SIGNAL_BIT(signal)));
}

/* It was ignored meanwhile. */
void signal_forget(int signal)
{
    __atomic_fetch_and(&signal_own.pending, ~SIGNAL_BIT(signal), __ATOMIC_RELAXED);
    __atomic_fetch_and(&pending, ~SIGNAL_BIT(signal), __ATOMIC_RELAXED);
}

static bool takes(const struct thread *thread, u64 set)
{
    const struct signal_thread *of = thread_local_of(thread, &signal_own);

    return (set & (~of->blocked | of->waits)) != 0;
}

/* Of each of them a thread that may take it. */
static void tell(u64 set)
{
    while (set) {
        u64 bit = set & -set;

        thread_poke_first(takes, bit);
        set &= ~bit;
    }
}

/* What is ignored and was never blocked is nothing at all. */
u64 signal_pend(u64 set, bool by_itself)
{
    u64 left = 0;

    for (int signal = 1; signal < NSIG; signal++) {
        if ((set & SIGNAL_BIT(signal)) &&
            (!signal_is_ignored(signal) || (ever_blocked & SIGNAL_BIT(signal)))) {
            left |= SIGNAL_BIT(signal);
        }
    }
    if (by_itself) {
        __atomic_fetch_or(&sent_by_self, left, __ATOMIC_RELAXED);
    } else {
        __atomic_fetch_and(&sent_by_self, ~left, __ATOMIC_RELAXED);
    }
    __atomic_fetch_or(&pending, left, __ATOMIC_RELEASE);
    return left;
}

void signal_post(u64 set, bool by_itself)
{
    tell(signal_pend(set, by_itself));
}

void signal_post_thread(struct thread *thread, int signal)
{
    struct signal_thread *of = thread_local_of(thread, &signal_own);

    __atomic_fetch_or(&of->pending, SIGNAL_BIT(signal), __ATOMIC_RELEASE);
    if (thread != thread_self()) {
        thread_poke(thread);
    }
}

/* What was this thread's to take, and no longer is, may be another's. */
static void block(u64 set)
{
    signal_own.blocked = set & ~SIGNALS_FIXED;
    __atomic_fetch_or(&ever_blocked, signal_own.blocked, __ATOMIC_RELAXED);
    tell(__atomic_load_n(&pending, __ATOMIC_RELAXED) & signal_own.blocked);
}

/* In this order: whoever runs in between, and puts back what is normal, must do so with the new
 * one. */
void signal_set_blocked(u64 set)
{
    signal_own.normal = set & ~SIGNALS_FIXED;
    __atomic_signal_fence(__ATOMIC_SEQ_CST);
    block(set);
}

void signal_mask_begin(u64 meanwhile)
{
    signal_hold();
    block(meanwhile);
}

void signal_mask_end(void)
{
    signal_set_blocked(signal_own.normal);
    signal_release();
}

/* ---- acting on it ---- */

siginfo_t signal_about(int signal)
{
    bool by_itself = __atomic_load_n(&sent_by_self, __ATOMIC_RELAXED) & SIGNAL_BIT(signal);

    return (siginfo_t){.si_signo = signal,
                       .si_code = signal == SIGALRM ? SI_KERNEL : SI_USER,
                       .si_pid = by_itself ? getpid() : 0};
}

void signal_handle(int signal, siginfo_t *about, void *where)
{
    struct sigaction action = signal_actions[signal];
    u64 normal = signal_own.normal;
    u32 held = signal_own.held;

    if (action.sa_flags & SA_RESETHAND) {
        signal_actions[signal].sa_handler = SIG_DFL;
    }
    signal_set_blocked(signal_own.blocked | action.sa_mask |
                       (action.sa_flags & SA_NODEFER ? 0 : SIGNAL_BIT(signal)));
    signal_own.held = 0;
    if (action.sa_flags & SA_SIGINFO) {
        action.sa_sigaction(signal, about, where);
    } else {
        action.sa_handler(signal);
    }
    signal_own.held = held;
    signal_set_blocked(normal);
}

/* A child has ended, and was not waited for: SA_NOCLDSTOP wants to hear of nothing else. */
static bool child_has_ended(void)
{
    struct proc_record record;
    long self = proc_getpid(), pid = 0;

    do {
        record.pid = 0;
        pid = proc_inspect(pid, &record);
        if (record.pid != 0 && record.ppid == (u32)self && record.state == PROC_ZOMBIE) {
            return true;
        }
    } while (pid > 0);
    return false;
}

/* True: a handler ran. */
static bool act(int signal)
{
    const struct sigaction *action = &signal_actions[signal];
    siginfo_t about;

    if (signal_is_ignored(signal) ||
        (signal == SIGCHLD && (action->sa_flags & SA_NOCLDSTOP) && !child_has_ended())) {
        return false;
    }
    if (action->sa_handler != SIG_DFL) {
        about = signal_about(signal);
        signal_handle(signal, &about, NULL);
        return true;
    }
    if (!(SIGNALS_STOP & SIGNAL_BIT(signal))) {
        signal_end(signal);
    }
    proc_kill(proc_getpid(), SIGSTOP);
    return false;
}

int signal_deliver(bool restarts)
{
    int error = errno, signal;
    bool interrupted = false;

    while ((signal = signal_take(~signal_own.blocked)) != 0) {
        bool goes_on = restarts && (signal_actions[signal].sa_flags & SA_RESTART);

        interrupted |= act(signal) && !goes_on;
    }
    errno = error;
    return interrupted ? EINTR : 0;
}

u64 signal_thread_blocks(void)
{
    return signal_own.blocked;
}

void signal_thread_begin(u64 blocked)
{
    signal_set_blocked(blocked);
    if (signal_pending()) {
        signal_deliver(true);
    }
}

void signal_hold(void)
{
    signal_own.held++;
}

void signal_release(void)
{
    if (--signal_own.held != 0 || !signal_pending() || csr_read(CSR_SSCRATCH) == 0) {
        return;
    }
    if (thread_self()->preempt_off != 0) {
        signal_look_later();
        return;
    }
    signal_deliver(true);
}

/* ---- from outside ---- */

/* In the event interrupt. */
void events_signal(void)
{
    long set = proc_signals();

    if (set > 0) {
        signal_post((u64)set, false);
    }
}

bool signal_reaps(void)
{
    const struct sigaction *action = &signal_actions[SIGCHLD];

    return action->sa_handler == SIG_IGN || (action->sa_flags & SA_NOCLDWAIT);
}

void events_child(void)
{
    unsigned status;

    while (signal_reaps() && proc_wait(-1, PROC_WAIT_NOHANG, &status) > 0) {
    }
    signal_post(SIGNAL_BIT(SIGCHLD), false);
}

static void look(void *unused)
{
    (void)unused;
    if (signal_alarm_rang()) {
        tell(__atomic_load_n(&pending, __ATOMIC_RELAXED) & SIGNAL_BIT(SIGALRM));
    }
    signal_look();
}

/* In the child, before it takes any interrupt: nothing pends, and no alarm is set. */
void fork_signals(enum fork_step step)
{
    if (step == FORK_CHILD) {
        pending = 0;
        signal_own.pending = 0;
        signal_alarm_stop();
    }
}

/* ---- from the program before this one ---- */

void inherit_signals(struct inherit *to)
{
    char text[4 * sizeof("0123456789abcdef,")];
    bool is_child = inherit_is_child(to);
    u64 ignored = 0;

    for (int signal = 1; signal < NSIG; signal++) {
        ignored |= signal_actions[signal].sa_handler == SIG_IGN ? SIGNAL_BIT(signal) : 0;
    }
    snprintf(text, sizeof(text), "%lx,%lx,%lx,%lx", signal_own.blocked, ignored,
             is_child ? 0 : signal_alarm_time(), is_child ? 0 : signal_pending_set());
    inherit_add(to, INHERITED, text);
}

/* The next number of them. */
static u64 take_number(const char **text)
{
    char *end;
    u64 number = strtoul(*text, &end, 16);

    *text = end + (*end == ',');
    return number;
}

static void take_inherited(void)
{
    const char *text = inherit_find(INHERITED);
    u64 ignored, time;

    if (!text) {
        return;
    }
    signal_set_blocked(take_number(&text));
    ignored = take_number(&text) & ~SIGNALS_FIXED;
    time = take_number(&text);
    for (int signal = 1; signal < NSIG; signal++) {
        if (ignored & SIGNAL_BIT(signal)) {
            signal_actions[signal].sa_handler = SIG_IGN;
        }
    }
    if (time != 0) {
        signal_alarm_at(time);
    }
    signal_post(take_number(&text), false);
}

static GUEST_INIT(INIT_SIGNALS) void bring_up(void)
{
    static struct irq_handler handler = {.fn = look};
    u64 irq = irq_save();

    take_inherited();
    irq_add(IRQ_SSOFT, &handler); /* called after that of events, which comes before it */
    events_listen();
    events_signal();
    irq_restore(irq);
}
