/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * What guests see of virtio: registers, requests, what a fork, a reset and an end wait for, and
 * drivers that break every rule there is.
 */
#include <stdlib.h>
#include <string.h>

#include "lib/drv/virtio_blk.h"
#include "lib/drv/virtio_console.h"
#include "lib/drv/virtio_rng.h"

#include "hv/frame.h"
#include "hv/vmexit.h"

#include "tests/host/console_fake.h"
#include "tests/host/hv_world.h"
#include "tests/host/vdev_world.h"
#include "tests/test.h"

/* Of the block device's configuration. */
#define SIZE_MAX_BYTES 16384U
#define SEG_MAX        48U
#define FRAMES         6000
#define SECTOR         VIRTIO_BLK_SECTOR_BYTES
#define SIZE           16
#define BLK            VDEV_SLOT(0)
#define RNG            VDEV_SLOT(6)
#define CONSOLE        VDEV_SLOT(7)
#define ALL_BITS       (VIRTIO_STATUS_ACKNOWLEDGE | VIRTIO_STATUS_DRIVER | VIRTIO_STATUS_FEATURES_OK)
#define STATUS_NEW     0xee

/* A guest's memory; it lies at VDEV_RAM, and a fork copies it. */
struct memory {
    _Alignas(PAGE_BYTES) u8 ring[2 * PAGE_BYTES];
    struct {
        struct virtio_blk_request request;
        struct virtq_desc table[4];
    } slot[64];
    struct virtio_blk_header header;
    u8 status, id[32];
    struct virtio_blk blk;
    struct virtio_rng rng;
    struct virtio_console console;
    struct virtio_console_input input;
    _Alignas(PAGE_BYTES) u8 buffer[64 * PAGE_BYTES];
};
_Static_assert(sizeof(struct memory) <= VDEV_PAGES * PAGE_BYTES, "fits");

static struct memory *const mem = (struct memory *)VDEV_RAM;
static u64 free_at_start;

static struct vm *create(void)
{
    vdev_boot(FRAMES);
    free_at_start = world_free_frames();
    return vdev_create(true);
}

static struct vm *boot(void)
{
    struct vm *vm = create();

    vdev_enter(vm);
    return vm;
}

/* A VM that has run, and has tables: its pages lie behind each other. */
static struct vm *boot_in_one_piece(void)
{
    struct vm *vm = create();
    enum trace_did did;

    CHECK_EQ(gstage_fault(&vm->gs, vm->guest->ram_base, ACCESS_EXEC, &did), ERR_OK);
    vdev_enter(vm);
    return vm;
}

static void end(struct vm *vm)
{
    vdev_destroy(vm);
    CHECK_EQ(vdev_world.views, 0);
    CHECK_EQ(world_free_frames(), free_at_start);
}

static void reg(u64 slot, u64 offset, u32 value)
{
    CHECK_EQ(vdev_write(slot + offset, 4, value), VERDICT_SKIP);
}

static u32 status_of(u64 slot)
{
    return (u32)vdev_read(slot + VIRTIO_MMIO_STATUS, 4);
}

/* ---- a disk's driver ---- */

static void open_blk(u16 size)
{
    CHECK_EQ(virtio_blk_open(&mem->blk, BLK, mem->ring, size), ERR_OK);
}

static void start(u32 slot, u32 type, u64 sector, void *at, u32 bytes)
{
    struct virtio_blk_request *request = &mem->slot[slot].request;

    request->table = mem->slot[slot].table;
    request->pieces = bytes == 0 ? 0 : 1;
    request->table[1].addr = (u64)at;
    request->table[1].len = bytes;
    CHECK_EQ(virtio_blk_start(&mem->blk, request, type, sector), ERR_OK);
}

static u32 finished(u8 *status)
{
    enum err err;
    struct virtio_blk_request *request = virtio_blk_finished(&mem->blk, &err);

    CHECK_EQ(err, ERR_OK);
    if (request == NULL)
        return UINT32_MAX;
    *status = request->status;
    for (u32 i = 0; i < ARRAY_LEN(mem->slot); i++) {
        if (request == &mem->slot[i].request)
            return i;
    }
    FAIL("a request that there is not");
}

static u8 transfer(u32 type, u64 sector, void *at, u32 bytes)
{
    u8 status = STATUS_NEW;

    start(0, type, sector, at, bytes);
    virtio_blk_kick(&mem->blk);
    CHECK_EQ(finished(&status), 0);
    return status;
}

/* A chain of any form, through the same queue; the status byte is mem->status. */
static u8 request(u32 type, u64 sector, const struct virtq_buf *bufs, u32 readable, u32 writable)
{
    u16 head, back;
    u32 written;

    mem->header = (struct virtio_blk_header){.type = type, .sector = sector};
    mem->status = STATUS_NEW;
    CHECK_EQ(virtq_driver_push(&mem->blk.queue, bufs, readable, writable, &head), ERR_OK);
    virtio_blk_kick(&mem->blk);
    if (virtq_driver_pop(&mem->blk.queue, &back, &written) != ERR_OK)
        return STATUS_NEW;
    CHECK_EQ(back, head);
    return mem->status;
}

#define HEADER                                                \
    {                                                         \
        (u64) & mem->header, sizeof(struct virtio_blk_header) \
    }
#define STATUS                 \
    {                          \
        (u64) & mem->status, 1 \
    }

/* ---- registers ---- */

