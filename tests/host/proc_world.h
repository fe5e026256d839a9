/* SPDX-License-Identifier: BSD-2-Clause */
#pragma once
/*
 * The process extension over fakes of the machine and of the scheduler, for the one test file that
 * includes this.  What the fakes were asked is kept in `world`; what they answer stands there, too.
 *
 * Pids are few here, so that they are used up and used again.
 */
#include <setjmp.h>
#include <stdlib.h>
#include <string.h>

#include "hv/console.h"
#include "hv/frame.h"
#include "hv/panic.h"
#include "hv/proc.h"
#include "hv/report.h"
#include "hv/sched.h"
#include "hv/timer.h"
#include "hv/tracing.h"
#include "hv/vcpu.h"
#include "hv/vm.h"

#include "tests/host/hv_world.h"
#include "tests/test.h"

#undef PIDS_MAX
#define PIDS_MAX 40

#define console_flush        fake_console_flush
#define console_give_input   fake_console_give_input
#define console_has_input    fake_console_has_input
#define console_pass_input   fake_console_pass_input
#define console_share        fake_console_share
#define frame_alloc()        fake_frame_alloc()
#define futex_forget         fake_futex_forget
#define gstage_count         fake_gstage_count
#define report_and_power_off fake_power_off
#define report_end           fake_report_end
#define sched_block          fake_sched_block
#define sched_doom           fake_sched_doom
#define sched_forget_others  fake_sched_forget_others
#define sched_halt           fake_sched_halt
#define sched_requeue        fake_sched_requeue
#define sched_resume_others  fake_sched_resume_others
#define sched_start          fake_sched_start
#define sched_stop_others    fake_sched_stop_others
#define sched_unhalt         fake_sched_unhalt
#define sched_wake           fake_sched_wake
#define tracing_vm(...)      ((void)0)
#define vcpu_has_interrupt   fake_vcpu_has_interrupt
#define vcpu_pend_soft       fake_vcpu_pend_soft
#define timer_now            fake_timer_now
#define vcpu_put             fake_vcpu_put
#define vcpu_take_pending    fake_vcpu_take_pending
#define vm_clone             fake_vm_clone
#define vm_destroy           fake_vm_destroy
#define vm_free              fake_vm_free
#define vm_reset             fake_vm_reset
#define vtransport_count     fake_vtransport_count
#define vtransport_settle    fake_vtransport_settle

#define VCPUS 2

static struct {
    bool is_stopping, has_interrupt, is_out_of_memory, is_in_flight;
    u32 blocks, stops, resumes, starts, requeues, puts, machines, processes;
    u32 left_at_end, reader;
    u32 woken[PIDS_MAX], interrupted[PIDS_MAX]; /* sets of vCPUs, since the step began */
    bool halted[PIDS_MAX];
    u32 doomed[PIDS_MAX];             /* a status; 0: it is not */
    void (*meanwhile)(struct vm *vm); /* what others do while a machine is made or taken apart */
    jmp_buf power_off;
} world;

static void run_meanwhile(struct vm *vm)
{
    void (*meanwhile)(struct vm *) = world.meanwhile;

    world.meanwhile = NULL;
    if (meanwhile != NULL)
        meanwhile(vm);
}

static void fake_console_flush(struct vm *vm)
{
    CHECK(vm->ending); /* so that nobody gives it the input any more */
}

static void fake_console_share(void) {}

static void fake_futex_forget(struct vm *vm)
{
    CHECK_EQ(vm->words.count, 0);
}

static u64 fake_timer_now(void)
{
    return 1000;
}

static void fake_console_give_input(struct vm *to, const struct vm *by)
{
    CHECK(!to->ending && !to->zombie);
    if (by != NULL && by != to)
        to->console.given_by = by->pid;
    world.reader = to->pid;
}

static void fake_console_pass_input(struct vm *to, const struct vm *from)
{
    CHECK(!to->ending && !to->zombie && to->group == from->group);
    to->console.given_by = from->console.given_by;
    world.reader = to->pid;
}

static bool fake_console_has_input(const struct vm *vm, u32 *heir)
{
    *heir = vm->console.given_by;
    return world.reader == vm->pid;
}

static hpa_t fake_frame_alloc(void)
{
    return world.is_out_of_memory ? (hpa_t){0} : (frame_alloc)();
}

static struct gstage_census fake_gstage_count(struct gstage *gs)
{
    return (struct gstage_census){.owned = gs->vcpus, .shared = 7};
}

static __noreturn void fake_power_off(u32 left)
{
    world.left_at_end = left;
    longjmp(world.power_off, 1);
}

static void fake_report_end(const struct vm *vm, const struct vcpu *vcpu, enum end_reason reason,
                            u32 status)
{
    CHECK(vcpu->vm == vm);
    CHECK_EQ(PROC_STATUS_IS_EXIT(status), reason == END_EXIT);
}

static bool fake_sched_stop_others(struct vm *vm, struct vcpu *self)
{
    CHECK(self->vm == vm);
    world.stops += !world.is_stopping;
    return !world.is_stopping;
}

static void fake_sched_resume_others(struct vm *vm)
{
    CHECK(!vm->ending);
    world.resumes++;
}

static void fake_sched_forget_others(struct vm *vm, const struct vcpu *self)
{
    CHECK(self->vm == vm);
    world.resumes++;
}

