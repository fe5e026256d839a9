/* SPDX-License-Identifier: BSD-2-Clause */
#pragma once
/*
 * A device that a guest sees: a range of GPAs and what happens there.  How to add one:
 * hv/README.md.
 */
#include "lib/kit/err.h"
#include "lib/riscv/ops.h"

struct device;
struct vcpu;
struct vm;

#define DEVICE_STATE_WORDS 3

struct device_ops {
    const char *name;
    /* offset + bytes is within the device; bytes is 1, 2, 4 or 8; the access is aligned. */
    u64 (*read)(struct device *dev, struct vcpu *vcpu, u64 offset, u32 bytes);
    /* Returns an enum verdict: VERDICT_SKIP, unless the store does more than store.  The bits of
     * value above bytes are 0. */
    int (*write)(struct device *dev, struct vcpu *vcpu, u64 offset, u32 bytes, u64 value);
    /* The state after power-on; config words of the state stay. */
    void (*reset)(struct device *dev);
    /* child's state is a copy of parent's, made by assignment: mend what must not be equal.  The
     * parent's vCPUs stand still, and nothing of its is in flight.  ERR_NOMEM: what the child has
     * is given back by vtransport_end(). */
    enum err (*clone)(struct device *child, const struct device *parent, struct vm *child_vm);
};

struct device {
    const struct device_ops *ops;
    gpa_t base;
    u64 bytes;
    struct vm *vm;
    union {
        u64 state[DEVICE_STATE_WORDS]; /* plain data: no pointers into the VM */
        u8 reg[DEVICE_STATE_WORDS * sizeof(u64)];
    };
};

/* For devices that have nothing to reset, or nothing to mend. */
void device_reset_nothing(struct device *dev);
enum err device_clone_nothing(struct device *child, const struct device *parent,
                              struct vm *child_vm);

/* One file each: */
extern const struct device_ops doorbell_ops, finisher_ops, pflash_ops, vplic_ops, vrtc_ops,
    vtransport_ops, vuart_ops, word_ops;

#define DOORBELL_BYTES PAGE_BYTES
#define FINISHER_BYTES PAGE_BYTES
#define PFLASH_BYTES   (32UL << 20)
#define VUART_BYTES    0x100UL
#define VUART_SOURCE   10 /* of the interrupt controller, as guest.dts says */
#define WORD_BYTES     8UL
#define WORD_VALUE     0 /* state word: what it reads as; config */
