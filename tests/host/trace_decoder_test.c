/* SPDX-License-Identifier: BSD-2-Clause */
/* The trace decoder: a stream with one record of each sort, against what it must read like. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "lib/riscv/cause.h"
#include "sbi/ecall.h"
#include "sbi/proc.h"
#include "sbi/trace.h"

#include "tests/test.h"

#include "tools/trace/print.h"
#include "tools/trace/words.h"

#define INTERRUPT (1ULL << 63)

static const struct trace_header header = {
    .magic = TRACE_MAGIC,
    .version = TRACE_VERSION,
    .record_bytes = sizeof(struct trace_record),
    .timebase_hz = 10000000,
    .time = 1000, /* 100 us */
    .cycle = 50000,
};

#define RECORD(...) \
    {               \
        __VA_ARGS__ \
    }

/* As two harts might drain them: hart 1's last records before hart 0's. */
static const struct trace_record records[] = {
    RECORD(.cycle = 60500, .hv_cycles = 60, .kind = TRACE_VMEXIT, .did = TRACE_DID_COW, .pid = 2,
           .hart = 1, .cause = CAUSE_STORE_GUEST, .pc = 0x80200100, .addr = 0x80412000,
           .result = TRACE_ACCESS_STORE),
    RECORD(.cycle = 61000, .hv_cycles = 40, .kind = TRACE_VMEXIT, .did = TRACE_DID_END, .pid = 2,
           .hart = 1, .cause = CAUSE_ECALL_VS, .pc = 0x80200104, .result = PROC_STATUS_EXITED(3)),
    RECORD(.cycle = 61020, .kind = TRACE_VM, .did = TRACE_DID_END, .pid = 2, .hart = 1,
           .result = PROC_STATUS_EXITED(3)),
    RECORD(.cycle = 50100, .kind = TRACE_VM, .did = TRACE_DID_CREATE, .pid = 1),
    RECORD(.cycle = 51000, .hv_cycles = 93, .kind = TRACE_VMEXIT, .did = TRACE_DID_SBI, .pid = 1,
           .cause = CAUSE_ECALL_VS, .pc = 0x80200010, .addr = SBI_EID_TIME),
    RECORD(.cycle = 52000, .hv_cycles = 900, .kind = TRACE_VMEXIT, .did = TRACE_DID_FORK, .pid = 1,
           .cause = CAUSE_ILLEGAL, .pc = 0x80200020, .arg0 = TRACE_DOOR_INVALID, .value = 2),
    RECORD(.cycle = 52500, .kind = TRACE_VM, .did = TRACE_DID_FORK, .pid = 2, .addr = 1),
    RECORD(.cycle = 60000, .hv_cycles = 200, .kind = TRACE_HART, .did = TRACE_DID_IDLE, .hart = 1,
           .addr = 1100, .value = 200),
    RECORD(.cycle = 62000, .hv_cycles = 107, .kind = TRACE_VMEXIT, .did = TRACE_DID_SBI, .pid = 1,
           .vcpu = 1, .cause = CAUSE_ECALL_VS, .pc = 0x80200030, .addr = SBI_EID_TIME),
    RECORD(.cycle = 150000, .hv_cycles = 500, .kind = TRACE_HART, .did = TRACE_DID_DRAIN,
           .addr = 2000, .arg0 = 9, .value = 500),
};

static const char text[] =
    "0.000101000 1.0 h0 environment call from VS-mode pc=0x80200010 sbi TIME.set_timer -> 0 hv=93\n"
    "0.000102000 1.0 h0 illegal instruction pc=0x80200020 fork -> 2 door=invalid hv=900\n"
    "0.000110500 2.0 h1 store/AMO guest-page fault pc=0x80200100 fault store gpa=0x80412000 cow "
    "hv=60\n"
    "0.000111000 2.0 h1 environment call from VS-mode pc=0x80200104 end exit 3 hv=40\n"
    "0.000112000 1.1 h0 environment call from VS-mode pc=0x80200030 sbi TIME.set_timer -> 0 "
    "hv=107\n";

