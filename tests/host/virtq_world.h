/* SPDX-License-Identifier: BSD-2-Clause */
#pragma once
/*
 * Memory as a driver and a device of one queue see it: for the driver its pages follow one another,
 * for the device each is somewhere else, in reversed order, between pages that cannot be accessed.
 * It is the same memory: whoever steps over the end of a page is caught.
 */
#include "lib/virtio/virtq_device.h"

#define WORLD_PAGES      8
#define WORLD_PAGE_BYTES 4096

struct virtq_world {
    u8 *ram;                    /* the driver's view */
    u64 base;                   /* the address of ram as the driver says it */
    bool absent[WORLD_PAGES];   /* the device is told that there is no such page */
    struct virtq_memory memory; /* the device's view */
};

/* All pages zero and present.  base 0: addresses are pointers into ram. */
void virtq_world_init(struct virtq_world *world, u64 base);
