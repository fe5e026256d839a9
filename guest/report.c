/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * What is said of a trap that nobody expected.  It is written without printf, which need not be in
 * the image and may be what failed.
 */
#include "guest/report.h"

#include "lib/riscv/cause.h"
#include "lib/riscv/csr.h"

#include "guest/guest.h"

void report_text(const char *text)
{
    while (*text) {
        console_putc(*text++);
    }
}

/* "0x0" to "0xffffffffffffffff" */
void report_hex(u64 value)
{
    int digits = 1;

    while (digits < 16 && value >> (4 * digits)) {
        digits++;
    }
    report_text("0x");
    while (digits-- > 0) {
        console_putc("0123456789abcdef"[value >> (4 * digits) & 15]);
    }
}

void report_decimal(u64 value)
{
    if (value >= 10) {
        report_decimal(value / 10);
    }
    console_putc((char)('0' + value % 10));
}

__attribute__((weak)) const char *symbol_find(u64 address, u64 *offset)
{
    (void)address;
    (void)offset;
    return NULL;
}

static void report_named(const char *name, u64 value)
{
    report_text(name);
    report_hex(value);
}

/* An address of code, and the function that it is in. */
void report_place(u64 pc)
{
    u64 offset = 0;
    const char *function = symbol_find(pc, &offset);

    report_hex(pc);
    if (function) {
        report_text(" <");
        report_text(function);
        report_text("+");
        report_hex(offset);
        report_text(">");
    }
}

void report_trap(const struct trap *t)
{
    report_text("trap: ");
    report_text(t->cause & CAUSE_INTERRUPT ? "interrupt" : cause_words(t->cause));
    report_text(" (");
    report_decimal(t->cause & ~CAUSE_INTERRUPT);
    report_text("), pc ");
    report_place(t->pc);
    report_named(", tval ", t->tval);
    report_text(", ra ");
    report_place(t->ra);
    report_named(", sp ", t->sp);
    report_text("\n");
}
