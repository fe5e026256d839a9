/* SPDX-License-Identifier: BSD-2-Clause */
#pragma once
/*
 * Component devices: what the FDT announces and a component drives, by class.  A driver is a
 * component of its own, with one `static const struct driver DRIVER name = {...}`; the devices that
 * it finds are kept by the container that the payload chose.  See devices.c.
 */
#include "guest/machine.h"

enum device_class { DEVICE_FLASH, DEVICE_RTC, DEVICE_CLASSES };

struct driver {
    const char *compatible;
    enum device_class class;
    const void *ops; /* of the class: flash.h, rtc.h */
};

struct device {
    const struct driver *driver;
    struct range range;       /* physical */
    volatile void *registers; /* the same in the linear map */
};

#define DRIVER __attribute__((section(".drivers"), used))

/* Device `index` of a class, in the order of being found; NULL: there are not so many. */
const struct device *device_get(enum device_class class, size_t index);
/* Found, but not kept: the container had no room. */
size_t devices_refused(void);

/* Of the kind container; false: no room. */
bool container_add(const struct device *device);
