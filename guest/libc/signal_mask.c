/* SPDX-License-Identifier: BSD-2-Clause */
/* Without the component signals, which has its own, none comes by itself: which of them are held
 * back is only remembered. */
#include <errno.h>
#include <signal.h>

int pthread_sigmask(int how, const sigset_t *set, sigset_t *old)
{
    static sigset_t held;
    sigset_t before = held;

    if (set) {
        switch (how) {
        case SIG_SETMASK: held = *set; break;
        case SIG_BLOCK: held |= *set; break;
        case SIG_UNBLOCK: held &= ~*set; break;
        default: return EINVAL;
        }
    }
    if (old) {
        *old = before;
    }
    return 0;
}

int sigprocmask(int how, const sigset_t *set, sigset_t *old)
{
    int error = pthread_sigmask(how, set, old);

    if (error) {
        errno = error;
    }
    return error ? -1 : 0;
}
