/* SPDX-License-Identifier: BSD-2-Clause */
#pragma once
/*
 * Class console: bytes out and in.  Component virtio_console: port 0 of a virtio console.  Where a
 * device of the class exists, it is standard input and output, instead of the machine's own
 * console.
 */
#include "guest/device.h"

struct console_ops {
    /* All of it, and returns then.  False: the device is dead. */
    bool (*write)(const struct device *device, const char *text, size_t bytes);
    /* The next byte, or -1: there is none now. */
    int (*read)(const struct device *device);
    /* fn is called once there is something to read, at once or by an interrupt handler; false: it
     * will not be. */
    bool (*listen)(const struct device *device, void (*fn)(void));
};

/* What console.c and its users ask for; without component virtio_console there is no device. */
bool console_device_there(void);
bool console_device_write(const char *text, size_t bytes);
int console_device_getc(void);
bool console_device_listen(void (*fn)(void));