static void run_registers(void *argument)
{
    struct vm *vm = boot();

    (void)argument;
    for (u32 slot = 0; slot < VTRANSPORT_SLOTS; slot++) {
        static const u32 ids[VTRANSPORT_SLOTS] = {
            VIRTIO_DEVICE_BLOCK, 0, 0, 0, 0, 0, VIRTIO_DEVICE_ENTROPY, VIRTIO_DEVICE_CONSOLE};

        CHECK_EQ(vdev_read(VDEV_SLOT(slot) + VIRTIO_MMIO_MAGIC_VALUE, 4), VIRTIO_MMIO_MAGIC);
        CHECK_EQ(vdev_read(VDEV_SLOT(slot) + VIRTIO_MMIO_VERSION, 4), 2);
        CHECK_EQ(vdev_read(VDEV_SLOT(slot) + VIRTIO_MMIO_DEVICE_ID, 4), ids[slot]);
        CHECK_EQ(vdev_read(VDEV_SLOT(slot) + VIRTIO_MMIO_QUEUE_NUM_MAX, 4), ids[slot] ? 64 : 0);
        CHECK_EQ(vdev_read(VDEV_SLOT(slot) + VIRTIO_MMIO_STATUS, 4), 0);
        CHECK_EQ(vdev_read(VDEV_SLOT(slot), 8), 0);
        reg(VDEV_SLOT(slot), VIRTIO_MMIO_STATUS, 0);
        reg(VDEV_SLOT(1), VIRTIO_MMIO_STATUS, 1);
    }
    CHECK_EQ(vdev_read(BLK + VIRTIO_MMIO_CONFIG, 8), VDEV_SECTORS);
    CHECK_EQ(vdev_read(BLK + VIRTIO_MMIO_CONFIG, 2), VDEV_SECTORS);
    CHECK_EQ(vdev_read(BLK + VIRTIO_MMIO_CONFIG + 8, 4), SIZE_MAX_BYTES);
    CHECK_EQ(vdev_read(BLK + VIRTIO_MMIO_CONFIG + 12, 4), SEG_MAX);
    CHECK_EQ(vdev_read(BLK + VIRTIO_MMIO_CONFIG + 16, 4), 0);
    CHECK_EQ(vdev_read(BLK + VTRANSPORT_SLOT_BYTES - 8, 8), 0);
    CHECK(vm->virtio.state == NULL); /* nobody has begun anything */
    vdev_write(BLK + VIRTIO_MMIO_STATUS, 2, 1);
    CHECK(vm->virtio.state == NULL);
    reg(BLK, VIRTIO_MMIO_STATUS, VIRTIO_STATUS_ACKNOWLEDGE);
    CHECK(vm->virtio.state != NULL);
    CHECK_EQ(status_of(BLK), VIRTIO_STATUS_ACKNOWLEDGE);
    CHECK_EQ(status_of(CONSOLE), 0);
    reg(BLK, VIRTIO_MMIO_STATUS, 0);
    CHECK_EQ(status_of(BLK), 0);
    end(vm);

    vm = vdev_create(false);
    vdev_enter(vm);
    CHECK_EQ(vdev_read(BLK + VIRTIO_MMIO_DEVICE_ID, 4), 0);
    CHECK_EQ(vdev_read(BLK + VIRTIO_MMIO_CONFIG, 4), 0);
    end(vm);
}

TEST(vdev_registers_after_reset)
{
    test_must_pass(run_registers, NULL);
}

static u32 agree(u64 features, u32 third)
{
    reg(BLK, VIRTIO_MMIO_STATUS, 0);
    reg(BLK, VIRTIO_MMIO_STATUS, VIRTIO_STATUS_ACKNOWLEDGE | VIRTIO_STATUS_DRIVER);
    for (u32 i = 0; i < 3; i++) {
        reg(BLK, VIRTIO_MMIO_DRIVER_FEATURES_SEL, i);
        reg(BLK, VIRTIO_MMIO_DRIVER_FEATURES, i < 2 ? (u32)(features >> 32 * i) : third);
    }
    reg(BLK, VIRTIO_MMIO_STATUS, ALL_BITS);
    return status_of(BLK);
}

static void run_features(void *argument)
{
    struct vm *vm = boot();

    (void)argument;
    CHECK_EQ(agree(VIRTIO_F_VERSION_1, 0), ALL_BITS);
    CHECK_EQ(agree(VIRTIO_F_VERSION_1 | VIRTIO_BLK_F_FLUSH, 0), ALL_BITS);
    CHECK_EQ(agree(VIRTIO_BLK_F_FLUSH, 0), ALL_BITS & ~VIRTIO_STATUS_FEATURES_OK);
    CHECK_EQ(agree(VIRTIO_F_VERSION_1 | VIRTIO_BLK_F_RO, 0), ALL_BITS & ~VIRTIO_STATUS_FEATURES_OK);
    CHECK_EQ(agree(VIRTIO_F_VERSION_1 | 1ULL << 40, 0), ALL_BITS & ~VIRTIO_STATUS_FEATURES_OK);
    CHECK_EQ(agree(VIRTIO_F_VERSION_1, 1), ALL_BITS & ~VIRTIO_STATUS_FEATURES_OK);
    /* without FEATURES_OK there is no DRIVER_OK, and bits do not go one by one */
    reg(BLK, VIRTIO_MMIO_STATUS, VIRTIO_STATUS_DRIVER_OK);
    CHECK_EQ(status_of(BLK), ALL_BITS & ~VIRTIO_STATUS_FEATURES_OK);
    /* what was agreed on stays */
    CHECK_EQ(agree(VIRTIO_F_VERSION_1, 0), ALL_BITS);
    reg(BLK, VIRTIO_MMIO_DRIVER_FEATURES_SEL, 0);
    reg(BLK, VIRTIO_MMIO_DRIVER_FEATURES, UINT32_MAX);
    reg(BLK, VIRTIO_MMIO_STATUS, ALL_BITS | VIRTIO_STATUS_DRIVER_OK | VIRTIO_STATUS_NEEDS_RESET);
    CHECK_EQ(status_of(BLK), ALL_BITS | VIRTIO_STATUS_DRIVER_OK);
    reg(BLK, VIRTIO_MMIO_DEVICE_FEATURES_SEL, 2);
    CHECK_EQ(vdev_read(BLK + VIRTIO_MMIO_DEVICE_FEATURES, 4), 0);
    end(vm);
}

TEST(vdev_features_are_agreed_on)
{
    test_must_pass(run_features, NULL);
}

