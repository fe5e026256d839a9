/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Finding devices: each driver in the image is shown each range of addresses that the FDT gives a
 * device with its compatible string, in the order of addresses, and says whether it is for it.
 *
 * Devices stay for ever, where they are.
 */
#include "guest/device.h"
#include "guest/init.h"
#include "guest/log.h"
#include "guest/paging.h"

extern const struct driver _drivers_start[], _drivers_end[];

static size_t refused;

size_t devices_refused(void)
{
    return refused;
}

static void keep(const struct device *device)
{
    const struct driver *driver = device->driver;
    struct device *kept = container_add(device);
    enum err err;

    if (!kept) {
        refused++;
        log_info("no room for the %s at 0x%lx", driver->name, device->range.base);
        return;
    }
    err = driver->start ? driver->start(kept) : ERR_OK;
    if (err) {
        log_error("%s at 0x%lx: does not start: error %d; it is left out", driver->name,
                  device->range.base, err);
        container_drop(kept);
    }
}

static void find(const struct driver *driver)
{
    struct device device = {.driver = driver};
    u64 from = 0;

    while (machine_device_from(driver->compatible, from, &device.range, &device.interrupt)) {
        device.registers = paging_linear(device.range.base);
        if (!driver->probe || driver->probe(&device)) {
            keep(&device);
        }
        from = device.range.base + 1;
    }
}

static GUEST_INIT(INIT_DEVICES) void bring_up(void)
{
    for (const struct driver *driver = _drivers_start; driver < _drivers_end; driver++) {
        find(driver);
    }
}
