/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Random numbers from the hypervisor: prints the seed of its device tree, and what it and its
 * children draw; who has run it compares.  That bad arguments change nothing it sees for itself.
 *
 *     reset    at the end, SRST cold reboot, twice; pids of children tell how often it has booted
 */
#include <libfdt.h>
#include <stdio.h>
#include <string.h>

#include "sbi/call.h"
#include "sbi/proc.h"

#include "guest/args.h"
#include "guest/guest.h"
#include "guest/machine.h"
#include "guest/proc.h"

#define PAGE       4096UL
#define FDT_PAGES  4
#define SEED_BYTES 32
#define CHILDREN   3
#define BOOTS      2

static struct sbiret entropy(u64 gpa, u64 bytes)
{
    return sbi_call(PROC_EID, PROC_ENTROPY, gpa, bytes, 0, 0, 0);
}

static void print(const char *what, const u8 *bytes, u32 count)
{
    printf("entropy: %s ", what);
    for (u32 i = 0; i < count; i++) {
        printf("%02x", bytes[i]);
    }
    printf("\n");
}

/* The device tree is the last thing in RAM. */
static const u8 *find_seed(int *bytes)
{
    u64 end = machine_ram().end;

    for (u64 at = end - PAGE; at >= end - FDT_PAGES * PAGE; at -= PAGE) {
        const void *fdt = (const void *)at;

        if (fdt_check_header(fdt) == 0) {
            return fdt_getprop(fdt, fdt_path_offset(fdt, "/chosen"), "rng-seed", bytes);
        }
    }
    printf("entropy: there is no device tree at the end of RAM\n");
    guest_exit(1);
}

static void draw(void)
{
    u8 numbers[PROC_ENTROPY_BYTES_MAX];
    struct sbiret ret = entropy((u64)numbers, sizeof(numbers));

    if (ret.error || ret.value != sizeof(numbers)) {
        printf("entropy: error %ld, value %ld\n", ret.error, ret.value);
        guest_exit(1);
    }
    for (u32 i = 0; i < sizeof(numbers); i += 16) {
        print("drew", numbers + i, 16);
    }
}

/* One byte is within RAM at each edge: nothing may be written there. */
static void refuse(void)
{
    struct range ram = machine_ram();
    volatile u8 *last = (volatile u8 *)(ram.end - 1);
    const struct {
        u64 gpa, bytes;
        long error;
    } calls[] = {
        {ram.base,     65,   SBI_ERR_INVALID_PARAM  },
        {ram.base,     -1UL, SBI_ERR_INVALID_PARAM  },
        {ram.end - 1,  2,    SBI_ERR_INVALID_ADDRESS},
        {ram.end,      1,    SBI_ERR_INVALID_ADDRESS},
        {ram.base - 1, 2,    SBI_ERR_INVALID_ADDRESS},
        {0x10000000,   1,    SBI_ERR_INVALID_ADDRESS},
        {1UL << 41,    64,   SBI_ERR_INVALID_ADDRESS},
        {-1UL,         64,   SBI_ERR_INVALID_ADDRESS},
        {-64UL,        64,   SBI_ERR_INVALID_ADDRESS},
        {0x10000000,   0,    SBI_SUCCESS            },
    };

    *last = 0x5a;
    for (u32 i = 0; i < ARRAY_LEN(calls); i++) {
        for (u32 times = 0; times < 16; times++) {
            struct sbiret ret = entropy(calls[i].gpa, calls[i].bytes);

            if (ret.error != calls[i].error || ret.value != 0 || *last != 0x5a) {
                printf("entropy: call %u: error %ld, value %ld, byte 0x%x\n", i, ret.error,
                       ret.value, *last);
                guest_exit(1);
            }
        }
    }
}

static long fork_and_draw(void)
{
    long child = proc_fork(PROC_DOOR_ECALL, 0);
    unsigned status = 0;

    if (child == 0) {
        draw();
        proc_exit(0);
    }
    draw();
    if (child < 0 || proc_wait(child, 0, &status) != child || status != PROC_STATUS_EXITED(0)) {
        printf("entropy: child %ld, status 0x%x\n", child, status);
        guest_exit(1);
    }
    return child;
}

int main(void)
{
    int bytes = 0;
    const u8 *seed = find_seed(&bytes);
    long child = 0;

    if (seed == NULL || entropy(0, 0).error == SBI_ERR_NOT_SUPPORTED) {
        u8 byte = 0x5a;
        bool none = seed == NULL && entropy((u64)&byte, 1).error == SBI_ERR_NOT_SUPPORTED &&
                    entropy(0, 65).error == SBI_ERR_NOT_SUPPORTED && byte == 0x5a;

        printf("entropy: %s\n",
               none ? "no random numbers" : "a seed without calls, or the reverse");
        return none ? 0 : 1;
    }
    if (bytes != SEED_BYTES) {
        printf("entropy: a seed of %d bytes\n", bytes);
        return 1;
    }
    print("seed", seed, SEED_BYTES / 2);
    print("seed", seed + SEED_BYTES / 2, SEED_BYTES / 2);
    for (u32 i = 0; i < CHILDREN; i++) {
        child = fork_and_draw();
    }
    if (args_has("reset") && child < 1 + BOOTS * CHILDREN) {
        sbi_call(SBI_EID_SRST, SBI_SRST_SYSTEM_RESET, SBI_SRST_TYPE_COLD_REBOOT,
                 SBI_SRST_REASON_NONE, 0, 0, 0);
    }
    refuse();
    printf("entropy: ok\n");
    return 0;
}
