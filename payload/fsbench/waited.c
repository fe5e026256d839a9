/* SPDX-License-Identifier: BSD-2-Clause */
/* The library OS looks for a while before it sleeps. */
#include "payload/fsbench/waited.h"

#include "guest/drv_virtio_blk.h"

unsigned long waited(void)
{
    return virtio_blk_spins * VIRTIO_BLK_SPIN_INSTRUCTIONS;
}
