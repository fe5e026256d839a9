/* SPDX-License-Identifier: BSD-2-Clause */
#pragma once
/* Processes over VMs: the tree, fork, exit, wait.  See proc.c. */
#include "lib/kit/err.h"
#include "sbi/proc.h"

#include "hv/gstage.h"

struct vcpu;
struct vm;
enum verdict;

/* Set from the command line before the first VM: how fork copies. */
void proc_set_clone_mode(enum clone_mode mode);

/* A guest of the command line gets the next pid.  It does not run yet. */
__must_check enum err proc_add_guest(struct vm *vm);

/*
 * Forks the VM of `vcpu`, which is loaded and full.  insn_bytes is how far the child's pc moves.
 * 0: *pid is the child's, which is runnable and sees 0 in a0 and a1.  ERR_INVAL (flags), ERR_QUOTA,
 * ERR_NOMEM: everything is as it was.  ERR_STATE: another vCPU is stopping this VM; yield, try
 * again.  ERR_BUSY: a disk has requests of this VM, all of whose vCPUs stand still; hold, try again
 * before the guest runs.
 */
__must_check enum err proc_fork(struct vcpu *vcpu, u64 flags, u64 insn_bytes, u32 *pid);

/*
 * ERR_OK: *result is pid << 32 | status, the child is gone; or 0 if flags has NOHANG and none has
 * ended.  ERR_STATE: none has ended; block and try again, every end of a child wakes the caller.
 * ERR_CHILD: no such child.  ERR_PERM: not a child.  ERR_NOSUPP: groups.  ERR_INVAL: flags.
 */
__must_check enum err proc_wait(struct vcpu *vcpu, s64 pid, u64 flags, u64 *result);

u32 proc_ppid(struct vm *vm);
/* *found: *record describes pid; false if it does not exist or is not in the caller's tree, which
 * look alike.  *next: the smallest pid of the tree above pid, 0 if there is none. */
void proc_inspect(struct vcpu *vcpu, u32 pid, struct proc_record *record, bool *found, u32 *next);

/*
 * Ends the VM of `vcpu` as vcpu->end says, on the hart that has it loaded; afterwards neither may
 * be touched.  If another vCPU of the VM is stopping it, this one goes back to the queue instead;
 * if a disk has requests of the VM, it sleeps until they are done, and then ends it.
 */
void proc_end(struct vcpu *vcpu);

/*
 * For the operator, who may see and do everything; on any hart, no lock held.  *next: the smallest
 * pid above pid, 0 at the end.  False: there is no such process.  The busy one says in run_ticks
 * how long it ran since it was asked last.
 */
bool proc_describe(u32 pid, struct proc_record *record, u32 *next);
bool proc_describe_busy(u32 pid, struct proc_record *record, u32 *next);
void proc_describe_machine(struct proc_machine *machine);
/* ERR_CHILD: there is no such process.  ERR_STATE: it has ended. */
__must_check enum err proc_signal(u32 pid, u32 signal);
/* Console input goes to it. */
__must_check enum err proc_attach(u32 pid);
