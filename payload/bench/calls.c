/* SPDX-License-Identifier: BSD-2-Clause */
/* The cheapest ways into the hypervisor and back.  See bench.c. */
#include "guest/guest.h"

#include "payload/bench/bench.h"

#define LOOPS        10000UL
#define UART_SCRATCH 0x10000007UL

void bench_sbi_call(u64 mib)
{
    register u64 loops __asm__("s2") = LOOPS;
    u64 begin = now();

    (void)mib;
    __asm__ volatile("1: li a7, %1\n"
                     "li a6, %2\n"
                     "ecall\n"
                     "addi %0, %0, -1\n"
                     "bnez %0, 1b"
                     : "+r"(loops)
                     : "i"(SBI_EID_BASE), "i"(SBI_BASE_GET_SPEC_VERSION)
                     : "a0", "a1", "a6", "a7", "memory");
    print_mean("sbi_call", now() - begin, LOOPS);
}

static u64 mmio_stores(void)
{
    u64 loops = LOOPS;
    u64 begin = now();

    __asm__ volatile("1: sb zero, 0(%1)\n"
                     "addi %0, %0, -1\n"
                     "bnez %0, 1b"
                     : "+r"(loops)
                     : "r"(UART_SCRATCH)
                     : "memory");
    return now() - begin;
}

static u64 mmio_loads(void)
{
    u64 loops = LOOPS, byte;
    u64 begin = now();

    __asm__ volatile("1: lbu %1, 0(%2)\n"
                     "addi %0, %0, -1\n"
                     "bnez %0, 1b"
                     : "+r"(loops), "=&r"(byte)
                     : "r"(UART_SCRATCH)
                     : "memory");
    return now() - begin;
}

void bench_mmio_access(u64 mib)
{
    u64 stores = mmio_stores(), loads = mmio_loads();

    (void)mib;
    print_mean("mmio_access", stores + loads, 2 * LOOPS);
    print_mean("mmio_store", stores, LOOPS);
    print_mean("mmio_load", loads, LOOPS);
}
