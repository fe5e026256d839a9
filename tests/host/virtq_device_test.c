/* SPDX-License-Identifier: BSD-2-Clause */
/* The device half of a virtqueue against rings that are put together by hand, most of them wrong.
 */
#include <pthread.h>
#include <string.h>

#include "lib/virtio/virtq.h"
#include "lib/virtio/virtq_device.h"

#include "tests/host/virtq_world.h"
#include "tests/test.h"

#define BASE 0x80000000ULL
#define PAGE WORLD_PAGE_BYTES
#define SIZE 8
#define MAX  12 /* segments: more than the ring has descriptors */

/* Each part of the ring is in two pages: desc[4], avail->ring[2], and the len of used->ring[0] are
 * the first in the second one. */
#define DESC_AT   (1 * PAGE - 4 * 16)
#define AVAIL_AT  (3 * PAGE - 8)
#define USED_AT   (5 * PAGE - 8)
#define TABLE_AT  (6 * PAGE + 256)
#define BUFFER    (BASE + 0x123)
#define NEXT      VIRTQ_DESC_NEXT
#define WRITE     VIRTQ_DESC_WRITE
#define INDIRECT  VIRTQ_DESC_INDIRECT
#define NO_MEMORY (BASE + WORLD_PAGES * PAGE)

static struct virtq_world world;
static struct virtq_device queue;
static struct virtq_segment segments[MAX];
static struct virtq_chain chain;

static struct virtq_desc *desc_at(u64 offset)
{
    return (void *)(world.ram + offset);
}

static struct virtq_desc *desc(unsigned index)
{
    return desc_at(DESC_AT) + index;
}

static struct virtq_avail *avail(void)
{
    return (void *)(world.ram + AVAIL_AT);
}

static struct virtq_used *used(void)
{
    return (void *)(world.ram + USED_AT);
}

/* An offer of chain 0, with all features. */
static void offer(void)
{
    virtq_world_init(&world, BASE);
    queue = (struct virtq_device){
        .desc = BASE + DESC_AT,
        .avail = BASE + AVAIL_AT,
        .used = BASE + USED_AT,
        .size = SIZE,
        .indirect = true,
        .event_idx = true,
    };
    CHECK_EQ(virtq_device_start(&queue), ERR_OK);
    chain = (struct virtq_chain){.max = MAX, .segment = segments};
    *desc(0) = (struct virtq_desc){BUFFER, 1, 0, 0};
    avail()->idx = 1;
}

/* ... which is a table. */
static void offer_table(const struct virtq_desc *table, u32 count, u64 at)
{
    offer();
    *desc(0) = (struct virtq_desc){BASE + at, count * 16, INDIRECT, 0};
    memcpy(world.ram + at, table, count * sizeof(*table));
}

static enum err pop(void)
{
    return virtq_device_pop(&queue, &world.memory, &chain);
}

static void check_segment(u32 index, u64 addr, u32 bytes)
{
    CHECK_EQ(segments[index].addr, addr);
    CHECK_EQ(segments[index].bytes, bytes);
}

TEST(virtq_device_refuses_a_queue_that_cannot_be)
{
    const struct {
        u64 desc, avail, used;
        u16 size;
        enum err expected;
    } cases[] = {
        {0x1000,     0x2000,     0x3000,     128, ERR_OK    },
        {0x1000,     0x2000,     0x3000,     1,   ERR_OK    },
        {0x1010,     0x2002,     0x3004,     8,   ERR_OK    },
        {0x1000,     0x2000,     0x3000,     0,   ERR_FORMAT},
        {0x1000,     0x2000,     0x3000,     3,   ERR_FORMAT},
        {0x1000,     0x2000,     0x3000,     256, ERR_FORMAT},
        {0x1008,     0x2000,     0x3000,     8,   ERR_FORMAT},
        {0x1000,     0x2001,     0x3000,     8,   ERR_FORMAT},
        {0x1000,     0x2000,     0x3002,     8,   ERR_FORMAT},
        {-128ULL,    0x2000,     0x3000,     16,  ERR_FORMAT},
        {0x1000,     -16ULL,     0x3000,     8,   ERR_FORMAT},
        {0x1000,     0x2000,     -64ULL,     8,   ERR_FORMAT},
        {UINT64_MAX, UINT64_MAX, UINT64_MAX, 8,   ERR_FORMAT},
        {-0x1000ULL, -0x1000ULL, -0x1000ULL, 8,   ERR_OK    }, /* though no memory is there */
    };

    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        queue = (struct virtq_device){.desc = cases[i].desc,
                                      .avail = cases[i].avail,
                                      .used = cases[i].used,
                                      .size = cases[i].size,
                                      .avail_idx = 1,
                                      .used_idx = 2,
                                      .placed = true};
        CHECK_EQ(virtq_device_start(&queue), cases[i].expected);
        CHECK_EQ(queue.ready, cases[i].expected == ERR_OK);
        CHECK_EQ(queue.avail_idx, 0);
        CHECK_EQ(queue.used_idx, 0);
        CHECK(!queue.placed);
    }
}

