/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * hexdump, always as with -C:
 *
 *     00000000  71 11 2a c0 93 08 d0 05  73 00 00 00              |q.*.....s...|
 *     0000000c
 *
 * Several files are one after the other.  Rows like the one before are a single *.
 */
#include <string.h>

#include "guest/shell/input.h"

#define ROW_BYTES 16

struct dump {
    u64 skip, left;
    u64 offset; /* of the row */
    u8 row[ROW_BYTES], before[ROW_BYTES];
    size_t used;
    bool has_before, starred;
};

static void write_row(struct call *call, const struct dump *dump)
{
    out_format(call, "%08llx ", (unsigned long long)dump->offset);
    for (size_t i = 0; i < ROW_BYTES; i++) {
        if (i == ROW_BYTES / 2) {
            out_char(call, ' ');
        }
        if (i < dump->used) {
            out_format(call, " %02x", dump->row[i]);
        } else {
            out_text(call, "   ");
        }
    }
    out_text(call, "  |");
    for (size_t i = 0; i < dump->used; i++) {
        out_char(call, dump->row[i] >= ' ' && dump->row[i] < 0x7f ? (char)dump->row[i] : '.');
    }
    out_text(call, "|\n");
}

static void end_row(struct call *call, struct dump *dump)
{
    bool same = dump->has_before && dump->used == ROW_BYTES &&
                memcmp(dump->row, dump->before, ROW_BYTES) == 0;

    if (!same) {
        write_row(call, dump);
    } else if (!dump->starred) {
        out_text(call, "*\n");
    }
    dump->starred = same;
    dump->has_before = true;
    memcpy(dump->before, dump->row, ROW_BYTES);
    dump->offset += dump->used;
    dump->used = 0;
}

static int hexdump(struct call *call, struct input *input)
{
    struct dump *dump = input->state;

    while (dump->left > 0 && input_fill(input) && !call->write_failed) {
        size_t bytes = input->used - input->at;

        if (dump->skip > 0) {
            bytes = dump->skip < bytes ? (size_t)dump->skip : bytes;
            dump->skip -= bytes;
            dump->offset += bytes;
            input->at += bytes;
            continue;
        }
        dump->row[dump->used++] = (u8)input->bytes[input->at++];
        dump->left--;
        if (dump->used == ROW_BYTES) {
            end_row(call, dump);
        }
    }
    return 0;
}

/* -n and -s may both be there, so each is read by itself. */
static bool read_options(struct call *call, struct dump *dump, int *first)
{
    int at = 1;

    for (; at < call->argc && call->argv[at][0] == '-' && call->argv[at][1]; at++) {
        const char *word = call->argv[at], *value;
        u64 *number = word[1] == 'n' ? &dump->left : word[1] == 's' ? &dump->skip : NULL;

        if (strcmp(word, "-C") == 0) {
            continue;
        }
        value = word[2] ? word + 2 : at + 1 < call->argc ? call->argv[++at] : "";
        if (!number || !number_read(value, number)) {
            call_misuse(call, word);
            return false;
        }
    }
    *first = at;
    return true;
}

int command_hexdump(struct call *call)
{
    struct dump dump = {.left = UINT64_MAX};
    int first, status;

    if (!read_options(call, &dump, &first)) {
        return STATUS_MISUSE;
    }
    status = input_each(call, first, hexdump, &dump);
    if (dump.used > 0) {
        end_row(call, &dump);
    }
    if (dump.offset > 0) {
        out_format(call, "%08llx\n", (unsigned long long)dump.offset);
    }
    return status;
}
