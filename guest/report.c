/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Last words of a payload: a trap that nobody expected, or a panic (panic.c).  They are written
 * without printf, which need not be in the image and may be what failed.
 *
 * Invariant: the payload ends with status 1, whatever else goes wrong on the way.  A trap within
 * the report is said in one line; one within that, nothing is said of.  Harts that crash while
 * another one reports wait for the end.
 */
#include "guest/report.h"

#include "lib/riscv/cause.h"
#include "lib/riscv/csr.h"

#include "guest/guest.h"
#include "guest/hart.h"

#define HEX_DIGITS 16

void report_text(const char *text)
{
    while (*text) {
        console_putc(*text++);
    }
}

/* The last `digits` hexadecimal digits of value. */
void report_digits(u64 value, int digits)
{
    while (digits-- > 0) {
        console_putc("0123456789abcdef"[value >> (4 * digits) & 15]);
    }
}

/* "0x0" to "0xffffffffffffffff" */
void report_hex(u64 value)
{
    int digits = 1;

    while (digits < HEX_DIGITS && value >> (4 * digits)) {
        digits++;
    }
    report_text("0x");
    report_digits(value, digits);
}

void report_decimal(u64 value)
{
    if (value >= 10) {
        report_decimal(value / 10);
    }
    console_putc((char)('0' + value % 10));
}

/* Components say more: symbols, task. */
__attribute__((weak)) const char *symbol_find(u64 address, u64 *offset)
{
    (void)address;
    (void)offset;
    return NULL;
}

__attribute__((weak)) void report_details(const struct trap *t, bool returned)
{
    (void)returned;
    report_text("  ra ");
    report_return(t->ra);
    report_text(", sp ");
    report_hex(t->sp);
    report_text("\n");
}

__attribute__((weak)) void report_thread(const struct trap *t)
{
    (void)t;
}

__attribute__((weak)) const char *report_task(void)
{
    return NULL;
}

static void report_symbol(u64 pc, u64 behind)
{
    u64 offset = 0;
    const char *function = symbol_find(pc - behind, &offset);

    report_hex(pc);
    if (function) {
        report_text(" ");
        report_text(function);
        report_text("+");
        report_hex(offset + behind);
    }
}

/* "0x80201344 function+0x12" */
void report_place(u64 pc)
{
    report_symbol(pc, 0);
}

/* The same of a place that a call returns to: the call may be its function's last instruction. */
void report_return(u64 pc)
{
    report_symbol(pc, 1);
}

static const char *tval_is(u64 cause)
{
    return cause == CAUSE_ILLEGAL ? ", instruction " : ", address ";
}

static void report_cause(const struct trap *t)
{
    report_text(t->cause & CAUSE_INTERRUPT ? "interrupt" : cause_words(t->cause));
    report_text(" (");
    report_decimal(t->cause & ~CAUSE_INTERRUPT);
    report_text("), pc ");
    report_place(t->pc);
    report_text(tval_is(t->cause));
    report_hex(t->tval);
    report_text("\n");
}

static void report_where(const struct trap *t)
{
    if (GUEST_HARTS_MAX > 1) {
        report_text("hart ");
        report_decimal(hart_self()->id);
        report_text("\n");
    }
    report_thread(t);
}

/* How many reports have begun, this one included: 1, or more if it is one within another.  It does
 * not return while another hart has that to do. */
static u32 report_begin(void)
{
    static const struct hart *reporter;
    static u32 begun;
    const struct hart *nobody = NULL;

    csr_clear(CSR_SSTATUS, SSTATUS_SIE);
    if (GUEST_HARTS_MAX > 1 &&
        !__atomic_compare_exchange_n(&reporter, &nobody, hart_self(), false, __ATOMIC_ACQUIRE,
                                     __ATOMIC_RELAXED) &&
        nobody != hart_self()) {
        for (;;) {
            __asm__ volatile("wfi");
        }
    }
    return ++begun;
}

static __noreturn void report_within(const struct trap *t, u32 depth)
{
    if (depth == 2) {
        report_text("\n(within the report) ");
        report_cause(t);
    }
    guest_power_off(CRASH_STATUS);
}

void report_crash(const struct trap *t)
{
    u32 depth;

    if (t->scratch != 0) { /* out of a thread, which may have lost its tp */
        __asm__ volatile("mv tp, %0" : : "r"((u64)t + THREAD_BYTES) : "memory");
    }
    depth = report_begin();
    if (depth > 1) {
        report_within(t, depth);
    }
    report_text("trap: ");
    report_cause(t);
    report_where(t);
    report_details(t, false);
    guest_exit(CRASH_STATUS);
}

/* A trap that nobody dealt with.  Component signals asks the program first. */
__attribute__((weak, alias("report_crash"))) __noreturn void report_trap(const struct trap *t);

/* The program says itself that it will not go on.  t is where it said so: pc is where that call
 * would return to, and of what is no register nothing else is in it. */
void report_panic(const struct trap *t, const char *text)
{
    bool within = report_begin() > 1;

    report_text(within ? "\n(within the report) " : "");
    report_text(text);
    report_text("\n");
    if (within) {
        guest_power_off(CRASH_STATUS);
    }
    report_where(t);
    report_details(t, true);
}