TEST(virtq_device_takes_a_chain_of_the_ring)
{
    offer();
    *desc(0) = (struct virtq_desc){BUFFER, 16, NEXT, 7};
    *desc(7) = (struct virtq_desc){BUFFER + 100, 512, NEXT | WRITE, 4};
    *desc(4) = (struct virtq_desc){BUFFER + 200, 1, WRITE, 9999};
    CHECK_EQ(pop(), ERR_OK);
    CHECK_EQ(chain.head, 0);
    CHECK_EQ(chain.readable, 1);
    CHECK_EQ(chain.writable, 2);
    check_segment(0, BUFFER, 16);
    check_segment(1, BUFFER + 100, 512);
    check_segment(2, BUFFER + 200, 1);
    CHECK_EQ(pop(), ERR_NOENT);
}

TEST(virtq_device_takes_a_chain_of_readable_or_writable_segments_alone)
{
    offer();
    CHECK_EQ(pop(), ERR_OK);
    CHECK_EQ(chain.readable, 1);
    CHECK_EQ(chain.writable, 0);
    offer();
    desc(0)->flags = WRITE;
    CHECK_EQ(pop(), ERR_OK);
    CHECK_EQ(chain.readable, 0);
    CHECK_EQ(chain.writable, 1);
}

/* In any order, and wherever it lies: in one page, in two, and with descriptors that are in two. */
TEST(virtq_device_takes_a_table)
{
    const struct virtq_desc table[] = {
        {BUFFER,       16, NEXT,         3   },
        {BUFFER + 200, 2,  NEXT | WRITE, 4   },
        {BUFFER + 400, 4,  WRITE,        9999},
        {BUFFER + 100, 1,  NEXT,         1   },
        {BUFFER + 300, 3,  NEXT | WRITE, 2   },
    };

    for (u64 at = 7 * PAGE - sizeof(table) - 16; at <= 7 * PAGE + 16; at += 8) {
        offer_table(table, ARRAY_LEN(table), at);
        CHECK_EQ(pop(), ERR_OK);
        CHECK_EQ(chain.readable, 2);
        CHECK_EQ(chain.writable, 3);
        check_segment(0, BUFFER, 16);
        for (u32 i = 1; i < 5; i++)
            check_segment(i, BUFFER + i * 100, i);
    }
}

/* [VIRTIO "Indirect Descriptors"]: so may a chain end, and WRITE is ignored there. */
TEST(virtq_device_takes_descriptors_before_a_table)
{
    const struct virtq_desc table[] = {
        {BUFFER + 200, 2, NEXT | WRITE, 1},
        {BUFFER + 300, 3, WRITE,        0},
    };

    for (u16 before = 0; before <= WRITE; before += WRITE) {
        offer_table(table, ARRAY_LEN(table), TABLE_AT);
        *desc(3) = *desc(0);
        desc(3)->flags = INDIRECT | WRITE;
        *desc(0) = (struct virtq_desc){BUFFER, 16, NEXT, 1};
        *desc(1) = (struct virtq_desc){BUFFER + 100, 1, NEXT | before, 3};
        CHECK_EQ(pop(), ERR_OK);
        CHECK_EQ(chain.readable, before ? 1 : 2);
        CHECK_EQ(chain.writable, before ? 3 : 2);
        check_segment(0, BUFFER, 16);
        for (u32 i = 1; i < 4; i++)
            check_segment(i, BUFFER + i * 100, i);
    }
}

