/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Component virtio_console: port 0 of a virtio console, output polled, input by interrupt.
 *
 * A device that does not take output is dead, and whoever wrote to it goes to the machine's own
 * console.  One who cannot get the lock does, too: that is a report from inside of it.
 */
#include <string.h>

#include "lib/drv/virtio_console.h"

#include "guest/console.h"
#include "guest/log.h"
#include "guest/pages.h"
#include "guest/plic.h"
#include "guest/spin.h"

#define PATIENCE   10000000 /* looks at the ring: about a second */
#define LOCK_TRIES 100000000
#define PAGE       4096

struct console {
    struct virtio_console virtio;
    struct virtio_console_input input;
    struct spin lock; /* guards both, and fn */
    void (*fn)(void); /* who listens */
    bool interrupts;  /* it has one, and is connected */
};

static bool lock(struct console *console, u64 *irq)
{
    *irq = irq_save();
    for (u32 tries = 0; tries < LOCK_TRIES; tries++) {
        if (spin_raw_try_lock(&console->lock)) {
            return true;
        }
    }
    irq_restore(*irq);
    return false;
}

static void unlock(struct console *console, u64 irq)
{
    spin_unlock_irq(&console->lock, irq);
}

static bool write(const struct device *device, const char *text, size_t bytes)
{
    struct console *console = device->state;
    struct virtq_buf buf = {.addr = (u64)text, .bytes = (u32)bytes};
    enum err err;
    u64 irq;

    if (!lock(console, &irq)) {
        return false;
    }
    err = virtio_console_write(&console->virtio, &buf, 1);
    unlock(console, irq);
    return err == ERR_OK;
}

static int read(const struct device *device)
{
    struct console *console = device->state;
    u32 count;
    u64 irq;
    u8 byte;

    if (!lock(console, &irq)) {
        return -1;
    }
    count = virtio_console_read(&console->virtio, &byte, 1);
    unlock(console, irq);
    return count != 0 ? byte : -1;
}

static bool listen(const struct device *device, void (*fn)(void))
{
    struct console *console = device->state;
    bool later = true;
    u64 irq;

    if (!console->interrupts || console->virtio.dead || !lock(console, &irq)) {
        return false;
    }
    if (virtio_console_expect(&console->virtio)) {
        console->fn = fn;
    } else {
        later = false;
    }
    unlock(console, irq);
    if (!later) {
        fn();
    }
    return true;
}

static void interrupt(void *arg)
{
    struct console *console = arg;
    void (*fn)(void);
    u64 irq;

    virtio_mmio_ack(&console->virtio.dev);
    if (!lock(console, &irq)) {
        return;
    }
    virtq_driver_quiet(&console->input.queue);
    fn = console->fn;
    console->fn = NULL;
    unlock(console, irq);
    if (fn) {
        fn();
    }
}

static const struct console_ops ops = {.write = write, .read = read, .listen = listen};

static enum err bring_up(struct device *device)
{
    struct console *console = pages_alloc((sizeof(*console) + PAGE - 1) / PAGE, 1);
    enum err err;

    if (!console) {
        return ERR_NOMEM;
    }
    memset(console, 0, sizeof(*console));
    err = virtio_console_open_input(&console->virtio, &console->input, (u64)device->registers,
                                    PATIENCE);
    if (err) {
        pages_free(console);
        return err;
    }
    virtq_driver_quiet(&console->input.queue);
    console->interrupts = irq_connect(device->interrupt, interrupt, console) == ERR_OK;
    device->state = console;
    return ERR_OK;
}

static bool probe(const struct device *device)
{
    return virtio_mmio_device_id((u64)device->registers) == VIRTIO_DEVICE_CONSOLE;
}

static const struct driver DRIVER virtio_console = {.name = "virtio_console",
                                                    .compatible = "virtio,mmio",
                                                    .class = DEVICE_CONSOLE,
                                                    .ops = &ops,
                                                    .probe = probe,
                                                    .start = bring_up};
