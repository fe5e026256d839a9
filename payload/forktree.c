/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Forks a tree of processes, "depth=D width=W door=ecall|invalid|mmio", and proves that parent and
 * child differ in what fork returns alone, and that from then on neither sees the other's writes.
 *
 * A process owns every page of three regions (data, stack, a heap of 1 MiB) and the floating-point
 * registers.  It fills them with a pattern made of its pid and a round number, before each fork and
 * once more after its last.  A child first finds its parent's pattern of the round of its fork,
 * while the parent goes on to the next round; each checks its own pattern after every step.
 *
 * Where fork is not supported (bare), the root checks itself alone and ends with status 2.
 */
#include <stdio.h>

#include "lib/riscv/cause.h"

#include "guest/args.h"
#include "guest/fp.h"
#include "guest/guest.h"
#include "guest/machine.h"
#include "guest/proc.h"
#include "guest/trap.h"

#define PAGE       4096UL
#define PAGE_WORDS (PAGE / sizeof(u64))
#define MAX_WIDTH  16

static struct region {
    const char *name;
    u64 *words;
    u64 pages;
} regions[3];

static u64 data[8 * PAGE_WORDS] __attribute__((aligned(4096))) = {1};
static enum proc_door door;
static u64 depth, width;

static __noreturn void fail(const char *what, u64 at, u64 found, u64 expected)
{
    printf("forktree: pid %ld: %s at 0x%lx is 0x%lx, not 0x%lx\n", proc_getpid(), what,
           (unsigned long)at, (unsigned long)found, (unsigned long)expected);
    proc_exit(1);
}

/* A process' pattern: what it writes at a place in a round.  Never the same for two of them. */
static u64 pattern(long pid, u64 round, u64 place)
{
    return ((u64)pid << 40 | round << 32) ^ place;
}

/* One word in each 64, and the last of the page. */
static u64 word_of(u64 page, u64 n)
{
    return page * PAGE_WORDS + (n < 8 ? n * 64 + page % 64 : PAGE_WORDS - 1);
}

static void fill(long pid, u64 round)
{
    struct fp_regs fp;

    for (size_t r = 0; r < ARRAY_LEN(regions); r++) {
        for (u64 i = 0; i < regions[r].pages * 9; i++) {
            volatile u64 *word = &regions[r].words[word_of(i / 9, i % 9)];

            *word = pattern(pid, round, (u64)word);
        }
    }
    for (u64 i = 0; i < 32; i++) {
        fp.f[i] = pattern(pid, round, i);
    }
    fp.fcsr = (u64)(pid + (long)round) & 0x1f;
    fp_load(&fp);
}

static void check(long pid, u64 round)
{
    struct fp_regs fp;

    fp_store(&fp);
    for (size_t r = 0; r < ARRAY_LEN(regions); r++) {
        for (u64 i = 0; i < regions[r].pages * 9; i++) {
            const volatile u64 *word = &regions[r].words[word_of(i / 9, i % 9)];
            u64 expected = pattern(pid, round, (u64)word);

            if (*word != expected) {
                fail(regions[r].name, (u64)word, *word, expected);
            }
        }
    }
    for (u64 i = 0; i < 32; i++) {
        if (fp.f[i] != pattern(pid, round, i)) {
            fail("FP register", i, fp.f[i], pattern(pid, round, i));
        }
    }
    if (fp.fcsr != ((u64)(pid + (long)round) & 0x1f)) {
        fail("FP control register", 0, fp.fcsr, (u64)(pid + (long)round) & 0x1f);
    }
}

static volatile struct trap seen;

static bool skip_insn(struct trap *t)
{
    seen = *t;
    t->pc += 4;
    return true;
}

/* Run one invalid instruction; it must be this process' own trap.  stval may be 0.
 * [PRIV "Supervisor Trap Value (stval) Register"] */
#define CHECK_OWN_TRAP(insn)                                              \
    do {                                                                  \
        u64 at;                                                           \
        seen.cause = ~0UL;                                                \
        __asm__ volatile("la %0, 1f\n"                                    \
                         ".balign 4\n"                                    \
                         "1: .4byte %1"                                   \
                         : "=&r"(at)                                      \
                         : "i"(insn)                                      \
                         : "memory");                                     \
        if (seen.cause != CAUSE_ILLEGAL || seen.pc != at ||               \
            (seen.tval != (insn) && seen.tval != 0)) {                    \
            fail("trap of an invalid instruction", at, seen.cause, insn); \
        }                                                                 \
    } while (0)

