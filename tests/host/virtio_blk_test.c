/* SPDX-License-Identifier: BSD-2-Clause */
/* The block driver against the fake disk. */
#include <string.h>

#include "lib/drv/virtio_blk.h"

#include "tests/host/fake_virtio.h"
#include "tests/test.h"

#define BASE       FAKE_SLOT_BASE(FAKE_SLOTS - 1)
#define SIZE       8
#define PIECES_MAX 8
#define SECTOR     VIRTIO_BLK_SECTOR_BYTES
#define BOTH       (VIRTIO_F_INDIRECT_DESC | VIRTIO_F_EVENT_IDX)

static struct fake_virtio fake;
static struct virtio_blk blk;
static _Alignas(VIRTQ_DESC_ALIGN) u8 ring[VIRTQ_BYTES(VIRTIO_BLK_QUEUE_MAX)];

/* A request with its table and memory of its own. */
static struct job {
    struct virtio_blk_request request;
    _Alignas(VIRTQ_DESC_ALIGN) struct virtq_desc table[PIECES_MAX + 2];
    u8 bytes[PIECES_MAX * SECTOR];
} jobs[2 * SIZE];

static void good_disk(u64 features)
{
    fake_virtio_init(&fake);
    fake.device_id = VIRTIO_DEVICE_BLOCK;
    fake.features = VIRTIO_F_VERSION_1 | VIRTIO_BLK_F_SEG_MAX | features;
    fake.config.seg_max = PIECES_MAX;
    fake.config.size_max = PIECES_MAX * SECTOR;
    memset(jobs, 0, sizeof(jobs));
    for (size_t i = 0; i < sizeof(fake.disk); i++)
        fake.disk[i] = (u8)(i / SECTOR * 7 + i);
}

static void open_disk(u64 features)
{
    good_disk(features);
    CHECK_EQ(virtio_blk_open(&blk, BASE, ring, SIZE), ERR_OK);
}

/* Pieces of one sector each. */
static enum err start(struct job *job, u32 type, u64 sector, u32 pieces)
{
    job->request.table = job->table;
    job->request.pieces = pieces;
    for (u32 i = 0; i < pieces; i++) {
        job->table[1 + i].addr = (uintptr_t)(job->bytes + i * SECTOR);
        job->table[1 + i].len = SECTOR;
    }
    return virtio_blk_start(&blk, &job->request, type, sector);
}

static struct virtio_blk_request *finished(void)
{
    enum err err;
    struct virtio_blk_request *request = virtio_blk_finished(&blk, &err);

    CHECK_EQ(err, ERR_OK);
    return request;
}

static void run(struct job *job, u32 type, u64 sector, u32 pieces)
{
    CHECK_EQ(start(job, type, sector, pieces), ERR_OK);
    CHECK(finished() == NULL);
    virtio_blk_kick(&blk);
    CHECK(finished() == &job->request);
    CHECK_EQ(job->request.status, VIRTIO_BLK_S_OK);
    CHECK(finished() == NULL);
}

static void check_transfers(u64 features)
{
    open_disk(features);
    run(&jobs[0], VIRTIO_BLK_T_IN, 3, 1);
    CHECK(memcmp(jobs[0].bytes, fake.disk + 3 * SECTOR, SECTOR) == 0);
    run(&jobs[0], VIRTIO_BLK_T_IN, FAKE_SECTORS - 4, 4);
    CHECK(memcmp(jobs[0].bytes, fake.disk + (FAKE_SECTORS - 4) * SECTOR, 4 * SECTOR) == 0);
    memset(jobs[1].bytes, 0x5a, sizeof(jobs[1].bytes));
    run(&jobs[1], VIRTIO_BLK_T_OUT, 10, 2);
    CHECK(memcmp(jobs[1].bytes, fake.disk + 10 * SECTOR, 2 * SECTOR) == 0);
    CHECK(fake.disk[12 * SECTOR] != 0x5a);
    run(&jobs[1], VIRTIO_BLK_T_FLUSH, 0, 0);
    CHECK_EQ(fake.flushes, 1);
    CHECK_EQ(blk.queue.free_count, SIZE);
    CHECK_EQ(fake.notifications, 4);
}

TEST(virtio_blk_transfers)
{
    check_transfers(0);
    check_transfers(VIRTIO_F_INDIRECT_DESC);
    check_transfers(VIRTIO_F_EVENT_IDX);
    check_transfers(BOTH);
}

