/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * A guest with its own page tables that forks: "forks=N rounds=R door=ecall|invalid|mmio".
 *
 * RAM and devices are mapped to themselves by large leaves.  Besides there is a window of 4 KiB
 * pages over a set of frames; in each round every process changes which page shows which frame,
 * takes pages away and gives them back, moves the window's table to another frame, and writes
 * through the window.  What it reads through the window, through the identity map and in its tables
 * must be what it wrote itself.  All go on at the same time, parent and children; each child has
 * the parent's state of the moment of its fork, and all random choices differ from then on.
 *
 * A and D are preset in the even pages.  In the odd ones the hart sets them, or the page fault is
 * ours to set them, whichever the machine does; so they are not compared.
 */
#include <stdio.h>

#include "lib/riscv/cause.h"
#include "lib/riscv/csr.h"

#include "guest/args.h"
#include "guest/guest.h"
#include "guest/machine.h"
#include "guest/paging.h"
#include "guest/proc.h"
#include "guest/trap.h"

#define PAGE      4096UL
#define PAGES     64 /* of the window, and as many frames */
#define WINDOW    0x1000000000UL
#define GIB       (1UL << 30)
#define MAX_FORKS 16

#define PTE_V  (1UL << 0)
#define PTE_R  (1UL << 1)
#define PTE_W  (1UL << 2)
#define PTE_X  (1UL << 3)
#define PTE_A  (1UL << 6)
#define PTE_D  (1UL << 7)
#define PTE_AD (PTE_A | PTE_D)

static u64 *root, *middle; /* the two upper levels of the window */
static u64 *leaves[2];     /* its lowest: one in use, one to move to */
static size_t leaf;        /* which */
static u64 *frames[PAGES];
static size_t shows[PAGES]; /* which frame a page shows */
static u64 holds[PAGES];    /* what we last wrote to a frame */
static u64 seed;
static volatile u64 faults;
static long self;

static __noreturn void fail(const char *what, u64 where, u64 found, u64 expected)
{
    printf("sv39fork: pid %ld: %s 0x%lx: 0x%lx, not 0x%lx\n", self, what, (unsigned long)where,
           (unsigned long)found, (unsigned long)expected);
    proc_exit(1);
}

static u64 pte(const void *to, u64 bits)
{
    return (u64)to >> 12 << 10 | bits | PTE_V;
}

static u64 page_bits(size_t page)
{
    return PTE_R | PTE_W | (page % 2 ? 0 : PTE_AD);
}

static u64 *page_at(size_t page)
{
    return (u64 *)(WINDOW + page * PAGE);
}

static void fence_page(size_t page)
{
    __asm__ volatile("sfence.vma %0, zero" : : "r"(page_at(page)) : "memory");
}

static void fence_all(void)
{
    __asm__ volatile("sfence.vma" : : : "memory");
}

/* A fault in the window: where the page is there, A and D are missing and granted; where it was
 * taken away, the access is skipped and counted. */
static bool window_fault(struct trap *t)
{
    size_t page = (t->tval - WINDOW) / PAGE;
    u64 *entry;

    if ((t->cause != CAUSE_LOAD_PAGE && t->cause != CAUSE_STORE_PAGE) || t->tval < WINDOW ||
        page >= PAGES) {
        return false;
    }
    entry = &leaves[leaf][page];
    if ((*entry & PTE_V) && (*entry & PTE_AD) != PTE_AD) {
        *entry |= PTE_AD;
        fence_page(page);
        return true;
    }
    faults++;
    t->pc += trap_insn_bytes(t->pc);
    return true;
}

static u64 choose(u64 below)
{
    seed ^= seed << 13;
    seed ^= seed >> 7;
    seed ^= seed << 17;
    return (seed >> 8) % below;
}

static void map_page(size_t page, size_t frame)
{
    shows[page] = frame;
    leaves[leaf][page] = pte(frames[frame], page_bits(page));
    fence_page(page);
}

static void set_up(void)
{
    root = machine_take(PAGE);
    middle = machine_take(PAGE);
    leaves[0] = machine_take(PAGE);
    leaves[1] = machine_take(PAGE);
    for (u64 i = 0; i < 512; i++) {
        /* the first 16 GiB to themselves; the window is above */
        root[i] = i < 16 ? pte((void *)(i * GIB), PTE_R | PTE_W | PTE_X | PTE_AD) : 0;
        middle[i] = leaves[0][i] = leaves[1][i] = 0;
    }
    root[WINDOW / GIB] = pte(middle, 0);
    middle[0] = pte(leaves[0], 0);
    for (size_t i = 0; i < PAGES; i++) {
        frames[i] = machine_take(PAGE);
        frames[i][0] = 0;
        map_page(i, i);
    }
    trap_hook(window_fault);
    csr_write(CSR_SATP, SATP_MODE_SV39 | (u64)root >> 12);
    fence_all();
}

