/* SPDX-License-Identifier: BSD-2-Clause */
/* The driver half of a virtqueue alone; the MMIO transport, console and entropy against the fake
 * device. */
#include <string.h>

#include "lib/drv/virtio_console.h"
#include "lib/drv/virtio_rng.h"
#include "lib/virtio/virtq.h"

#include "tests/host/fake_virtio.h"
#include "tests/test.h"

#define CONSOLE_BASE FAKE_SLOT_BASE(FAKE_SLOTS - 1)
#define SIZE         8

static struct fake_virtio fake;
static struct virtio_console console;
static _Alignas(VIRTQ_DESC_ALIGN) u8 memory[VIRTQ_BYTES(SIZE)];

/* The device gives a chain back. */
static void give_back(struct virtq_driver *queue, u32 head)
{
    struct virtq_used *used = queue->ring.used;

    used->ring[used->idx % SIZE] = (struct virtq_used_elem){.id = head, .len = head + 100};
    used->idx++;
}

TEST(virtq_parts_lie_where_the_specification_says)
{
    struct virtq_driver queue;

    virtq_driver_init(&queue, memory, SIZE, 0);
    CHECK_EQ((u8 *)queue.ring.desc - memory, 0);
    CHECK_EQ((u8 *)queue.ring.avail - memory, 16 * SIZE);
    CHECK_EQ((u8 *)queue.ring.used - memory, 16 * SIZE + 24); /* 6 + 2 * 8, aligned to 4 */
    CHECK_EQ((u8 *)virtq_used_event(&queue.ring) - memory, 16 * SIZE + 20);
    CHECK_EQ((u8 *)virtq_avail_event(&queue.ring) - memory, 16 * SIZE + 24 + 4 + 8 * SIZE);
    CHECK_EQ(VIRTQ_BYTES(SIZE), 16 * SIZE + 24 + 6 + 8 * SIZE);
    CHECK_EQ(VIRTQ_BYTES(1), 16 + 8 + 6 + 8); /* 6 + 2, already aligned */
}

TEST(virtq_chain_has_readable_pieces_before_writable_ones)
{
    const struct virtq_buf bufs[] = {
        {0x1000, 1},
        {0x2000, 2},
        {0x3000, 3}
    };
    struct virtq_driver queue;
    const struct virtq_desc *desc;
    u16 head;

    virtq_driver_init(&queue, memory, SIZE, 0);
    CHECK_EQ(virtq_driver_push(&queue, bufs, 2, 1, &head), ERR_OK);
    CHECK_EQ(queue.ring.avail->idx, 1);
    CHECK_EQ(queue.ring.avail->ring[0], head);
    desc = &queue.ring.desc[head];
    CHECK_EQ(desc->addr, 0x1000);
    CHECK_EQ(desc->flags, VIRTQ_DESC_NEXT);
    desc = &queue.ring.desc[desc->next];
    CHECK_EQ(desc->len, 2);
    CHECK_EQ(desc->flags, VIRTQ_DESC_NEXT);
    desc = &queue.ring.desc[desc->next];
    CHECK_EQ(desc->addr, 0x3000);
    CHECK_EQ(desc->flags, VIRTQ_DESC_WRITE);
}

TEST(virtq_full_ring_refuses_and_stays_as_it_was)
{
    const struct virtq_buf bufs[SIZE] = {
        {0x1000, 1}
    };
    struct virtq_driver queue;
    u16 head;

    virtq_driver_init(&queue, memory, SIZE, 0);
    CHECK_EQ(virtq_driver_push(&queue, bufs, 0, 0, &head), ERR_INVAL);
    CHECK_EQ(virtq_driver_push(&queue, bufs, SIZE - 1, 0, &head), ERR_OK);
    CHECK_EQ(virtq_driver_push(&queue, bufs, 1, 1, &head), ERR_NOMEM);
    CHECK_EQ(queue.ring.avail->idx, 1);
    CHECK_EQ(queue.free_count, 1);
    CHECK_EQ(virtq_driver_push(&queue, bufs, 1, 0, &head), ERR_OK);
    CHECK_EQ(queue.free_count, 0);
}