/* Describes queue 0 and makes it ready; whether that was taken. */
static bool describe(u32 size, u64 desc, u64 avail, u64 used)
{
    CHECK_EQ(agree(VIRTIO_F_VERSION_1, 0), ALL_BITS);
    reg(BLK, VIRTIO_MMIO_QUEUE_SEL, 0);
    reg(BLK, VIRTIO_MMIO_QUEUE_NUM, size);
    reg(BLK, VIRTIO_MMIO_QUEUE_DESC_LOW, (u32)desc);
    reg(BLK, VIRTIO_MMIO_QUEUE_DESC_HIGH, (u32)(desc >> 32));
    reg(BLK, VIRTIO_MMIO_QUEUE_DRIVER_LOW, (u32)avail);
    reg(BLK, VIRTIO_MMIO_QUEUE_DRIVER_HIGH, (u32)(avail >> 32));
    reg(BLK, VIRTIO_MMIO_QUEUE_DEVICE_LOW, (u32)used);
    reg(BLK, VIRTIO_MMIO_QUEUE_DEVICE_HIGH, (u32)(used >> 32));
    reg(BLK, VIRTIO_MMIO_QUEUE_READY, 1);
    reg(BLK, VIRTIO_MMIO_STATUS, ALL_BITS | VIRTIO_STATUS_DRIVER_OK);
    return vdev_read(BLK + VIRTIO_MMIO_QUEUE_READY, 4) != 0;
}

static bool is_broken(void)
{
    return (status_of(BLK) & VIRTIO_STATUS_NEEDS_RESET) != 0;
}

static void run_queues(void *argument)
{
    static const u32 bad_sizes[] = {0, 3, 65, 128, 65536, UINT32_MAX};
    struct vm *vm = boot();
    u64 ring = (u64)mem->ring, page = ring + PAGE_BYTES;

    (void)argument;
    for (u32 i = 0; i < ARRAY_LEN(bad_sizes); i++)
        CHECK(!describe(bad_sizes[i], ring, page, page + 2048) && is_broken());
    CHECK(!describe(8, ring + 8, page, page + 2048) && is_broken());
    CHECK(!describe(8, ring, page + 1, page + 2048) && is_broken());
    CHECK(!describe(8, ring, page, page + 2046) && is_broken());
    CHECK(!describe(8, -16UL, page, page + 2048) && is_broken());
    /* outside of RAM: seen when it is used */
    CHECK(describe(8, 0x1000, page, page + 2048) && !is_broken());
    ((struct virtq_avail *)page)->idx = 1;
    reg(BLK, VIRTIO_MMIO_QUEUE_NOTIFY, 0);
    CHECK(is_broken() && vdev_is_raised(vm, 0));
    CHECK_EQ(vdev_read(BLK + VIRTIO_MMIO_INTERRUPT_STATUS, 4), VIRTIO_MMIO_INTERRUPT_CONFIG);
    CHECK(describe(8, ring, 0, page + 2048) && !is_broken() && !vdev_is_raised(vm, 0));
    reg(BLK, VIRTIO_MMIO_QUEUE_NOTIFY, 0);
    CHECK(is_broken());
    /* a queue that is ready does not move */
    ((struct virtq_avail *)page)->idx = 0;
    CHECK(describe(8, ring, page, page + 2048));
    reg(BLK, VIRTIO_MMIO_QUEUE_DRIVER_LOW, 0);
    reg(BLK, VIRTIO_MMIO_QUEUE_NUM, 3);
    reg(BLK, VIRTIO_MMIO_QUEUE_READY, 1);
    reg(BLK, VIRTIO_MMIO_QUEUE_NOTIFY, 0);
    CHECK(!is_broken());
    /* queues that there are not */
    reg(BLK, VIRTIO_MMIO_QUEUE_NOTIFY, 1);
    reg(BLK, VIRTIO_MMIO_QUEUE_NOTIFY, UINT32_MAX);
    reg(BLK, VIRTIO_MMIO_QUEUE_SEL, 1);
    CHECK_EQ(vdev_read(BLK + VIRTIO_MMIO_QUEUE_NUM_MAX, 4), 0);
    reg(BLK, VIRTIO_MMIO_QUEUE_NUM, 4);
    reg(BLK, VIRTIO_MMIO_QUEUE_READY, 1);
    reg(BLK, VIRTIO_MMIO_QUEUE_SEL, UINT32_MAX);
    reg(BLK, VIRTIO_MMIO_QUEUE_READY, 1);
    CHECK_EQ(vdev_read(BLK + VIRTIO_MMIO_QUEUE_READY, 4), 0);
    CHECK(!is_broken());
    /* before the features are agreed on */
    reg(BLK, VIRTIO_MMIO_STATUS, 0);
    reg(BLK, VIRTIO_MMIO_QUEUE_NUM, 4);
    reg(BLK, VIRTIO_MMIO_QUEUE_READY, 1);
    CHECK_EQ(vdev_read(BLK + VIRTIO_MMIO_QUEUE_READY, 4), 0);
    end(vm);
}

TEST(vdev_queues_are_checked)
{
    test_must_pass(run_queues, NULL);
}

static void run_no_memory(void *argument)
{
    struct vm *vm = boot();

    (void)argument;
    vdev_world.allocations = 0;
    for (u32 i = 0; i < 3; i++)
        reg(BLK, VIRTIO_MMIO_STATUS, VIRTIO_STATUS_ACKNOWLEDGE);
    CHECK_EQ(status_of(BLK), 0);
    CHECK_EQ(vdev_world.lines, 1);
    CHECK(virtio_blk_open(&mem->blk, BLK, mem->ring, SIZE) != ERR_OK);
    vdev_world.allocations = 1;
    open_blk(SIZE);
    CHECK_EQ(transfer(VIRTIO_BLK_T_IN, 0, mem->buffer, SECTOR), VIRTIO_BLK_S_IOERR);
    vdev_world.allocations = 1;
    CHECK_EQ(transfer(VIRTIO_BLK_T_IN, 0, mem->buffer, SECTOR), VIRTIO_BLK_S_OK);
    vdev_world.allocations = VDEV_NO_LIMITS;
    end(vm);
}

TEST(vdev_without_memory)
{
    test_must_pass(run_no_memory, NULL);
}

/* ---- requests ---- */

