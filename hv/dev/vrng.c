/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The entropy device: a guest's buffers are filled with hv's random numbers, of each chain 4 KiB at
 * most, which the specification allows.  It is not there where hv has none.
 *
 * [VIRTIO "Entropy Device"]
 */
#include "hv/dev/vtransport.h"
#include "hv/random.h"
#include "hv/vm.h"

#define CHAIN_BYTES_MAX 4096U
#define WORK_BYTES                                                                \
    128U /* that count as one chain more: a block takes two thousand instructions \
          */

static enum err fill_segment(struct vm *vm, struct virtq_segment segment, u32 *written)
{
    while (segment.bytes > 0 && *written < CHAIN_BYTES_MAX) {
        u64 run;
        u8 *at = vtransport_place(vm->virtio.state, segment.addr, &run);
        u32 left = CHAIN_BYTES_MAX - *written, now = segment.bytes < left ? segment.bytes : left;

        if (at == NULL)
            return ERR_FORMAT;
        now = run < now ? (u32)run : now;
        if (random_bytes(at, now) != ERR_OK)
            return ERR_FORMAT;
        segment.addr += now;
        segment.bytes -= now;
        *written += now;
    }
    return ERR_OK;
}

static enum err serve(struct vm *vm, struct vcpu *vcpu, u32 queue, struct virtq_chain *chain,
                      struct vwork *work)
{
    u32 written = 0;

    (void)vcpu;
    for (u32 i = 0; i < chain->writable; i++) {
        if (fill_segment(vm, chain->segment[chain->readable + i], &written) != ERR_OK)
            return ERR_FORMAT;
    }
    work->left -= written / WORK_BYTES < work->left ? 1 + written / WORK_BYTES : work->left;
    return vtransport_push(vm, VDEV_ENTROPY, queue, chain->head, written);
}

static bool is_there(const struct vm *vm)
{
    (void)vm;
    return random_seeded();
}

const struct vdev_kind vrng_kind = {
    .name = "entropy",
    .device_id = VIRTIO_DEVICE_ENTROPY,
    .slot = 6,
    .queues = 1,
    .is_there = is_there,
    .features = vtransport_no_features,
    .config = vtransport_no_config,
    .serve = serve,
};
