/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * A guest's disk: the virtio block device over its view of a disk (hv/disk.h).
 *
 *     notify ──▶ chain ──▶ struct disk_io ──▶ disk_start() ··· done() ──▶ status, used ring
 *
 * What is transferred goes between the disk and the guest's own pages: nothing is copied.  A
 * request in flight is a frame with their addresses; its pages stay in place (gstage_pin()) because
 * nothing that moves them goes on before it is done (vtransport.c).
 *
 * A request that keeps to seg_max and size_max has room in a disk_io however its pages lie.  What
 * the guest asks for wrongly (beyond the disk, parts of a sector, addresses without memory, a
 * request without a header) costs that request, status IOERR or UNSUPP; a chain in which there is
 * no place for the status breaks the queue.  Header, pieces and status may be cut into segments in
 * any way.
 *
 * done() comes on any hart, also before disk_start() returns, and takes use.lock: disk_start() is
 * called without.
 *
 * [VIRTIO "Block Device", "Message Framing"]
 */
#include <string.h>

#include "hv/dev/vtransport.h"
#include "hv/disk.h"
#include "hv/frame.h"
#include "hv/vm.h"

#define SIZE_MAX_BYTES (4 * PAGE_BYTES)
#define SEG_MAX        (VTRANSPORT_SEGMENTS - 2) /* but for the header and the status */
#define BYTES_MAX      (SEG_MAX * SIZE_MAX_BYTES)
#define WORK_BYTES     (16UL << 10) /* of a request that count as one more */

_Static_assert(SEG_MAX *(SIZE_MAX_BYTES / PAGE_BYTES + 1) <= DISK_PIECES_MAX,
               "a segment lies in one more page than it has bytes for at most");

/* The words of disk_io.caller. */
enum { CALLER_VM, CALLER_STATUS, CALLER_HEAD, CALLER_WRITTEN };

/* What a request comes to, before it is a disk's. */
enum outcome {
    STARTS,
    ENDS_OK = 16 + VIRTIO_BLK_S_OK,
    ENDS_IOERR = 16 + VIRTIO_BLK_S_IOERR,
    ENDS_UNSUPP = 16 + VIRTIO_BLK_S_UNSUPP,
};

struct request {
    struct virtio_blk_header header;
    const struct virtq_segment *segment; /* what is transferred; some may be empty */
    u32 segments;
    u64 bytes;   /* their sum */
    u32 written; /* what the driver is told of it */
};

/* On any hart.  The disk is done with io and its memory, all of whose bytes are in place before the
 * driver sees the index of the used ring: this hart has seen them, and virtq_device_push() stores
 * the index with release. */
static void done(struct disk_io *io)
{
    struct vm *vm = (struct vm *)io->caller[CALLER_VM];
    u8 *status = (u8 *)io->caller[CALLER_STATUS];

    spin_lock(&vm->virtio.lock);
    if (likely(vslot_runs(&vm->virtio.state->slot[VDEV_BLOCK], 0))) {
        *status = io->failed ? VIRTIO_BLK_S_IOERR : VIRTIO_BLK_S_OK;
        if (vtransport_push(vm, VDEV_BLOCK, 0, (u16)io->caller[CALLER_HEAD],
                            (u32)io->caller[CALLER_WRITTEN]) != ERR_OK)
            vtransport_break(vm, VDEV_BLOCK);
    }
    frame_put(hpa_of(io));
    vtransport_landed(vm);
    spin_unlock(&vm->virtio.lock);
}

/* Cuts the last byte off the chain, which is the status.  NULL: there is none, or the driver has
 * more requests in flight than its queue has entries. */
static u8 *cut_status(struct vm *vm, struct virtq_chain *chain)
{
    struct virtq_segment *last;
    u64 run;

    if (chain->writable == 0 || vm->virtio.in_flight == VTRANSPORT_QUEUE_MAX)
        return NULL;
    last = &chain->segment[chain->readable + chain->writable - 1];
    last->bytes--;
    return vtransport_place(vm->virtio.state, last->addr + last->bytes, &run);
}

/* The driver may change it while it is read. */
static void read_header(const u64 *at, struct virtio_blk_header *header)
{
    u64 words[2] = {__atomic_load_n(&at[0], __ATOMIC_RELAXED),
                    __atomic_load_n(&at[1], __ATOMIC_RELAXED)};

    header->type = (u32)words[0];
    header->sector = words[1];
}

