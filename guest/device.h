/* SPDX-License-Identifier: BSD-2-Clause */
#pragma once
/*
 * Component devices: what the FDT announces and a component drives, by class.  A driver is a
 * component of its own, with one `static const struct driver DRIVER name = {...}`; the devices that
 * it finds are kept by the container that the payload chose.  See devices.c.
 */
#include "lib/kit/err.h"

#include "guest/machine.h"

enum device_class {
    DEVICE_FLASH,   /* flash.h */
    DEVICE_RTC,     /* rtc.h */
    DEVICE_BLOCK,   /* block.h; device_block() */
    DEVICE_CONSOLE, /* console.h */
    DEVICE_ENTROPY, /* entropy.h */
    DEVICE_CLASSES
};

struct device;

struct driver {
    const char *name;
    const char *compatible; /* several drivers may have the same */
    enum device_class class;
    const void *ops; /* of the class, where it has some */
    /* Whether the device is one for this driver; only looks.  NULL: each is. */
    bool (*probe)(const struct device *device);
    /* Brings it up; it is where it will stay.  After an error it is not kept.  NULL: nothing to
     * do. */
    enum err (*start)(struct device *device);
};

struct device {
    const struct driver *driver;
    struct range range;       /* physical */
    volatile void *registers; /* the same in the linear map */
    u32 interrupt;            /* its number at the PLIC; 0: none */
    void *state;              /* the driver's */
};

#define DRIVER __attribute__((section(".drivers"), used))

/* Device `index` of a class, in the order of being found; NULL: there are not so many. */
const struct device *device_get(enum device_class class, size_t index);
/* Found, but not kept: the container had no room. */
size_t devices_refused(void);

/* Disk `index`; NULL: there are not so many. */
struct block;
static inline struct block *device_block(size_t index)
{
    const struct device *device = device_get(DEVICE_BLOCK, index);

    return device ? device->state : NULL;
}

/* Of the kind container: where it is kept from now on, or NULL: no room. */
struct device *container_add(const struct device *device);
/* The one that was added last is not kept after all. */
void container_drop(struct device *device);
