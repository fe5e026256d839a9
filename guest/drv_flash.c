/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * CFI flash as QEMU's virt has it: two chips side by side, four bytes a load.  After reset it shows
 * its contents, and here nothing is ever written to it.
 */
#include <string.h>

#include "guest/flash.h"

#define LOAD_BYTES 4

static enum err read(const struct device *device, u64 offset, void *to, u64 bytes)
{
    const volatile u32 *words = device->registers;
    u64 size = device->range.end - device->range.base;
    u8 *at = to;

    if (offset > size || bytes > size - offset) {
        return ERR_INVAL;
    }
    while (bytes > 0) {
        u32 word = words[offset / LOAD_BYTES];
        u64 skipped = offset % LOAD_BYTES;
        u64 now = LOAD_BYTES - skipped < bytes ? LOAD_BYTES - skipped : bytes;

        memcpy(at, (u8 *)&word + skipped, now);
        at += now;
        offset += now;
        bytes -= now;
    }
    return ERR_OK;
}

static const struct flash_ops ops = {.read = read};

static const struct driver DRIVER cfi_flash = {
    .name = "flash", .compatible = "cfi-flash", .class = DEVICE_FLASH, .ops = &ops};
