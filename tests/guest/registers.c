/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Stores from and loads into every register that a compiler may use, to and from a device: the
 * hypervisor has some of them in place sooner than others.
 */
#include <stdio.h>

#include "lib/kit/types.h"

#include "guest/guest.h"
#include "guest/paging.h"

#define UART_SCRATCH 0x10000007UL

static int failures;

static void expect(const char *reg, u64 got, u64 value)
{
    if (got != value) {
        printf("registers: %s: wrote %#lx, read %#lx\n", reg, value, got);
        failures++;
    }
}

/* The register goes to the device and, through zero, comes back; the base is in another one. */
#define TRY(reg, value)                                         \
    do {                                                        \
        u64 got;                                                \
        __asm__ volatile("mv " #reg ", %1\n"                    \
                         "sb " #reg ", 0(%2)\n"                 \
                         "li " #reg ", 0\n"                     \
                         "lbu " #reg ", 0(%2)\n"                \
                         "mv %0, " #reg                         \
                         : "=&r"(got)                           \
                         : "r"((u64)(value)), "r"(UART_SCRATCH) \
                         : #reg, "memory");                     \
        expect(#reg, got, value);                               \
    } while (0)

/* gp is nobody's here, but not the compiler's either. */
static void try_gp(void)
{
    u64 got, saved;

    __asm__ volatile("mv %1, gp\n"
                     "li gp, 0x3c\n"
                     "sb gp, 0(%2)\n"
                     "li gp, 0\n"
                     "lbu gp, 0(%2)\n"
                     "mv %0, gp\n"
                     "mv gp, %1"
                     : "=&r"(got), "=&r"(saved)
                     : "r"(UART_SCRATCH)
                     : "memory");
    expect("gp", got, 0x3c);
}

static void try_zero(void)
{
    u64 got = 1;

    __asm__ volatile("sb zero, 0(%1)\n"
                     "lbu zero, 0(%1)\n"
                     "lbu %0, 0(%1)"
                     : "=&r"(got)
                     : "r"(UART_SCRATCH)
                     : "memory");
    expect("zero", got, 0);
}

int main(void)
{
    paging_off();
    TRY(ra, 0x11);
    TRY(t0, 0x12);
    TRY(t1, 0x13);
    TRY(t2, 0x14);
    TRY(t3, 0x15);
    TRY(t4, 0x16);
    TRY(t5, 0x17);
    TRY(t6, 0x18);
    TRY(a0, 0x19);
    TRY(a1, 0x1a);
    TRY(a2, 0x1b);
    TRY(a3, 0x1c);
    TRY(a4, 0x1d);
    TRY(a5, 0x1e);
    TRY(a6, 0x1f);
    TRY(a7, 0x20);
    TRY(s0, 0x21);
    TRY(s1, 0x22);
    TRY(s2, 0x23);
    TRY(s3, 0x24);
    TRY(s4, 0x25);
    TRY(s5, 0x26);
    TRY(s6, 0x27);
    TRY(s7, 0x28);
    TRY(s8, 0x29);
    TRY(s9, 0x2a);
    TRY(s10, 0x2b);
    TRY(s11, 0x2c);
    try_gp();
    try_zero();
    if (failures == 0)
        printf("registers: ok\n");
    return failures != 0;
}
