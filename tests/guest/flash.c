/* SPDX-License-Identifier: BSD-2-Clause */
/* Reads the first bytes of pflash 1 with loads of every width, and its last word. */
#include <stdio.h>

#include "guest/guest.h"
#include "guest/paging.h"

#define FLASH       0x22000000UL
#define FLASH_BYTES (32UL << 20)

int main(void)
{
    const volatile u8 *bytes = (const volatile u8 *)FLASH;
    const volatile u16 *halves = (const volatile u16 *)FLASH;
    const volatile u32 *words = (const volatile u32 *)FLASH;
    const volatile u64 *doubles = (const volatile u64 *)FLASH;

    paging_off();
    printf("flash:");
    for (int i = 0; i < 20; i++) {
        printf(" %02x", bytes[i]);
    }
    printf("\nflash: %04x %04x %08x %016lx\n", halves[0], halves[1], (unsigned)words[0],
           (unsigned long)doubles[1]);
    printf("flash: %016lx\n", (unsigned long)doubles[FLASH_BYTES / 8 - 1]);
    return 0;
}
