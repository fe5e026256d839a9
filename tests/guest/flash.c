/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Reads the first bytes of pflash 1 with loads of every width, and its last word.
 *
 *     fork     a child reads them, too, and a child of it, and then once more the parent
 *     store    at the end, a store there: its trap, or "stored" and what loads give then
 *     fetch    at the end, a jump there
 */
#include <stdio.h>

#include "guest/args.h"
#include "guest/guest.h"
#include "guest/paging.h"
#include "guest/proc.h"

#define FLASH       0x22000000UL
#define FLASH_BYTES (32UL << 20)

static void read_all(void)
{
    const volatile u8 *bytes = (const volatile u8 *)FLASH;
    const volatile u16 *halves = (const volatile u16 *)FLASH;
    const volatile u32 *words = (const volatile u32 *)FLASH;
    const volatile u64 *doubles = (const volatile u64 *)FLASH;

    printf("flash:");
    for (int i = 0; i < 20; i++) {
        printf(" %02x", bytes[i]);
    }
    printf("\nflash: %04x %04x %08x %016lx\n", halves[0], halves[1], (unsigned)words[0],
           (unsigned long)doubles[1]);
    printf("flash: %016lx\n", (unsigned long)doubles[FLASH_BYTES / 8 - 1]);
}

static void fork_and_read(u32 generations)
{
    long child = generations == 0 ? -1 : proc_fork(PROC_DOOR_ECALL, 0);
    unsigned status;

    if (child == 0) {
        read_all();
        fork_and_read(generations - 1);
        proc_exit(0);
    }
    if (child > 0 && proc_wait(child, 0, &status) == child) {
        read_all();
    }
}

int main(void)
{
    paging_off();
    read_all();
    if (args_has("fork")) {
        fork_and_read(2);
    }
    if (args_has("store")) {
        *(volatile u32 *)FLASH = 0x00ff00ff; /* both chips: read the contents */
        printf("flash: stored\n");
        read_all();
    }
    if (args_has("fetch")) {
        ((void (*)(void))FLASH)();
    }
    return 0;
}
