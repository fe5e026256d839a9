/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Handlers where the program was not asked: an interrupt came, or it did what cannot be done.
 *
 * The thread's frame is moved onto its stack, and the thread goes on in enter() instead of where it
 * was; that acts on what pends, puts the frame back and returns to it as from the trap.
 *
 *     | struct interrupted | what the thread has on its stack ...
 *     ^ its sp in enter()  ^ and where it was
 *
 * A thread that waits is left alone: it looks at what pends itself before it sleeps.
 */
#include <errno.h>
#include <string.h>

#include "lib/riscv/cause.h"
#include "lib/riscv/csr.h"

#include "guest/alarm.h"
#include "guest/fp.h"
#include "guest/guest.h"
#include "guest/hart.h"
#include "guest/libc/signal.h"
#include "guest/libc/signal_end.h"
#include "guest/libc/signals.h"
#include "guest/preempt.h"
#include "guest/proc.h"
#include "guest/report.h"
#include "guest/threads.h"
#include "guest/timer.h"

#define LATER_NS 50000

struct interrupted {
    struct trap frame;
    struct fp_regs fp;
    siginfo_t about; /* of a fault, else si_signo is 0 */
} __attribute__((aligned(16)));

/* Interrupts are off from where the frame is its own again. */
static __noreturn void enter(struct interrupted *was)
{
    struct trap *frame = &thread_self()->frame;
    int error = errno;
    u64 stack;

    fp_store(&was->fp);
    signal_own.injected = 0;
    if (was->about.si_signo != 0) {
        signal_handle(was->about.si_signo, &was->about, &was->frame);
    }
    signal_deliver(true);
    errno = error;
    irq_save();
    fp_load(&was->fp);
    stack = frame->stack; /* of the hart that it runs on now */
    *frame = was->frame;
    frame->stack = stack;
    frame->status |= SSTATUS_FS; /* dirty: who was switched meanwhile has others saved */
    trap_return(frame);
}

/* The frame's thread goes on in enter().  False: its stack has no room. */
static bool inject(struct trap *frame, const siginfo_t *about)
{
    struct interrupted *was = (void *)align_down(frame->sp - sizeof(*was), 16);
    u64 low = thread_stack_low();

    if ((u64)was < low || frame->sp - (u64)was > frame->sp - low) {
        return false;
    }
    memcpy(&was->frame, frame, sizeof(*frame));
    was->about = *about;
    frame->pc = (u64)enter;
    frame->sp = (u64)was;
    frame->a0 = (u64)was;
    frame->status |= SSTATUS_SPIE;
    signal_own.injected = 1;
    return true;
}

/* ---- interrupts ---- */

static struct alarm later[GUEST_HARTS_MAX];

static u64 look_again(struct alarm *alarm)
{
    (void)alarm;
    csr_set(CSR_SIP, IP_SSIP);
    return ALARM_NEVER;
}

/* It cannot be dealt with now: once more, on this hart. */
void signal_look_later(void)
{
    u64 irq = irq_save();
    struct alarm *alarm = &later[hart_index()];

    if (!alarm->queue) {
        alarm->ring = look_again;
        alarm_set(alarm, timer_now() + alarm_ticks(LATER_NS));
    }
    irq_restore(irq);
}

/* The hart's thread is in its frame. */
void signal_look(void)
{
    static const siginfo_t none;
    struct thread *self = thread_self();

    if ((signal_pending_set() & (~signal_own.blocked | signal_own.waits)) == 0) {
        return;
    }
    switch (thread_is()) {
    case THREAD_IDLES: return;
    case THREAD_WAITS: thread_poke(self); return;
    case THREAD_RUNS: break;
    }
    if (!signal_pending() || signal_own.injected || signal_own.held) {
        return;
    }
    if (self->preempt_off != 0) {
        signal_look_later();
    } else if (!inject(&self->frame, &none)) {
        signal_end(SIGSEGV);
    }
}

void thread_resumed(void)
{
    signal_look();
}

/* ---- faults ---- */

static siginfo_t about_fault(const struct trap *t)
{
    siginfo_t about = {.si_addr = (void *)t->tval};

    switch (t->cause) {
    case CAUSE_ILLEGAL:
        about.si_signo = SIGILL;
        about.si_code = ILL_ILLOPC;
        about.si_addr = (void *)t->pc;
        break;
    case CAUSE_BREAKPOINT:
        about.si_signo = SIGTRAP;
        about.si_code = TRAP_BRKPT;
        about.si_addr = (void *)t->pc;
        break;
    case CAUSE_FETCH_MISALIGNED:
    case CAUSE_LOAD_MISALIGNED:
    case CAUSE_STORE_MISALIGNED:
        about.si_signo = SIGBUS;
        about.si_code = BUS_ADRALN;
        break;
    case CAUSE_FETCH_ACCESS:
    case CAUSE_LOAD_ACCESS:
    case CAUSE_STORE_ACCESS:
        about.si_signo = SIGSEGV;
        about.si_code = SEGV_ACCERR;
        break;
    case CAUSE_FETCH_PAGE:
    case CAUSE_LOAD_PAGE:
    case CAUSE_STORE_PAGE:
        about.si_signo = SIGSEGV;
        about.si_code = SEGV_MAPERR;
        break;
    default: break;
    }
    return about;
}

static bool has_handler(int signal)
{
    _sig_func_ptr handler = signal_actions[signal].sa_handler;

    return handler != SIG_DFL && handler != SIG_IGN && !(signal_own.blocked & SIGNAL_BIT(signal));
}

static int dying;

/* What nobody dealt with: the handler's, if the program has one and was not inside of the library
 * OS; else it is reported, and what ends the program. */
void report_trap(const struct trap *t)
{
    siginfo_t about = about_fault(t);
    struct trap *frame = (struct trap *)(uintptr_t)t;

    if (about.si_signo != 0 && t->scratch != 0 && frame == &thread_self()->frame &&
        thread_self()->preempt_off == 0 && has_handler(about.si_signo) && inject(frame, &about)) {
        trap_return(frame);
    }
    dying = about.si_signo;
    report_crash(t);
}

/* A report that began with a fault ends as the signal does. */
void guest_exit(int status)
{
    int signal = dying;

    console_flush();
    dying = 0; /* where there is no other way out, it comes back here */
    if (signal != 0) {
        proc_end_by(signal);
    }
    guest_power_off(status);
}