static void run_transfers(void *argument)
{
    struct vm *vm = boot();
    u64 random = 1;

    (void)argument;
    open_blk(SIZE);
    CHECK_EQ(mem->blk.sectors, VDEV_SECTORS);
    for (u32 round = 0; round < 3000; round++) {
        u32 count = 1 + (u32)(test_random(&random) % 100);
        u64 sector = test_random(&random) % (VDEV_SECTORS - count);
        u32 at = (u32)(test_random(&random) % (sizeof(mem->buffer) - count * SECTOR));
        bool is_write = test_random(&random) % 2 != 0;

        for (u32 i = 0; i < count * SECTOR; i += 61)
            mem->buffer[at + i] = (u8)test_random(&random);
        CHECK_EQ(transfer(is_write ? VIRTIO_BLK_T_OUT : VIRTIO_BLK_T_IN, sector, mem->buffer + at,
                          count * SECTOR),
                 VIRTIO_BLK_S_OK);
        CHECK_EQ(memcmp(mem->buffer + at, vdev_sector(vm, sector), count * SECTOR), 0);
    }
    CHECK_EQ(transfer(VIRTIO_BLK_T_FLUSH, 0, NULL, 0), VIRTIO_BLK_S_OK);
    CHECK_EQ(vdev_world.flushes, 1);
    vdev_world.fails = true;
    CHECK_EQ(transfer(VIRTIO_BLK_T_IN, 0, mem->buffer, SECTOR), VIRTIO_BLK_S_IOERR);
    CHECK_EQ(transfer(VIRTIO_BLK_T_FLUSH, 0, NULL, 0), VIRTIO_BLK_S_IOERR);
    end(vm);
}

TEST(vdev_transfers_between_disk_and_memory)
{
    test_must_pass(run_transfers, NULL);
}

/* As cut up as it may be: each segment over a page's end, in pages that lie apart. */
static void run_largest(void *argument)
{
    struct vm *vm = boot_in_one_piece();
    struct virtq_buf bufs[SEG_MAX + 2];
    u32 count = 0;

    (void)argument;
    open_blk(64);
    bufs[count++] = (struct virtq_buf)HEADER;
    for (u32 i = 0; i < SEG_MAX; i++)
        bufs[count++] = (struct virtq_buf){(u64)mem->buffer + 2048 + i * PAGE_BYTES, PAGE_BYTES};
    bufs[count++] = (struct virtq_buf)STATUS;
    vdev_world.withholds = true;
    CHECK_EQ(request(VIRTIO_BLK_T_IN, 3, bufs, 1, count - 1), STATUS_NEW);
    CHECK_EQ(vdev_world.started, 1);
    CHECK_EQ(vdev_world.io[0]->pieces, 1); /* they lie together */
    CHECK_EQ(vdev_world.io[0]->bytes, SEG_MAX * PAGE_BYTES);
    vdev_finish(0, false);
    CHECK_EQ(memcmp(mem->buffer + 2048, vdev_sector(vm, 3), SEG_MAX * PAGE_BYTES), 0);
    end(vm);
}

TEST(vdev_pieces_that_lie_together_are_one)
{
    test_must_pass(run_largest, NULL);
}

/* seg_max segments of size_max bytes have room wherever their pages are. */
static void run_pieces(void *argument)
{
    struct vm *vm = boot_in_one_piece(), *child;
    struct virtq_desc *table = (struct virtq_desc *)(mem->buffer + 40 * PAGE_BYTES);

    (void)argument;
    open_blk(64);
    /* each page of the child's is copied to a place between others' */
    child = vdev_fork(vm);
    vdev_enter(child);
    for (u64 page = 0; page < VDEV_PAGES; page += 2) {
        struct vm *other = vdev_fork(child);
        u64 run;

        CHECK(gstage_pin(&child->gs, (gpa_t){VDEV_RAM + page * PAGE_BYTES}, &run).v != 0);
        vdev_destroy(other);
    }
    vdev_enter(child);
    vdev_world.withholds = true;
    for (u32 i = 0; i < SEG_MAX; i++)
        table[1 + i] = (struct virtq_desc){
            .addr = (u64)mem->buffer + 2048 + (i * 7 % 30) * PAGE_BYTES, .len = SIZE_MAX_BYTES};
    mem->slot[0].request = (struct virtio_blk_request){.table = table, .pieces = SEG_MAX};
    mem->blk.pieces_max = SEG_MAX;
    CHECK(mem->blk.queue.indirect);
    /* the driver's own limit is its ring */
    mem->blk.queue.ring.size = 128;
    CHECK_EQ(virtio_blk_start(&mem->blk, &mem->slot[0].request, VIRTIO_BLK_T_OUT, 0), ERR_OK);
    mem->blk.queue.ring.size = 64;
    reg(BLK, VIRTIO_MMIO_QUEUE_NOTIFY, 0);
    CHECK_EQ(vdev_world.started, 1);
    CHECK_EQ(vdev_world.io[0]->bytes, SEG_MAX * SIZE_MAX_BYTES);
    CHECK(vdev_world.io[0]->pieces > 3 * SEG_MAX);
    vdev_finish(0, false);
    vdev_destroy(child);
    end(vm);
}

TEST(vdev_a_conforming_request_always_fits)
{
    test_must_pass(run_pieces, NULL);
}

/* Pages that have the same place are found by turns, and once only; after a fork, where they are
 * then. */
static void run_places(void *argument)
{
    struct vm *vm = boot(), *child;
    struct vtransport *state;
    u64 run, first = VDEV_RAM, second = first + PAGE_BYTES;
    const u8 *at[2];

    (void)argument;
    open_blk(64);
    state = vm->virtio.state;
    while (vtransport_place_of(state, second) != vtransport_place_of(state, first))
        second += PAGE_BYTES;
    at[0] = vtransport_find(state, first, &run);
    at[1] = vtransport_find(state, second, &run);
    CHECK(at[0] != NULL && at[1] != NULL && at[0] != at[1]);
    for (u32 i = 0; i < 3; i++) {
        CHECK(vtransport_place(state, first + 24, &run) == at[0] + 24);
        CHECK(run >= PAGE_BYTES - 24);
        CHECK(vtransport_place(state, second + 8, &run) == at[1] + 8);
        CHECK_EQ(vtransport_place_of(state, first)->gpa, second);
    }
    child = vdev_fork(vm);
    CHECK(vtransport_place(state, first, &run) != at[0]);
    vdev_destroy(child);
    end(vm);
}

TEST(vdev_finds_pages_by_turns)
{
    test_must_pass(run_places, NULL);
}

