/* SPDX-License-Identifier: BSD-2-Clause */
/* Jumps out of signal handlers. */
#include <setjmp.h>
#include <signal.h>
#include <stddef.h>

void sigjmp_save(sigjmp_buf to, int with_mask)
{
    to->has_mask = with_mask;
    if (with_mask) {
        sigprocmask(SIG_BLOCK, NULL, &to->mask);
    }
}

void siglongjmp(sigjmp_buf to, int value)
{
    if (to->has_mask) {
        sigprocmask(SIG_SETMASK, &to->mask, NULL);
    }
    longjmp(to->place, value);
}
