/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Finding devices: each driver in the image is shown each range of addresses that the FDT gives a
 * device with its compatible string, in the order of the FDT.
 *
 * Devices stay for ever, where they are.  Nothing is written to them here.
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

static void find(const struct driver *driver)
{
    struct device device = {.driver = driver};

    for (size_t i = 0; machine_device_range(driver->compatible, i, &device.range); i++) {
        device.registers = paging_linear(device.range.base);
        if (!container_add(&device)) {
            refused++;
            log_info("no room for the %s at 0x%lx", driver->compatible, device.range.base);
        }
    }
}

static GUEST_INIT(INIT_DEVICES) void bring_up(void)
{
    for (const struct driver *driver = _drivers_start; driver < _drivers_end; driver++) {
        find(driver);
    }
}