/* Chains come back in any order, for more rounds than a 16-bit index has. */
TEST(virtq_gives_every_descriptor_back)
{
    const struct virtq_buf bufs[3] = {
        {0x1000, 1},
        {0x2000, 1},
        {0x3000, 1}
    };
    struct virtq_driver queue;
    u64 random = 1;

    virtq_driver_init(&queue, memory, SIZE, 0);
    for (unsigned round = 0; round < 70000; round++) {
        u16 heads[2];
        u32 written_bytes;
        u16 head;
        unsigned first = (unsigned)(test_random(&random) % 2);

        for (unsigned i = 0; i < 2; i++) {
            unsigned count = 1 + (unsigned)(test_random(&random) % 3);

            CHECK_EQ(virtq_driver_push(&queue, bufs, count, 0, &heads[i]), ERR_OK);
        }
        give_back(&queue, heads[first]);
        give_back(&queue, heads[!first]);
        CHECK_EQ(virtq_driver_pop(&queue, &head, &written_bytes), ERR_OK);
        CHECK_EQ(head, heads[first]);
        CHECK_EQ(written_bytes, head + 100U);
        CHECK_EQ(virtq_driver_pop(&queue, &head, &written_bytes), ERR_OK);
        CHECK_EQ(head, heads[!first]);
        CHECK_EQ(virtq_driver_pop(&queue, &head, &written_bytes), ERR_NOENT);
        CHECK_EQ(queue.free_count, SIZE);
    }
}

TEST(virtq_refuses_a_chain_that_the_device_cannot_have)
{
    const struct virtq_buf buf = {0x1000, 1};
    struct virtq_driver queue;
    u32 written_bytes;
    u16 head;

    virtq_driver_init(&queue, memory, SIZE, 0);
    give_back(&queue, 0);
    CHECK_EQ(virtq_driver_pop(&queue, &head, &written_bytes), ERR_FORMAT);

    virtq_driver_init(&queue, memory, SIZE, 0);
    CHECK_EQ(virtq_driver_push(&queue, &buf, 1, 0, &head), ERR_OK);
    give_back(&queue, SIZE);
    CHECK_EQ(virtq_driver_pop(&queue, &head, &written_bytes), ERR_FORMAT);
}

TEST(console_writes_pieces_in_order)
{
    const struct virtq_buf bufs[] = {
        {(uintptr_t) "fork ",        5 },
        {(uintptr_t) "is a VM exit", 12}
    };

    fake_virtio_init(&fake);
    CHECK_EQ(virtio_console_open(&console, CONSOLE_BASE, 1), ERR_OK);
    CHECK_EQ(virtio_console_write(&console, bufs, 2), ERR_OK);
    CHECK_EQ(virtio_console_write(&console, bufs, 1), ERR_OK);
    CHECK_EQ(fake.pieces, 3);
    CHECK_EQ(fake.length, 22);
    CHECK(memcmp(fake.output, "fork is a VM exitfork ", fake.length) == 0);
    CHECK_EQ(virtio_console_write(&console, bufs, 0), ERR_INVAL);
    CHECK_EQ(virtio_console_write(&console, bufs, VIRTIO_CONSOLE_QUEUE_SIZE + 1), ERR_NOMEM);
    CHECK_EQ(fake.notifications, 2);
}

TEST(console_is_looked_for_before_anything_is_written)
{
    fake_virtio_init(&fake);
    CHECK_EQ(virtio_console_open(&console, FAKE_SLOT_BASE(0), 1), ERR_NOENT);
    fake.device_id = 2; /* a disk */
    CHECK_EQ(virtio_console_open(&console, CONSOLE_BASE, 1), ERR_NOENT);
    fake.device_id = VIRTIO_DEVICE_CONSOLE;
    fake.version = 1;
    fake.status = 0xff; /* any write of status would be refused by the fake */
    CHECK_EQ(virtio_console_open(&console, CONSOLE_BASE, 1), ERR_NOSUPP);
}

TEST(console_refuses_a_device_that_lacks_something)
{
    fake_virtio_init(&fake);
    fake.features = 0x7;
    CHECK_EQ(virtio_console_open(&console, CONSOLE_BASE, 1), ERR_NOSUPP);
    CHECK(fake.status & VIRTIO_STATUS_FAILED);

    fake_virtio_init(&fake);
    fake.refuses_features = true;
    CHECK_EQ(virtio_console_open(&console, CONSOLE_BASE, 1), ERR_NOSUPP);
    CHECK(fake.status & VIRTIO_STATUS_FAILED);

    fake_virtio_init(&fake);
    fake.queue_size_max = VIRTIO_CONSOLE_QUEUE_SIZE / 2;
    CHECK_EQ(virtio_console_open(&console, CONSOLE_BASE, 1), ERR_INVAL);
    CHECK_EQ(fake.status, 0);

    fake_virtio_init(&fake);
    fake.queue_size_max = 0;
    CHECK_EQ(virtio_console_open(&console, CONSOLE_BASE, 1), ERR_NOENT);
    CHECK_EQ(fake.status, 0);
}

