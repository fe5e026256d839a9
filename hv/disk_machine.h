/* SPDX-License-Identifier: BSD-2-Clause */
#pragma once
/* The machine's disks, as the rest of hv meets them.  See disk_machine.c. */
#include "lib/kit/types.h"

struct machine;

/* Finds and starts them, after irq_init().  A disk that does not answer for so many seconds is
 * reset. */
void disk_init(const struct machine *machine, u32 timeout_seconds);

/* When some disk has to be looked at; UINT64_MAX: never, as without disks. */
extern u64 disk_deadline;
static inline u64 disk_next_deadline(void)
{
    return __atomic_load_n(&disk_deadline, __ATOMIC_RELAXED);
}

/* Looks at all disks; when the deadline is over. */
void disk_expire(u64 now);
