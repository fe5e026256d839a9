/* SPDX-License-Identifier: BSD-2-Clause */
#pragma once
/*
 * A virtual machine, which is a process: memory, vCPUs, devices and a place in the process tree, in
 * one piece.  See vm.c for the machine and proc.c for the process.
 */
#include "lib/kit/err.h"
#include "lib/kit/list.h"
#include "lib/kit/spinlock.h"
#include "sbi/proc.h"

#include "dts/guest_fdt.h"

#include "hv/console.h"
#include "hv/dev/dev.h"
#include "hv/dev/vplic.h"
#include "hv/dev/vtransport.h"
#include "hv/gstage.h"
#include "hv/hold.h"
#include "hv/limits.h"
#include "hv/quota.h"
#include "hv/vcpu.h"

struct disk;
struct disk_view;

struct program;

/*
 * All processes that descend from one guest of the command line: who is whose parent, in which
 * group, how it ended.  The lock guards all of that.  A family whose orphans pid 1 adopts becomes
 * part of that of pid 1, and is guarded by its lock from then on.  See proc.c.
 */
struct family {
    struct spinlock own;
    struct spinlock *lock; /* own, or the one of pid 1's family; changes under both */
    u32 number;            /* of the guest, from 1; its pids' owner */
    struct tree tree;
};

/* How a guest of the bundle is set up: the machine that all VMs of its family are.  Immutable but
 * for the family, outlives its VMs.  Filled by load.c. */
struct guest {
    char name[32];
    gpa_t ram_base;
    u64 mem_bytes;
    u32 vcpus;
    bool control;
    bool has_mhartid; /* machine option: csrr mhartid reads as this */
    u64 mhartid;
    struct guest_fdt_made tree;
    const u8 *initrd;       /* what lies in memory beside each image */
    u64 initrd_bytes;       /* 0: nothing */
    struct backing backing; /* without what programs add */
    struct program *program;
    struct family family;
    /* devices beyond those that each VM has: */
    const u8 *pflash; /* contents of pflash 1, NULL if none */
    u64 pflash_bytes;
    struct disk *disk; /* NULL if none */
    struct {
        gpa_t gpa;
        u64 value;
    } word[4];
    u32 words;
};

/* What a VM is going to be: see vm_prepare(). */
struct vm_next {
    struct program *program;
    struct gstage gs;
};

struct vm {
    struct guest *guest;
    struct program *program; /* that it began with */
    struct vm_next *next;    /* NULL: none */
    u32 vcpus;
    struct vcpu *vcpu[VCPUS_MAX]; /* vcpu[0] is &boot_vcpu */
    u32 devices;                  /* 0: none was touched yet */
    struct vplic_use plic_use;
    struct vtransport_use virtio;
    struct disk_view *disk; /* what it sees of its disk; NULL if it has none */
    struct holds holds;     /* what others see it hold */

    /* atomic; see sched_vm.c: */
    struct vcpu *stopper; /* who has stopped the others, NULL if nobody */
    bool halted;          /* from outside: none of its vCPUs runs, unless it is doomed */
    bool doomed;          /* the next vCPU to run ends it, as doom_status says */
    u32 doom_status;

    /* the process; guarded by the family's lock: */
    u32 pid;
    u32 group;
    struct vm *parent; /* NULL: a guest of the command line, or an orphan that nobody waits for */
    struct list children; /* live ones */
    struct list ended;    /* zombies, the one that ended first is first */
    struct list sibling;  /* in one of the parent's two */
    struct tree *tree;    /* that it is charged to */
    u32 changes;          /* children with a `change` */
    u32 change;           /* status that its parent can be told: stopped or continued; 0: none */
    u32 waiting;          /* set of vCPUs that wait for a child */
    u32 sent_to_many;     /* signals that it got as one of several */
    u32 status;           /* of a zombie, as wait() gives it */
    u64 run_ticks_seen;   /* when proc_run_since() asked last */
    bool is_guest;        /* of the command line: a pid from 1 to n */
    bool ending;          /* its machine is being taken apart, or is gone */
    bool zombie;          /* and it can be waited for */
    bool waited;          /* has called wait */
    bool control;         /* immutable */
    bool owns_tree;       /* has called limit(), or is a guest of the command line */
    bool stopped;         /* by signal */
    bool dying;           /* by signal: its end is under way */
    bool takes_signals;   /* it or its parent has called signals() */

    struct {
        struct spinlock lock;
        u32 count;
        struct list list;
    } words; /* registered for: see futex.c */

    /* atomic: */
    u32 signals;    /* pending: bit n for signal n */
    u32 events;     /* PROC_EVENT_* */
    u32 event_vcpu; /* which vCPU is interrupted for them */

    struct console console; /* its line, and all below, are set up when they come into use: */

    struct gstage gs;
    _Alignas(8) char name[32]; /* of the program's image; stays when that is gone */
    struct vcpu boot_vcpu;
    struct device device[DEVICES_MAX]; /* in the order of attaching; ranges do not overlap */
    struct vplic plic;                 /* of the device; see plic_use */
};

/* A machine at reset, not yet running.  It shares memory with `parent`, and its disk is a view like
 * the parent's; NULL: nothing is shared, and the disk is opened.  All vCPUs of parent but the
 * caller's are outside the guest, and parent is settled.  NULL: no memory. */
struct vm *vm_create(struct program *program, struct vm *parent);
/* The next reset begins with this program and keeps shared memory, and cannot fail.  No vCPU of the
 * VM but the caller's is in the guest. */
__must_check enum err vm_prepare(struct vm *vm, struct program *program);
/* A machine that continues where `vcpu` of `parent` is; its other vCPUs are stopped.  All vCPUs of
 * parent but `vcpu` are outside the guest, `vcpu` is loaded and full; parent is settled.  NULL: no
 * memory. */
struct vm *vm_clone(struct vm *parent, struct vcpu *vcpu, enum clone_mode mode);
/* Gives back memory, vCPUs and disk; what is left is the process.  No vCPU is loaded, and the VM is
 * settled. */
void vm_destroy(struct vm *vm);
/* Gives back the rest. */
void vm_free(struct vm *vm);
/* Back to the state after vm_create, but for vCPU 0, which is not runnable yet, and the disk; with
 * the program that was prepared, if there is one.  The VM is settled. */
__must_check enum err vm_reset(struct vm *vm);

/* Attaches a device in its state after reset, apart from all others; panics if its ops lack one. */
struct device *vm_attach(struct vm *vm, const struct device_ops *ops, gpa_t base, u64 bytes);
struct device *vm_find_device(struct vm *vm, gpa_t gpa);