static void check_own_traps(void)
{
    trap_fn *before = trap_hook(skip_insn);

    CHECK_OWN_TRAP(0xc0001073U);              /* unimp: csrrw x0, cycle, x0 */
    CHECK_OWN_TRAP(PROC_FORK_INSN | 1 << 15); /* csrrwi x0, 0xcc0, 7: the fork's neighbour */
    CHECK_OWN_TRAP(PROC_FORK_INSN | 1 << 7);  /* csrrwi x1, 0xcc0, 6: the other */
    if (!proc_available()) {
        CHECK_OWN_TRAP(PROC_FORK_INSN);
    }
    trap_hook(before);
}

/* Wait for all children; each must be one of pids and have ended with status 0. */
static void reap(long *pids)
{
    unsigned status;
    long pid;

    for (u64 n = 0; n < width; n++) {
        u64 i = 0;

        pid = proc_wait(-1, 0, &status);
        while (i < width && pids[i] != pid) {
            i++;
        }
        if (pid <= 0 || i == width) {
            fail("wait", n, (u64)pid, 0);
        }
        if (status != PROC_STATUS_EXITED(0)) {
            fail("status of child", (u64)pid, status, PROC_STATUS_EXITED(0));
        }
    }
    pid = proc_wait(-1, 0, &status);
    if (pid != PROC_ERR_CHILD) {
        fail("wait without a child", 0, (u64)pid, (u64)PROC_ERR_CHILD);
    }
}

static void print_line(long pid, long parent, u64 level, const long *pids)
{
    printf("forktree: %*s pid %ld, parent %ld", (int)(2 * level), "", pid, parent);
    if (level < depth && width) {
        printf(", children");
        for (u64 i = 0; i < width; i++) {
            printf(" %ld:0", pids[i]);
        }
    }
    printf(", ok\n");
}

/* What one process does; never returns in a child. */
static void process(long pid, u64 level)
{
    long parent = proc_getppid();
    long pids[MAX_WIDTH];
    u64 round = 0;

    check_own_traps();
    fill(pid, round);
    while (level < depth && round < width) {
        long child = proc_fork(door, 0);

        if (child < 0) {
            fail("fork", round, (u64)child, 0);
        }
        check(pid, round);
        if (child == 0) {
            if (proc_getppid() != pid || proc_getpid() == pid) {
                fail("pid after fork", 0, (u64)proc_getppid(), (u64)pid);
            }
            process(proc_getpid(), level + 1);
            proc_exit(0);
        }
        pids[round++] = child;
        fill(pid, round);
    }
    if (level < depth) {
        reap(pids);
    }
    check(pid, round);
    print_line(pid, parent, level, pids);
}

static bool choose_door(void)
{
    if (args_is("door", "invalid")) {
        door = PROC_DOOR_INVALID;
    } else if (args_is("door", "mmio")) {
        door = PROC_DOOR_MMIO;
    } else if (args_has("door") && !args_is("door", "ecall")) {
        return false;
    }
    return true;
}

int main(void)
{
    u64 stack[4 * PAGE_WORDS] __attribute__((aligned(4096)));
    u64 processes = 0, of_level = 1;

    depth = args_u64("depth", 2);
    width = args_u64("width", 2);
    if (!choose_door() || width > MAX_WIDTH || depth > 64) {
        printf("forktree: depth=0..64 width=0..%d door=ecall|invalid|mmio\n", MAX_WIDTH);
        return 2;
    }
    regions[0] = (struct region){"data", data, ARRAY_LEN(data) / PAGE_WORDS};
    regions[1] = (struct region){"stack", stack, ARRAY_LEN(stack) / PAGE_WORDS};
    regions[2] = (struct region){"heap", machine_take(256 * PAGE), 256};
    if (!proc_available()) {
        check_own_traps();
        fill(1, 0);
        check(1, 0);
        printf("forktree: fork is not supported here: %ld\n", proc_fork(door, 0));
        return 2;
    }
    process(proc_getpid(), 0);
    for (u64 level = 0; level <= depth; level++) {
        processes += of_level;
        of_level *= width;
    }
    printf("forktree: %lu processes, all ok\n", (unsigned long)processes);
    return 0;
}