TEST(virtio_blk_says_what_the_disk_is)
{
    open_disk(BOTH | VIRTIO_BLK_F_FLUSH | VIRTIO_BLK_F_SIZE_MAX);
    CHECK_EQ(fake.driver_features, fake.features);
    CHECK_EQ(blk.sectors, FAKE_SECTORS);
    CHECK(blk.has_flush && !blk.readonly);
    CHECK_EQ(blk.pieces_max, SIZE - 2); /* no chain is longer than the ring */

    good_disk(VIRTIO_BLK_F_RO | VIRTIO_BLK_F_SIZE_MAX);
    fake.config.seg_max = 3;
    fake.config.size_max = 2 * SECTOR + 5;
    fake.config.capacity = 1ULL << 40;
    fake.config_moves = 3; /* nothing of what is read in between counts */
    CHECK_EQ(virtio_blk_open(&blk, BASE, ring, SIZE), ERR_OK);
    CHECK_EQ(blk.sectors, 1ULL << 40);
    CHECK(blk.readonly && !blk.has_flush);
    CHECK_EQ(blk.pieces_max, 3);
    CHECK_EQ(blk.piece_bytes_max, 2 * SECTOR);

    good_disk(0);
    fake.features = VIRTIO_F_VERSION_1 | 1ULL << 12; /* what nobody asked for */
    CHECK_EQ(virtio_blk_open(&blk, BASE, ring, SIZE), ERR_OK);
    CHECK_EQ(fake.driver_features, VIRTIO_F_VERSION_1);
    CHECK_EQ(blk.pieces_max, 1);
    CHECK_EQ(blk.piece_bytes_max, UINT32_MAX & ~(SECTOR - 1));
    CHECK(!blk.queue.indirect && !blk.queue.event_idx);
}

TEST(virtio_blk_refuses_what_cannot_be_a_disk)
{
    const u16 sizes[] = {0, 1, 2, 3, 6, 2 * VIRTIO_BLK_QUEUE_MAX, 2 * FAKE_QUEUE_MAX};

    good_disk(BOTH);
    for (size_t i = 0; i < ARRAY_LEN(sizes); i++) {
        CHECK_EQ(virtio_blk_open(&blk, BASE, ring, sizes[i]), ERR_INVAL);
        CHECK_EQ(fake.status, 0);
    }
    CHECK_EQ(virtio_blk_open(&blk, FAKE_SLOT_BASE(0), ring, SIZE), ERR_NOENT);

    good_disk(VIRTIO_BLK_F_SIZE_MAX);
    fake.config.size_max = SECTOR - 1;
    CHECK_EQ(virtio_blk_open(&blk, BASE, ring, SIZE), ERR_NOSUPP);
    CHECK_EQ(fake.status, 0);

    good_disk(0);
    fake.config.capacity = UINT64_MAX / SECTOR + 1;
    CHECK_EQ(virtio_blk_open(&blk, BASE, ring, SIZE), ERR_NOSUPP);

    good_disk(0);
    fake.config_moves = UINT32_MAX;
    CHECK_EQ(virtio_blk_open(&blk, BASE, ring, SIZE), ERR_STATE);
    CHECK_EQ(fake.status, 0);

    good_disk(0);
    fake.features = 0; /* not even version 1 */
    CHECK_EQ(virtio_blk_open(&blk, BASE, ring, SIZE), ERR_NOSUPP);
}

/* As many as the ring has entries, each by a table of its own; one notification for all. */
TEST(virtio_blk_keeps_many_in_flight)
{
    open_disk(BOTH);
    fake.reverses = true;
    for (u32 i = 0; i < SIZE; i++)
        CHECK_EQ(start(&jobs[i], VIRTIO_BLK_T_IN, i, 2), ERR_OK);
    CHECK_EQ(start(&jobs[SIZE], VIRTIO_BLK_T_IN, 0, 1), ERR_NOMEM);
    CHECK(virtq_driver_expect(&blk.queue, SIZE));
    virtio_blk_kick(&blk);
    virtio_blk_kick(&blk);
    CHECK_EQ(fake.notifications, 1);
    CHECK_EQ(fake.interrupts, 1); /* for the last one that came back */
    for (u32 i = SIZE; i-- != 0;) {
        CHECK(finished() == &jobs[i].request);
        CHECK(memcmp(jobs[i].bytes, fake.disk + i * SECTOR, 2 * SECTOR) == 0);
    }
    CHECK(finished() == NULL);
    CHECK_EQ(virtio_mmio_ack(&blk.dev), VIRTIO_MMIO_INTERRUPT_USED);
    CHECK_EQ(fake.interrupt_status, 0);
    CHECK_EQ(virtio_mmio_ack(&blk.dev), 0);
}