/* Header and status may be cut into any segments. */
static void run_framing(void *argument)
{
    struct vm *vm = boot();
    u64 header = (u64)&mem->header, buffer = (u64)mem->buffer;
    const struct virtq_buf write[] = {
        {header,       1  },
        {header + 1,   14 },
        {header + 15,  1  },
        {buffer,       100},
        {buffer + 100, 412},
        STATUS
    };
    const struct virtq_buf together[] = {
        {buffer,                    16 + SECTOR},
        {buffer + PAGE_BYTES,       200        },
        {buffer + PAGE_BYTES + 200, 312 + 1    }
    };
    u16 head;

    (void)argument;
    open_blk(SIZE);
    memset(mem->buffer, 0x35, 2 * PAGE_BYTES);
    CHECK_EQ(request(VIRTIO_BLK_T_OUT, 5, write, 5, 1), VIRTIO_BLK_S_OK);
    CHECK_EQ(memcmp(mem->buffer, vdev_sector(vm, 5), SECTOR), 0);
    /* the header is in front of what is read, the status behind what is written */
    *(struct virtio_blk_header *)(void *)mem->buffer =
        (struct virtio_blk_header){.type = VIRTIO_BLK_T_OUT, .sector = 6};
    CHECK_EQ(virtq_driver_push(&mem->blk.queue, together, 1, 2, &head), ERR_OK);
    virtio_blk_kick(&mem->blk);
    CHECK_EQ(memcmp(mem->buffer + 16, vdev_sector(vm, 6), SECTOR), 0);
    CHECK_EQ(mem->buffer[PAGE_BYTES + 512], VIRTIO_BLK_S_OK);
    end(vm);
}

TEST(vdev_segments_are_of_any_form)
{
    test_must_pass(run_framing, NULL);
}

static void run_refused(void *argument)
{
    struct vm *vm = boot();
    u64 buffer = (u64)mem->buffer, outside = VDEV_RAM + VDEV_PAGES * PAGE_BYTES;
    const struct virtq_buf fine[] = {
        HEADER, {buffer, SECTOR},
         STATUS
    };
    const struct virtq_buf odd[] = {
        HEADER, {buffer, SECTOR - 1},
         STATUS
    };
    const struct virtq_buf beyond[] = {
        HEADER, {outside - 256, SECTOR},
         STATUS
    };
    const struct virtq_buf nowhere[] = {
        HEADER, {0x1000, SECTOR},
         STATUS
    };
    const struct virtq_buf huge[] = {
        HEADER, {buffer, 0xfffffe00},
         STATUS
    };
    const struct virtq_buf no_header[] = {
        {(u64)&mem->header, 15    },
        {buffer,            SECTOR},
        STATUS
    };
    const struct virtq_buf bad_header[] = {
        {0x1000, 16    },
        {buffer, SECTOR},
        STATUS
    };
    const struct virtq_buf id[] = {
        HEADER, {(u64)mem->id, 20},
         STATUS
    };
    const struct virtq_buf short_id[] = {
        HEADER, {(u64)mem->id,     3},
         {(u64)mem->id + 8, 3},
         STATUS
    };

    (void)argument;
    open_blk(SIZE);
    CHECK_EQ(request(VIRTIO_BLK_T_IN, VDEV_SECTORS - 1, fine, 1, 2), VIRTIO_BLK_S_OK);
    CHECK_EQ(request(VIRTIO_BLK_T_IN, VDEV_SECTORS, fine, 1, 2), VIRTIO_BLK_S_IOERR);
    CHECK_EQ(request(VIRTIO_BLK_T_IN, UINT64_MAX, fine, 1, 2), VIRTIO_BLK_S_IOERR);
    CHECK_EQ(request(VIRTIO_BLK_T_OUT, UINT64_MAX, fine, 2, 1), VIRTIO_BLK_S_IOERR);
    CHECK_EQ(request(VIRTIO_BLK_T_IN, 0, odd, 1, 2), VIRTIO_BLK_S_IOERR);
    CHECK_EQ(request(VIRTIO_BLK_T_IN, 0, beyond, 1, 2), VIRTIO_BLK_S_IOERR);
    CHECK_EQ(request(VIRTIO_BLK_T_IN, 0, nowhere, 1, 2), VIRTIO_BLK_S_IOERR);
    CHECK_EQ(request(VIRTIO_BLK_T_IN, 0, huge, 1, 2), VIRTIO_BLK_S_IOERR);
    CHECK_EQ(request(VIRTIO_BLK_T_IN, 0, no_header, 1, 2), VIRTIO_BLK_S_IOERR);
    CHECK_EQ(request(VIRTIO_BLK_T_IN, 0, bad_header, 1, 2), VIRTIO_BLK_S_IOERR);
    CHECK_EQ(request(7, 0, fine, 1, 2), VIRTIO_BLK_S_UNSUPP);
    CHECK_EQ(request(VIRTIO_BLK_T_GET_ID, 0, id, 1, 2), VIRTIO_BLK_S_OK);
    CHECK_STR((const char *)mem->id, "forkvisor");
    CHECK_EQ(request(VIRTIO_BLK_T_GET_ID, 0, short_id, 1, 3), VIRTIO_BLK_S_OK);
    CHECK_EQ(memcmp(mem->id + 8, "kvi", 3), 0);
    CHECK_EQ(request(VIRTIO_BLK_T_GET_ID, 0, nowhere, 1, 2), VIRTIO_BLK_S_IOERR);
    CHECK_EQ(request(VIRTIO_BLK_T_IN, UINT64_MAX, &fine[0], 1, 0), STATUS_NEW); /* no status */
    CHECK(is_broken());
    CHECK_EQ(vdev_world.started, 0);

    vdev_world.readonly = true;
    open_blk(SIZE);
    CHECK(mem->blk.readonly);
    CHECK_EQ(request(VIRTIO_BLK_T_OUT, 0, fine, 2, 1), VIRTIO_BLK_S_IOERR);
    CHECK_EQ(request(VIRTIO_BLK_T_IN, 0, fine, 1, 2), VIRTIO_BLK_S_OK);
    end(vm);
}

TEST(vdev_requests_are_checked)
{
    test_must_pass(run_refused, NULL);
}

/* A chain whose status nobody can write breaks the device, once; another one and another VM go on;
 * a reset mends it. */