static enum err cut_header_in_parts(struct vtransport *state, struct virtq_chain *chain,
                                    struct virtio_blk_header *header)
{
    u32 left = sizeof(*header);

    for (u32 i = 0; i < chain->readable && left > 0; i++) {
        struct virtq_segment *segment = &chain->segment[i];

        while (segment->bytes > 0 && left > 0) {
            u64 run;
            const u8 *at = vtransport_place(state, segment->addr, &run);
            u32 now = segment->bytes < left ? segment->bytes : left;

            if (at == NULL)
                return ERR_FAULT;
            now = run < now ? (u32)run : now;
            memcpy((u8 *)header + sizeof(*header) - left, at, now);
            segment->addr += now;
            segment->bytes -= now;
            left -= now;
        }
    }
    return left == 0 ? ERR_OK : ERR_FORMAT;
}

/* Cuts the first bytes of the chain off, which are the header. */
static inline enum err cut_header(struct vtransport *state, struct virtq_chain *chain,
                                  struct virtio_blk_header *header)
{
    struct virtq_segment *first = &chain->segment[0];
    u64 run = 0;
    const u8 *at;

    if (unlikely(chain->readable == 0))
        return ERR_FORMAT;
    at = vtransport_place(state, first->addr, &run);
    if (unlikely(at == NULL || first->addr % sizeof(u64) != 0 || run < sizeof(*header) ||
                 first->bytes < sizeof(*header)))
        return cut_header_in_parts(state, chain, header);
    read_header((const u64 *)(const void *)at, header);
    first->addr += sizeof(*header);
    first->bytes -= (u32)sizeof(*header);
    return ERR_OK;
}

static inline enum err add_piece(struct disk_io *io, const u8 *at, u32 bytes)
{
    struct virtq_desc *last = &io->piece[io->pieces];

    if (io->pieces > 0 && last->addr + last->len == (u64)at) {
        last->len += bytes;
        return ERR_OK;
    }
    if (io->pieces == DISK_PIECES_MAX)
        return ERR_QUOTA;
    io->pieces++;
    last[1].addr = (u64)at;
    last[1].len = bytes;
    return ERR_OK;
}

static enum err add_pieces(struct vtransport *state, const struct request *request,
                           struct disk_io *io)
{
    io->pieces = 0;
    for (u32 i = 0; i < request->segments; i++) {
        struct virtq_segment segment = request->segment[i];

        while (segment.bytes > 0) {
            u64 run;
            const u8 *at = vtransport_place(state, segment.addr, &run);
            u32 now;

            if (at != NULL && run < segment.bytes)
                at = vtransport_find(state, segment.addr, &run); /* it may be longer by now */
            if (at == NULL)
                return ERR_FAULT;
            now = segment.bytes < run ? segment.bytes : (u32)run;
            if (add_piece(io, at, now) != ERR_OK)
                return ERR_QUOTA;
            segment.addr += now;
            segment.bytes -= now;
        }
    }
    return ERR_OK;
}

static bool is_within(const struct request *request, u64 sectors)
{
    u64 count = request->bytes / VIRTIO_BLK_SECTOR_BYTES;

    return request->bytes % VIRTIO_BLK_SECTOR_BYTES == 0 && request->bytes <= BYTES_MAX &&
           count <= sectors && request->header.sector <= sectors - count;
}

static enum outcome transfer(struct vm *vm, const struct request *request, struct disk_io *io)
{
    const struct disk_info info = disk_info(disk_of_view(vm->disk));

    io->op = request->header.type == VIRTIO_BLK_T_IN ? DISK_READ : DISK_WRITE;
    if (!is_within(request, info.sectors) || (io->op == DISK_WRITE && info.readonly))
        return ENDS_IOERR;
    if (request->bytes == 0)
        return ENDS_OK;
    io->sector = request->header.sector;
    io->bytes = (u32)request->bytes;
    return add_pieces(vm->virtio.state, request, io) == ERR_OK ? STARTS : ENDS_IOERR;
}

static enum outcome flush(struct disk_io *io)
{
    io->op = DISK_FLUSH;
    io->sector = 0;
    io->bytes = 0;
    io->pieces = 0;
    return STARTS;
}

/* The name: ASCII, filled up with zeros. */
static enum outcome get_id(struct vm *vm, const struct request *request)
{
    static const char id[VIRTIO_BLK_ID_BYTES] = "forkvisor";
    u64 done_bytes = 0;