static const char histogram[] =
    "VM exits, and cycles spent in the hypervisor; a cycle is 1 ns, an instruction under QEMU's "
    "-icount shift=0\n"
    "\n"
    "     exits            sum       mean        min        max   share  by cause\n"
    "         1            900      900.0        900        900   75.0%  illegal instruction\n"
    "         3            240       80.0         40        107   20.0%  environment call from "
    "VS-mode\n"
    "         1             60       60.0         60         60    5.0%  store/AMO guest-page "
    "fault\n"
    "         5           1200      240.0         40        900  100.0%  all\n"
    "\n"
    "     exits            sum       mean        min        max   share  by handler\n"
    "         1            900      900.0        900        900   75.0%  fork\n"
    "         2            200      100.0         93        107   16.7%  sbi TIME.set_timer\n"
    "         1             60       60.0         60         60    5.0%  fault cow\n"
    "         1             40       40.0         40         40    3.3%  end\n"
    "         5           1200      240.0         40        900  100.0%  all\n"
    "\n"
    "VMs: 1 created, 1 forked, 1 ended\n"
    "beside exits: 500 cycles writing the trace, 200 with nothing to run\n";

static const char perfetto[] =
    "{\"displayTimeUnit\":\"ns\",\"traceEvents\":[\n"
    "{\"ph\":\"M\",\"pid\":1,\"tid\":65600,\"name\":\"process_name\",\"args\":{\"name\":\"VM\"}},"
    "\n"
    "{\"ph\":\"M\",\"pid\":1,\"tid\":65600,\"name\":\"thread_name\","
    "\"args\":{\"name\":\"vCPU 0\"}},\n"
    "{\"ph\":\"M\",\"pid\":1,\"tid\":65601,\"name\":\"thread_name\","
    "\"args\":{\"name\":\"vCPU 1\"}},\n"
    "{\"ph\":\"M\",\"pid\":2,\"tid\":65664,\"name\":\"process_name\","
    "\"args\":{\"name\":\"VM\"}},\n"
    "{\"ph\":\"M\",\"pid\":2,\"tid\":65664,\"name\":\"thread_name\","
    "\"args\":{\"name\":\"vCPU 0\"}},\n"
    "{\"ph\":\"M\",\"pid\":2147418112,\"tid\":2147418113,\"name\":\"process_name\","
    "\"args\":{\"name\":\"hypervisor\"}},\n"
    "{\"ph\":\"M\",\"pid\":2147418112,\"tid\":2147418113,\"name\":\"thread_name\","
    "\"args\":{\"name\":\"hart 0\"}},\n"
    "{\"ph\":\"M\",\"pid\":2147418112,\"tid\":2147418114,\"name\":\"thread_name\","
    "\"args\":{\"name\":\"hart 1\"}},\n"
    "{\"ph\":\"i\",\"pid\":1,\"tid\":65600,\"ts\":100.100,\"s\":\"p\",\"name\":\"created\"},\n"
    "{\"ph\":\"X\",\"pid\":1,\"tid\":65600,\"ts\":100.100,\"dur\":0.900,\"name\":\"guest\","
    "\"args\":{\"hart\":0}},\n"
    "{\"ph\":\"X\",\"pid\":1,\"tid\":65600,\"ts\":101.000,\"dur\":0.093,"
    "\"name\":\"sbi TIME.set_timer\",\"cat\":\"hv\","
    "\"args\":{\"cause\":\"environment call from VS-mode\",\"did\":\"sbi TIME.set_timer -> 0\","
    "\"pc\":\"0x80200010\",\"cycles\":93,\"hart\":0}},\n"
    "{\"ph\":\"X\",\"pid\":1,\"tid\":65600,\"ts\":101.093,\"dur\":0.907,\"name\":\"guest\","
    "\"args\":{\"hart\":0}},\n"
    "{\"ph\":\"X\",\"pid\":1,\"tid\":65600,\"ts\":102.000,\"dur\":0.900,\"name\":\"fork\","
    "\"cat\":\"hv\",\"args\":{\"cause\":\"illegal instruction\","
    "\"did\":\"fork -> 2 door=invalid\",\"pc\":\"0x80200020\",\"cycles\":900,\"hart\":0}},\n"
    "{\"ph\":\"s\",\"pid\":1,\"tid\":65600,\"ts\":102.000,\"id\":3,\"name\":\"fork\","
    "\"cat\":\"fork\"},\n"
    "{\"ph\":\"f\",\"pid\":2,\"tid\":65664,\"ts\":110.200,\"id\":3,\"name\":\"fork\","
    "\"cat\":\"fork\",\"bp\":\"e\"},\n"
    "{\"ph\":\"i\",\"pid\":2,\"tid\":65664,\"ts\":102.500,\"s\":\"p\","
    "\"name\":\"forked from 1\"},\n"
    "{\"ph\":\"X\",\"pid\":2147418112,\"tid\":2147418114,\"ts\":110.000,\"dur\":0.200,"
    "\"name\":\"idle\"},\n"
    "{\"ph\":\"X\",\"pid\":2,\"tid\":65664,\"ts\":110.200,\"dur\":0.300,\"name\":\"guest\","
    "\"args\":{\"hart\":1}},\n"
    "{\"ph\":\"X\",\"pid\":2,\"tid\":65664,\"ts\":110.500,\"dur\":0.060,\"name\":\"fault cow\","
    "\"cat\":\"hv\",\"args\":{\"cause\":\"store/AMO guest-page fault\","
    "\"did\":\"fault store gpa=0x80412000 cow\",\"pc\":\"0x80200100\",\"cycles\":60,\"hart\":1}},"
    "\n"
    "{\"ph\":\"X\",\"pid\":2,\"tid\":65664,\"ts\":110.560,\"dur\":0.440,\"name\":\"guest\","
    "\"args\":{\"hart\":1}},\n"
    "{\"ph\":\"X\",\"pid\":2,\"tid\":65664,\"ts\":111.000,\"dur\":0.040,\"name\":\"end\","
    "\"cat\":\"hv\",\"args\":{\"cause\":\"environment call from VS-mode\",\"did\":\"end exit 3\","
    "\"pc\":\"0x80200104\",\"cycles\":40,\"hart\":1}},\n"
    "{\"ph\":\"i\",\"pid\":2,\"tid\":65664,\"ts\":111.020,\"s\":\"p\","
    "\"name\":\"ended: exit 3\"},\n"
    "{\"ph\":\"X\",\"pid\":1,\"tid\":65601,\"ts\":102.900,\"dur\":9.100,\"name\":\"guest\","
    "\"args\":{\"hart\":0}},\n"
    "{\"ph\":\"X\",\"pid\":1,\"tid\":65601,\"ts\":112.000,\"dur\":0.107,"
    "\"name\":\"sbi TIME.set_timer\",\"cat\":\"hv\","
    "\"args\":{\"cause\":\"environment call from VS-mode\",\"did\":\"sbi TIME.set_timer -> 0\","
    "\"pc\":\"0x80200030\",\"cycles\":107,\"hart\":0}},\n"
    "{\"ph\":\"X\",\"pid\":2147418112,\"tid\":2147418113,\"ts\":200.000,\"dur\":0.500,"
    "\"name\":\"drain the trace\"}\n"
    "]}\n";

