/* SPDX-License-Identifier: BSD-2-Clause */
/* Trace filters: what is accepted, what it means, and what is said about the rest. */
#include <stdlib.h>
#include <string.h>

#include "lib/riscv/cause.h"
#include "lib/tracefilter.h"

#include "tests/test.h"

#define INTERRUPT (1ULL << 63)

static struct trace_filter filter;
static char message[256];

static enum err parse(const char *text)
{
    message[0] = '\0';
    return tracefilter_parse(&filter, text, message, sizeof(message));
}

static void check_refused(const char *text, const char *expected)
{
    CHECK_EQ(parse(text), ERR_INVAL);
    CHECK_STR(message, expected);
}

TEST(tracefilter_without_a_filter_wants_everything)
{
    CHECK_EQ(parse(""), ERR_OK);
    CHECK(tracefilter_wants_pid(&filter, 1) && tracefilter_wants_pid(&filter, UINT32_MAX));
    CHECK(tracefilter_wants_cause(&filter, CAUSE_ECALL_VS));
    CHECK(tracefilter_wants_cause(&filter, INTERRUPT | 63));
}

TEST(tracefilter_joins_alternatives)
{
    CHECK_EQ(parse("pid=3+40,cause=ecall+timer"), ERR_OK);
    CHECK(tracefilter_wants_pid(&filter, 3) && tracefilter_wants_pid(&filter, 40));
    CHECK(!tracefilter_wants_pid(&filter, 4) && !tracefilter_wants_pid(&filter, 0));
    CHECK(tracefilter_wants_cause(&filter, CAUSE_ECALL_VS));
    CHECK(tracefilter_wants_cause(&filter, INTERRUPT | 5));
    CHECK(!tracefilter_wants_cause(&filter, 5) &&
          !tracefilter_wants_cause(&filter, INTERRUPT | 10));
    CHECK(!tracefilter_wants_cause(&filter, 64 + CAUSE_ECALL_VS));
    CHECK_EQ(parse("pid=1,pid=2"), ERR_OK);
    CHECK(tracefilter_wants_pid(&filter, 1) && tracefilter_wants_pid(&filter, 2));
}

/* Every cause of the specification can be asked for. */
TEST(tracefilter_words_cover_all_causes)
{
    CHECK_EQ(parse("cause=ecall+illegal+virtual+fault+breakpoint+irq"), ERR_OK);
#define CAUSE(number, identifier, words) CHECK(tracefilter_wants_cause(&filter, (number)));
#include "lib/riscv/cause.def"
#undef CAUSE
    CHECK_EQ(parse("cause=fetch+load+store"), ERR_OK);
    CHECK(tracefilter_wants_cause(&filter, CAUSE_FETCH_GUEST));
    CHECK(tracefilter_wants_cause(&filter, CAUSE_LOAD_GUEST));
    CHECK(tracefilter_wants_cause(&filter, CAUSE_STORE_GUEST));
    CHECK(!tracefilter_wants_cause(&filter, CAUSE_ILLEGAL));
    CHECK_EQ(parse("cause=ipi+ext"), ERR_OK);
    CHECK(tracefilter_wants_cause(&filter, INTERRUPT | 1) &&
          tracefilter_wants_cause(&filter, INTERRUPT | 9));
    CHECK(!tracefilter_wants_cause(&filter, INTERRUPT | 5));
}

TEST(tracefilter_names_the_right_words)
{
    check_refused(",pid=1", "no filter \"\"; filters are pid=N+N and cause=NAME+NAME");
    check_refused("pid", "no value behind \"pid\"; filters are pid=N+N and cause=NAME+NAME");
    check_refused("pids=1", "no filter \"pids\"; filters are pid=N+N and cause=NAME+NAME");
    check_refused("cause=ecal",
                  "no cause \"ecal\"; causes are ecall illegal virtual fetch load store "
                  "fault breakpoint timer ipi ext irq");
    check_refused("pid=0", "no pid \"0\"; pids are positive numbers, joined by +");
    check_refused("pid=3+", "no pid \"\"; pids are positive numbers, joined by +");
    check_refused("pid=4294967296",
                  "no pid \"4294967296\"; pids are positive numbers, joined by +");
    check_refused("pid=1+2+3+4+5+6+7+8+9+10+11+12+13+14+15+16+17",
                  "too many pids at \"17\"; at most 16 can be named");
}

/* A message is cut to the room that there is, and quotes only so much. */
TEST(tracefilter_message_fits)
{
    char small[12];

    CHECK_EQ(tracefilter_parse(&filter, "cause=ecal", small, sizeof(small)), ERR_INVAL);
    CHECK_STR(small, "no cause \"e");
    CHECK_EQ(parse("0123456789012345678901234567890123456789012345678901234567890123456789"),
             ERR_INVAL);
    CHECK(strlen(message) < 100);
}

FUZZ(tracefilter)
{
    char *text = malloc(size + 1);

    CHECK(text != NULL);
    memcpy(text, bytes, size);
    text[size] = '\0';
    message[0] = '\0';
    if (tracefilter_parse(&filter, text, message, sizeof(message)) == ERR_OK) {
        tracefilter_wants_pid(&filter, 3);
        tracefilter_wants_cause(&filter, CAUSE_ECALL_VS);
    } else {
        CHECK(message[0] != '\0' && strlen(message) < sizeof(message));
    }
    free(text);
    return 0;
}

FUZZ_SEEDS(tracefilter)
{
    fuzz_seed("pid=3+4,cause=ecall", 19);
    fuzz_seed("cause=fault,pid=1", 17);
}
