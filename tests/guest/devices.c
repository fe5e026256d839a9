/* SPDX-License-Identifier: BSD-2-Clause */
/* What the drivers in the image found, by class: "flash=N" how many of flash there must be. */
#include <stdio.h>
#include <string.h>

#include "guest/args.h"
#include "guest/device.h"
#include "guest/flash.h"
#include "guest/rtc.h"

#define MAGIC   "pfld"
#define YEAR_NS (31556952UL * 1000000000UL)

static bool reads(const struct device *flash)
{
    u64 size = flash->range.end - flash->range.base;
    char bytes[8] = "";

    if (flash_read(flash, 0, bytes, 4) != ERR_OK || memcmp(bytes, MAGIC, 4) != 0 ||
        flash_read(flash, 1, bytes, 2) != ERR_OK || memcmp(bytes, MAGIC + 1, 2) != 0) {
        return false;
    }
    return flash_read(flash, size - 3, bytes, 3) == ERR_OK &&
           flash_read(flash, size - 3, bytes, 4) == ERR_INVAL &&
           flash_read(flash, size + 1, bytes, 0) == ERR_INVAL &&
           flash_read(flash, 8, bytes, ~0UL) == ERR_INVAL;
}

int main(void)
{
    const struct device *rtc = device_get(DEVICE_RTC, 0), *flash = NULL;
    size_t flashes = 0;

    while (device_get(DEVICE_FLASH, flashes)) {
        flash = device_get(DEVICE_FLASH, flashes++);
        printf("devices: flash at 0x%lx\n", flash->range.base);
    }
    if (flashes != args_u64("flash", 1)) {
        printf("devices: %zu of flash\n", flashes);
        return 1;
    }
    if (args_has("magic") && !(flash && reads(flash))) {
        printf("devices: the last flash does not read as it should\n");
        return 1;
    }
    if (rtc && rtc_now_ns(rtc) / YEAR_NS < 50) {
        printf("devices: the clock says %lu ns\n", rtc_now_ns(rtc));
        return 1;
    }
    printf("devices: ok, %s, %zu without room\n", rtc ? "a clock" : "no clock", devices_refused());
    return 0;
}
