/* SPDX-License-Identifier: BSD-2-Clause */
#pragma once
/* A guest's interrupt controller: which devices want something, and who is told.  See vplic.c. */
#include "lib/kit/spinlock.h"
#include "lib/kit/types.h"

#include "hv/limits.h"

struct vm;

#define VPLIC_SOURCES      96 /* 1 to 95; 0 is none */
#define VPLIC_WORDS        (VPLIC_SOURCES / 32)
#define VPLIC_PRIORITY_MAX 7
#define VPLIC_BYTES        0x600000UL

/* Most guests never look at theirs, and pay nothing for it. */
struct vplic_use {
    struct spinlock lock;
    bool begun; /* guarded by lock: struct vplic is set up; until then all in it counts as zero */
};

/* Plain data, guarded by the lock. */
struct vplic {
    u32 level[VPLIC_WORDS];      /* what the devices' lines are */
    u32 pending[VPLIC_WORDS];    /* requests that nobody has claimed */
    u32 in_service[VPLIC_WORDS]; /* claimed and not completed: the gateway is shut */
    u32 enabled[VCPUS_MAX][VPLIC_WORDS];
    u8 threshold[VCPUS_MAX];
    u8 priority[VPLIC_SOURCES];
};

/* A device's line; source is 1 to 95.  Any hart; the VM's plic_use.lock is not held. */
void vplic_set_level(struct vm *vm, u32 source, bool raised);
