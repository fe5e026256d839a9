/* SPDX-License-Identifier: BSD-2-Clause */
/* pthread_atfork: those registered last prepare first, and come last afterwards. */
#include <errno.h>
#include <unistd.h>

#include "guest/libc/fork.h"

#define HANDLERS 32

static struct {
    void (*prepare)(void);
    void (*parent)(void);
    void (*child)(void);
} handlers[HANDLERS];
static size_t used;

/* Returns the error: ENOMEM: there are HANDLERS of them already. */
int pthread_atfork(void (*prepare)(void), void (*parent)(void), void (*child)(void))
{
    if (used == HANDLERS) {
        return ENOMEM;
    }
    handlers[used].prepare = prepare;
    handlers[used].parent = parent;
    handlers[used].child = child;
    used++;
    return 0;
}

bool fork_handlers(enum fork_step step)
{
    for (size_t i = 0; i < used; i++) {
        void (*fn)(void) = step == FORK_PREPARE  ? handlers[used - 1 - i].prepare
                           : step == FORK_PARENT ? handlers[i].parent
                                                 : handlers[i].child;

        if (fn) {
            fn();
        }
    }
    return true;
}
