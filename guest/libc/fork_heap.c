/* SPDX-License-Identifier: BSD-2-Clause */
/* Part of the component heap: it is whole when the machine is copied. */
#include "guest/heap.h"
#include "guest/libc/fork.h"

/* See fork_spin: on one hart there is nothing to do. */
bool fork_heap(enum fork_step step)
{
    if (GUEST_HARTS_MAX > 1) {
        if (step == FORK_PREPARE) {
            heap_lock();
        } else {
            heap_unlock();
        }
    }
    return true;
}
