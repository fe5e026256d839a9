/* SPDX-License-Identifier: BSD-2-Clause */
#pragma once
/* Class flash: memory that is read by loads.  Component flash: CFI flash in its state after reset.
 */
#include "lib/kit/err.h"

#include "guest/device.h"

struct flash_ops {
    enum err (*read)(const struct device *device, u64 offset, void *to, u64 bytes);
};

/* ERR_INVAL: beyond its end; nothing was read. */
__must_check static inline enum err flash_read(const struct device *device, u64 offset, void *to,
                                               u64 bytes)
{
    return ((const struct flash_ops *)device->driver->ops)->read(device, offset, to, bytes);
}
