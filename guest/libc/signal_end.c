/* SPDX-License-Identifier: BSD-2-Clause */
/* A program that ends by a signal is seen so by who waits for it, and `make run` ends with 128 +
 * its number, as a shell would say it; bare, too.  One that aborts says from where. */
#include "guest/libc/signal_end.h"

#include <signal.h>

#include "guest/panic.h"
#include "guest/proc.h"

void signal_end(int signal)
{
    if (signal == SIGABRT) {
        report_here("aborted");
    }
    proc_end_by(signal);
}
