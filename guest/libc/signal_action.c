/* SPDX-License-Identifier: BSD-2-Clause */
/* Part of the component signals: what a signal does, and which of them a thread holds back. */
#include <errno.h>
#include <signal.h>

#include "guest/libc/signal.h"
#include "guest/libc/signals.h"

#define FLAGS_KNOWN \
    (SA_NOCLDSTOP | SA_NOCLDWAIT | SA_SIGINFO | SA_RESTART | SA_NODEFER | SA_RESETHAND)

static int fail(int error)
{
    errno = error;
    return -1;
}

/* EINVAL: no such signal; KILL or STOP; a flag that is not there. */
int sigaction(int signal, const struct sigaction *action, struct sigaction *old)
{
    struct sigaction before;

    if (signal < 1 || signal >= NSIG || (action && (SIGNALS_FIXED & SIGNAL_BIT(signal))) ||
        (action && (action->sa_flags & ~FLAGS_KNOWN))) {
        return fail(EINVAL);
    }
    before = signal_actions[signal];
    if (action) {
        signal_actions[signal] = *action;
        if (signal_is_ignored(signal)) {
            signal_forget(signal);
        }
    }
    if (old) {
        *old = before;
    }
    return 0;
}

_sig_func_ptr signal(int signal, _sig_func_ptr handler)
{
    struct sigaction action = {.sa_handler = handler, .sa_flags = SA_RESTART}, old;

    return sigaction(signal, &action, &old) < 0 ? SIG_ERR : old.sa_handler;
}

/* Returns the error.  What pends and is no longer held back is dealt with before it returns. */
int pthread_sigmask(int how, const sigset_t *set, sigset_t *old)
{
    sigset_t before = signal_own.blocked;

    if (set) {
        switch (how) {
        case SIG_SETMASK: signal_set_blocked(*set); break;
        case SIG_BLOCK: signal_set_blocked(before | *set); break;
        case SIG_UNBLOCK: signal_set_blocked(before & ~*set); break;
        default: return EINVAL;
        }
    }
    if (old) {
        *old = before;
    }
    if (signal_pending()) {
        signal_deliver(true);
    }
    return 0;
}

int sigprocmask(int how, const sigset_t *set, sigset_t *old)
{
    int error = pthread_sigmask(how, set, old);

    return error ? fail(error) : 0;
}

int sigpending(sigset_t *set)
{
    *set = signal_pending_set() & signal_own.blocked;
    return 0;
}
