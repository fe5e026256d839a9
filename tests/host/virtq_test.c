/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The two halves of a virtqueue against each other: random operations that a model follows, and
 * races of two threads for the wishes to be woken.
 */
#include <pthread.h>
#include <sched.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>

#include "lib/virtio/virtq.h"
#include "lib/virtio/virtq_device.h"

#include "tests/host/virtq_world.h"
#include "tests/test.h"

#define SIZE_MAX_TESTED 128
#define PIECES_MAX      6
#define TABLES_AT       (4 * WORLD_PAGE_BYTES) /* in the driver's memory, one for each head */
#define OPERATIONS      250000ULL              /* so that indices wrap around */

/* A chain from push to pop; what it consists of follows from its number. */
struct request {
    u64 number;
    u16 head;
    u16 readable, writable;
    u32 written;
};

struct list {
    struct request request[SIZE_MAX_TESTED];
    u32 count;
};

static struct virtq_world world;

/* All indices count from 0 and never wrap around. */
static struct model {
    struct virtq_driver driver;
    struct virtq_device device;
    u64 features;
    u64 random;
    struct list offered; /* in order */
    struct list taken;
    struct list given; /* in order */
    u64 pushed, popped;
    u64 device_pushed;
    u64 kicked;      /* pushed when must_kick was last asked */
    u64 wants_kick;  /* the device wants to know of the chain with this index */
    u64 interrupted; /* device_pushed when should_interrupt was last asked */
    u64 wants_interrupt;
    bool quiet;
} m;

static u64 pick(u64 count)
{
    return test_random(&m.random) % count;
}

static struct request take_from(struct list *list, u32 index)
{
    struct request request = list->request[index];

    list->count--;
    memmove(&list->request[index], &list->request[index + 1],
            (list->count - index) * sizeof(request));
    return request;
}

static void append(struct list *list, struct request request)
{
    CHECK(list->count < SIZE_MAX_TESTED);
    list->request[list->count++] = request;
}

static u64 piece_addr(u64 number, u32 index)
{
    return number * 64 + index;
}

static u32 piece_bytes(u64 number, u32 index)
{
    return (u32)(number % 1000) + index + 1;
}

static void start(u16 size, u64 ring_at, u64 features)
{
    struct virtq_driver *driver = &m.driver;

    virtq_world_init(&world, 0);
    m = (struct model){.features = features, .random = size + ring_at + features};
    virtq_driver_init(driver, world.ram + ring_at, size, features);
    m.device = (struct virtq_device){
        .desc = (uintptr_t)driver->ring.desc,
        .avail = (uintptr_t)driver->ring.avail,
        .used = (uintptr_t)driver->ring.used,
        .size = size,
        .indirect = features & VIRTIO_F_INDIRECT_DESC,
        .event_idx = features & VIRTIO_F_EVENT_IDX,
    };
    CHECK_EQ(virtq_device_start(&m.device), ERR_OK);
}

/* ---- operations ------------------------------------------------------------------------------ */

static enum err push_pieces(struct request *request)
{
    struct virtq_buf bufs[PIECES_MAX];
    u32 count = (u32)request->readable + request->writable;

    for (u32 i = 0; i < count; i++)
        bufs[i] =
            (struct virtq_buf){piece_addr(request->number, i), piece_bytes(request->number, i)};
    return virtq_driver_push(&m.driver, bufs, request->readable, request->writable, &request->head);
}

/* The table of the next head, so that none is used twice at the same time; the last one if there is
 * no head. */
static enum err push_table(struct request *request)
{
    struct virtq_desc *table = (void *)(world.ram + TABLES_AT);
    u32 count = (u32)request->readable + request->writable;

    table += (m.driver.free_count != 0 ? m.driver.free_head : SIZE_MAX_TESTED) * PIECES_MAX;
    for (u32 i = 0; i < count; i++) {
        table[i].addr = piece_addr(request->number, i);
        table[i].len = piece_bytes(request->number, i);
    }
    return virtq_driver_push_table(&m.driver, table, request->readable, request->writable,
                                   &request->head);
}