TEST(virtq_device_gives_chains_back_over_the_end_of_a_page)
{
    struct virtq ring;

    offer();
    ring = (struct virtq){.used = used(), .size = SIZE};
    for (u16 i = 0; i < 3 * SIZE; i++) {
        avail()->idx = (u16)(i + 1);
        CHECK_EQ(pop(), ERR_OK);
        CHECK_EQ(virtq_device_push(&queue, &world.memory, 5, 1000U + i), ERR_OK);
        CHECK_EQ(used()->idx, i + 1);
        CHECK_EQ(used()->ring[i % SIZE].id, 5);
        CHECK_EQ(used()->ring[i % SIZE].len, 1000 + i);
        CHECK_EQ(pop(), ERR_NOENT);
        CHECK_EQ(*virtq_avail_event(&ring), i + 1);
    }
    CHECK_EQ(used()->flags, 0);
    CHECK_EQ(avail()->flags, 0);
}

TEST(virtq_device_forgets_where_pages_were)
{
    offer();
    CHECK_EQ(pop(), ERR_OK);
    world.absent[4] = true;
    CHECK_EQ(virtq_device_push(&queue, &world.memory, 0, 0), ERR_OK); /* its place is still known */
    virtq_device_forget(&queue);
    CHECK_EQ(virtq_device_push(&queue, &world.memory, 0, 0), ERR_FORMAT);
    CHECK_EQ(used()->idx, 1);
    world.absent[4] = false;
    CHECK(virtq_device_should_interrupt(&queue)); /* what the driver wants is not known */
    CHECK_EQ(virtq_device_push(&queue, &world.memory, 0, 0), ERR_OK);
    CHECK_EQ(used()->idx, 2);
}

/* ---- what breaks a queue --------------------------------------------------------------------- */

