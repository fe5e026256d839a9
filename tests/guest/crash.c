/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Dies in the way that the command line names, five calls deep; the report must say where.  What is
 * called is not inlined, does something after its call, and keeps frames of different kinds.
 */
#include <assert.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "lib/riscv/csr.h"

#include "guest/args.h"
#include "guest/panic.h"
#include "guest/report.h"
#include "guest/trap.h"

#define NOWHERE   0x22000000UL /* pflash: outside the early map */
#define BIG_BYTES 5000

#define CALLED __attribute__((noinline, noipa))

void (*volatile nobody)(void);
void (*volatile jump)(void);
static volatile u64 sink;

typedef void crash_fn(void);

/* No frame, ra in its register. */
CALLED static void by_leaf(void)
{
    sink = *(volatile u64 *)NOWHERE;
}

CALLED static void by_store(void)
{
    char text[24];

    memset(text, (int)sink, sizeof(text));
    *(volatile u32 *)(NOWHERE + 64) = (u32)text[sink];
    sink = (u64)text[3];
}

/* In picolibc, which has no frame pointers either. */
CALLED static void by_libc(void)
{
    sink = strlen((const char *)NOWHERE);
    sink++;
}

static int compare(const void *a, const void *b)
{
    sink = *(const u64 *)a + *(volatile u64 *)NOWHERE;
    return a < b;
}

/* ... with frames of picolibc's own in between. */
CALLED static void by_callback(void)
{
    u64 words[8] = {3, 1, 2};

    qsort(words, 8, sizeof(words[0]), compare);
    sink = words[0];
}

CALLED static void by_illegal(void)
{
    __asm__ volatile(".word 0");
}

CALLED static void by_null_call(void)
{
    nobody();
    sink++;
}

CALLED static void by_panic(void)
{
    panic("crash: %d of %s, %d %d %d %d %d %d %d %d", 42, "it", 1, 2, 3, 4, 5, 6, 7, 8);
}

/* By picolibc's abort and raise, and kill. */
CALLED static void by_abort(void)
{
    abort();
}

CALLED static void by_assert(void)
{
    assert(sink == 12345);
}

/* All stacks are lost: sp points nowhere, and then the trap is within the handler's own stack. */
CALLED static void by_wild_sp(void)
{
    __asm__ volatile("li sp, 0x123456789abcdef0\n ld ra, 8(sp)\n ret");
}

CALLED static void by_wild_tp(void)
{
    __asm__ volatile("li tp, 0x30\n ld a0, 0(tp)");
}

static bool faults_again(struct trap *t)
{
    if (t->cause & CAUSE_INTERRUPT) {
        return false;
    }
    sink = *(volatile u64 *)(NOWHERE + 8);
    return true;
}

/* A handler that faults, also while its own fault is handled: until the stack of traps is used up.
 */
CALLED static void by_hook(void)
{
    trap_hook(faults_again);
    by_leaf();
    sink++;
}

/* A report that faults, as it asks whose trap it was. */
static bool report_faults;

void report_thread(const struct trap *t)
{
    if (report_faults) {
        sink = *(volatile u64 *)(NOWHERE + 16) + t->pc;
    }
}

CALLED static void by_report(void)
{
    report_faults = true;
    by_leaf();
    sink++;
}

CALLED static void by_recursion(void)
{
    char text[256];

    memset(text, (int)sink, sizeof(text));
    if (sink < ~0UL) {
        by_recursion();
    }
    sink += (u64)text[4];
}

static const struct {
    const char *name;
    crash_fn *crash;
} ways[] = {
    {"leaf",      by_leaf     },
    {"store",     by_store    },
    {"libc",      by_libc     },
    {"callback",  by_callback },
    {"illegal",   by_illegal  },
    {"null",      by_null_call},
    {"panic",     by_panic    },
    {"abort",     by_abort    },
    {"assert",    by_assert   },
    {"sp",        by_wild_sp  },
    {"tp",        by_wild_tp  },
    {"hook",      by_hook     },
    {"recursion", by_recursion},
    {"report",    by_report   },
};

CALLED static u64 fourth(crash_fn *crash)
{
    crash();
    return sink + 1;
}

/* A frame that an immediate cannot express. */
CALLED static u64 third(crash_fn *crash)
{
    volatile char big[BIG_BYTES];

    big[sink] = 1;
    return fourth(crash) + (u64)big[sink + 1];
}

/* A way out in the middle, behind a saved register. */
CALLED static u64 second(crash_fn *crash, u64 n)
{
    u64 sum = 0;

    if (!crash) {
        return n;
    }
    for (u64 i = 0; i < n; i++) {
        sum += third(crash) * i;
    }
    if (sum == 1) {
        return third(crash) + 5;
    }
    return sum + third(crash);
}

/* A frame pointer, since nobody knows how large the frame is. */
CALLED static u64 first(crash_fn *crash, u64 n)
{
    char *room = alloca(n * 16); /* cppcheck-suppress allocaCalled ; a variable frame is meant */

    memset(room, 1, n * 16);
    sink = (u64)room[n];
    return second(crash, n) + (u64)room[n + 1];
}

int main(void)
{
    sink = 0;
    for (size_t i = 0; i < ARRAY_LEN(ways); i++) {
        if (args_is("by", ways[i].name)) {
            return (int)first(ways[i].crash, 3 + sink);
        }
    }
    printf("crash: by=");
    for (size_t i = 0; i < ARRAY_LEN(ways); i++) {
        printf("%s%c", ways[i].name, i + 1 < ARRAY_LEN(ways) ? ' ' : '\n');
    }
    return 2;
}
