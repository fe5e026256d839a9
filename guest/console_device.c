/* SPDX-License-Identifier: BSD-2-Clause */
/* Part of component virtio_console: the first device of class console is where all goes to. */
#include "guest/console.h"

static const struct console_ops *ops_of(const struct device *device)
{
    return device->driver->ops;
}

bool console_device_there(void)
{
    return device_get(DEVICE_CONSOLE, 0) != NULL;
}

bool console_device_write(const char *text, size_t bytes)
{
    const struct device *device = device_get(DEVICE_CONSOLE, 0);

    return device && ops_of(device)->write(device, text, bytes);
}

int console_device_getc(void)
{
    const struct device *device = device_get(DEVICE_CONSOLE, 0);

    return device ? ops_of(device)->read(device) : -1;
}

bool console_device_listen(void (*fn)(void))
{
    const struct device *device = device_get(DEVICE_CONSOLE, 0);

    return device && ops_of(device)->listen(device, fn);
}