/* The ring was in the device's hands: it is taken away, and nothing is offered again. */
static void check_dead(enum err expected)
{
    const struct virtq_buf buf = {(uintptr_t) "x", 1};

    CHECK_EQ(virtio_console_write(&console, &buf, 1), expected);
    CHECK(console.dead);
    CHECK_EQ(fake.status, 0);
    CHECK_EQ(virtio_console_write(&console, &buf, 1), ERR_STATE);
    CHECK_EQ(fake.notifications, 1);
}

TEST(console_that_does_not_answer_is_dead)
{
    fake_virtio_init(&fake);
    fake.answers = 0;
    CHECK_EQ(virtio_console_open(&console, CONSOLE_BASE, 1000), ERR_OK);
    check_dead(ERR_STATE);
}

TEST(console_that_answers_nonsense_is_dead)
{
    fake_virtio_init(&fake);
    fake.returned_id_offset = 1;
    CHECK_EQ(virtio_console_open(&console, CONSOLE_BASE, 1000), ERR_OK);
    check_dead(ERR_FORMAT);

    fake_virtio_init(&fake);
    fake.returned_id_offset = 0x10000;
    CHECK_EQ(virtio_console_open(&console, CONSOLE_BASE, 1000), ERR_OK);
    check_dead(ERR_FORMAT);
}

TEST(mmio_says_what_is_in_a_slot)
{
    fake_virtio_init(&fake);
    CHECK_EQ(virtio_mmio_device_id(CONSOLE_BASE), VIRTIO_DEVICE_CONSOLE);
    CHECK_EQ(virtio_mmio_device_id(FAKE_SLOT_BASE(0)), VIRTIO_DEVICE_NONE);
}

TEST(mmio_agrees_on_what_is_required_and_offered)
{
    struct virtio_mmio dev = {.base = CONSOLE_BASE};

    fake_virtio_init(&fake);
    fake.features = VIRTIO_F_VERSION_1 | 0x5;
    CHECK_EQ(virtio_mmio_begin(&dev, 0x1, 0x6), ERR_OK);
    CHECK_EQ(dev.features, VIRTIO_F_VERSION_1 | 0x5);
    CHECK_EQ(fake.driver_features, dev.features);
    CHECK_EQ(virtio_mmio_begin(&dev, 0x2, 0x5), ERR_NOSUPP);
}

/* ---- input of a console ---------------------------------------------------------------------- */

static struct virtio_console_input input;

static void open_input(void)
{
    fake_virtio_init(&fake);
    CHECK_EQ(virtio_console_open_input(&console, &input, CONSOLE_BASE, 1), ERR_OK);
}

static void check_read(const char *expected, u32 room)
{
    u8 bytes[512];
    u32 count = virtio_console_read(&console, bytes, room);

    CHECK_EQ(count, strlen(expected));
    CHECK(memcmp(bytes, expected, count) == 0);
}

TEST(console_reads_what_comes_in)
{
    open_input();
    check_read("", 10);
    CHECK_EQ(fake_virtio_input(&fake, "hello", 5), 5);
    CHECK_EQ(fake_virtio_input(&fake, "world", 5), 5);
    check_read("hel", 3);
    check_read("lowor", 5);
    check_read("ld", 100);
    check_read("", 100);
    CHECK(!console.dead);
}

TEST(console_reads_more_than_it_has_room_for_at_once)
{
    u64 random = 1;
    u8 sent = 0, got = 0;

    open_input();
    for (unsigned i = 0; i < 3000; i++) {
        u8 bytes[300];
        size_t count = test_random(&random) % sizeof(bytes);

        for (size_t at = 0; at < count; at++)
            bytes[at] = (u8)(sent + at);
        sent = (u8)(sent + fake_virtio_input(&fake, bytes, count));
        count = virtio_console_read(&console, bytes, (u32)(test_random(&random) % sizeof(bytes)));
        for (size_t at = 0; at < count; at++)
            CHECK_EQ(bytes[at], got++);
    }
    CHECK(!console.dead);
    CHECK_EQ(fake.interrupts, 0);
}

TEST(console_interrupts_when_it_is_asked_to)
{
    open_input();
    fake_virtio_input(&fake, "a", 1);
    CHECK_EQ(fake.interrupts, 0);
    CHECK(!virtio_console_expect(&console)); /* there is something already */
    check_read("a", 1);
    CHECK(virtio_console_expect(&console));
    fake_virtio_input(&fake, "bc", 2);
    CHECK_EQ(fake.interrupts, 1);
    check_read("b", 1);
    CHECK(!virtio_console_expect(&console));
    check_read("c", 1);
}