static void fake_sched_start(struct vcpu *vcpu)
{
    CHECK(vcpu->vm->pid != 0 && !vcpu->vm->ending);
    vcpu->state = VCPU_RUNNABLE;
    world.starts++;
}

static void fake_sched_halt(struct vm *vm)
{
    CHECK(!vm->ending);
    world.halted[vm->pid] = true;
}

static void fake_sched_unhalt(struct vm *vm)
{
    CHECK(!vm->ending);
    world.halted[vm->pid] = false;
}

static void fake_sched_doom(struct vm *vm, u32 status)
{
    CHECK(!vm->ending);
    if (world.doomed[vm->pid] == 0)
        world.doomed[vm->pid] = status;
}

static void fake_sched_requeue(struct vcpu *vcpu)
{
    (void)vcpu;
    world.requeues++;
}

static void fake_sched_wake(struct vcpu *vcpu)
{
    CHECK(!vcpu->vm->ending);
    world.woken[vcpu->vm->pid] |= 1U << vcpu->id;
}

static void fake_vcpu_pend_soft(struct vcpu *vcpu)
{
    CHECK(!vcpu->vm->ending);
    world.interrupted[vcpu->vm->pid] |= 1U << vcpu->id;
}

static void fake_vcpu_take_pending(struct vcpu *vcpu)
{
    (void)vcpu;
}

static bool fake_vcpu_has_interrupt(const struct vcpu *vcpu)
{
    (void)vcpu;
    return world.has_interrupt;
}

static void fake_vcpu_put(struct vcpu *vcpu)
{
    (void)vcpu;
    world.puts++;
}

static struct vm *make_vm(struct guest *guest)
{
    struct vm *vm = calloc(1, sizeof(*vm));

    vm->guest = guest;
    vm->gs.vcpus = VCPUS;
    vm->vcpus = VCPUS;
    vm->vcpu[0] = &vm->boot_vcpu;
    vm->vcpu[1] = calloc(1, sizeof(struct vcpu));
    for (u32 i = 0; i < VCPUS; i++) {
        vm->vcpu[i]->vm = vm;
        vm->vcpu[i]->id = i;
        vm->vcpu[i]->state = VCPU_BLOCKED;
    }
    list_init(&vm->children);
    list_init(&vm->sibling);
    __atomic_fetch_add(&world.machines, 1, __ATOMIC_RELAXED);
    __atomic_fetch_add(&world.processes, 1, __ATOMIC_RELAXED);
    return vm;
}

static struct vm *fake_vm_clone(struct vm *parent, struct vcpu *vcpu, enum clone_mode mode)
{
    struct vm *child;

    (void)mode;
    if (world.is_out_of_memory)
        return NULL;
    child = make_vm(parent->guest);
    child->vcpu[vcpu->id]->regs = vcpu->regs;
    child->vcpu[vcpu->id]->csr = vcpu->csr;
    run_meanwhile(parent);
    return child;
}

static void fake_vm_destroy(struct vm *vm)
{
    if (vm->pid != 0)
        run_meanwhile(vm);
    free(vm->vcpu[1]);
    vm->vcpu[1] = NULL;
    __atomic_fetch_sub(&world.machines, 1, __ATOMIC_RELAXED);
}

static void fake_vm_free(struct vm *vm)
{
    CHECK(vm->vcpu[1] == NULL);
    world.doomed[vm->pid] = 0;
    world.halted[vm->pid] = false;
    free(vm);
    __atomic_fetch_sub(&world.processes, 1, __ATOMIC_RELAXED);
}

static enum err fake_vm_reset(struct vm *vm)
{
    CHECK(vm->ending);
    run_meanwhile(vm);
    return world.is_out_of_memory ? ERR_NOMEM : ERR_OK;
}

/* Frames of its devices. */
static void fake_vtransport_count(const struct vm *vm, u64 *owned, u64 *shared)
{
    CHECK(!vm->ending);
    *owned += 3;
    *shared += 2;
}

/* If not, the others stay as they are, stopped. */
static bool fake_vtransport_settle(struct vm *vm)
{
    CHECK(!vm->ending);
    world.stops -= world.is_in_flight;
    return !world.is_in_flight;
}

static void fake_sched_block(struct vcpu *vcpu, u64 deadline)
{
    CHECK_EQ(vcpu->held, VERDICT_END);
    CHECK_EQ(deadline, UINT64_MAX);
    world.blocks++;
}

/* NOLINTBEGIN(bugprone-suspicious-include) */
#define cell_alloc proc_world_cell_alloc
#define cell_free  proc_world_cell_free
#define cell_take  proc_world_cell_take
#define cell_give  proc_world_cell_give
#define cell_trim  proc_world_cell_trim
#include "hv/cell.c"
#include "hv/foreground.c"
#include "hv/group.c"
#include "hv/inspect.c"
#include "hv/limit.c"
#include "hv/pid.c"
#include "hv/proc.c"
#include "hv/quota.c"
#include "hv/signal.c"
/* NOLINTEND(bugprone-suspicious-include) */

/* The process with that pid, for a test that knows that it exists. */
static struct vm *world_vm(u32 pid)
{
    struct pid_slot *slot = pid_slot(pid);

    return slot == NULL ? NULL : slot->vm;
}