static void push(void)
{
    u16 size = m.driver.ring.size;
    u16 free_count = m.driver.free_count;
    bool is_table = pick(2);
    struct request request = {.number = m.pushed,
                              .readable = (u16)pick(PIECES_MAX / 2 + 1),
                              .writable = (u16)pick(PIECES_MAX / 2 + 1)};
    u32 count = (u32)request.readable + request.writable;
    u32 price = is_table && m.driver.indirect ? 1 : count;
    enum err expected = ERR_OK;
    enum err err = is_table ? push_table(&request) : push_pieces(&request);

    if (count == 0 || (is_table && count > size))
        expected = ERR_INVAL;
    else if (price > free_count)
        expected = ERR_NOMEM;
    CHECK_EQ(err, expected);
    if (err) {
        CHECK_EQ(m.driver.free_count, free_count);
        return;
    }
    CHECK_EQ(m.driver.free_count, free_count - price);
    append(&m.offered, request);
    m.pushed++;
}

static void check_chain(const struct virtq_chain *chain, const struct request *request)
{
    CHECK_EQ(chain->head, request->head);
    CHECK_EQ(chain->readable, request->readable);
    CHECK_EQ(chain->writable, request->writable);
    for (u32 i = 0; i < (u32)request->readable + request->writable; i++) {
        CHECK_EQ(chain->segment[i].addr, piece_addr(request->number, i));
        CHECK_EQ(chain->segment[i].bytes, piece_bytes(request->number, i));
    }
}

static void device_pop(void)
{
    struct virtq_segment segments[PIECES_MAX];
    struct virtq_chain chain = {.max = PIECES_MAX, .segment = segments};
    enum err err = virtq_device_pop(&m.device, &world.memory, &chain);

    CHECK_EQ(err, m.offered.count != 0 ? ERR_OK : ERR_NOENT);
    if (err == ERR_OK) {
        struct request request = take_from(&m.offered, 0);

        check_chain(&chain, &request);
        append(&m.taken, request);
    } else {
        m.wants_kick = m.pushed;
    }
}

static void device_push(void)
{
    struct request request;

    if (m.taken.count == 0)
        return;
    request = take_from(&m.taken, (u32)pick(m.taken.count));
    request.written = (u32)test_random(&m.random);
    CHECK_EQ(virtq_device_push(&m.device, &world.memory, request.head, request.written), ERR_OK);
    append(&m.given, request);
    m.device_pushed++;
}

static void pop(void)
{
    u16 head;
    u32 written;
    enum err err = virtq_driver_pop(&m.driver, &head, &written);

    CHECK_EQ(err, m.given.count != 0 ? ERR_OK : ERR_NOENT);
    if (err == ERR_OK) {
        struct request request = take_from(&m.given, 0);

        CHECK_EQ(head, request.head);
        CHECK_EQ(written, request.written);
        m.popped++;
    }
}

/* Whether an index from `from` to below `to` is the event, or is taken for it since 16 bits of it
 * are the same. */
static bool includes(u64 from, u64 to, u64 event)
{
    for (u64 index = from; index < to; index++) {
        if ((u16)index == (u16)event)
            return true;
    }
    return false;
}

static void must_kick(void)
{
    bool expected = m.pushed != m.kicked;

    if (m.driver.event_idx)
        expected = includes(m.kicked, m.pushed, m.wants_kick);
    CHECK_EQ(virtq_driver_must_kick(&m.driver), expected);
    m.kicked = m.pushed;
}

static void should_interrupt(void)
{
    bool expected = m.device_pushed != m.interrupted && !m.quiet;

    if (m.driver.event_idx)
        expected = includes(m.interrupted, m.device_pushed, m.wants_interrupt);
    if (!m.device.placed)
        expected = m.device_pushed != m.interrupted;
    CHECK_EQ(virtq_device_should_interrupt(&m.device), expected);
    m.interrupted = m.device_pushed;
}

static void expect(void)
{
    u16 count = (u16)(1 + pick(m.driver.ring.size));

    CHECK_EQ(virtq_driver_expect(&m.driver, count), m.given.count < count);
    m.wants_interrupt = m.popped + count - 1;
    m.quiet = false;
}

static void quiet(void)
{
    virtq_driver_quiet(&m.driver);
    m.wants_interrupt = m.popped + VIRTQ_SIZE_MAX;
    m.quiet = true;
}

