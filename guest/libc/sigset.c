/* SPDX-License-Identifier: BSD-2-Clause */
/* Sets of signals: bit n is signal n. */
#include <errno.h>
#include <signal.h>

static int of_signal(sigset_t *set, int signal, sigset_t bits)
{
    if (signal < 1 || signal >= NSIG) {
        errno = EINVAL;
        return -1;
    }
    *set = (*set & ~(1UL << signal)) | (bits & 1UL << signal);
    return 0;
}

int sigaddset(sigset_t *set, int signal)
{
    return of_signal(set, signal, ~0UL);
}

int sigdelset(sigset_t *set, int signal)
{
    return of_signal(set, signal, 0);
}

int sigismember(const sigset_t *set, int signal)
{
    sigset_t copy = *set;

    return of_signal(&copy, signal, copy) < 0 ? -1 : (int)(*set >> signal & 1);
}

int sigemptyset(sigset_t *set)
{
    *set = 0;
    return 0;
}

int sigfillset(sigset_t *set)
{
    *set = ~0UL;
    return 0;
}
