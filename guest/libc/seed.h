/* SPDX-License-Identifier: BSD-2-Clause */
#pragma once
/* Where random.c finds a key that neither the hypervisor nor the FDT has: component virtio_rng,
 * else nowhere. */
#include "lib/kit/types.h"

/* False: what is in key[] is none. */
bool seed_from_device(u8 *key, size_t bytes);