TEST(virtio_blk_without_tables_is_full_sooner)
{
    open_disk(0);
    CHECK_EQ(start(&jobs[0], VIRTIO_BLK_T_IN, 0, 1), ERR_OK);
    CHECK_EQ(start(&jobs[1], VIRTIO_BLK_T_IN, 1, 2), ERR_OK);
    CHECK_EQ(blk.queue.free_count, 1);
    CHECK_EQ(start(&jobs[2], VIRTIO_BLK_T_FLUSH, 0, 0), ERR_NOMEM);
    CHECK_EQ(start(&jobs[2], VIRTIO_BLK_T_IN, 0, SIZE - 1), ERR_INVAL);
    jobs[2].request.pieces = UINT32_MAX; /* plus two is not one */
    CHECK_EQ(virtio_blk_start(&blk, &jobs[2].request, VIRTIO_BLK_T_IN, 0), ERR_INVAL);
    virtio_blk_kick(&blk);
    CHECK(finished() == &jobs[0].request);
    CHECK(finished() == &jobs[1].request);
    CHECK_EQ(blk.queue.free_count, SIZE);
}

TEST(virtio_blk_says_what_went_wrong)
{
    open_disk(BOTH);
    CHECK_EQ(start(&jobs[0], 999, 0, 0), ERR_OK);
    virtio_blk_kick(&blk);
    CHECK(finished() == &jobs[0].request);
    CHECK_EQ(jobs[0].request.status, VIRTIO_BLK_S_UNSUPP);
}

TEST(virtio_blk_gets_everything_back_after_a_reset)
{
    u32 seen = 0;

    open_disk(BOTH);
    fake.answers = 0;
    for (u32 i = 0; i < SIZE; i++)
        CHECK_EQ(start(&jobs[i], VIRTIO_BLK_T_IN, i, 1), ERR_OK);
    virtio_blk_kick(&blk);
    CHECK(finished() == NULL);
    CHECK(!virtio_mmio_needs_reset(&blk.dev));
    fake.status |= VIRTIO_STATUS_NEEDS_RESET;
    CHECK(virtio_mmio_needs_reset(&blk.dev));
    virtio_blk_reset(&blk);
    CHECK_EQ(fake.status, 0);
    for (u32 i = 0; i < SIZE; i++) {
        struct job *job = container_of(virtio_blk_orphan(&blk), struct job, request);

        CHECK(job->request.status != VIRTIO_BLK_S_OK);
        seen |= 1U << (job - jobs);
    }
    CHECK_EQ(seen, (1U << SIZE) - 1);
    CHECK(virtio_blk_orphan(&blk) == NULL);
    fake.answers = UINT32_MAX;
    CHECK_EQ(virtio_blk_open(&blk, BASE, ring, SIZE), ERR_OK);
    run(&jobs[0], VIRTIO_BLK_T_IN, 0, 1);
}

static void check_nonsense(u32 offset)
{
    enum err err;

    open_disk(BOTH);
    fake.returned_id_offset = offset;
    CHECK_EQ(start(&jobs[0], VIRTIO_BLK_T_IN, 0, 1), ERR_OK);
    virtio_blk_kick(&blk);
    CHECK(virtio_blk_finished(&blk, &err) == NULL);
    CHECK_EQ(err, ERR_FORMAT);
    virtio_blk_reset(&blk);
    CHECK(virtio_blk_orphan(&blk) == &jobs[0].request);
    CHECK(virtio_blk_orphan(&blk) == NULL);
}

TEST(virtio_blk_notices_a_device_that_answers_nonsense)
{
    check_nonsense(1);       /* a chain that it does not have */
    check_nonsense(SIZE);    /* none */
    check_nonsense(0x10000); /* none, by more than 16 bits */
}

TEST(virtio_blk_notices_a_request_that_comes_back_twice)
{
    struct virtq_used *used;
    enum err err;

    open_disk(BOTH);
    fake.answers = 0;
    CHECK_EQ(start(&jobs[0], VIRTIO_BLK_T_IN, 0, 1), ERR_OK);
    CHECK_EQ(start(&jobs[1], VIRTIO_BLK_T_IN, 0, 1), ERR_OK);
    used = blk.queue.ring.used;
    used->ring[1].id = used->ring[0].id;
    used->idx = 2;
    CHECK(finished() == &jobs[0].request);
    CHECK(virtio_blk_finished(&blk, &err) == NULL);
    CHECK_EQ(err, ERR_FORMAT);
    CHECK(virtio_blk_orphan(&blk) == &jobs[1].request);
    CHECK(virtio_blk_orphan(&blk) == NULL);
}
