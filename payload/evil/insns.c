/* SPDX-License-Identifier: BSD-2-Clause */
/* Acts with instructions, with the console, and with time. */
#include <stdio.h>

#include "lib/riscv/cause.h"
#include "lib/riscv/csr.h"

#include "guest/args.h"
#include "guest/guest.h"
#include "guest/machine.h"
#include "guest/probe.h"
#include "guest/proc.h"
#include "guest/timer.h"

#include "payload/evil/evil.h"

static struct probe probe;

/* In a VM, the instruction is an illegal one; bare, a hart with the hypervisor extension may well
 * execute it, which is of no harm here. */
static void refuse(u32 insn)
{
    static u64 ram[8];

    for (size_t i = 1; i < 32; i++) {
        probe.x[i] = (u64)ram;
    }
    probe_run(&probe, insn, PROBE_SUPERVISOR);
    if (!probe.legal && (probe.trap.cause != CAUSE_ILLEGAL || probe.offset)) {
        evil_fail("instruction with an unexpected trap", insn, probe.trap.cause);
    }
    if (probe.legal && proc_available()) {
        evil_fail("instruction was executed", insn, 0);
    }
}

/* Reads, writes of 0, and writes of nothing at all, for a range of CSR numbers. */
static void refuse_csrs(u32 first, u32 last)
{
    for (u32 csr = first; csr <= last; csr++) {
        refuse(csr << 20 | 0x000022f3); /* csrr t0 */
        refuse(csr << 20 | 0x00001073); /* csrw zero */
        refuse(csr << 20 | 0x0000f073); /* csrci 1 */
    }
}

/* Every instruction and CSR of the hypervisor and of machine mode. */
void act_hyp_insns(void)
{
    static const u32 insns[] = {
        0x22000073, 0x62000073, 0x22628073, 0x62628073, 0x26000073, 0x66000073, /* hfence, hinval */
        0x30200073, 0x7b200073, 0x70200073, /* mret dret mnret */
    };

    for (size_t i = 0; i < ARRAY_LEN(insns); i++) {
        refuse(insns[i]);
    }
    for (u32 width = 0; width < 4; width++) {
        for (u32 kind = 0; kind < 4; kind++) {
            refuse(0x6002c2f3 | width << 26 | kind << 20); /* hlv, hlvx t0, (t0) */
        }
        refuse(0x6252c073 | width << 26); /* hsv t0, (t0) */
    }
    refuse_csrs(0x200, 0x2ff); /* virtual supervisor */
    refuse_csrs(0x300, 0x3ff); /* machine */
    refuse_csrs(0x600, 0x6ff); /* hypervisor */
    refuse_csrs(0x700, 0x7ff);
    refuse_csrs(0xb00, 0xbff);
    refuse_csrs(0xe00, 0xeff);
    refuse_csrs(0xf00, 0xfff);
}

/* For ever, or for "ms=M". */
void act_irq_off_loop(void)
{
    u64 ms = args_u64("ms", 0), begin = timer_now(), ticks = ms * machine_timebase() / 1000;

    printf("evil: looping with interrupts off\n");
    csr_clear(CSR_SSTATUS, SSTATUS_SIE);
    csr_write(CSR_SIE, 0);
    while (!ms || timer_now() - begin < ticks) {
    }
}

void act_wfi_forever(void)
{
    printf("evil: waiting for no interrupt\n");
    csr_write(CSR_SIE, 0);
    for (;;) {
        __asm__ volatile("wfi");
    }
}

/* The handler's first instruction is illegal. */
void act_trap_loop(void)
{
    static const u32 handler[] __attribute__((aligned(4))) = {0xc0001073};

    printf("evil: trapping in the trap handler\n");
    csr_write(CSR_STVEC, handler);
    __asm__ volatile("unimp");
}

/* The handler is where there is nothing. */
void act_trap_loop_unmapped(void)
{
    printf("evil: trapping to nowhere\n");
    csr_write(CSR_STVEC, 1UL << 36);
    __asm__ volatile("unimp");
}

/* "mib=N" of text, in lines and without. */
void act_flood(void)
{
    u64 bytes = args_u64("mib", 1) << 20;

    for (u64 i = 0; i < bytes; i++) {
        putchar(i % 80 == 79 && i < bytes / 2 ? '\n' : 'a' + (int)(i % 26));
    }
    putchar('\n');
}
