/* SPDX-License-Identifier: BSD-2-Clause */
/* Commands about what is in files: cat head tail wc. */
#include <string.h>

#include "guest/shell/input.h"

#define LINES_USUAL 10

static int cat(struct call *call, struct input *input)
{
    while (input_fill(input)) {
        out_bytes(call, input->bytes, input->used);
        input->at = input->used;
        if (call->write_failed) {
            return 1;
        }
    }
    return 0;
}

int command_cat(struct call *call)
{
    struct options options;

    return options_read(call, "", &options) ? input_each(call, options.first, cat, NULL)
                                            : STATUS_MISUSE;
}

/* ---- head and tail ---- */

struct part {
    bool bytes; /* else lines */
    bool from;  /* tail: from this one on, 1 is the first */
    u64 count;
    bool titles, untitled; /* a title for each; none has been written yet */
};

static void title(struct call *call, struct part *part, const struct input *input)
{
    if (part->titles) {
        out_format(call, "%s==> %s <==\n", part->untitled ? "" : "\n",
                   strcmp(input->name, "-") == 0 ? "standard input" : input->name);
    }
    part->untitled = false;
}

/* False: it is misused, and that has been said. */
static bool read_part(struct call *call, struct part *part, struct options *options)
{
    const char *text;

    *part = (struct part){.count = LINES_USUAL, .untitled = true};
    if (call->argc > 1 && call->argv[1][0] == '-' && number_read(call->argv[1] + 1, &part->count)) {
        call->argv[1] = call->argv[0]; /* -5 is -n 5 */
        call->argv++;
        call->argc--;
    }
    if (!options_read(call, "n:c:", options)) {
        return false;
    }
    if (options->value) {
        text = options->value;
        part->bytes = options->valued == 'c';
        part->from = *text == '+';
        if (!number_read(text + (*text == '+' || *text == '-' ? 1 : 0), &part->count)) {
            call_misuse(call, "how many?");
            return false;
        }
    }
    part->titles = call->argc - options->first > 1;
    return true;
}

static int head(struct call *call, struct input *input)
{
    struct part *part = input->state;
    u64 left = part->count;

    title(call, part, input);
    while (left > 0 && input_fill(input) && !call->write_failed) {
        const char *from = input->bytes + input->at, *end;
        size_t bytes = input->used - input->at;

        if (part->bytes) {
            bytes = left < bytes ? (size_t)left : bytes;
            left -= bytes;
        } else {
            end = memchr(from, '\n', bytes);
            bytes = end ? (size_t)(end + 1 - from) : bytes;
            left -= end ? 1 : 0;
        }
        out_bytes(call, from, bytes);
        input->at += bytes;
    }
    return 0;
}

int command_head(struct call *call)
{
    struct options options;
    struct part part;

    if (!read_part(call, &part, &options)) {
        return STATUS_MISUSE;
    }
    return input_each(call, options.first, head, &part);
}

/* Where the last lines of text begin. */
static size_t last_lines(const struct buffer *text, u64 count)
{
    size_t at = text->used;

    if (count == 0) {
        return at;
    }
    if (at > 0) {
        at--; /* the last line's own end */
    }
    for (; at > 0; at--) {
        if (text->at[at - 1] == '\n' && --count == 0) {
            break;
        }
    }
    return at;
}

/* Only as much is kept as can be at the end. */
static void keep_last(const struct part *part, struct buffer *text)
{
    size_t from;

    if (part->bytes) {
        from = text->used > part->count ? text->used - (size_t)part->count : 0;
    } else {
        from = last_lines(text, part->count);
    }
    buffer_remove(text, 0, from);
}

static int tail_end(struct call *call, struct input *input, const struct part *part)
{
    struct buffer text = {0};
    size_t looked_at = INPUT_BYTES;

    while (!input_is_too_much(input, &text) && input_fill(input)) {
        buffer_add(&text, input->bytes, input->used);
        input->at = input->used;
        if (text.used > 2 * looked_at) { /* seldom: it is moved then */
            keep_last(part, &text);
            looked_at = text.used > INPUT_BYTES ? text.used : INPUT_BYTES;
        }
    }
    keep_last(part, &text);
    out_bytes(call, buffer_text(&text), text.used);
    buffer_free(&text);
    return 0;
}

static int tail_from(struct call *call, struct input *input, const struct part *part)
{
    u64 left = part->count > 0 ? part->count - 1 : 0;

    while (input_fill(input) && !call->write_failed) {
        const char *from = input->bytes + input->at, *end;
        size_t bytes = input->used - input->at;

        if (left == 0) {
            out_bytes(call, from, bytes);
        } else if (part->bytes) {
            bytes = left < bytes ? (size_t)left : bytes;
            left -= bytes;
        } else {
            end = memchr(from, '\n', bytes);
            bytes = end ? (size_t)(end + 1 - from) : bytes;
            left -= end ? 1 : 0;
        }
        input->at += bytes;
    }
    return 0;
}

static int tail(struct call *call, struct input *input)
{
    struct part *part = input->state;

    title(call, part, input);
    return part->from ? tail_from(call, input, part) : tail_end(call, input, part);
}

int command_tail(struct call *call)
{
    struct options options;
    struct part part;

    if (!read_part(call, &part, &options)) {
        return STATUS_MISUSE;
    }
    return input_each(call, options.first, tail, &part);
}

/* ---- wc ---- */

enum { LINES, WORDS, BYTES, COUNTS };

struct counting {
    bool shown[COUNTS];
    bool alone; /* one number of one file */
    u64 all[COUNTS];
};

static void write_counts(struct call *call, const struct counting *counting, const u64 *counts,
                         const char *name)
{
    bool first = true;

    for (int i = 0; i < COUNTS; i++) {
        if (counting->shown[i]) {
            out_format(call, counting->alone ? "%s%llu" : "%s%7llu", first ? "" : " ",
                       (unsigned long long)counts[i]);
            first = false;
        }
    }
    out_format(call, "%s%s\n", name ? " " : "", name ? name : "");
}

static int count(struct call *call, struct input *input)
{
    struct counting *counting = input->state;
    u64 counts[COUNTS] = {0};
    bool in_word = false;

    for (; input_fill(input); input->at = input->used) {
        for (size_t i = 0; i < input->used; i++) {
            char c = input->bytes[i];
            bool blank = c == ' ' || (c >= '\t' && c <= '\r');

            counts[LINES] += c == '\n';
            counts[WORDS] += !blank && !in_word;
            in_word = !blank;
        }
        counts[BYTES] += input->used;
    }
    for (int i = 0; i < COUNTS; i++) {
        counting->all[i] += counts[i];
    }
    if (!input->failed && !input->stopped) {
        write_counts(call, counting, counts, strcmp(input->name, "-") == 0 ? NULL : input->name);
    }
    return 0;
}

int command_wc(struct call *call)
{
    static const char letters[COUNTS] = {'l', 'w', 'c'};
    struct options options;
    struct counting counting = {0};
    int chosen = 0, status;

    if (!options_read(call, "lwc", &options)) {
        return STATUS_MISUSE;
    }
    for (int i = 0; i < COUNTS; i++) {
        counting.shown[i] = options.letters == 0 || options_has(&options, letters[i]);
        chosen += counting.shown[i];
    }
    counting.alone = chosen == 1 && call->argc - options.first <= 1;
    status = input_each(call, options.first, count, &counting);
    if (call->argc - options.first > 1) {
        write_counts(call, &counting, counting.all, "total");
    }
    return status;
}
