/* SPDX-License-Identifier: BSD-2-Clause */
/* Why tasks cannot go on.  Each ends the payload with status 1. */
#include "lib/riscv/cause.h"
#include "lib/riscv/csr.h"
#include "lib/riscv/ops.h"

#include "guest/core.h"
#include "guest/guest.h"
#include "guest/report.h"

static void say_task(const struct task *task)
{
    report_text("task ");
    report_text(task->name);
}

/* The canary is gone. */
void task_overflow(const struct task *task)
{
    say_task(task);
    report_text(": stack overflow: its lowest word, at ");
    report_hex((u64)task->stack_low);
    report_text(", was written; last seen at ");
    report_place(task->context.ra);
    report_text("\n");
    guest_exit(1);
}

/* Nobody will ever run again. */
void task_deadlock(void)
{
    struct list *it;

    report_text("deadlock: every task waits, and nothing can wake one\n");
    list_for_each(it, &tasks) {
        const struct task *task = container_of(it, struct task, link);

        if (task->over) {
            continue;
        }
        report_text("  ");
        say_task(task);
        report_text(" waits for ");
        report_text(task->waits_for);
        if (task->waits_on) {
            report_text(" ");
            report_hex((u64)task->waits_on);
        }
        report_text(" at ");
        report_place(task->waits_at);
        report_text("\n");
    }
    guest_exit(1);
}

/* place: of who asked for it. */
void task_misuse(const char *what, u64 place)
{
    say_task(task_self());
    report_text(": ");
    report_text(what);
    report_text(", at ");
    report_place(place);
    report_text("\n");
    guest_exit(1);
}

/* Whose trap it is that is about to be reported, and whether its stack was full. */
void report_thread(const struct trap *t)
{
    const struct task *self = task_self();
    u64 low = (u64)self->stack_low;

    say_task(self);
    if (!(t->cause & CAUSE_INTERRUPT) && t->tval < low && t->tval >= low - PAGE_BYTES) {
        report_text(": stack overflow: its stack ends at ");
        report_hex(low);
    }
    report_text("\n");
}

const char *report_task(void)
{
    return task_self()->name;
}
