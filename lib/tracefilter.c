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
    found = memchr(rest->at, separator, rest->length);
    *part = *rest;
    if (found == NULL) {
        rest->at = NULL;
        return true;
    }
    part->length = (size_t)(found - rest->at);
    *rest = (struct text){found + 1, rest->length - part->length - 1};
    return true;
}

/* Why a filter is refused, for who typed it. */
struct complaint {
    char *why;
    size_t why_bytes;
};

static enum err complain(const struct complaint *to, const char *what, struct text text,
                         const char *right)
{
    int quote = (int)(text.length < QUOTE_BYTES ? text.length : QUOTE_BYTES);

    snprintf(to->why, to->why_bytes, "%s \"%.*s\"; %s", what, quote, text.at, right);
    return ERR_INVAL;
}

static enum err parse_pid(struct trace_filter *filter, struct text text, const struct complaint *to)
{
    u64 pid = 0;

    for (size_t i = 0; i < text.length; i++) {
        if (text.at[i] < '0' || text.at[i] > '9' || pid > UINT32_MAX)
            return complain(to, "no pid", text, "pids are positive numbers, joined by +");
        pid = pid * 10 + (u64)(text.at[i] - '0');
    }
    if (pid == 0 || pid > UINT32_MAX)
        return complain(to, "no pid", text, "pids are positive numbers, joined by +");
    if (filter->pid_count == TRACE_FILTER_PIDS)
        return complain(to, "too many pids at", text, "at most 16 can be named");
    filter->pids[filter->pid_count++] = (u32)pid;
    return ERR_OK;
}

static enum err parse_cause(struct trace_filter *filter, struct text text,
                            const struct complaint *to)
{
    char known[128] = "causes are";
    size_t length = strlen(known);

    for (size_t i = 0; i < ARRAY_LEN(words); i++) {
        if (text_is(text, words[i].name)) {
            filter->causes |= words[i].causes;
            return ERR_OK;
        }
        length += (size_t)snprintf(known + length, sizeof(known) - length, " %s", words[i].name);
    }
    return complain(to, "no cause", text, known);
}

/* One key=value+value of the list. */
static enum err parse_item(struct trace_filter *filter, struct text item,
                           const struct complaint *to)
{
    enum err (*parse)(struct trace_filter *, struct text, const struct complaint *);
    struct text rest = item;
    struct text part;
    enum err err = ERR_OK;

    next_part(&rest, '=', &part);
    if (text_is(part, "pid")) {
        parse = parse_pid;
    } else if (text_is(part, "cause")) {
        parse = parse_cause;
    } else {
        return complain(to, "no filter", part, "filters are pid=N+N and cause=NAME+NAME");
    }
    if (rest.at == NULL)
        return complain(to, "no value behind", item, "filters are pid=N+N and cause=NAME+NAME");
    while (!err && next_part(&rest, '+', &part)) {
        err = parse(filter, part, to);
    }
    return err;
}

/*
 * tracefilter_parse - read a filter.
 *
 * ERR_INVAL    not a filter; why says so, cut to why_bytes; *filter is undefined
 */
enum err tracefilter_parse(struct trace_filter *filter, const char *text, char *why,
                           size_t why_bytes)
{
    const struct complaint to = {why, why_bytes};
    struct text rest = {text, strlen(text)};
    struct text item;
    enum err err = ERR_OK;

    *filter = (struct trace_filter){.pid_count = 0};
    if (rest.length == 0)
        return ERR_OK;
    while (!err && next_part(&rest, ',', &item)) {
        err = parse_item(filter, item, &to);
    }
    return err;
}

bool tracefilter_wants_pid(const struct trace_filter *filter, u32 pid)
{
    for (u32 i = 0; i < filter->pid_count; i++) {
        if (filter->pids[i] == pid) {
            return true;
        }
    }
    return filter->pid_count == 0;
}

bool tracefilter_wants_cause(const struct trace_filter *filter, u64 cause)
{
    u64 base = cause >> 63 ? 32 : 0;
    u64 code = cause & (UINT64_MAX >> 1);

    return filter->causes == 0 || (code < 32 && (filter->causes >> (base + code) & 1));
}
