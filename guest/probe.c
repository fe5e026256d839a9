/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * A slot in memory takes the instruction and breakpoints after it; it is entered by sret with every
 * register as the caller wants it, and left by the trap that comes in any case: the instruction's
 * own, or the breakpoint.  While it runs, traps are the probe's and not the payload's.
 *
 * It is no jail: an instruction that is legal does what it does, to memory and CSRs, and a branch
 * goes where it goes (where there is no trap, it does not come back).  Callers choose.
 */
#include "guest/probe.h"

#include "lib/riscv/cause.h"
#include "lib/riscv/csr.h"

#define C_EBREAK 0x9002U

void probe_enter(const u64 *x);
void probe_back(void);

extern u64 probe_sp;
extern u16 probe_slot[8];

u64 probe_sp;
u16 probe_slot[8] __attribute__((aligned(16)));
static struct probe *running;

static bool come_back(struct trap *t)
{
    running->trap = *t;
    t->pc = (u64)probe_back;
    t->sp = probe_sp;
    t->status |= SSTATUS_SPP;
    return true;
}

/*
 * probe_run - execute insn (its low half, if that is a 16-bit instruction) in the given mode.
 *
 * Interrupts are off meanwhile, sstatus is again what it was afterwards.  The FP registers are the
 * payload's, and what a legal instruction makes of them.
 */
void probe_run(struct probe *probe, u32 insn, enum probe_mode mode)
{
    u64 status = csr_read(CSR_SSTATUS);
    u64 bytes = (insn & 3U) == 3U ? 4 : 2;
    trap_fn *before = trap_hook(come_back);

    for (size_t i = 0; i < ARRAY_LEN(probe_slot); i++) {
        probe_slot[i] = C_EBREAK;
    }
    probe_slot[0] = (u16)insn;
    if (bytes == 4) {
        probe_slot[1] = (u16)(insn >> 16);
    }
    __asm__ volatile("fence.i" : : : "memory");

    csr_clear(CSR_SSTATUS, SSTATUS_SIE | SSTATUS_SPIE | SSTATUS_SPP);
    if (mode == PROBE_SUPERVISOR) {
        csr_set(CSR_SSTATUS, SSTATUS_SPP);
    }
    running = probe;
    probe_enter(probe->x);
    csr_write(CSR_SSTATUS, status);
    trap_hook(before);

    probe->offset = probe->trap.pc - (u64)probe_slot;
    probe->legal = probe->trap.cause == CAUSE_BREAKPOINT && probe->offset == bytes;
}
