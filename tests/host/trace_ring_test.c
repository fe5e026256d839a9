/* SPDX-License-Identifier: BSD-2-Clause */
/* The recorder: what goes through a ring comes out of the port, whole, once and in order. */
#include <string.h>

#include "hv/trace.h"

#include "tests/host/fake_virtio.h"
#include "tests/test.h"

#define SIZE  8
#define HZ    10000000
#define ECALL 10
#define STORE 23

static struct fake_virtio fake;
static struct trace_port port;
static struct trace_ring ring;
static struct trace_record memory[2][SIZE];
static u64 now; /* cycles; a tick of time is 100 of them */
static unsigned warnings;

static void fake_clock(u64 *time, u64 *cycle)
{
    now += 10;
    *time = now / 100;
    *cycle = now;
}

static void fake_warn(const char *message)
{
    CHECK(strchr(message, '\n') == NULL);
    warnings++;
}

static const struct trace_env env = {.clock = fake_clock, .warn = fake_warn, .timebase_hz = HZ};

static void open_port(const char *filter_text)
{
    u64 slots[FAKE_SLOTS];
    struct trace_filter filter;
    char why[128];

    for (unsigned i = 0; i < FAKE_SLOTS; i++) {
        slots[i] = FAKE_SLOT_BASE(i);
    }
    now = 12345000;
    warnings = 0;
    fake_virtio_init(&fake);
    CHECK_EQ(tracefilter_parse(&filter, filter_text, why, sizeof(why)), ERR_OK);
    CHECK_EQ(trace_open(&port, slots, FAKE_SLOTS, &filter, &env), ERR_OK);
    port.console.patience = 100;
    trace_ring_init(&ring, &port, 0, memory[0], SIZE);
}

static void record_exit(struct trace_ring *to, u32 pid, u64 cause, u64 pc)
{
    struct trace_record *record = trace_next(to);

    now += 100;
    *record = (struct trace_record){
        .cycle = now, .kind = TRACE_VMEXIT, .pid = pid, .cause = cause, .pc = pc};
    now += 7;
    trace_commit(to, now);
}

/* Record number n of the output, behind the header. */
static struct trace_record sent_record(size_t n)
{
    struct trace_record record;
    size_t at = sizeof(struct trace_header) + n * sizeof(record);

    CHECK(at + sizeof(record) <= fake.length);
    memcpy(&record, fake.output + at, sizeof(record));
    return record;
}

static size_t sent_count(void)
{
    CHECK(fake.length >= sizeof(struct trace_header));
    CHECK_EQ(fake.length % sizeof(struct trace_record), 0);
    return fake.length / sizeof(struct trace_record) - 1;
}

TEST(trace_stream_begins_with_the_header)
{
    struct trace_header header;

    open_port("");
    CHECK_EQ(fake.length, sizeof(header));
    memcpy(&header, fake.output, sizeof(header));
    CHECK(memcmp(&header.magic, "FVVTRACE", 8) == 0);
    CHECK_EQ(header.version, TRACE_VERSION);
    CHECK_EQ(header.record_bytes, 64);
    CHECK_EQ(header.timebase_hz, HZ);
    CHECK_EQ(header.time, header.cycle / 100);
}

TEST(trace_open_needs_a_console)
{
    const u64 slots[] = {FAKE_SLOT_BASE(0), FAKE_SLOT_BASE(1)};
    struct trace_filter filter = {.pid_count = 0};

    fake_virtio_init(&fake);
    CHECK_EQ(trace_open(&port, slots, 2, &filter, &env), ERR_NOENT);
    CHECK_EQ(trace_open(&port, slots, 0, &filter, &env), ERR_NOENT);
}

/* Drains at every position of the ring; pieces are one or two, where it wraps around. */
TEST(trace_ring_loses_nothing_when_it_wraps_around)
{
    struct trace_ring *const rings[] = {&ring};
    u64 pc = 0;

    open_port("");
    for (u64 pcs = 1; pcs <= 500; pcs++) {
        record_exit(&ring, 1, ECALL, pcs);
        CHECK(ring.written - ring.drained < SIZE);
        if (pcs % 7 == 0) {
            trace_drain(&ring);
        }
    }
    trace_close(rings, 1);
    CHECK(fake.pieces > fake.notifications);
    CHECK_EQ(port.sent, sent_count());
    CHECK_EQ(port.lost, 0);
    for (size_t i = 0; i < sent_count(); i++) {
        struct trace_record record = sent_record(i);

        if (record.kind == TRACE_VMEXIT) {
            CHECK_EQ(record.pc, ++pc);
            CHECK_EQ(record.hv_cycles, 7);
        } else {
            CHECK_EQ(record.kind, TRACE_HART);
        }
    }
    CHECK_EQ(pc, 500);
}

TEST(trace_drain_is_on_record_with_both_clocks)
{
    open_port("");
    for (u64 pc = 0; pc < SIZE; pc++) {
        record_exit(&ring, 1, ECALL, pc);
    }
    CHECK_EQ(sent_count(), SIZE);
    CHECK_EQ(ring.written - ring.drained, 1);
    CHECK_EQ(memory[0][0].kind, TRACE_HART);
    CHECK_EQ(memory[0][0].did, TRACE_DID_DRAIN);
    CHECK_EQ(memory[0][0].arg0, SIZE);
    CHECK_EQ(memory[0][0].addr, memory[0][0].cycle / 100);
    CHECK_EQ(memory[0][0].value, 10);
}