static void run_broken(void *argument)
{
    struct vm *vm = boot(), *other = vdev_create(true);
    const struct virtq_buf bad[] = {
        HEADER, {0x1000, SECTOR}
    };

    (void)argument;
    vdev_enter(other);
    open_blk(SIZE);
    vdev_enter(vm);
    open_blk(SIZE);
    vdev_world.withholds = true;
    start(1, VIRTIO_BLK_T_IN, 0, mem->buffer, SECTOR);
    virtio_blk_kick(&mem->blk);
    for (u32 i = 0; i < 3; i++)
        CHECK_EQ(request(VIRTIO_BLK_T_IN, 0, bad, 1, 1), STATUS_NEW);
    CHECK(is_broken() && vdev_is_raised(vm, 0));
    CHECK_EQ(vdev_world.lines, 1);
    CHECK_EQ(status_of(RNG), 0);
    CHECK_EQ(virtio_rng_open(&mem->rng, RNG), ERR_OK);
    CHECK_EQ(virtio_rng_read(&mem->rng, mem->id, 1, 1), ERR_OK);
    vdev_finish(0, false); /* it was in flight: nobody is told */
    CHECK_EQ(mem->slot[1].request.status, 0xff);
    vdev_world.withholds = false;

    vdev_enter(other);
    CHECK_EQ(transfer(VIRTIO_BLK_T_IN, 0, mem->buffer, SECTOR), VIRTIO_BLK_S_OK);
    CHECK(!is_broken());
    vdev_enter(vm);
    open_blk(SIZE);
    CHECK(!vdev_is_raised(vm, 0));
    CHECK_EQ(transfer(VIRTIO_BLK_T_IN, 0, mem->buffer, SECTOR), VIRTIO_BLK_S_OK);
    vdev_destroy(other);
    end(vm);
}

TEST(vdev_a_broken_queue_stops_its_device_alone)
{
    test_must_pass(run_broken, NULL);
}

static void run_interrupts(void *argument)
{
    struct vm *vm = boot();

    (void)argument;
    open_blk(SIZE);
    virtq_driver_quiet(&mem->blk.queue);
    CHECK_EQ(transfer(VIRTIO_BLK_T_IN, 0, mem->buffer, SECTOR), VIRTIO_BLK_S_OK);
    CHECK(!vdev_is_raised(vm, 0));
    CHECK(virtq_driver_expect(&mem->blk.queue, 2));
    CHECK_EQ(transfer(VIRTIO_BLK_T_IN, 0, mem->buffer, SECTOR), VIRTIO_BLK_S_OK);
    CHECK(!vdev_is_raised(vm, 0));
    CHECK_EQ(transfer(VIRTIO_BLK_T_IN, 0, mem->buffer, SECTOR), VIRTIO_BLK_S_OK);
    CHECK(vdev_is_raised(vm, 0));
    CHECK_EQ(virtio_mmio_ack(&mem->blk.dev), VIRTIO_MMIO_INTERRUPT_USED);
    CHECK(!vdev_is_raised(vm, 0));
    CHECK_EQ(virtio_mmio_ack(&mem->blk.dev), 0);
    end(vm);
}

TEST(vdev_interrupts_as_the_driver_wants)
{
    test_must_pass(run_interrupts, NULL);
}

/* ---- a disk that does not answer ---- */

static void run_withheld(void *argument)
{
    struct vm *vm = boot(), *other = vdev_create(true);
    u8 status;

    (void)argument;
    vdev_world.withholds = true;
    open_blk(64);
    for (u32 i = 0; i < 64; i++)
        start(i, VIRTIO_BLK_T_OUT, 8 * i, mem->buffer + i * PAGE_BYTES, PAGE_BYTES);
    virtio_blk_kick(&mem->blk);
    CHECK(vdev_world.stores >= 2); /* others have had the hart between */
    CHECK_EQ(vdev_world.started, 64);
    CHECK_EQ(finished(&status), UINT32_MAX);

    vdev_enter(other);
    vdev_world.withholds = false;
    open_blk(SIZE);
    CHECK_EQ(transfer(VIRTIO_BLK_T_IN, 9, mem->buffer, SECTOR), VIRTIO_BLK_S_OK);

    vdev_enter(vm);
    for (u32 i = 0; i < 64; i++) { /* in another order */
        vdev_finish(i % 2 == 0 ? 0 : vdev_world.started - 1, i % 5 == 0);
        CHECK_EQ(finished(&status), i % 2 == 0 ? i / 2 : 63 - i / 2);
        CHECK_EQ(status, i % 5 == 0 ? VIRTIO_BLK_S_IOERR : VIRTIO_BLK_S_OK);
    }
    CHECK_EQ(vm->virtio.in_flight, 0);
    CHECK_EQ(vdev_world.wake_ups, 0);
    vdev_destroy(other);
    end(vm);
}

TEST(vdev_a_disk_that_waits_delays_nobody_else)
{
    test_must_pass(run_withheld, NULL);
}

/* A driver that offers more than its ring has entries, by lying about what came back. */
static void run_too_many(void *argument)
{
    struct vm *vm = boot();

    (void)argument;
    vdev_world.withholds = true;
    open_blk(64);
    for (u32 i = 0; i < 64; i++)
        start(i, VIRTIO_BLK_T_IN, i, mem->buffer, SECTOR);
    virtio_blk_kick(&mem->blk);
    /* nor by another queue that another vCPU puts in its place, while one takes it away */
    CHECK_EQ(vdev_write(BLK + VIRTIO_MMIO_QUEUE_READY, 4, 0), VERDICT_BLOCK);
    mem->blk.queue.ring.avail->idx = 1;
    mem->blk.queue.ring.used->idx = 0;
    reg(BLK, VIRTIO_MMIO_QUEUE_READY, 1);
    reg(BLK, VIRTIO_MMIO_QUEUE_NOTIFY, 0);
    CHECK(is_broken());
    CHECK_EQ(vm->virtio.in_flight, 64);
    while (vdev_world.started > 0)
        vdev_finish(0, false);
    open_blk(64);
    for (u32 i = 0; i < 64; i++)
        start(i, VIRTIO_BLK_T_IN, i, mem->buffer, SECTOR);
    virtio_blk_kick(&mem->blk);
    mem->blk.queue.ring.avail->idx++;
    reg(BLK, VIRTIO_MMIO_QUEUE_NOTIFY, 0);
    CHECK(is_broken());
    CHECK_EQ(vm->virtio.in_flight, 64);
    CHECK_EQ(vdev_write(BLK + VIRTIO_MMIO_STATUS, 4, 0), VERDICT_BLOCK);
    while (vdev_world.started > 0)
        vdev_finish(0, false);
    end(vm);
}