TEST(console_whose_input_is_nonsense_is_dead)
{
    const u32 written_offsets[] = {VIRTIO_CONSOLE_PIECE_BYTES, UINT32_MAX /* none */};

    for (size_t i = 0; i < ARRAY_LEN(written_offsets); i++) {
        open_input();
        fake_virtio_input(&fake, "good", 4);
        fake.written_offset = written_offsets[i];
        fake_virtio_input(&fake, "b", 1);
        check_read("good", 100);
        CHECK(console.dead);
        CHECK_EQ(fake.status, 0);
        check_read("", 100);
        CHECK(!virtio_console_expect(&console));
    }
    open_input();
    fake.returned_id_offset = VIRTIO_CONSOLE_QUEUE_SIZE;
    fake_virtio_input(&fake, "bad", 3);
    check_read("", 100);
    CHECK(console.dead);
}

/* ---- entropy --------------------------------------------------------------------------------- */

static struct virtio_rng rng;

static void open_rng(void)
{
    fake_virtio_init(&fake);
    fake.device_id = VIRTIO_DEVICE_ENTROPY;
    CHECK_EQ(virtio_rng_open(&rng, CONSOLE_BASE), ERR_OK);
}

TEST(rng_fills_all_of_a_buffer)
{
    u8 bytes[100];

    open_rng();
    for (u32 max = 1; max < 200; max *= 3) {
        fake.entropy = 0;
        fake.entropy_max = max; /* at once */
        CHECK_EQ(virtio_rng_read(&rng, bytes, sizeof(bytes), 1), ERR_OK);
        for (u32 i = 0; i < sizeof(bytes); i++)
            CHECK_EQ(bytes[i], i);
    }
    CHECK_EQ(virtio_rng_read(&rng, bytes, 0, 1), ERR_INVAL);
    CHECK_EQ(fake.interrupts, 0);
}

TEST(rng_gives_back_one_buffer_at_a_time)
{
    u8 bytes[8];
    u32 count;

    open_rng();
    CHECK_EQ(virtio_rng_finished(&rng, &count), ERR_STATE);
    fake.answers = 0;
    CHECK_EQ(virtio_rng_start(&rng, bytes, sizeof(bytes)), ERR_OK);
    CHECK_EQ(virtio_rng_start(&rng, bytes, sizeof(bytes)), ERR_STATE);
    CHECK_EQ(virtio_rng_finished(&rng, &count), ERR_NOENT);
    CHECK(virtq_driver_expect(&rng.queue, 1));
    fake.answers = UINT32_MAX;
    fake.entropy_max = 3;
    virtio_mmio_notify(&rng.dev, VIRTIO_RNG_REQUESTQ);
    CHECK_EQ(fake.interrupts, 1);
    CHECK_EQ(virtio_rng_finished(&rng, &count), ERR_OK);
    CHECK_EQ(count, 3);
    CHECK_EQ(virtio_rng_finished(&rng, &count), ERR_STATE);
}

TEST(rng_that_gives_nonsense_or_nothing_is_dead)
{
    u8 bytes[8];
    u32 count;

    open_rng();
    fake.written_offset = 1; /* more than there was room for */
    CHECK_EQ(virtio_rng_read(&rng, bytes, sizeof(bytes), 1), ERR_FORMAT);
    CHECK(rng.dead);
    CHECK_EQ(fake.status, 0);

    open_rng();
    fake.entropy_max = 0;
    CHECK_EQ(virtio_rng_read(&rng, bytes, sizeof(bytes), 1), ERR_FORMAT);

    open_rng();
    fake.returned_id_offset = 1;
    CHECK_EQ(virtio_rng_read(&rng, bytes, sizeof(bytes), 1), ERR_FORMAT);

    open_rng();
    fake.answers = 0;
    CHECK_EQ(virtio_rng_read(&rng, bytes, sizeof(bytes), 1000), ERR_STATE);
    CHECK(rng.dead);
    CHECK_EQ(virtio_rng_start(&rng, bytes, sizeof(bytes)), ERR_STATE);
    CHECK_EQ(virtio_rng_finished(&rng, &count), ERR_STATE);
}

TEST(rng_is_looked_for)
{
    fake_virtio_init(&fake);
    CHECK_EQ(virtio_rng_open(&rng, CONSOLE_BASE), ERR_NOENT);
    fake.device_id = VIRTIO_DEVICE_ENTROPY;
    fake.features = 0;
    CHECK_EQ(virtio_rng_open(&rng, CONSOLE_BASE), ERR_NOSUPP);
    fake.features = VIRTIO_F_VERSION_1;
    fake.queue_size_max = 0;
    CHECK_EQ(virtio_rng_open(&rng, CONSOLE_BASE), ERR_NOENT);
    CHECK_EQ(fake.status, 0);
}
