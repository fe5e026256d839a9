/* SPDX-License-Identifier: BSD-2-Clause */
/* The container on the heap: any number of devices of each class. */
#include <stdlib.h>

#include "guest/device.h"

struct kept {
    struct device device; /* first */
    struct kept *next;
};

static struct kept *first[DEVICE_CLASSES];

struct device *container_add(const struct device *device)
{
    struct kept **end = &first[device->driver->class];
    struct kept *kept = malloc(sizeof(*kept));

    if (!kept) {
        return NULL;
    }
    while (*end) {
        end = &(*end)->next;
    }
    *kept = (struct kept){.device = *device};
    *end = kept;
    return &kept->device;
}

void container_drop(struct device *device)
{
    struct kept **at = &first[device->driver->class];

    while ((*at)->next) {
        at = &(*at)->next;
    }
    *at = NULL;
    free(device);
}

const struct device *device_get(enum device_class class, size_t index)
{
    struct kept *kept = first[class];

    while (kept && index-- > 0) {
        kept = kept->next;
    }
    return kept ? &kept->device : NULL;
}
