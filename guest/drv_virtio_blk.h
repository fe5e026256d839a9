/* SPDX-License-Identifier: BSD-2-Clause */
#pragma once
/* For who counts instructions: how often all who waited looked at a used ring in vain, what one
 * such look takes, and how often somebody looked no more, but slept. */
#include "lib/kit/types.h"

#define VIRTIO_BLK_SPIN_INSTRUCTIONS 5

extern u64 virtio_blk_spins, virtio_blk_sleeps;
