/* SPDX-License-Identifier: BSD-2-Clause */
/* The end also where a handler of SIGABRT returns. */
#include <signal.h>
#include <stdlib.h>

#include "guest/libc/signal_end.h"

void abort(void)
{
    raise(SIGABRT);
    signal_end(SIGABRT);
}