TEST(vdev_no_more_requests_than_entries)
{
    test_must_pass(run_too_many, NULL);
}

static void run_reset(void *argument)
{
    struct vm *vm = boot();
    static const u64 by[] = {VIRTIO_MMIO_STATUS, VIRTIO_MMIO_QUEUE_READY};

    (void)argument;
    for (u32 i = 0; i < ARRAY_LEN(by); i++) {
        vdev_world.wake_ups = 0;
        vdev_world.withholds = true;
        open_blk(SIZE);
        start(0, VIRTIO_BLK_T_IN, 0, mem->buffer, SECTOR);
        start(1, VIRTIO_BLK_T_IN, 1, mem->buffer, SECTOR);
        virtio_blk_kick(&mem->blk);
        CHECK_EQ(vdev_world.started, 2);
        CHECK_EQ(vdev_write(BLK + by[i], 4, 0), VERDICT_BLOCK);
        CHECK_EQ(vdev_write(BLK + by[i], 4, 0), VERDICT_BLOCK);
        reg(BLK, VIRTIO_MMIO_QUEUE_NOTIFY, 0);
        reg(CONSOLE, VIRTIO_MMIO_STATUS, 0);
        vdev_finish(0, false);
        CHECK_EQ(vdev_write(BLK + by[i], 4, 0), VERDICT_BLOCK);
        CHECK_EQ(vdev_world.wake_ups, 0);
        vdev_finish(0, false);
        CHECK_EQ(vdev_world.wake_ups, VDEV_VCPUS);
        reg(BLK, by[i], 0);
        CHECK_EQ(mem->slot[0].request.status, 0xff);
        CHECK_EQ(vdev_read(BLK + VIRTIO_MMIO_QUEUE_READY, 4), 0);
        vdev_world.withholds = false;
        open_blk(SIZE);
        CHECK_EQ(transfer(VIRTIO_BLK_T_IN, 9, mem->buffer, SECTOR), VIRTIO_BLK_S_OK);
    }
    end(vm);
}

TEST(vdev_a_reset_waits_for_the_disk)
{
    test_must_pass(run_reset, NULL);
}

/* ---- forks and ends ---- */

static void check_disk(u64 sector, u8 expected)
{
    memset(mem->buffer, 0, SECTOR);
    CHECK_EQ(transfer(VIRTIO_BLK_T_IN, sector, mem->buffer, SECTOR), VIRTIO_BLK_S_OK);
    CHECK_EQ(mem->buffer[SECTOR - 1], expected);
}

static void write_disk(u64 sector, u8 value)
{
    memset(mem->buffer, value, SECTOR);
    CHECK_EQ(transfer(VIRTIO_BLK_T_OUT, sector, mem->buffer, SECTOR), VIRTIO_BLK_S_OK);
}

/* Both sides go on with the same queue at the same place, each with its own. */
static void run_fork(void *argument)
{
    struct vm *vm = boot(), *child, *grandchild;
    u8 status;

    (void)argument;
    open_blk(SIZE);
    write_disk(1, 11);
    vdev_world.withholds = true;
    start(5, VIRTIO_BLK_T_IN, 1, mem->buffer, SECTOR);
    virtio_blk_kick(&mem->blk);
    CHECK(!vtransport_settle(vm));
    CHECK(!vtransport_settle(vm));
    vdev_finish(0, false);
    CHECK_EQ(vdev_world.wake_ups, VDEV_VCPUS);
    vdev_world.withholds = false;
    child = vdev_fork(vm);
    CHECK(vdev_is_raised(vm, 0) && vdev_is_raised(child, 0)); /* nobody has acknowledged */

    vdev_enter(vm);
    CHECK_EQ(finished(&status), 5);
    write_disk(1, 12);
    vdev_enter(child);
    CHECK_EQ(finished(&status), 5); /* what was done before is so in both */
    CHECK_EQ(status, VIRTIO_BLK_S_OK);
    check_disk(1, 11);
    write_disk(1, 13);
    grandchild = vdev_fork(child);
    vdev_enter(vm);
    check_disk(1, 12);
    vdev_enter(child);
    check_disk(1, 13);
    vdev_destroy(child);
    vdev_enter(grandchild);
    check_disk(1, 13);
    vdev_destroy(grandchild);
    vdev_enter(vm);
    check_disk(1, 12);
    end(vm);
}

TEST(vdev_fork_waits_and_then_both_go_on)
{
    test_must_pass(run_fork, NULL);
}

/* A fork of a VM that has not used its disk costs a view; of one without a disk, nothing. */
static void run_fork_unused(void *argument)
{
    struct vm *vm = boot(), *child = vdev_fork(vm);
    u64 owned = 0, shared = 0;

    (void)argument;
    CHECK(child->virtio.state == NULL && child->disk != NULL && child->disk != vm->disk);
    vtransport_count(child, &owned, &shared);
    CHECK_EQ(owned, 10);
    CHECK_EQ(shared, 20);
    vdev_enter(child);
    open_blk(SIZE);
    check_disk(8, 8 + (8 * SECTOR + SECTOR - 1) % 7);
    owned = 0;
    vtransport_count(child, &owned, &shared);
    CHECK_EQ(owned, 11);
    vdev_destroy(child);
    vdev_destroy(vm);
    vm = vdev_create(false);
    child = vdev_fork(vm);
    CHECK(child->disk == NULL);
    vdev_destroy(child);
    end(vm);
}

TEST(vdev_fork_of_an_unused_disk)
{
    test_must_pass(run_fork_unused, NULL);
}

