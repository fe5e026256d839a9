/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * kill() without the component signals, which has its own: picolibc's raise() and abort() call it.
 * This process has the default action of a signal then; handlers are raise()'s.
 */
#include <errno.h>
#include <signal.h>
#include <unistd.h>

#include "guest/libc/signal_end.h"
#include "guest/libc/signal_send.h"

int kill(pid_t pid, int signal)
{
    if (signal < 0 || signal >= NSIG) {
        errno = EINVAL;
        return -1;
    }
    if (!signal_is_for_self(pid)) {
        return signal_send(pid, signal);
    }
    switch (signal) {
    case 0:
    case SIGCHLD:
    case SIGCONT:
    case SIGURG:
    case SIGWINCH: return 0;
    case SIGSTOP:
    case SIGTSTP:
    case SIGTTIN:
    case SIGTTOU: return signal_send(getpid(), SIGSTOP);
    default: signal_end(signal);
    }
}

int killpg(pid_t group, int signal)
{
    if (group < 0) {
        errno = EINVAL;
        return -1;
    }
    return kill(-group, signal);
}