static u8 bytes[sizeof(header) + sizeof(records)];

/* The whole stream, from which a test may take or change something. */
static void build(void)
{
    memcpy(bytes, &header, sizeof(header));
    memcpy(bytes + sizeof(header), records, sizeof(records));
}

/* What a reading prints; the caller frees it. */
static char *print(const struct trace_stream *stream, const char *reading)
{
    char *printed = NULL;
    size_t length;
    FILE *out = open_memstream(&printed, &length);

    CHECK(out != NULL);
    switch (reading[0]) {
    case 't': trace_print_text(stream, out); break;
    case 'h': CHECK_EQ(trace_print_histogram(stream, out), ERR_OK); break;
    default: CHECK_EQ(trace_print_perfetto(stream, out), ERR_OK); break;
    }
    CHECK(!ferror(out));
    fclose(out);
    return printed;
}

static void check_reading(const char *reading, const char *expected)
{
    struct trace_stream stream;
    char message[TRACE_MESSAGE_BYTES];
    char *printed;

    build();
    CHECK_EQ(trace_stream_read(&stream, bytes, sizeof(bytes), message), ERR_OK);
    CHECK(trace_stream_whole(&stream, message));
    printed = print(&stream, reading);
    CHECK_STR(printed, expected);
    free(printed);
    trace_stream_free(&stream);
}

