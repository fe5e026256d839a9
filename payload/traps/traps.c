/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * What the machine says about 1,000 instructions that it should refuse: illegal, virtual and
 * faulting ones, in S-mode and in U-mode.  A line for each: mode, instruction, scause, stval,
 * offset of sepc from the instruction; "legal" instead of the cause if it was executed after all.
 * After each, no register may have changed.
 *
 * The list is the same every time, so the output in a VM can be compared with that of the bare
 * machine; the README beside this file says where they may differ, and why.  Left out is what would
 * not come back or not repeat: branches to anywhere, wfi, ecall, counters.
 */
#include "payload/traps/traps.h"

#include <stdio.h>

#include "lib/riscv/csr.h"

#include "guest/guest.h"
#include "guest/paging.h"
#include "guest/probe.h"

#define TOTAL 1000

static struct probe probe;
static u64 printed;
static int status;

static void set_registers(void)
{
    static u64 ram[4];

    for (u64 i = 1; i < 32; i++) {
        probe.x[i] = TRAPS_NOWHERE + i * 0x1000 + i * 8 + 1;
    }
    probe.x[TRAPS_X_ALIGNED] = TRAPS_NOWHERE;
    probe.x[TRAPS_X_RAM_ODD] = (u64)ram + 1;
    probe.x[TRAPS_X_TOP] = (u64)-8;
    probe.x[TRAPS_X_WIDE] = 1UL << 45;
}

static void run(u32 insn, enum probe_mode mode)
{
    if (printed == TOTAL) {
        return;
    }
    if ((insn & 3) != 3) {
        insn = (u16)insn;
    }
    printed++;
    probe_run(&probe, insn, mode);
    printf("%c %08x ", mode == PROBE_USER ? 'u' : 's', (unsigned)insn);
    if (probe.legal) {
        printf("legal\n");
        return;
    }
    printf("%lx %lx %lx\n", (unsigned long)probe.trap.cause, (unsigned long)probe.trap.tval,
           (unsigned long)probe.offset);
    for (u64 i = 1; i < 32; i++) {
        if (probe.trap.x[i] != probe.x[i]) {
            printf("traps: x%lu changed\n", (unsigned long)i);
            status = 1;
        }
    }
}

/* Both modes: what a supervisor may not, and what its user may not. */
static void run_both(u32 insn)
{
    run(insn, PROBE_SUPERVISOR);
    run(insn, PROBE_USER);
}

/* Seeded by a constant: xorshift64. */
static u32 random_word(void)
{
    static u64 state = 0x9e3779b97f4a7c15;

    state ^= state << 13;
    state ^= state >> 7;
    state ^= state << 17;
    return (u32)(state >> 16);
}

int main(void)
{
    paging_off();
    csr_write(CSR_SCOUNTEREN, 0);
    set_registers();
    for (size_t i = 0; i < traps_everyone.count; i++) {
        run_both(traps_everyone.words[i]);
    }
    for (size_t i = 0; i < traps_user.count; i++) {
        run(traps_user.words[i], PROBE_USER);
    }
    for (size_t i = 0; i < traps_csrs.count; i++) {
        run_both(TRAPS_CSRRS(5, traps_csrs.words[i], 0));
        run_both(TRAPS_CSRRW(0, traps_csrs.words[i], 0));
    }
    for (size_t i = 0; i < traps_user_csrs.count; i++) {
        run(TRAPS_CSRRS(5, traps_user_csrs.words[i], 0), PROBE_USER);
        run(TRAPS_CSRRW(0, traps_user_csrs.words[i], 0), PROBE_USER);
    }
    for (size_t i = 0; i < traps_access.count; i++) {
        run(traps_access.words[i], PROBE_SUPERVISOR);
    }
    while (printed < TOTAL) {
        u32 word = random_word();

        if (traps_is_reserved(word)) {
            run_both(word);
        }
    }
    printf("traps: %lu encodings, %s\n", (unsigned long)printed,
           status ? "registers changed" : "ok");
    return status;
}
