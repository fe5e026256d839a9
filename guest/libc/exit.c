/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * How a program ends, and what kill() does, which picolibc's raise() and abort() call.
 *
 * A program that ends by SIGABRT is seen so by who waits for it, and `make run` ends with 134.  The
 * other signals have no way out of a VM of their own yet: they end it with status 128 + signal, as
 * a shell would say it.  Bare it is that for all of them.
 */
#include <errno.h>
#include <signal.h>
#include <unistd.h>

#include "sbi/call.h"

#include "guest/guest.h"
#include "guest/libc/files.h"
#include "guest/panic.h"
#include "guest/proc.h"

#define STATUS_OF_SIGNAL 128

/* Component vfs: what was written is on its medium. */
__attribute__((weak)) void files_end(void) {}

void _exit(int status)
{
    files_end();
    proc_exit(status);
}

static __noreturn void end_by(int signal)
{
    if (signal == SIGABRT) {
        report_here("aborted");
    }
    console_flush();
    if (signal == SIGABRT && proc_available()) {
        sbi_call(SBI_EID_SRST, SBI_SRST_SYSTEM_RESET, SBI_SRST_TYPE_SHUTDOWN,
                 SBI_SRST_REASON_SYSTEM_FAILURE, 0, 0, 0);
    }
    proc_exit(STATUS_OF_SIGNAL + signal);
}

/*
 * kill - the default action of a signal, for this process: handlers are raise()'s.
 *
 * EINVAL: no such signal.  ENOSYS: to others no signal can be sent yet.
 */
int kill(pid_t pid, int signal)
{
    if (signal < 0 || signal >= NSIG) {
        errno = EINVAL;
        return -1;
    }
    if (pid != 0 && pid != getpid()) {
        errno = ENOSYS;
        return -1;
    }
    switch (signal) {
    case 0:
    case SIGCHLD:
    case SIGCONT:
    case SIGURG:
    case SIGWINCH: return 0;
    default: end_by(signal);
    }
}
