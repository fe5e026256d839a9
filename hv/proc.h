/* SPDX-License-Identifier: BSD-2-Clause */
#pragma once
/* Processes over VMs: the tree, fork, exit, wait, signals, groups, limits.  See proc.c. */
#include "lib/kit/err.h"
#include "sbi/proc.h"

#include "hv/gstage.h"

struct tree;
struct vcpu;
struct vm;

/* Set from the command line before the first VM: how fork copies. */
void proc_set_clone_mode(enum clone_mode mode);

/* A guest of the command line gets the next pid.  It does not run yet. */
__must_check enum err proc_add_guest(struct vm *vm);
/* All of them run. */
void proc_start_guests(void);
/* Processes that there are, zombies as well. */
u32 proc_count(void);

/*
 * Forks the VM of `vcpu`, which is loaded and full.  insn_bytes is how far the child's pc moves.
 * 0: *pid is the child's, which is runnable and sees 0 in a0 and a1.  ERR_INVAL (flags), ERR_QUOTA,
 * ERR_NOMEM: everything is as it was.  ERR_STATE: another vCPU is stopping this VM, or a signal
 * came; yield, try again.  ERR_BUSY: a disk has requests of this VM, all of whose vCPUs stand
 * still; hold, try again before the guest runs.
 */
__must_check enum err proc_fork(struct vcpu *vcpu, u64 flags, u64 insn_bytes, u32 *pid);

/*
 * What fork and spawn have in common.  proc_claim() takes a new process's share of the limits,
 * before its machine is made: ERR_QUOTA, ERR_NOMEM.  Then proc_cancel(), or proc_enter(), after
 * which `child` is a child of `parent` with `*pid`, in its group, and vCPU `first` of it, which was
 * stopped, runs.  If proc_enter() fails the claim is cancelled and the child still the caller's:
 * ERR_STATE: a signal came, as above; ERR_QUOTA, ERR_NOMEM.
 */
struct proc_claim {
    struct tree *tree;
    u64 frames;
    u32 sent_to_many;
    bool is_new; /* the child begins with an image of its own: it takes no signals yet */
};
__must_check enum err proc_claim(struct vm *parent, struct proc_claim *claim);
void proc_cancel(const struct proc_claim *claim);
__must_check enum err proc_enter(struct vm *child, struct vm *parent, struct vcpu *first,
                                 const struct proc_claim *claim, u32 *pid);
/* The same for one without a parent, which is charged to its guest's tree; nobody waits for it. */
__must_check enum err proc_enter_alone(struct vm *vm, u32 *pid);

/* A whole machine becomes a process without a parent, and runs.  ERR_QUOTA, ERR_NOMEM: it is still
 * the caller's. */
__must_check enum err proc_enter_alone(struct vm *vm, u32 *pid);

/*
 * ERR_OK: *result is pid << 32 | status, an ended child is gone; or 0 if flags has NOHANG and there
 * is nothing to tell.  ERR_STATE: block and try again, the caller is woken.  ERR_CHILD: no such
 * child.  ERR_PERM: not to be known.  ERR_INVAL: flags.
 */
__must_check enum err proc_wait(struct vcpu *vcpu, s64 pid, u64 flags, u64 *result);

u32 proc_ppid(struct vm *vm);

/* *count: how many processes the signal went to.  ERR_CHILD: nobody.  ERR_PERM, ERR_INVAL. */
__must_check enum err proc_kill(struct vcpu *vcpu, s64 pid, u64 signal, u64 *count);
/* What pends; nothing afterwards. */
u32 proc_signals(struct vcpu *vcpu);
u32 proc_events(struct vcpu *vcpu);
/* A word that the VM had registered for was woken.  It is live, and stays so. */
void proc_word_woken(struct vm *vm);

__must_check enum err proc_setpgid(struct vcpu *vcpu, u64 pid, u64 group);
__must_check enum err proc_getpgid(struct vcpu *vcpu, u64 pid, u32 *group);
/* group -1 only asks.  *before: 0 if it is not to be known. */
__must_check enum err proc_set_foreground(struct vcpu *vcpu, s64 group, u32 *before);

/* value -1 only asks; *before: the limit.  ERR_PERM: upwards.  ERR_INVAL, ERR_NOMEM. */
__must_check enum err proc_limit(struct vcpu *vcpu, u64 what, s64 value, u64 *before);

/* *found: *record describes pid; false if it does not exist or is not in the caller's tree, which
 * look alike.  *next: the smallest pid of the tree above pid, 0 if there is none. */
void proc_inspect(struct vcpu *vcpu, u64 pid, struct proc_record *record, bool *found, u32 *next);
/* Uptime counts from here. */
void proc_run_begins(void);
void proc_count_machine(struct proc_machine *machine);

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
/* How many ticks its vCPUs ran since this was asked last. */
u64 proc_run_since(u32 pid);
bool proc_describe_busy(u32 pid, struct proc_record *record, u32 *next);
void proc_describe_machine(struct proc_machine *machine);
/* ERR_CHILD: there is no such process.  ERR_STATE: it has ended. */
__must_check enum err proc_signal(u32 pid, u32 signal);
/* All of a group, in whichever tree; how many there were. */
u64 proc_signal_group(u32 group, u32 signal);
/* ... of the foreground. */
void foreground_signal(u32 signal);
/* Console input goes to it. */
__must_check enum err proc_attach(u32 pid);
