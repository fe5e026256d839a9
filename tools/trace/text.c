/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * One line per VM exit, in order of time:
 *
 *     0.012345678 1.0 h0 environment call from VS-mode pc=0x80200010 sbi TIME.set_timer -> 0 hv=93
 *     time in s   |   |  cause                         sepc          what hv did             |
 *           pid.vCPU  hart                                                    cycles in hv --+
 */
#include "tools/trace/print.h"
#include "tools/trace/words.h"

#define NS_PER_S 1000000000ULL

size_t trace_print_text(const struct trace_stream *stream, FILE *out)
{
    size_t lines = 0;

    for (size_t i = 0; i < stream->count; i++) {
        const struct trace_record *record = &stream->records[i];
        unsigned long long ns = trace_stream_ns(stream, record->cycle);
        char did[TRACE_WORDS_BYTES];

        if (record->kind != TRACE_VMEXIT) {
            continue;
        }
        trace_did_words(record, did);
        fprintf(out, "%llu.%09llu %u.%u h%u %s pc=0x%llx %s hv=%u\n", ns / NS_PER_S, ns % NS_PER_S,
                record->pid, record->vcpu, record->hart, trace_cause_words(record->cause),
                (unsigned long long)record->pc, did, record->hv_cycles);
        lines++;
    }
    return lines;
}
