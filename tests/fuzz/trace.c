/* SPDX-License-Identifier: BSD-2-Clause */
/* Any file given to the trace decoder: an error, or all three readings, JSON well-formed. */
#include "sbi/trace.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "tests/host/json.h"
#include "tests/test.h"

#include "tools/trace/print.h"

FUZZ(trace)
{
    struct trace_stream stream;
    char message[TRACE_MESSAGE_BYTES];
    char *printed = NULL;
    size_t length;
    FILE *out;

    if (trace_stream_read(&stream, bytes, size, message)) {
        CHECK(strlen(message) != 0);
        return 0;
    }
    out = open_memstream(&printed, &length);
    CHECK(out != NULL);
    trace_print_text(&stream, out);
    CHECK_EQ(trace_print_histogram(&stream, out), ERR_OK);
    CHECK_EQ(fseeko(out, 0, SEEK_SET), 0);
    CHECK_EQ(trace_print_perfetto(&stream, out), ERR_OK);
    CHECK_EQ(fputc('\0', out), 0);
    fclose(out);
    CHECK(json_is_well_formed(printed));
    free(printed);
    trace_stream_free(&stream);
    return 0;
}

FUZZ_SEEDS(trace)
{
    static const struct trace_header header = {
        .magic = TRACE_MAGIC,
        .version = TRACE_VERSION,
        .record_bytes = sizeof(struct trace_record),
        .timebase_hz = 10000000,
        .time = 1000,
        .cycle = 100000,
    };
    struct trace_record exit = {.kind = TRACE_VMEXIT, .pid = 1, .hv_cycles = 90, .pc = 0x80200000};
    u8 seed[sizeof(header) + TRACE_DID_COUNT * sizeof(exit)];

    memcpy(seed, &header, sizeof(header));
    for (u16 did = 0; did < TRACE_DID_COUNT; did++) {
        exit.kind = did < TRACE_DID_CREATE ? TRACE_VMEXIT : TRACE_HART;
        exit.did = did;
        exit.cycle = 100000 + did * 1000ULL;
        exit.value = did;
        exit.pid = 1 + did % 3;
        memcpy(seed + sizeof(header) + did * sizeof(exit), &exit, sizeof(exit));
    }
    fuzz_seed(seed, sizeof(seed));
    fuzz_seed(seed, sizeof(header));
}