static void spoil_page_of_desc(void)
{
    world.absent[0] = true;
}
static void spoil_second_page_of_desc(void)
{
    world.absent[1] = true;
}
static void spoil_page_of_avail(void)
{
    world.absent[2] = true;
}
static void spoil_second_page_of_avail(void)
{
    world.absent[3] = true;
}
static void spoil_page_of_used(void)
{
    world.absent[4] = true;
}
static void spoil_second_page_of_used(void)
{
    world.absent[5] = true;
}
static void offer_too_many(void)
{
    avail()->idx = SIZE + 1;
}
static void take_offer_back(void)
{
    avail()->idx = UINT16_MAX;
}
static void offer_what_is_taken(void)
{
    for (unsigned i = 0; i < SIZE; i++) {
        avail()->idx = (u16)(i + 1);
        CHECK_EQ(pop(), ERR_OK);
    }
    avail()->idx = SIZE + 1;
}
static void take_back_while_one_is_out(void)
{
    CHECK_EQ(pop(), ERR_OK);
    avail()->idx = 0;
}
static void head_beyond_ring(void)
{
    avail()->ring[0] = SIZE;
    *desc(SIZE) = *desc(0);
}
static void next_beyond_ring(void)
{
    *desc(SIZE) = *desc(0);
    desc(0)->flags = NEXT;
    desc(0)->next = SIZE;
}
static void loop(void)
{
    *desc(0) = (struct virtq_desc){BUFFER, 1, NEXT, 6};
    *desc(6) = (struct virtq_desc){BUFFER, 1, NEXT, 0};
}
static void loop_of_one(void)
{
    desc(0)->flags = NEXT;
}
static void more_than_max(void)
{
    chain.max = 0;
}
static void empty_segment(void)
{
    desc(0)->len = 0;
}
static void segment_wraps(void)
{
    desc(0)->addr = UINT64_MAX;
    desc(0)->len = 2;
}
static void readable_behind_writable(void)
{
    *desc(0) = (struct virtq_desc){BUFFER, 1, NEXT | WRITE, 1};
    *desc(1) = (struct virtq_desc){BUFFER, 1, 0, 0};
}
static void table_not_agreed_on(void)
{
    queue.indirect = false;
}
static void table_with_next(void)
{
    desc(0)->flags = INDIRECT | NEXT;
}
static void table_of_nothing(void)
{
    desc(0)->len = 0;
    desc_at(TABLE_AT)[0].flags = 0;
}
static void table_of_one_and_a_half(void)
{
    desc(0)->len = 24;
    desc_at(TABLE_AT)[0].flags = 0;
}
static void table_of_half(void)
{
    desc(0)->len = 8;
    desc_at(TABLE_AT)[0].flags = 0;
}
static void table_not_aligned(void)
{
    desc(0)->addr += 4;
    memmove(world.ram + TABLE_AT + 4, world.ram + TABLE_AT, 32);
}
static void table_at_the_end_of_the_world(void)
{
    desc(0)->addr = -64ULL;
    desc(0)->len = 48;
}
static void table_is_nowhere(void)
{
    desc(0)->addr = NO_MEMORY;
}
static void table_goes_nowhere(void)
{
    desc(0)->addr = NO_MEMORY - 16;
    *desc_at(NO_MEMORY - 16 - BASE) = (struct virtq_desc){BUFFER, 1, NEXT, 1};
}
static void table_ends_in_a_descriptor(void)
{
    desc(0)->addr = NO_MEMORY - 8;
}
static void table_in_table(void)
{
    desc_at(TABLE_AT)[1].flags = INDIRECT;
}
static void table_in_first_of_table(void)
{
    desc_at(TABLE_AT)[0].flags |= INDIRECT;
}
static void next_beyond_table(void)
{
    desc_at(TABLE_AT)[0].next = 2;
    desc_at(TABLE_AT)[2] = desc_at(TABLE_AT)[1];
}
static void loop_in_table(void)
{
    desc_at(TABLE_AT)[1].flags |= NEXT;
    desc_at(TABLE_AT)[1].next = 1;
}
static void loop_between_pages(void)
{
    struct virtq_desc *at = desc_at(6 * PAGE - 16);

    desc(0)->addr = BASE + 6 * PAGE - 16;
    at[0] = (struct virtq_desc){BUFFER, 1, NEXT, 1};
    at[1] = (struct virtq_desc){BUFFER, 1, NEXT, 0};
}
static void huge_table_of_the_same(void)
{
    desc(0)->len = 0xfffffff0;
    desc_at(TABLE_AT)[0].next = 0;
}
static void empty_segment_in_table(void)
{
    desc_at(TABLE_AT)[1].len = 0;
}
static void segment_wraps_in_table(void)
{
    desc_at(TABLE_AT)[1].addr = UINT64_MAX;
    desc_at(TABLE_AT)[1].len = UINT32_MAX;
}
static void readable_behind_writable_in_table(void)
{
    desc_at(TABLE_AT)[0].flags |= WRITE;
    desc_at(TABLE_AT)[1].flags = 0;
}
static void readable_table_behind_writable(void)
{
    *desc(1) = *desc(0);
    *desc(0) = (struct virtq_desc){BUFFER, 1, NEXT | WRITE, 1};
}
static void more_than_max_before_table(void)
{
    chain.max = 1;
    *desc(1) = *desc(0);
    *desc(0) = (struct virtq_desc){BUFFER, 1, NEXT, 1};
}

static const struct {
    const char *name;
    void (*spoil)(void);
} spoilt_chains[] = {
    {"no memory for desc",               spoil_page_of_desc        },
    {"no memory for the end of desc",    spoil_second_page_of_desc },
    {"no memory for avail",              spoil_page_of_avail       },
    {"no memory for the end of avail",   spoil_second_page_of_avail},
    {"no memory for used",               spoil_page_of_used        },
    {"no memory for the end of used",    spoil_second_page_of_used },
    {"more chains than the ring",        offer_too_many            },
    {"index goes back",                  take_offer_back           },
    {"chain offered while all are out",  offer_what_is_taken       },
    {"index goes back while one is out", take_back_while_one_is_out},
    {"head beyond the ring",             head_beyond_ring          },
    {"next beyond the ring",             next_beyond_ring          },
    {"loop",                             loop                      },
    {"loop of one",                      loop_of_one               },
    {"more segments than max",           more_than_max             },
    {"empty segment",                    empty_segment             },
    {"segment around the end of memory", segment_wraps             },
    {"readable behind writable",         readable_behind_writable  },
};

