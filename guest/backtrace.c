/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Component symbols: all registers, and which calls led here, by name.
 *
 * Nothing is believed: a stack is read only within RAM, a fault on the way ends the trace, a return
 * address must stand behind a call, and the stack must grow.  So it ends, and soon: see MOST.
 */
#include "lib/riscv/cause.h"
#include "lib/riscv/csr.h"

#include "guest/guest.h"
#include "guest/machine.h"
#include "guest/report.h"
#include "guest/unwind.h"

#define MOST_LINES  32
#define MOST_AGAIN  1000000
#define LONGEST     16384 /* of a function, in bytes */
#define PER_LINE    4
#define STACK_ALIGN 16

struct place {
    u64 pc, sp, s0;
    u64 ra;        /* of the innermost one, */
    bool returned; /* which had not called anybody; the others go on at pc when that returns */
};

void trap_vector(void);

static struct range ram;
static volatile bool peeking;

/* A load of ours faulted: step over it. */
static bool peek_fault(struct trap *t)
{
    if (!peeking || (t->cause & CAUSE_INTERRUPT)) {
        return false;
    }
    peeking = false;
    t->pc += trap_insn_bytes(t->pc);
    return true;
}

/* False: there is no memory of this machine to read. */
static bool peek(u64 address, u64 *value)
{
    if (address % sizeof(u64) != 0 || address < ram.base || address > ram.end - sizeof(u64)) {
        return false;
    }
    peeking = true;
    *value = *(const volatile u64 *)address;
    if (!peeking) {
        return false;
    }
    peeking = false;
    return true;
}

/* Is the instruction that ends at address one of this image that links to ra? */
static bool follows_call(u64 address)
{
    u32 word, half;

    if (address < (u64)_text_start + 4 || address > (u64)_text_end || address % 2 != 0) {
        return false;
    }
    half = *(const u16 *)(address - 2);
    word = half << 16 | *(const u16 *)(address - 4);
    return (word & 0xfff) == 0x0ef || (word & 0x7fff) == 0x00e7 || /* jal ra, jalr ra */
           ((half & 0xf07f) == 0x9002 && (half & 0x0f80) != 0);    /* c.jalr */
}

/* To the caller by what registers say: p called nobody, and has no frame. */
static bool step_by_ra(struct place *p)
{
    if (p->returned || !follows_call(p->ra)) {
        return false;
    }
    p->pc = p->ra;
    p->returned = true;
    return true;
}

/* A trap: on with whom it interrupted.  s0 is where the vector put the registers. */
static bool step_over_trap(struct place *p)
{
    const struct trap *t = (const struct trap *)p->s0;
    u64 last;

    if (!peek(p->s0, &last) || !peek(p->s0 + TRAP_BYTES - sizeof(u64), &last)) {
        return false;
    }
    report_text("  -- trap: ");
    report_text(t->cause & CAUSE_INTERRUPT ? "interrupt" : cause_words(t->cause));
    report_text("\n");
    *p = (struct place){.pc = t->pc, .sp = t->sp, .s0 = t->s0, .ra = t->ra};
    return true;
}

/* To the caller; false: that is not known. */
static bool step(struct place *p)
{
    u64 in = p->returned ? p->pc - 1 : p->pc, offset, ra, s0 = p->s0, begin;
    struct unwind u;

    if (!symbol_find(in, &offset) || offset > LONGEST) {
        return step_by_ra(p);
    }
    if (in - offset == (u64)trap_vector) {
        return step_over_trap(p);
    }
    unwind_scan(&u, in - offset, p->pc);
    begin = u.s0_set ? p->s0 + u.s0_is : p->sp + u.frame;
    if (u.ra == 0) {
        p->sp = begin;
        return step_by_ra(p);
    }
    if ((u.dynamic && !u.s0_set) || begin <= p->sp || begin % STACK_ALIGN != 0 ||
        !peek(begin - u.ra, &ra) || (u.s0 != 0 && !peek(begin - u.s0, &s0)) || !follows_call(ra)) {
        return step_by_ra(p);
    }
    *p = (struct place){.pc = ra, .sp = begin, .s0 = s0, .returned = true};
    return true;
}

static void report_registers(const struct trap *t)
{
    static const char names[32][5] = {"zero", "ra", "sp",  "gp",  "tp", "t0", "t1", "t2",
                                      "s0",   "s1", "a0",  "a1",  "a2", "a3", "a4", "a5",
                                      "a6",   "a7", "s2",  "s3",  "s4", "s5", "s6", "s7",
                                      "s8",   "s9", "s10", "s11", "t3", "t4", "t5", "t6"};

    for (u32 n = 1; n < ARRAY_LEN(names); n++) {
        report_text("  ");
        report_text(names[n]);
        report_text(names[n][2] ? " " : "  ");
        report_digits(t->x[n], 16);
        report_text(n % PER_LINE == 0 || n == ARRAY_LEN(names) - 1 ? "\n" : "");
    }
}

static void report_step(const struct place *p, u32 again)
{
    if (again > 0) {
        report_text("  ... ");
        report_decimal(again);
        report_text(" more of these\n");
    }
    if (p) {
        report_text("  ");
        (p->returned ? report_return : report_place)(p->pc);
        report_text("\n");
    }
}

/* A function that calls itself is said once, as long as it does so from one place. */
void report_details(const struct trap *t, bool returned)
{
    struct place p = {.pc = t->pc, .sp = t->sp, .s0 = t->s0, .ra = t->ra, .returned = returned};
    u32 lines = 0, again = 0;
    u64 last;

    trap_hook(peek_fault);
    report_registers(t);
    ram = machine_ram();
    report_text("calls, innermost first:\n");
    do {
        if (lines > 0 && p.pc == last) {
            again++;
        } else {
            report_step(&p, again);
            again = 0;
            lines++;
        }
        last = p.pc;
    } while (lines < MOST_LINES && again < MOST_AGAIN && step(&p));
    report_step(NULL, again);
}
