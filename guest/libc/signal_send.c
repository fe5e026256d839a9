/* SPDX-License-Identifier: BSD-2-Clause */
/* Signals to others, by the hypervisor.  Who may not be named is not told from who is not there. */
#include "guest/libc/signal_send.h"

#include <errno.h>
#include <signal.h>
#include <unistd.h>

#include "sbi/ecall.h"

#include "guest/proc.h"

bool signal_is_for_self(pid_t pid)
{
    pid_t self = getpid();

    return pid == self || (!proc_available() && (pid == 0 || pid == -self));
}

/* EINVAL: no such signal.  ESRCH: nobody whom the caller may name.  Bare that is all but itself. */
int signal_send(pid_t pid, int signal)
{
    long sent = proc_kill(pid, (u64)signal);

    if (sent > 0) {
        return 0;
    }
    errno = sent == SBI_ERR_INVALID_PARAM ? EINVAL : ESRCH;
    return -1;
}