static const struct {
    const char *name;
    void (*spoil)(void);
} spoilt_tables[] = {
    {"table though not agreed on",          table_not_agreed_on              },
    {"table with NEXT",                     table_with_next                  },
    {"table of no descriptor",              table_of_nothing                 },
    {"table of half a descriptor",          table_of_half                    },
    {"table of one and a half",             table_of_one_and_a_half          },
    {"table not aligned",                   table_not_aligned                },
    {"table up to the end of addresses",    table_at_the_end_of_the_world    },
    {"table where no memory is",            table_is_nowhere                 },
    {"table that goes on where none is",    table_goes_nowhere               },
    {"table that ends in a descriptor",     table_ends_in_a_descriptor       },
    {"table in a table",                    table_in_table                   },
    {"table in a table at once",            table_in_first_of_table          },
    {"next beyond the table",               next_beyond_table                },
    {"loop in a table",                     loop_in_table                    },
    {"loop between pages of a table",       loop_between_pages               },
    {"huge table of one descriptor",        huge_table_of_the_same           },
    {"empty segment in a table",            empty_segment_in_table           },
    {"segment around the end in a table",   segment_wraps_in_table           },
    {"readable behind writable in a table", readable_behind_writable_in_table},
    {"readable table behind writable",      readable_table_behind_writable   },
    {"table when there is no room",         more_than_max_before_table       },
};

/* Each is one change away from what is taken. */
static void check_spoilt(const char *name, void (*spoil)(void), void (*good)(void))
{
    u8 before[sizeof(struct virtq_used)];
    enum err err;

    good();
    CHECK_EQ(pop(), ERR_OK);
    good();
    spoil();
    memcpy(before, used(), sizeof(before));
    err = pop();
    if (err != ERR_FORMAT)
        FAIL("%s: %d", name, err);
    CHECK(memcmp(before, used(), sizeof(before)) == 0); /* nothing was given back */
}

static void offer_good_table(void)
{
    const struct virtq_desc table[] = {
        {BUFFER, 16, NEXT,  1},
        {BUFFER, 1,  WRITE, 0},
    };

    offer_table(table, ARRAY_LEN(table), TABLE_AT);
}

TEST(virtq_device_refuses_a_spoilt_chain)
{
    for (size_t i = 0; i < ARRAY_LEN(spoilt_chains); i++)
        check_spoilt(spoilt_chains[i].name, spoilt_chains[i].spoil, offer);
}

TEST(virtq_device_refuses_a_spoilt_table)
{
    for (size_t i = 0; i < ARRAY_LEN(spoilt_tables); i++)
        check_spoilt(spoilt_tables[i].name, spoilt_tables[i].spoil, offer_good_table);
}

/* ---- a driver that changes what it offered while it is looked at ------------------------------
 */

#define CHANGES 20000

static volatile bool over;

static void *change_all_the_time(void *arg)
{
    u64 random = 7;

    (void)arg;
    while (!over) {
        struct virtq_desc *entry = desc_at(TABLE_AT) + test_random(&random) % 2;

        desc(0)->len = test_random(&random) % 2 ? 32 : (u32)test_random(&random);
        desc(0)->addr = BASE + (test_random(&random) % 2 ? TABLE_AT : test_random(&random));
        entry->len = (u32)test_random(&random) % 3;
        entry->addr = test_random(&random) % 2 ? BUFFER : UINT64_MAX;
        entry->flags = (u16)(test_random(&random) % 8);
        entry->next = (u16)(test_random(&random) % 3);
        avail()->ring[0] = (u16)(test_random(&random) % (SIZE + 1));
        avail()->idx = (u16)(test_random(&random) % (SIZE + 2));
    }
    return NULL;
}

TEST(virtq_device_believes_nothing_twice)
{
    pthread_t driver;

    offer_good_table();
    over = false;
    CHECK_EQ(pthread_create(&driver, NULL, change_all_the_time, NULL), 0);
    for (unsigned i = 0; i < CHANGES; i++) {
        CHECK_EQ(virtq_device_start(&queue), ERR_OK);
        if (pop() == ERR_OK) {
            CHECK(chain.head < SIZE);
            CHECK(chain.readable + chain.writable >= 1 && chain.readable + chain.writable <= MAX);
            for (u32 s = 0; s < (u32)chain.readable + chain.writable; s++) {
                CHECK(segments[s].bytes != 0);
                CHECK(segments[s].addr + segments[s].bytes >= segments[s].addr);
            }
        }
    }
    over = true;
    CHECK_EQ(pthread_join(driver, NULL), 0);
}
