/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The last screen of a run: a line for each VM that ended, in the order of the ends, as far as the
 * notes reach; a guest of the command line is always noted.
 */
#include "hv/report.h"

#include <stdio.h>

#include "lib/kit/spinlock.h"
#include "sbi/proc.h"

#include "hv/console.h"
#include "hv/frame.h"
#include "hv/hart.h"
#include "hv/limits.h"
#include "hv/pid.h"
#include "hv/power.h"
#include "hv/program.h"
#include "hv/reclaim.h"
#include "hv/space.h"
#include "hv/tracing.h"
#include "hv/vm.h"

#define CHILDREN_NOTED 64
#define SIGNAL_STATUS  128 /* what a shell adds to the number of a signal */

struct note {
    u32 pid;
    enum end_reason reason;
    u32 status;
    u64 a0, a1;
};

static struct {
    struct spinlock lock;
    u32 guests, children, more;
    u32 order; /* entries used */
    u32 run_status;
    u64 free_frames; /* before the first VM */
    struct note note[GUESTS_MAX + CHILDREN_NOTED];
} ends;

static u32 exit_status(u32 status)
{
    return PROC_STATUS_IS_EXIT(status) ? PROC_STATUS_CODE(status)
                                       : SIGNAL_STATUS + PROC_STATUS_SIGNAL(status);
}

void report_end(const struct vm *vm, const struct vcpu *vcpu, enum end_reason reason, u32 status)
{
    spin_lock(&ends.lock);
    if (vm->pid == 1)
        ends.run_status = exit_status(status);
    if (!vm->is_guest && ends.children == CHILDREN_NOTED) {
        ends.more++;
    } else {
        ends.children += !vm->is_guest;
        ends.note[ends.order++] = (struct note){.pid = vm->pid,
                                                .reason = reason,
                                                .status = status,
                                                .a0 = vcpu->regs.a0,
                                                .a1 = vcpu->regs.a1};
    }
    spin_unlock(&ends.lock);
}

void report_out_of_memory(const struct vm *vm, enum err err)
{
    console_log("pid %u ends by signal 9: %s", vm->pid,
                err == ERR_QUOTA ? "its tree has as much memory as it may have (limit)"
                                 : "the machine has no memory left; raise HOSTMEM, or lower MEM");
}

static void say_note(const struct note *note)
{
    bool exited = PROC_STATUS_IS_EXIT(note->status);

    console_log("pid %u: %s, status %u, a0 = %#lx, a1 = %#lx", note->pid,
                !exited                        ? "signal"
                : note->reason == END_SHUTDOWN ? "shutdown"
                                               : "exit",
                exited ? PROC_STATUS_CODE(note->status) : PROC_STATUS_SIGNAL(note->status),
                (unsigned long)note->a0, (unsigned long)note->a1);
}

/*
 * Frames that nobody holds.  Nodes that are free stay at hand of the harts, with the frames that
 * they are cut from; one that is in use counts as a frame, so that it is missed, too.
 */
static u64 count_free(void)
{
    reclaim_all();
    return frame_free_count() + pid_frames() + space_frames() - space_node_count();
}

void report_begin(void)
{
    ends.free_frames = count_free();
}

/* The census: with no VM left, every frame is free again, or we have lost some; but not before the
 * other harts have given back what they are just taking apart. */
static void say_leaks(void)
{
    u64 free_frames;

    hart_rest_others();
    program_forget();
    free_frames = count_free();
    if (free_frames != ends.free_frames)
        console_log("%lu frames leaked: a bug of the hypervisor, please report it",
                    (unsigned long)(ends.free_frames - free_frames));
}

void report_and_power_off(u32 live)
{
    for (u32 i = 0; i < ends.order; i++)
        say_note(&ends.note[i]);
    if (ends.more != 0)
        console_log("... and %u more forked VMs that ended", ends.more);
    if (live == 0)
        say_leaks();
    else
        console_log("%u forked VMs still ran", live);
    console_log("run over, status %u (that of pid 1)", ends.run_status);
    tracing_stop();
    power_off(ends.run_status);
}