TEST(trace_text_has_a_line_per_exit_in_order_of_time)
{
    check_reading("text", text);
}

TEST(trace_perfetto_draws_tracks_spans_and_arrows)
{
    check_reading("perfetto", perfetto);
}

TEST(trace_histogram_counts_by_cause_and_handler)
{
    check_reading("histogram", histogram);
}

static void check_words(struct trace_record record, const char *expected)
{
    char words[TRACE_WORDS_BYTES];

    trace_did_words(&record, words);
    CHECK_STR(words, expected);
}

TEST(trace_words_for_everything_that_hv_does)
{
    check_words((struct trace_record){.did = TRACE_DID_NOTHING}, "nothing");
    check_words((struct trace_record){.did = TRACE_DID_SBI, .addr = 8}, "sbi LEGACY.shutdown -> 0");
    check_words(
        (struct trace_record){
            .did = TRACE_DID_SBI, .addr = PROC_EID, .arg0 = PROC_WAIT, .value = 0x300000100},
        "sbi PRC.wait -> 0 value=0x300000100");
    check_words((struct trace_record){.did = TRACE_DID_SBI,
                                      .addr = SBI_EID_HSM,
                                      .arg0 = 99,
                                      .result = (u32)SBI_ERR_NOT_SUPPORTED},
                "sbi HSM.99 -> -2");
    check_words((struct trace_record){.did = TRACE_DID_SBI,
                                      .addr = UINT64_MAX,
                                      .arg0 = UINT32_MAX,
                                      .result = UINT32_MAX,
                                      .value = UINT64_MAX},
                "sbi 0xffffffffffffffff.4294967295 -> -1 value=0xffffffffffffffff");
    check_words((struct trace_record){.did = TRACE_DID_FORK, .result = (u32)PROC_ERR_QUOTA},
                "fork -> -1002 door=ecall");
    check_words((struct trace_record){.did = TRACE_DID_LAZY,
                                      .result = TRACE_ACCESS_FETCH,
                                      .addr = 0x80200000},
                "fault fetch gpa=0x80200000 lazy");
    check_words((struct trace_record){.did = TRACE_DID_TAKEOVER, .result = TRACE_ACCESS_LOAD},
                "fault load gpa=0x0 takeover");
    check_words((struct trace_record){.did = TRACE_DID_SPURIOUS}, "fault access gpa=0x0 spurious");
    check_words(
        (struct trace_record){.did = TRACE_DID_MMIO, .addr = 0x10000005, .arg0 = 1, .value = 0x60},
        "mmio load1 gpa=0x10000005 -> 0x60");
    check_words(
        (struct trace_record){
            .did = TRACE_DID_MMIO, .addr = 0x100000, .arg0 = 4 | TRACE_MMIO_STORE, .value = 0x5555},
        "mmio store4 gpa=0x100000 <- 0x5555");
    check_words((struct trace_record){.did = TRACE_DID_CSR, .addr = 0xf14, .value = 0x1234},
                "csr 0xf14 value=0x1234");
    check_words((struct trace_record){.did = TRACE_DID_INJECT, .arg0 = CAUSE_ILLEGAL, .value = 0},
                "inject illegal instruction tval=0x0");
    check_words((struct trace_record){.did = TRACE_DID_END, .result = PROC_STATUS_SIGNALED(11)},
                "end signal 11");
    check_words((struct trace_record){.did = TRACE_DID_WFI}, "wfi");
    check_words((struct trace_record){.did = TRACE_DID_PREEMPT}, "preempt");
    check_words((struct trace_record){.did = TRACE_DID_PASSTHROUGH,
                                      .addr = 0x22000010,
                                      .result = TRACE_ACCESS_LOAD},
                "fault load gpa=0x22000010 passthrough");
    check_words((struct trace_record){.did = TRACE_DID_INJECT_TIMER}, "inject timer");
    check_words((struct trace_record){.did = TRACE_DID_INJECT_TIMER, .arg0 = 1},
                "inject timer preempt");
    check_words((struct trace_record){.did = 777}, "did 777");
    CHECK_STR(trace_cause_words(INTERRUPT | 5), "supervisor timer interrupt");
    CHECK_STR(trace_cause_words(INTERRUPT | 63), "reserved interrupt");
    CHECK_STR(trace_cause_words(1ULL << 32 | CAUSE_ECALL_VS), "reserved");
}

