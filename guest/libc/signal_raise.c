/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Part of the component signals: signals that the program sends.  KILL and STOP, and all to others,
 * are the hypervisor's business; what goes to this process alone never leaves it.
 */
#include <errno.h>
#include <pthread.h>
#include <unistd.h>

#include "guest/libc/signal.h"
#include "guest/libc/signal_end.h"
#include "guest/libc/signal_send.h"
#include "guest/libc/signals.h"
#include "guest/proc.h"

static bool is_signal(int signal)
{
    return signal >= 0 && signal < NSIG;
}

static void do_fixed(int signal)
{
    if (signal == SIGKILL) {
        signal_end(signal);
    }
    proc_kill(getpid(), SIGSTOP);
}

/* To a thread of this process, or to all of it.  If it is this thread's to deal with, that has
 * happened when this returns. */
static void send_here(struct thread *thread, int signal)
{
    if (signal == 0) {
        return;
    }
    if (SIGNALS_FIXED & SIGNAL_BIT(signal)) {
        do_fixed(signal);
        return;
    }
    if (thread) {
        signal_post_thread(thread, signal);
    } else {
        signal_post(SIGNAL_BIT(signal), true);
    }
    if (signal_pending()) {
        signal_deliver(true);
    }
}

int kill(pid_t pid, int signal)
{
    if (!is_signal(signal)) {
        errno = EINVAL;
        return -1;
    }
    if (!signal_is_for_self(pid)) {
        return signal_send(pid, signal);
    }
    send_here(NULL, signal);
    return 0;
}

int killpg(pid_t group, int signal)
{
    if (group < 0) {
        errno = EINVAL;
        return -1;
    }
    return kill(-group, signal);
}

int raise(int signal)
{
    if (!is_signal(signal)) {
        errno = EINVAL;
        return -1;
    }
    send_here(thread_self(), signal);
    return 0;
}

/* EINVAL: no such signal. */
int pthread_kill(pthread_t thread, int signal)
{
    if (!is_signal(signal)) {
        return EINVAL;
    }
    send_here(&thread->thread, signal);
    return 0;
}
