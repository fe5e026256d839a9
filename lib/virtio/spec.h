/* SPDX-License-Identifier: BSD-2-Clause */
#pragma once
/*
 * What a virtio driver and a virtio device agree on: registers of the MMIO transport (version 2,
 * not the legacy one), device status, feature bits, and the split virtqueue in memory.  All fields
 * are little-endian, as are the machines this is compiled for.
 *
 * [VIRTIO "Virtio Over MMIO", "Split Virtqueues", "Feature Bits", "Device Types"]
 */
#include "lib/kit/types.h"

/* [VIRTIO "MMIO Device Register Layout"], offsets in bytes; each register is 32 bits wide. */
#define VIRTIO_MMIO_MAGIC_VALUE         0x000
#define VIRTIO_MMIO_VERSION             0x004
#define VIRTIO_MMIO_DEVICE_ID           0x008
#define VIRTIO_MMIO_VENDOR_ID           0x00c
#define VIRTIO_MMIO_DEVICE_FEATURES     0x010
#define VIRTIO_MMIO_DEVICE_FEATURES_SEL 0x014
#define VIRTIO_MMIO_DRIVER_FEATURES     0x020
#define VIRTIO_MMIO_DRIVER_FEATURES_SEL 0x024
#define VIRTIO_MMIO_QUEUE_SEL           0x030
#define VIRTIO_MMIO_QUEUE_NUM_MAX       0x034
#define VIRTIO_MMIO_QUEUE_NUM           0x038
#define VIRTIO_MMIO_QUEUE_READY         0x044
#define VIRTIO_MMIO_QUEUE_NOTIFY        0x050
#define VIRTIO_MMIO_INTERRUPT_STATUS    0x060
#define VIRTIO_MMIO_INTERRUPT_ACK       0x064
#define VIRTIO_MMIO_STATUS              0x070
#define VIRTIO_MMIO_QUEUE_DESC_LOW      0x080
#define VIRTIO_MMIO_QUEUE_DESC_HIGH     0x084
#define VIRTIO_MMIO_QUEUE_DRIVER_LOW    0x090
#define VIRTIO_MMIO_QUEUE_DRIVER_HIGH   0x094
#define VIRTIO_MMIO_QUEUE_DEVICE_LOW    0x0a0
#define VIRTIO_MMIO_QUEUE_DEVICE_HIGH   0x0a4
#define VIRTIO_MMIO_CONFIG_GENERATION   0x0fc
#define VIRTIO_MMIO_CONFIG              0x100

#define VIRTIO_MMIO_MAGIC          0x74726976U /* "virt" */
#define VIRTIO_MMIO_VERSION_MODERN 2

/* [VIRTIO "Device Types"] */
#define VIRTIO_DEVICE_NONE    0 /* an empty slot */
#define VIRTIO_DEVICE_BLOCK   2
#define VIRTIO_DEVICE_CONSOLE 3
#define VIRTIO_DEVICE_ENTROPY 4

/* [VIRTIO "MMIO Device Register Layout", InterruptStatus] */
#define VIRTIO_MMIO_INTERRUPT_USED   1U
#define VIRTIO_MMIO_INTERRUPT_CONFIG 2U

/* [VIRTIO "Device Status Field"] */
#define VIRTIO_STATUS_ACKNOWLEDGE 1U
#define VIRTIO_STATUS_DRIVER      2U
#define VIRTIO_STATUS_DRIVER_OK   4U
#define VIRTIO_STATUS_FEATURES_OK 8U
#define VIRTIO_STATUS_NEEDS_RESET 64U
#define VIRTIO_STATUS_FAILED      128U

/* [VIRTIO "Reserved Feature Bits"] */
#define VIRTIO_F_INDIRECT_DESC (1ULL << 28)
#define VIRTIO_F_EVENT_IDX     (1ULL << 29)
#define VIRTIO_F_VERSION_1     (1ULL << 32)

/* [VIRTIO "Console Device", "Virtqueues"]: of port 0, the only one without multiport. */
#define VIRTIO_CONSOLE_RECEIVEQ  0
#define VIRTIO_CONSOLE_TRANSMITQ 1

/* [VIRTIO "Entropy Device", "Virtqueues"] */
#define VIRTIO_RNG_REQUESTQ 0

/* [VIRTIO "Block Device", "Virtqueues"]: the only one without VIRTIO_BLK_F_MQ. */
#define VIRTIO_BLK_REQUESTQ 0

/* [VIRTIO "Block Device", "Feature bits"] */
#define VIRTIO_BLK_F_SIZE_MAX (1ULL << 1)
#define VIRTIO_BLK_F_SEG_MAX  (1ULL << 2)
#define VIRTIO_BLK_F_RO       (1ULL << 5)
#define VIRTIO_BLK_F_FLUSH    (1ULL << 9)

#define VIRTIO_BLK_SECTOR_BYTES 512U

/* [VIRTIO "Block Device", "Device configuration layout"], as far as it is used */
struct virtio_blk_config {
    u64 capacity; /* sectors */
    u32 size_max; /* bytes of one piece, with F_SIZE_MAX */
    u32 seg_max;  /* pieces of one request, header and status not counted, with F_SEG_MAX */
};

/* [VIRTIO "Block Device", "Device Operation"]: header, pieces, and one byte for the status */
struct virtio_blk_header {
    u32 type; /* VIRTIO_BLK_T_* */
    u32 reserved;
    u64 sector;
};
#define VIRTIO_BLK_T_IN     0U
#define VIRTIO_BLK_T_OUT    1U
#define VIRTIO_BLK_T_FLUSH  4U
#define VIRTIO_BLK_T_GET_ID 8U
#define VIRTIO_BLK_S_OK     0U
#define VIRTIO_BLK_S_IOERR  1U
#define VIRTIO_BLK_S_UNSUPP 2U
#define VIRTIO_BLK_ID_BYTES 20U

/* [VIRTIO "The Virtqueue Descriptor Table"] */
struct virtq_desc {
    u64 addr;
    u32 len;
    u16 flags; /* VIRTQ_DESC_* */
    u16 next;  /* index, if flags has NEXT */
};
#define VIRTQ_DESC_NEXT     1U
#define VIRTQ_DESC_WRITE    2U /* the device writes this buffer */
#define VIRTQ_DESC_INDIRECT 4U

/* [VIRTIO "The Virtqueue Available Ring"]; behind it the event index of the used ring */
struct virtq_avail {
    u16 flags;
    u16 idx; /* free-running: where the driver puts the next head */
    u16 ring[];
};
#define VIRTQ_AVAIL_NO_INTERRUPT 1U

struct virtq_used_elem {
    u32 id;  /* head of the chain */
    u32 len; /* bytes that the device wrote into it */
};
#define VIRTQ_USED_NO_NOTIFY 1U

/* [VIRTIO "The Virtqueue Used Ring"]; behind it the event index of the available ring */
struct virtq_used {
    u16 flags;
    u16 idx; /* free-running: where the device puts the next element */
    struct virtq_used_elem ring[];
};

#define VIRTQ_DESC_ALIGN 16
#define VIRTQ_USED_ALIGN 4
#define VIRTQ_SIZE_MAX   32768

_Static_assert(sizeof(struct virtq_desc) == 16, "[VIRTIO] layout");
_Static_assert(sizeof(struct virtq_avail) == 4, "[VIRTIO] layout");
_Static_assert(sizeof(struct virtq_used) == 4, "[VIRTIO] layout");