static u64 word_of(size_t frame)
{
    return frame * 7 % 512;
}

/* Everything is as we left it: tables, and each frame, seen both ways. */
static void check(void)
{
    if (root[WINDOW / GIB] != pte(middle, 0)) {
        fail("root entry", 0, root[WINDOW / GIB], pte(middle, 0));
    }
    if (middle[0] != pte(leaves[leaf], 0)) {
        fail("middle entry", 0, middle[0], pte(leaves[leaf], 0));
    }
    for (size_t page = 0; page < PAGES; page++) {
        size_t frame = shows[page];
        u64 expected = pte(frames[frame], page_bits(page)) | PTE_AD;
        u64 seen;

        if ((leaves[leaf][page] | PTE_AD) != expected) {
            fail("entry of page", page, leaves[leaf][page], expected);
        }
        seen = ((volatile u64 *)page_at(page))[word_of(frame)];
        if (seen != holds[frame]) {
            fail("through page", page, seen, holds[frame]);
        }
        seen = ((volatile u64 *)frames[frame])[word_of(frame)];
        if (seen != holds[frame]) {
            fail("in frame", frame, seen, holds[frame]);
        }
    }
}

/* Two pages change frames; one is taken away, tried and given back; one is written. */
static void change(u64 round)
{
    size_t a = choose(PAGES), b = choose(PAGES), away = choose(PAGES), page = choose(PAGES);
    size_t frame_a = shows[a], frame_b = shows[b];
    u64 before = faults;

    map_page(a, frame_b);
    map_page(b, frame_a);

    leaves[leaf][away] = 0;
    fence_page(away);
    (void)*(volatile u64 *)page_at(away);
    *(volatile u64 *)page_at(away) = 1;
    if (faults != before + 2) {
        fail("faults at page", away, faults - before, 2);
    }
    map_page(away, shows[away]);

    holds[shows[page]] = (u64)self << 48 ^ seed ^ round;
    ((volatile u64 *)page_at(page))[word_of(shows[page])] = holds[shows[page]];
}

/* The window's lowest table moves to the other frame; what it leaves there is junk. */
static void move_table(void)
{
    u64 *old = leaves[leaf];

    leaf = !leaf;
    for (size_t i = 0; i < PAGES; i++) {
        leaves[leaf][i] = old[i];
    }
    middle[0] = pte(leaves[leaf], 0);
    fence_all();
    for (size_t i = 0; i < PAGES; i++) {
        old[i] = seed << 1; /* not valid */
    }
}

static void work(u64 rounds)
{
    for (u64 round = 0; round < rounds; round++) {
        for (u64 i = 0; i < PAGES; i++) {
            change(round);
        }
        move_table();
        check();
    }
}

static void reap(const long *pids, u64 forks)
{
    for (u64 i = 0; i < forks; i++) {
        unsigned status = ~0U;
        long pid = proc_wait(pids[i], 0, &status);

        if (pid != pids[i] || status != PROC_STATUS_EXITED(0)) {
            fail("status of child", (u64)pids[i], status, 0);
        }
    }
}

static enum proc_door door(void)
{
    if (args_is("door", "invalid")) {
        return PROC_DOOR_INVALID;
    }
    return args_is("door", "mmio") ? PROC_DOOR_MMIO : PROC_DOOR_ECALL;
}

int main(void)
{
    u64 forks = args_u64("forks", 3), rounds = args_u64("rounds", 50);
    long pids[MAX_FORKS];

    paging_off();
    if (forks > MAX_FORKS) {
        printf("sv39fork: forks=0..%d\n", MAX_FORKS);
        return 2;
    }
    self = proc_available() ? proc_getpid() : 1;
    seed = 0x9e3779b97f4a7c15;
    set_up();
    work(rounds);
    for (u64 i = 0; i < forks; i++) {
        pids[i] = proc_fork(door(), 0);
        if (pids[i] < 0) {
            printf("sv39fork: fork: error %ld\n", pids[i]);
            return 2;
        }
        check();
        if (pids[i] == 0) {
            self = proc_getpid();
            seed ^= (u64)self << 32;
            work(rounds);
            printf("sv39fork: pid %ld ok\n", self);
            proc_exit(0);
        }
        work(rounds);
    }
    work(rounds);
    reap(pids, forks);
    check();
    printf("sv39fork: %lu processes, all ok\n", (unsigned long)(forks + 1));
    return 0;
}
