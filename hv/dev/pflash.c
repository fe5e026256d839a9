/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * pflash 1 as a guest sees it: a CFI flash with Intel's command set, two 16-bit chips side by side,
 * as QEMU's virt has it.  It reads as the guest's file, then zeros.
 *
 *     command           what reads give from then on
 *     0xff, 0xf0        the contents
 *     0x70              the status of both chips
 *     0x90              the identity: manufacturer, device, "block is locked"
 *     0x98              the CFI query table
 *     0x50              as before; errors in the status are cleared
 *     0x10 0x40 0x20    (program, erase; takes one more store) status: failed, block is locked
 *     any other         status: failed
 *
 * It cannot be written: every block is locked for ever, and the status says so as a real chip
 * would.  The state is the driver's view alone, so a child has a flash of its own in the same mode.
 *
 * [CFI "Query Structure Output"; Intel Basic Command Set]
 */
#include "hv/dev/dev.h"
#include "hv/vm.h"
#include "hv/vmexit.h"

/* What the words of the state are: what reads give, the status register, stores to swallow. */
enum { MODE, STATUS, SWALLOW };
enum { MODE_ARRAY, MODE_STATUS, MODE_IDENTITY, MODE_QUERY };

#define STATUS_READY     0x80U
#define STATUS_FAILED    0x38U /* erase, program and voltage */
#define STATUS_LOCKED    0x02U
#define IDENTITY_MAKER   0x89U /* Intel */
#define IDENTITY_DEVICE  0x18U
#define CHIPS            2U
#define BLOCK_BYTES_LOG2 17U /* of one chip */

/* By word of a chip.  [CFI "Query Structure Output"] */
static const u8 query[] = {
    [0x10] = 'Q',
    [0x11] = 'R',
    [0x12] = 'Y',
    [0x13] = 1,    /* Intel's command set */
    [0x15] = 0x31, /* its table */
    [0x1b] = 0x45, /* 4.5 to 5.5 V */
    [0x1c] = 0x55,
    [0x1f] = 7, /* 2^n us for a word, 2^n ms for a block; at most 2^n times as long */
    [0x21] = 10,
    [0x23] = 4,
    [0x25] = 4,
    [0x27] = 24, /* 2^n bytes */
    [0x28] = 2,  /* by 8 and by 16 bits */
    [0x2c] = 1,  /* one region: 2^7 blocks (less 1) of 2^17 bytes (by 256) */
    [0x2d] = (PFLASH_BYTES / CHIPS >> BLOCK_BYTES_LOG2) - 1,
    [0x2f] = (1U << BLOCK_BYTES_LOG2 >> 8) & 0xff,
    [0x30] = 1U << BLOCK_BYTES_LOG2 >> 16,
    [0x31] = 'P',
    [0x32] = 'R',
    [0x33] = 'I',
    [0x34] = '1',
    [0x35] = '0',
};
_Static_assert(PFLASH_BYTES / CHIPS == 1UL << 24, "query[0x27]");

static u8 identity(u64 word)
{
    switch (word % (1U << BLOCK_BYTES_LOG2 >> 1)) {
    case 0: return IDENTITY_MAKER;
    case 1: return IDENTITY_DEVICE;
    case 2: return 1; /* the block is locked */
    default: return 0;
    }
}

/* Four bytes of address space are one word of each chip, low half and high half. */
static u8 chip_byte(const struct device *dev, u64 offset)
{
    u64 word = offset / (2 * CHIPS);

    if (offset % 2 != 0)
        return 0;
    switch (dev->state[MODE]) {
    case MODE_QUERY: return word < sizeof(query) ? query[word] : 0;
    case MODE_IDENTITY: return identity(word);
    default: return (u8)dev->state[STATUS];
    }
}

static u64 pflash_read(struct device *dev, struct vcpu *vcpu, u64 offset, u32 bytes)
{
    const struct guest *guest = dev->vm->guest;
    u64 value = 0;

    (void)vcpu;
    for (u32 i = 0; i < bytes; i++) {
        u64 at = offset + i;
        u8 byte = 0;

        if (dev->state[MODE] != MODE_ARRAY)
            byte = chip_byte(dev, at);
        else if (at < guest->pflash_bytes)
            byte = guest->pflash[at];
        value |= (u64)byte << 8 * i;
    }
    return value;
}

static void fail(struct device *dev, u32 swallow)
{
    dev->state[MODE] = MODE_STATUS;
    dev->state[STATUS] = STATUS_READY | STATUS_FAILED | STATUS_LOCKED;
    dev->state[SWALLOW] = swallow;
}

/* A driver tells both chips the same; the low one counts. */
static int pflash_write(struct device *dev, struct vcpu *vcpu, u64 offset, u32 bytes, u64 value)
{
    (void)vcpu;
    (void)offset;
    (void)bytes;
    if (dev->state[SWALLOW] != 0) {
        dev->state[SWALLOW]--;
        return VERDICT_SKIP;
    }
    switch (value & 0xff) {
    case 0xf0:
    case 0xff: dev->state[MODE] = MODE_ARRAY; break;
    case 0x70: dev->state[MODE] = MODE_STATUS; break;
    case 0x90: dev->state[MODE] = MODE_IDENTITY; break;
    case 0x98: dev->state[MODE] = MODE_QUERY; break;
    case 0x50: dev->state[STATUS] = STATUS_READY; break;
    case 0x10:
    case 0x20:
    case 0x40: fail(dev, 1); break;
    default: fail(dev, 0); break;
    }
    return VERDICT_SKIP;
}

static void pflash_reset(struct device *dev)
{
    dev->state[MODE] = MODE_ARRAY;
    dev->state[STATUS] = STATUS_READY;
    dev->state[SWALLOW] = 0;
}

const struct device_ops pflash_ops = {
    .name = "pflash",
    .read = pflash_read,
    .write = pflash_write,
    .reset = pflash_reset,
    .clone = device_clone_nothing,
};