    for (u32 i = 0; i < request->segments && done_bytes < sizeof(id); i++) {
        struct virtq_segment segment = request->segment[i];
        u64 left = sizeof(id) - done_bytes, now = segment.bytes < left ? segment.bytes : left;

        if (gstage_write(&vm->gs, (gpa_t){segment.addr}, id + done_bytes, now) != ERR_OK)
            return ENDS_IOERR;
        done_bytes += now;
    }
    return ENDS_OK;
}

/* The driver's segments, by what the request does with them. */
static void choose_segments(const struct virtq_chain *chain, struct request *request)
{
    bool is_write = request->header.type == VIRTIO_BLK_T_OUT;

    request->segment = is_write ? chain->segment : chain->segment + chain->readable;
    request->segments = is_write ? chain->readable : chain->writable;
    request->bytes = 0;
    for (u32 i = 0; i < request->segments; i++)
        request->bytes += request->segment[i].bytes;
    request->written = 1;
    if (!is_write && request->bytes < UINT32_MAX)
        request->written += (u32)request->bytes;
}

static enum outcome judge(struct vm *vm, struct virtq_chain *chain, struct request *request,
                          struct disk_io *io)
{
    if (cut_header(vm->virtio.state, chain, &request->header) != ERR_OK)
        return ENDS_IOERR;
    choose_segments(chain, request);
    switch (request->header.type) {
    case VIRTIO_BLK_T_IN:
    case VIRTIO_BLK_T_OUT: return transfer(vm, request, io);
    case VIRTIO_BLK_T_FLUSH: return flush(io);
    case VIRTIO_BLK_T_GET_ID: return get_id(vm, request);
    default: return ENDS_UNSUPP;
    }
}

/* Makes a disk's request of a chain, or answers it at once. */
static enum err serve(struct vm *vm, struct vcpu *vcpu, u32 queue, struct virtq_chain *chain,
                      struct vwork *work)
{
    struct request request = {.written = 1};
    u8 *status = cut_status(vm, chain);
    struct disk_io *io;
    enum outcome outcome = ENDS_IOERR;

    (void)vcpu;
    (void)queue;
    if (status == NULL)
        return ERR_FORMAT;
    io = hpa_ptr(frame_alloc());
    if (io != NULL)
        outcome = judge(vm, chain, &request, io);
    if (outcome != STARTS) {
        if (io != NULL)
            frame_put(hpa_of(io));
        *status = (u8)(outcome - ENDS_OK);
        work->left--;
        return vtransport_push(vm, VDEV_BLOCK, 0, chain->head, request.written);
    }
    io->view = vm->disk;
    io->done = done;
    io->failed = false;
    io->caller[CALLER_VM] = (u64)vm;
    io->caller[CALLER_STATUS] = (u64)status;
    io->caller[CALLER_HEAD] = chain->head;
    io->caller[CALLER_WRITTEN] = request.written;
    work->io[work->ios++] = io;
    vm->virtio.in_flight++;
    request.bytes /= WORK_BYTES;
    work->left -= request.bytes < work->left ? 1 + (u32)request.bytes : work->left;
    return ERR_OK;
}

static bool is_there(const struct vm *vm)
{
    return vm->disk != NULL;
}

static u64 features(const struct vm *vm)
{
    return VIRTIO_BLK_F_SIZE_MAX | VIRTIO_BLK_F_SEG_MAX | VIRTIO_BLK_F_FLUSH |
           (disk_info(disk_of_view(vm->disk)).readonly ? VIRTIO_BLK_F_RO : 0);
}

static u64 config(const struct vm *vm, u64 offset, u32 bytes)
{
    const struct virtio_blk_config all = {.capacity = disk_info(disk_of_view(vm->disk)).sectors,
                                          .size_max = SIZE_MAX_BYTES,
                                          .seg_max = SEG_MAX};
    u64 value = 0;

    if (offset < sizeof(all) && bytes <= sizeof(all) - offset)
        memcpy(&value, (const u8 *)&all + offset, bytes);
    return value;
}

const struct vdev_kind vblk_kind = {
    .name = "block",
    .device_id = VIRTIO_DEVICE_BLOCK,
    .slot = 0,
    .queues = 1,
    .is_there = is_there,
    .features = features,
    .config = config,
    .serve = serve,
};