/* Whatever allocation fails, the fork fails and the parent goes on. */
static void run_fork_fails(void *argument)
{
    struct vm *vm = boot(), *child = NULL;
    u32 failures = 0;

    (void)argument;
    open_blk(SIZE);
    write_disk(1, 11);
    while (child == NULL) {
        u64 before = world_free_frames();
        u32 views = vdev_world.views;

        vdev_world.allocations = failures;
        child = vdev_fork(vm);
        vdev_world.allocations = VDEV_NO_LIMITS;
        if (child == NULL) {
            failures++;
            CHECK_EQ(world_free_frames(), before);
            CHECK_EQ(vdev_world.views, views);
        }
        vdev_enter(vm);
        check_disk(1, 11);
    }
    CHECK_EQ(failures, 2 + 1 + 1); /* two vCPUs, the first in the VM; a view; the state */
    vdev_enter(child);
    check_disk(1, 11);
    vdev_destroy(child);
    end(vm);
    vdev_world.allocations = VDEV_VCPUS;
    CHECK(vdev_create(true) == NULL);
    CHECK_EQ(world_free_frames(), free_at_start);
}

TEST(vdev_fork_fails_as_a_whole)
{
    test_must_pass(run_fork_fails, NULL);
}

static void run_fork_broken(void *argument)
{
    struct vm *vm = boot(), *child;
    const struct virtq_buf bad[] = {
        HEADER, {0x1000, SECTOR}
    };

    (void)argument;
    open_blk(SIZE);
    CHECK_EQ(request(VIRTIO_BLK_T_IN, 0, bad, 1, 1), STATUS_NEW);
    child = vdev_fork(vm);
    vdev_enter(child);
    CHECK(is_broken());
    open_blk(SIZE);
    CHECK_EQ(transfer(VIRTIO_BLK_T_IN, 9, mem->buffer, SECTOR), VIRTIO_BLK_S_OK);
    vdev_enter(vm);
    CHECK(is_broken());
    vdev_destroy(child);
    end(vm);
}

TEST(vdev_fork_of_a_broken_device)
{
    test_must_pass(run_fork_broken, NULL);
}

/* ---- entropy and console ---- */

static void run_entropy(void *argument)
{
    struct vm *vm = boot();
    u32 bytes, values = 0;

    (void)argument;
    CHECK_EQ(virtio_rng_open(&mem->rng, RNG), ERR_OK);
    CHECK_EQ(virtio_rng_start(&mem->rng, mem->buffer + 100, 10000), ERR_OK);
    CHECK_EQ(virtio_rng_finished(&mem->rng, &bytes), ERR_OK);
    CHECK_EQ(bytes, 4096);
    for (u32 i = 0; i < 4096; i++)
        values |= 1U << mem->buffer[100 + i] % 32;
    CHECK_EQ(values, UINT32_MAX);
    CHECK_EQ(virtio_rng_read(&mem->rng, mem->buffer, 20000, 1), ERR_OK);
    CHECK_EQ(virtio_rng_start(&mem->rng, (void *)0x1000, 1), ERR_OK);
    CHECK(status_of(RNG) & VIRTIO_STATUS_NEEDS_RESET);
    end(vm);
}

TEST(vdev_entropy)
{
    test_must_pass(run_entropy, NULL);
}

static void run_console_output(void *argument)
{
    struct vm *vm = boot();
    struct virtq_buf bufs[2] = {
        {(u64)mem->buffer,        3000},
        {(u64)mem->buffer + 3000, 2000}
    };

    (void)argument;
    for (u32 i = 0; i < 5000; i++)
        mem->buffer[i] = (u8)('a' + i % 26);
    CHECK_EQ(virtio_console_open(&mem->console, CONSOLE, 1), ERR_OK);
    CHECK_EQ(virtio_console_write(&mem->console, bufs, 2), ERR_OK);
    CHECK(vdev_world.stores > 5000 / 256);
    CHECK_EQ(strlen(console_fake_output()), 5000);
    CHECK_EQ(memcmp(console_fake_output(), mem->buffer, 5000), 0);
    bufs[1].addr = 0x1000;
    CHECK(virtio_console_write(&mem->console, bufs, 2) != ERR_OK);
    end(vm);
}

TEST(vdev_console_output)
{
    test_must_pass(run_console_output, NULL);
}

static void run_console_input(void *argument)
{
    struct vm *vm = boot(), *child;
    struct vcpu *vcpu = vm->vcpu[0];
    u8 got[300] = "";

    (void)argument;
    vm->pid = 1;
    console_fake_type("early");
    CHECK_EQ(virtio_console_open_input(&mem->console, &mem->input, CONSOLE, 1), ERR_OK);
    CHECK_EQ(virtio_console_read(&mem->console, got, sizeof(got)), 5);
    CHECK_EQ(memcmp(got, "early", 5), 0);
    CHECK_EQ(vcpu->pend, 0);
    console_fake_type("later");
    CHECK_EQ(vcpu->pend, VCPU_PEND_INPUT);
    vcpu->pend = 0;
    CHECK(virtio_console_expect(&mem->console));
    vtransport_input(vcpu);
    CHECK(vdev_is_raised(vm, 7));
    CHECK_EQ(virtio_console_read(&mem->console, got, sizeof(got)), 5);
    CHECK_EQ(memcmp(got, "later", 5), 0);

    /* a child is told the end of input, once */
    child = vdev_fork(vm);
    child->pid = 2;
    CHECK_EQ(child->vcpu[0]->pend, VCPU_PEND_INPUT);
    vtransport_input(child->vcpu[0]);
    vdev_enter(child);
    CHECK_EQ(virtio_console_read(&mem->console, got, sizeof(got)), 1);
    CHECK_EQ(got[0], 4);
    vtransport_input(child->vcpu[0]);
    CHECK_EQ(virtio_console_read(&mem->console, got, sizeof(got)), 0);
    vdev_destroy(child);

    vdev_enter(vm);
    console_fake_type("again, and more than one piece of a driver that has sixty-four bytes each");
    CHECK_EQ(vcpu->pend, VCPU_PEND_INPUT);
    vtransport_input(vcpu);
    CHECK_EQ(virtio_console_read(&mem->console, got, sizeof(got)), 73);
    reg(CONSOLE, VIRTIO_MMIO_STATUS, 0);
    vcpu->pend = 0;
    console_fake_type("nobody reads this");
    vtransport_input(vcpu);
    end(vm);
    console_fake_type("nor this");
}

TEST(vdev_console_input)
{
    test_must_pass(run_console_input, NULL);
}
