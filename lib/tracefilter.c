/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Parser of the TRACE variable and the test that it stands for.
 *
 * Works on a piece of text with a length, never past it; a message quotes at most QUOTE_BYTES of
 * it.
 */
#include "lib/tracefilter.h"

#include <stdio.h>
#include <string.h>

#include "lib/riscv/cause.h"

#define QUOTE_BYTES 40

#define EXC(name) (1ULL << CAUSE_##name)
#define IRQ(n)    (1ULL << (32 + (n)))

#define CAUSES_FETCH \
    (EXC(FETCH_MISALIGNED) | EXC(FETCH_ACCESS) | EXC(FETCH_PAGE) | EXC(FETCH_GUEST))
#define CAUSES_LOAD (EXC(LOAD_MISALIGNED) | EXC(LOAD_ACCESS) | EXC(LOAD_PAGE) | EXC(LOAD_GUEST))
#define CAUSES_STORE \
    (EXC(STORE_MISALIGNED) | EXC(STORE_ACCESS) | EXC(STORE_PAGE) | EXC(STORE_GUEST))

/* The words of cause=, and the bits of struct trace_filter.causes that each stands for. */
static const struct {
    const char *name;
    u64 causes;
} words[] = {
    {"ecall",      EXC(ECALL_U) | EXC(ECALL_S) | EXC(ECALL_VS)},
    {"illegal",    EXC(ILLEGAL)                               },
    {"virtual",    EXC(VIRTUAL)                               },
    {"fetch",      CAUSES_FETCH                               },
    {"load",       CAUSES_LOAD                                },
    {"store",      CAUSES_STORE                               },
    {"fault",      CAUSES_FETCH | CAUSES_LOAD | CAUSES_STORE  },
    {"breakpoint", EXC(BREAKPOINT)                            },
    {"timer",      IRQ(5)                                     },
    {"ipi",        IRQ(1)                                     },
    {"ext",        IRQ(9) | IRQ(12)                           },
    {"irq",        0xffffffffULL << 32                        },
};

struct text {
    const char *at;
    size_t length;
};

static bool text_is(struct text text, const char *word)
{
    return text.length == strlen(word) && memcmp(text.at, word, text.length) == 0;
}

/* Cuts text up to the first separator off *rest; the separator goes, too.  False at the end. */
static bool next_part(struct text *rest, char separator, struct text *part)
{
    const char *found;

    if (rest->at == NULL) {
        return false;
    }
    found = rest->length ? memchr(rest->at, separator, rest->length) : NULL;
    *part = *rest;
    if (found == NULL) {
        rest->at = NULL;
        return true;
    }
    part->length = (size_t)(found - rest->at);
    *rest = (struct text){found + 1, rest->length - part->length - 1};
    return true;
}

static enum err complain(char *message, const char *what, struct text text, const char *right)
{
    int quote = (int)(text.length < QUOTE_BYTES ? text.length : QUOTE_BYTES);

    snprintf(message, TRACE_FILTER_MESSAGE_BYTES, "TRACE: %s \"%.*s\"; %s", what, quote, text.at,
             right);
    return ERR_INVAL;
}

static enum err parse_pid(struct trace_filter *filter, struct text text, char *message)
{
    u64 pid = 0;

    for (size_t i = 0; i < text.length; i++) {
        if (text.at[i] < '0' || text.at[i] > '9' || pid > UINT32_MAX) {
            return complain(message, "no pid", text, "pids are positive numbers, joined by +");
        }
        pid = pid * 10 + (u64)(text.at[i] - '0');
    }
    if (pid == 0 || pid > UINT32_MAX) {
        return complain(message, "no pid", text, "pids are positive numbers, joined by +");
    }
    if (filter->pid_count == TRACE_FILTER_PIDS) {
        return complain(message, "too many pids at", text, "at most 16 can be named");
    }
    filter->pids[filter->pid_count++] = (u32)pid;
    return ERR_OK;
}

static enum err parse_cause(struct trace_filter *filter, struct text text, char *message)
{
    char known[TRACE_FILTER_MESSAGE_BYTES / 2] = "causes are";
    size_t length = strlen(known);

    for (size_t i = 0; i < ARRAY_LEN(words); i++) {
        if (text_is(text, words[i].name)) {
            filter->causes |= words[i].causes;
            return ERR_OK;
        }
        length += (size_t)snprintf(known + length, sizeof(known) - length, " %s", words[i].name);
    }
    return complain(message, "no cause", text, known);
}

/* One key=value+value of the list behind "exits:". */
static enum err parse_item(struct trace_filter *filter, struct text item, char *message)
{
    enum err (*parse)(struct trace_filter *, struct text, char *) = NULL;
    struct text rest = item;
    struct text part;
    enum err err = ERR_OK;

    if (!next_part(&rest, '=', &part) || rest.at == NULL) {
        return complain(message, "no filter", item, "filters are pid=N+N and cause=NAME+NAME");
    }
    if (text_is(part, "pid")) {
        parse = parse_pid;
    } else if (text_is(part, "cause")) {
        parse = parse_cause;
    } else {
        return complain(message, "no filter", part, "filters are pid=N+N and cause=NAME+NAME");
    }
    while (!err && next_part(&rest, '+', &part)) {
        err = parse(filter, part, message);
    }
    return err;
}

/*
 * trace_filter_parse - read a value of TRACE.
 *
 * text has length bytes and need not end in NUL.  message is written on error only.
 *
 * ERR_INVAL    not such a value; message says why in one line; *filter is off
 */
enum err trace_filter_parse(struct trace_filter *filter, const char *text, size_t length,
                            char message[TRACE_FILTER_MESSAGE_BYTES])
{
    struct text rest = {text, length};
    struct trace_filter parsed = {.on = true};
    struct text part = rest;

    *filter = (struct trace_filter){.on = false};
    if (text_is(rest, "off")) {
        return ERR_OK;
    }
    if (!next_part(&rest, ':', &part) || !text_is(part, "exits")) {
        return complain(message, "no such value", part, "values are off, exits and exits:FILTER");
    }
    while (next_part(&rest, ',', &part)) {
        enum err err = parse_item(&parsed, part, message);

        if (err) {
            return err;
        }
    }
    *filter = parsed;
    return ERR_OK;
}

bool trace_filter_pid(const struct trace_filter *filter, u32 pid)
{
    for (u16 i = 0; i < filter->pid_count; i++) {
        if (filter->pids[i] == pid) {
            return true;
        }
    }
    return filter->pid_count == 0;
}

bool trace_filter_cause(const struct trace_filter *filter, u64 cause)
{
    u64 base = cause >> 63 ? 32 : 0;
    u64 code = cause & (UINT64_MAX >> 1);

    return filter->causes == 0 || (code < 32 && (filter->causes >> (base + code) & 1));
}