TEST(trace_hv_cycles_saturate)
{
    open_port("");
    trace_next(&ring)->cycle = 1000;
    trace_commit(&ring, 1000 + (1ULL << 32));
    trace_next(&ring)->cycle = 1000;
    trace_commit(&ring, 1000 + UINT32_MAX);
    CHECK_EQ(memory[0][0].hv_cycles, UINT32_MAX);
    CHECK_EQ(memory[0][1].hv_cycles, UINT32_MAX);
}

TEST(trace_filter_keeps_what_is_asked_for)
{
    struct trace_ring *const rings[] = {&ring};

    open_port("pid=3+4,cause=ecall");
    record_exit(&ring, 3, ECALL, 1);
    record_exit(&ring, 2, ECALL, 2);
    record_exit(&ring, 3, STORE, 3);
    record_exit(&ring, 4, ECALL, 4);
    trace_vm(&ring, TRACE_DID_END, 2, 0);
    trace_vm(&ring, TRACE_DID_END, 4, 9);
    trace_close(rings, 1);
    CHECK_EQ(sent_count(), 4);
    CHECK_EQ(sent_record(0).pc, 1);
    CHECK_EQ(sent_record(1).pc, 4);
    CHECK_EQ(sent_record(2).kind, TRACE_VM);
    CHECK_EQ(sent_record(2).pid, 4);
    CHECK_EQ(sent_record(2).result, 9);
    CHECK_EQ(sent_record(3).kind, TRACE_HART);
}

/* One exit that begins more VMs than the ring has slots. */
TEST(trace_vm_records_fit_into_an_open_exit)
{
    struct trace_ring *const rings[] = {&ring};
    u32 child = 1;
    size_t exits = 0;

    open_port("");
    *trace_next(&ring) = (struct trace_record){.kind = TRACE_VMEXIT, .pc = 99, .cycle = now};
    for (u32 pid = 2; pid < 50; pid++) {
        trace_vm(&ring, TRACE_DID_FORK, pid, 1);
    }
    trace_commit(&ring, now + 1);
    trace_close(rings, 1);
    for (size_t i = 0; i < sent_count(); i++) {
        struct trace_record record = sent_record(i);

        if (record.kind == TRACE_VM) {
            CHECK_EQ(record.pid, ++child);
            CHECK_EQ(record.addr, 1);
        }
        exits += record.kind == TRACE_VMEXIT && record.pc == 99;
    }
    CHECK_EQ(child, 49);
    CHECK_EQ(exits, 1);
}

TEST(trace_close_ends_open_exits_of_all_harts)
{
    static struct trace_ring other;
    struct trace_ring *const rings[] = {&ring, &other};

    open_port("");
    trace_ring_init(&other, &port, 1, memory[1], SIZE);
    for (u64 pc = 0; pc < SIZE - 2; pc++) {
        record_exit(&ring, 1, ECALL, pc);
    }
    *trace_next(&ring) = (struct trace_record){.kind = TRACE_VMEXIT, .pc = 100, .cycle = now};
    trace_idle(&other);
    trace_idle(&other);
    trace_busy(&other);
    trace_busy(&other);
    *trace_next(&other) = (struct trace_record){.kind = TRACE_VMEXIT, .pc = 200, .cycle = now};
    trace_close(rings, 2);
    CHECK_EQ(sent_record(SIZE - 2).pc, 100);
    CHECK_EQ(sent_record(SIZE - 2).hv_cycles, 30);
    CHECK_EQ(sent_record(SIZE - 1).did, TRACE_DID_DRAIN);
    CHECK_EQ(sent_record(SIZE).did, TRACE_DID_IDLE);
    CHECK_EQ(sent_record(SIZE).hart, 1);
    CHECK_EQ(sent_record(SIZE + 1).pc, 200);
    CHECK_EQ(sent_record(SIZE + 2).addr, sent_record(SIZE + 2).cycle / 100);
    CHECK_EQ(sent_count(), SIZE + 3);
}

/* Whenever the port dies, the harts go on, and the user is told once. */
TEST(trace_port_may_die_at_any_notification)
{
    struct trace_ring *const rings[] = {&ring};

    /* The header, 8 records, then 7 of them and the drain before at a time, and the rest. */
    enum { EXITS = 70, NOTIFICATIONS = 1 + 1 + (EXITS - SIZE) / (SIZE - 1) + 1 };

    for (unsigned answers = 1; answers <= NOTIFICATIONS; answers++) {
        open_port("");
        fake.answers = answers;
        for (u64 pc = 0; pc < EXITS; pc++) {
            record_exit(&ring, 1, ECALL, pc);
        }
        trace_close(rings, 1);
        CHECK_EQ(port.sent, sent_count());
        CHECK_EQ(port.sent + port.lost, ring.written);
        CHECK_EQ(warnings, port.lost != 0);
        CHECK_EQ(fake.notifications, port.lost ? answers + 1 : NOTIFICATIONS);
    }
}
