/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * A trap in HS-mode: if the instruction has an entry in the exception table, execution goes on at
 * its fix-up; anything else is a mistake of ours, and all that is known about it is printed.
 *
 * The backtrace needs no frame pointers, which would cost instructions on each VM exit: it lists
 * the values on the stack that point behind a call instruction in our text.  A few of them may be
 * left over from calls that have returned.
 */
#include "hv/trap.h"

#include <stdarg.h>
#include <stdio.h>

#include "lib/riscv/cause.h"
#include "lib/riscv/csr.h"

#include "hv/console.h"
#include "hv/hart.h"
#include "hv/offsets.h"
#include "hv/panic.h"
#include "hv/power.h"
#include "hv/vcpu.h"
#include "hv/vm.h"

struct trap_frame {
    struct regs regs;
    u64 sepc;
    u64 sstatus;
};
_Static_assert(offsetof(struct trap_frame, sepc) == TRAP_SEPC, "trap.S");
_Static_assert(offsetof(struct trap_frame, sstatus) == TRAP_SSTATUS, "trap.S");
_Static_assert(sizeof(struct trap_frame) == TRAP_BYTES, "trap.S");
_Static_assert(offsetof(struct hart, trap_stack_top) == HART_TRAP_STACK_TOP, "trap.S");

struct extable_entry {
    u64 at, fixup;
};
extern const struct extable_entry extable_start[], extable_end[];
extern const char text_start[], text_end[];

u64 probe_fetch(u64 gva, u32 *word);
u64 probe_read_stimecmp(void);
void trap_in_hv(struct trap_frame *frame);

#define PANIC_STATUS   255
#define BACKTRACE_MAX  24
#define BACKTRACE_SCAN 512 /* stack words */

static void __printf_like(1, 2) say(const char *format, ...)
{
    char line[160];
    va_list args;

    va_start(args, format);
    vsnprintf(line, sizeof(line), format, args);
    va_end(args);
    console_emergency(line);
}

/* True if the instruction that ends at `address` is a jal or jalr that links to ra. */
static bool follows_call(u64 address)
{
    u32 word;
    u16 half;

    if (address < (u64)text_start + 4 || address > (u64)text_end || address % 2 != 0)
        return false;
    half = *(const u16 *)(address - 2);
    word = (u32) * (const u16 *)(address - 4) | (u32)half << 16;
    if ((word & 0xfff) == 0x0ef || (word & 0x7fff) == 0x00e7) /* jal ra; jalr ra */
        return true;
    return (half & 0xf07f) == 0x9002 && (half & 0x0f80) != 0; /* c.jalr */
}

static void backtrace(u64 sp)
{
    u64 top = (u64)this_hart()->stack_top;
    u32 found = 0;

    if (sp % 8 != 0 || sp >= top || top - sp > HART_STACK_BYTES)
        return;
    say("possible callers, innermost first (addr2line -e forkvisor.elf):");
    for (u64 at = sp; at < top && found < BACKTRACE_MAX && at < sp + 8 * BACKTRACE_SCAN; at += 8) {
        u64 value = *(const u64 *)at;

        if (follows_call(value)) {
            say(" %#lx", (unsigned long)value);
            found++;
        }
    }
    say("\n");
}

static void say_where(void)
{
    const struct hart *hart = this_hart();

    say(" on hart %u", hart->index);
    if (hart->vcpu != NULL)
        say(", pid %u vCPU %u loaded", hart->vcpu->vm->pid, hart->vcpu->id);
    say("\n");
}

void panic(const char *format, ...)
{
    char line[160];
    va_list args;

    va_start(args, format);
    vsnprintf(line, sizeof(line), format, args);
    va_end(args);
    say("\n[hv] panic: %s", line);
    say_where();
    backtrace((u64)__builtin_frame_address(0));
    power_off(PANIC_STATUS);
}

/* assert() of the C library's headers, for lib/. */
__noreturn void __assert_func(const char *file, int line, const char *function, const char *what);
__noreturn void __assert_func(const char *file, int line, const char *function, const char *what)
{
    panic("%s:%d: %s: assertion failed: %s", file, line, function, what);
}

static __noreturn void die(const struct trap_frame *frame)
{
    static const char names[32][5] = {"zero", "ra", "sp",  "gp",  "tp", "t0", "t1", "t2",
                                      "s0",   "s1", "a0",  "a1",  "a2", "a3", "a4", "a5",
                                      "a6",   "a7", "s2",  "s3",  "s4", "s5", "s6", "s7",
                                      "s8",   "s9", "s10", "s11", "t3", "t4", "t5", "t6"};
    u64 cause = csr_read(CSR_SCAUSE);

    say("\n[hv] panic: trap in the hypervisor: %s (scause %#lx)", cause_words(cause),
        (unsigned long)cause);
    say_where();
    say("  sepc %#lx  stval %#lx  sstatus %#lx  htval %#lx\n", (unsigned long)frame->sepc,
        (unsigned long)csr_read(CSR_STVAL), (unsigned long)frame->sstatus,
        (unsigned long)csr_read(CSR_HTVAL));
    for (u32 n = 1; n < 32; n++)
        say("  %-3s %016lx%s", names[n], (unsigned long)frame->regs.x[n],
            n % 4 == 0 || n == 31 ? "\n" : "");
    backtrace(frame->regs.sp);
    power_off(PANIC_STATUS);
}

/* Called by trap.S. */
void trap_in_hv(struct trap_frame *frame)
{
    for (const struct extable_entry *entry = extable_start; entry < extable_end; entry++) {
        if (entry->at == frame->sepc) {
            frame->sepc = entry->fixup;
            return;
        }
    }
    die(frame);
}

/*
 * guest_fetch - HLVX uses the loaded guest's vsatp and hgatp, with the privilege in hstatus.SPVP.
 *
 * If it traps, the trap has overwritten what belongs to the guest.
 *
 * [PRIV "Hypervisor Virtual-Machine Load and Store Instructions"]
 */
bool guest_fetch(u64 gva, u32 *word)
{
    u64 sepc = csr_read(CSR_SEPC), sstatus = csr_read(CSR_SSTATUS);
    u64 hstatus = csr_read(CSR_HSTATUS);

    if (likely(probe_fetch(gva, word)))
        return true;
    csr_write(CSR_SEPC, sepc);
    csr_write(CSR_SSTATUS, sstatus);
    csr_write(CSR_HSTATUS, hstatus);
    return false;
}

bool probe_stimecmp(void)
{
    return probe_read_stimecmp() != 0;
}