static void (*const operations[])(void) = {
    push,        push, push, device_pop, device_pop, device_pop,       device_push, device_push,
    device_push, pop,  pop,  pop,        must_kick,  should_interrupt, expect,      quiet,
};

static void run_operations(u16 size, u64 ring_at, u64 features)
{
    start(size, ring_at, features);
    for (u64 i = 0; i < OPERATIONS; i++) {
        operations[pick(ARRAY_LEN(operations))]();
        if (pick(100) == 0)
            virtq_device_forget(&m.device);
    }
    while (m.offered.count != 0)
        device_pop();
    while (m.taken.count != 0)
        device_push();
    while (m.given.count != 0)
        pop();
    CHECK_EQ(m.driver.free_count, size);
    CHECK_EQ(m.pushed, m.popped);
}

/* The parts of the ring are in one page or in two, wherever the border is. */
static void run_places(u64 features)
{
    run_operations(1, 0, features);
    run_operations(2, WORLD_PAGE_BYTES - 48, features);       /* within avail */
    run_operations(8, WORLD_PAGE_BYTES - 64, features);       /* within desc */
    run_operations(8, WORLD_PAGE_BYTES - 160, features);      /* within used */
    run_operations(16, WORLD_PAGE_BYTES - 16 * 20, features); /* within an element of it */
    run_operations(SIZE_MAX_TESTED, 1024, features);
    CHECK(m.popped > 1U << 15);
}

TEST(virtq_halves_agree)
{
    run_places(0);
}

TEST(virtq_halves_agree_with_tables)
{
    run_places(VIRTIO_F_INDIRECT_DESC);
}

TEST(virtq_halves_agree_with_event_indices)
{
    run_places(VIRTIO_F_EVENT_IDX);
}

TEST(virtq_halves_agree_with_both)
{
    run_places(VIRTIO_F_INDIRECT_DESC | VIRTIO_F_EVENT_IDX);
}

/* ---- no wake-up is lost ---------------------------------------------------------------------- */

/*
 * One side looks for something and, if there is nothing, goes to sleep; at the same time the other
 * side provides it and, if it must, wakes the first one.  Whoever comes first: either it is found,
 * or there is a wake-up.
 */
struct race {
    void (*provide)(void); /* by another thread */
    void (*look)(void);
    void (*settle)(void); /* so that the next round can begin */
};

#define ROUNDS    100000U
#define DELAY_MAX 100
#define LOOKS     1000

static struct {
    bool sleeps, woken;
} outcome;

static const struct race *race;
static u32 begun, ended; /* rounds */

static void provide_chain(void)
{
    const struct virtq_buf buf = {0x1000, 1};
    u16 head;

    outcome.woken = virtq_driver_push(&m.driver, &buf, 1, 0, &head) == ERR_OK &&
                    virtq_driver_must_kick(&m.driver);
}

static enum err device_takes(void)
{
    struct virtq_segment segment;
    struct virtq_chain chain = {.max = 1, .segment = &segment};

    return virtq_device_pop(&m.device, &world.memory, &chain);
}

static void look_for_chain(void)
{
    outcome.sleeps = device_takes() == ERR_NOENT;
}

static void settle_chain(void)
{
    u32 written;
    u16 head;

    if (outcome.sleeps)
        CHECK_EQ(device_takes(), ERR_OK);
    CHECK_EQ(virtq_device_push(&m.device, &world.memory, 0, 0), ERR_OK);
    CHECK_EQ(virtq_driver_pop(&m.driver, &head, &written), ERR_OK);
}

static void provide_used(void)
{
    outcome.woken = virtq_device_push(&m.device, &world.memory, 0, 0) == ERR_OK &&
                    virtq_device_should_interrupt(&m.device);
}

static void look_for_used(void)
{
    outcome.sleeps = virtq_driver_expect(&m.driver, 1);
}

/* The device has one chain again, and is asked for no interrupt. */
static void settle_used(void)
{
    const struct virtq_buf buf = {0x1000, 1};
    u32 written;
    u16 head;

    (void)!virtq_driver_pop(&m.driver, &head, &written); /* nothing in the first round */
    virtq_driver_quiet(&m.driver);
    CHECK_EQ(virtq_driver_push(&m.driver, &buf, 1, 0, &head), ERR_OK);
    CHECK_EQ(device_takes(), ERR_OK);
}

