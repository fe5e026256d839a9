/* SPDX-License-Identifier: BSD-2-Clause */
#pragma once
/* Class entropy: bytes that nobody can guess, for seeds.  Component virtio_rng: a virtio entropy
 * device. */
#include "lib/kit/err.h"

#include "guest/device.h"

struct entropy_ops {
    enum err (*read)(const struct device *device, void *to, u32 bytes);
};

/* All of it, or an error: the device is dead. */
__must_check static inline enum err entropy_read(const struct device *device, void *to, u32 bytes)
{
    return ((const struct entropy_ops *)device->driver->ops)->read(device, to, bytes);
}
