/* SPDX-License-Identifier: BSD-2-Clause */
#pragma once
/*
 * The trace record: what hv's recorder writes for each VM exit, and what tools/trace reads.  Text
 * is made by the reader alone.
 *
 * A stream is one trace_header and then 64-byte records, in the order in which the harts' rings
 * were drained: ordered by time within a hart, not between harts.  Little-endian.
 *
 * How it leaves the machine: through port 0 of a virtio console of its own, which QEMU writes to a
 * file.  A ring is drained as soon as it is full, before its hart enters a guest again, and at
 * power-off.
 */
#include <stdint.h>

#define TRACE_MAGIC   0x4543415254565646ULL /* "FVVTRACE" */
#define TRACE_VERSION 1

struct trace_header {
    uint64_t magic;
    uint32_t version;
    uint32_t record_bytes;
    uint64_t timebase_hz; /* of time */
    uint64_t time;        /* one instant on both clocks, */
    uint64_t cycle;       /* so that cycles can be turned into time */
    uint64_t reserved[3];
};

/* What a record tells of. */
enum trace_kind {
    TRACE_VMEXIT = 1, /* a trap out of V=1, from its first instruction in hv to the next entry */
    TRACE_VM = 2,     /* a VM began or ended: did is TRACE_DID_CREATE, _FORK or _END */
    TRACE_HART = 3,   /* what a hart did between guests: did is TRACE_DID_DRAIN or _IDLE */
};

/* What hv did about it. */
enum trace_did {
    TRACE_DID_NOTHING = 0,
    TRACE_DID_SBI,      /* addr EID, arg0 FID, result: a0; value: a1 */
    TRACE_DID_FORK,     /* arg0: trace_door, result: error, value: the child's pid;
                           in TRACE_VM, of the child: addr: the parent's pid */
    TRACE_DID_LAZY,     /* fault: first touch, a zeroed or loaded frame was mapped; this and
                           the next three: addr GPA, result: trace_access */
    TRACE_DID_COW,      /* fault: a shared frame was copied */
    TRACE_DID_TAKEOVER, /* fault: the last owner of a frame got its right back */
    TRACE_DID_SPURIOUS, /* fault: the right was there already */
    TRACE_DID_MMIO,     /* addr GPA, arg0: bytes | TRACE_MMIO_STORE, value */
    TRACE_DID_CSR,      /* a CSR access was emulated; addr: CSR number, value */
    TRACE_DID_WFI,      /* the vCPU waits for an interrupt */
    TRACE_DID_INJECT,   /* the guest's own trap: arg0 cause, value: tval */
    TRACE_DID_TIMER,    /* host timer: a deadline was served */
    TRACE_DID_IPI,      /* another hart called */
    TRACE_DID_PREEMPT,  /* the slice was used up */
    TRACE_DID_END,      /* the VM ended: result: wait status */
    TRACE_DID_CREATE,   /* TRACE_VM only; hv_cycles: those that making the VM took, until cycle */
    TRACE_DID_DRAIN,    /* TRACE_HART only: records left, arg0 of them; addr: time at cycle,
                           value: cycles it took.  The last ones of a stream have arg0 0 */
    TRACE_DID_IDLE,     /* TRACE_HART only: no vCPU to run; value: cycles it took */
    TRACE_DID_PASSTHROUGH,  /* fault: a page of a device of the machine was mapped; addr GPA,
                               result: trace_access */
    TRACE_DID_INJECT_TIMER, /* host timer: the guest's own deadline came and VSTIP was set, once
                               for each; arg0: 1 if the slice was used up, too */
    TRACE_DID_FILL,         /* fault: what was there was mapped: eight pages, or 2 MiB */
    TRACE_DID_COUNT
};

#define TRACE_MMIO_STORE 0x100U

/* What a guest tried when it faulted: the R, W or X bit of a PTE. */
enum trace_access { TRACE_ACCESS_LOAD = 2, TRACE_ACCESS_STORE = 4, TRACE_ACCESS_FETCH = 8 };

enum trace_door { TRACE_DOOR_ECALL = 0, TRACE_DOOR_INVALID = 1, TRACE_DOOR_MMIO = 2 };

struct trace_record {
    uint64_t cycle;     /* when hv had saved the guest's registers */
    uint32_t hv_cycles; /* until it restores them, or another guest's, or waits; saturating */
    uint16_t kind;      /* enum trace_kind */
    uint16_t did;       /* enum trace_did */
    uint32_t pid;
    uint16_t vcpu;
    uint16_t hart;
    uint64_t cause; /* scause, interrupt bit included */
    uint64_t pc;    /* sepc */
    uint64_t addr;  /* this and what follows: see trace_did */
    uint32_t arg0;
    uint32_t result;
    uint64_t value;
};
_Static_assert(sizeof(struct trace_header) == 64, "stream format");
_Static_assert(sizeof(struct trace_record) == 64, "stream format");