static void check_refused(size_t length, const char *expected)
{
    struct trace_stream stream;
    char message[TRACE_MESSAGE_BYTES];

    CHECK_EQ(trace_stream_read(&stream, bytes, length, message), ERR_FORMAT);
    CHECK_STR(message, expected);
}

TEST(trace_refuses_what_is_no_trace)
{
    build();
    check_refused(0, "empty: nothing was traced");
    check_refused(63, "shorter than the header of a trace");
    bytes[0]++;
    check_refused(sizeof(bytes), "not a trace: it does not begin with FVVTRACE");
    build();
    bytes[offsetof(struct trace_header, version)]++;
    check_refused(sizeof(bytes), "a trace of another version");
    build();
    bytes[offsetof(struct trace_header, record_bytes)]++;
    check_refused(sizeof(bytes), "a trace with a damaged header");
    build();
    memset(bytes + offsetof(struct trace_header, timebase_hz), 0, 8);
    check_refused(sizeof(bytes), "a trace with a damaged header");
}

/* Cut anywhere, the records before the cut are all there. */
TEST(trace_reads_what_is_whole)
{
    struct trace_stream stream;
    char message[TRACE_MESSAGE_BYTES];

    build();
    for (size_t length = sizeof(header); length <= sizeof(bytes); length++) {
        CHECK_EQ(trace_stream_read(&stream, bytes, length, message), ERR_OK);
        CHECK_EQ(stream.count, (length - sizeof(header)) / sizeof(struct trace_record));
        CHECK_EQ(trace_stream_whole(&stream, message), length % sizeof(struct trace_record) == 0);
        trace_stream_free(&stream);
    }
    CHECK_STR(message, "cut in the middle of record 10");

    bytes[sizeof(header) + offsetof(struct trace_record, kind)] = 99;
    CHECK_EQ(trace_stream_read(&stream, bytes, sizeof(bytes), message), ERR_OK);
    CHECK_EQ(stream.count, ARRAY_LEN(records) - 1);
    CHECK(!trace_stream_whole(&stream, message));
    CHECK_STR(message, "damaged: 1 records of unknown kind were left out");
    trace_stream_free(&stream);
}

/* 100 ns a tick: 1000 ticks in 100,000 cycles are nanoseconds, in 300,000 they are thirds. */
TEST(trace_measures_how_long_a_cycle_is)
{
    struct trace_stream stream;
    char message[TRACE_MESSAGE_BYTES];
    struct trace_record last = records[ARRAY_LEN(records) - 1];

    build();
    CHECK_EQ(trace_stream_read(&stream, bytes, sizeof(bytes), message), ERR_OK);
    CHECK(stream.cycle_ns == 1);
    CHECK_EQ(trace_stream_ns(&stream, 50093), 100093);
    CHECK_EQ(trace_stream_ns(&stream, 0), 100000);
    trace_stream_free(&stream);

    last.cycle = 50000 + 300000;
    memcpy(bytes + sizeof(bytes) - sizeof(last), &last, sizeof(last));
    CHECK_EQ(trace_stream_read(&stream, bytes, sizeof(bytes), message), ERR_OK);
    CHECK_EQ(trace_stream_ns(&stream, 50000 + 300), 100100);
    CHECK(trace_stream_ns(&stream, UINT64_MAX) <= 1ULL << 63);
    trace_stream_free(&stream);
}