/* So that each side is the first one in some rounds, and neither in many. */
static void delay(u64 *random, u64 max)
{
    for (u64 i = test_random(random) % max; i != 0; i--)
        __asm__ volatile("" : : : "memory");
}

static void await(const u32 *round, u32 at_least)
{
    u32 looks = 0;

    while (__atomic_load_n(round, __ATOMIC_ACQUIRE) < at_least) {
        if (++looks % LOOKS == 0) /* the other thread has no processor */
            sched_yield();
    }
}

static void *provide(void *arg)
{
    u64 random = 3;

    (void)arg;
    for (u32 round = 1; round <= ROUNDS; round++) {
        await(&begun, round);
        delay(&random, DELAY_MAX);
        race->provide();
        __atomic_store_n(&ended, round, __ATOMIC_RELEASE);
    }
    return NULL;
}

static void run_race(const struct race *of, u64 features)
{
    pthread_t other;
    u32 lost = 0;
    u64 random = 4;

    start(8, WORLD_PAGE_BYTES - 64, features);
    race = of;
    begun = 0;
    ended = 0;
    if (of->settle == settle_used)
        settle_used();
    CHECK_EQ(pthread_create(&other, NULL, provide, NULL), 0);
    for (u32 round = 1; round <= ROUNDS; round++) {
        __atomic_store_n(&begun, round, __ATOMIC_RELEASE);
        delay(&random, 4 * DELAY_MAX);
        of->look();
        await(&ended, round);
        lost += outcome.sleeps && !outcome.woken;
        of->settle();
    }
    CHECK_EQ(pthread_join(other, NULL), 0);
    CHECK_EQ(lost, 0);
}

/*
 * The worst moment: the one who looks has found nothing, and is about to say what it wants to be
 * woken for.  That store faults, and the other side provides before it is done.
 */
static struct {
    const struct race *race;
    void *page; /* that may not be written */
} worst;

static void provide_and_go_on(int signal)
{
    (void)signal;
    if (mprotect(worst.page, WORLD_PAGE_BYTES, PROT_READ | PROT_WRITE) != 0 || worst.race == NULL)
        abort();
    worst.race->provide();
    worst.race = NULL;
}

static void run_worst_moment(const struct race *of, void *place)
{
    struct sigaction action = {.sa_handler = provide_and_go_on}, before;

    worst.race = of;
    worst.page = (void *)align_down((uintptr_t)place, WORLD_PAGE_BYTES);
    CHECK_EQ(sigaction(SIGSEGV, &action, &before), 0);
    CHECK_EQ(mprotect(worst.page, WORLD_PAGE_BYTES, PROT_READ), 0);
    of->look();
    CHECK_EQ(sigaction(SIGSEGV, &before, NULL), 0);
    CHECK(worst.race == NULL); /* it was provided */
    CHECK(!outcome.woken);
    CHECK(!outcome.sleeps);
}

static const struct race for_chain = {provide_chain, look_for_chain, settle_chain};
static const struct race for_used = {provide_used, look_for_used, settle_used};

TEST(virtq_loses_no_kick)
{
    run_race(&for_chain, 0);
}

TEST(virtq_loses_no_kick_with_event_indices)
{
    run_race(&for_chain, VIRTIO_F_EVENT_IDX);
}

TEST(virtq_loses_no_interrupt)
{
    run_race(&for_used, 0);
}

TEST(virtq_loses_no_interrupt_with_event_indices)
{
    run_race(&for_used, VIRTIO_F_EVENT_IDX);
}

TEST(virtq_looks_again_after_it_has_asked_for_a_kick)
{
    start(8, WORLD_PAGE_BYTES - 64, VIRTIO_F_EVENT_IDX);
    provide_chain(); /* after which the wish is an old one */
    look_for_chain();
    settle_chain();
    run_worst_moment(&for_chain, (void *)(uintptr_t)m.device.place[2].first);
}

TEST(virtq_looks_again_after_it_has_asked_for_an_interrupt)
{
    start(8, WORLD_PAGE_BYTES - 64, VIRTIO_F_EVENT_IDX);
    settle_used();
    run_worst_moment(&for_used, virtq_used_event(&m.driver.ring));
}
