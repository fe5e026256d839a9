/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Random programs of a few processes, "seed=N count=M": they write, copy, fork, share, unshare,
 * wait and end.  For each seed a line with a hash of all memory that they leave, which depends on
 * the seed alone: not on how memory is forked, on how many harts, or on who runs when.
 *
 * Each process draws from numbers of its own.  Of a shared page it uses the words that have its
 * number, of which there is no other in a program, so no order is seen there either; all other
 * memory is its own.  It leaves its hash in a page that all of them have.
 */
#include <stdio.h>
#include <string.h>

#include "sbi/call.h"

#include "guest/args.h"
#include "guest/guest.h"
#include "guest/machine.h"
#include "guest/proc.h"

#define PAGE         4096UL
#define REGION       (512 * PAGE)
#define WORDS        (PAGE / sizeof(u64))
#define OWN_PAGES    (512 + 64UL) /* a whole region that can be one leaf, and some behind it */
#define SHARED_PAGES 24UL
#define IDS          32U
#define CHILDREN     6U
#define MIX          0x9e3779b97f4a7c15UL

struct process {
    u64 random, hash, seed;
    u32 id, ids_end; /* those from id + 1 on are for its children */
    long child[CHILDREN];
    u32 children;
};

static u64 *own, *shared, *results; /* the last: [IDS], shared from the beginning */

static u64 pick(struct process *self, u64 count)
{
    self->random ^= self->random << 13;
    self->random ^= self->random >> 7;
    self->random ^= self->random << 17;
    return self->random % count;
}

static void mix(struct process *self, u64 value)
{
    self->hash = (self->hash ^ value) * MIX;
    self->hash ^= self->hash >> 29;
}

static __noreturn void fail(const char *what, long found)
{
    printf("oracle: %s: %ld\n", what, found);
    proc_exit(255);
}

/* ---- what a process does ---- */

static u64 *any_page(struct process *self)
{
    u64 page = pick(self, 4) == 0 ? 512 + pick(self, OWN_PAGES - 512) : pick(self, 512);

    return own + page * WORDS;
}

static void writes(struct process *self)
{
    u64 *page = any_page(self);

    for (u64 count = 1 + pick(self, 12); count > 0; count--)
        page[pick(self, WORDS)] += self->random;
    shared[pick(self, SHARED_PAGES) * WORDS + self->id] += self->random;
}

static void reads(struct process *self)
{
    const u64 *page = any_page(self);

    for (u64 i = 0; i < WORDS; i += 37)
        mix(self, page[i]);
    mix(self, shared[pick(self, SHARED_PAGES) * WORDS + self->id]);
}

static void copies(struct process *self)
{
    const u64 *from = any_page(self);

    memmove(any_page(self), from, PAGE);
}

/* The whole region, in order, as a program that clears its heap. */
static void fills(struct process *self)
{
    for (u64 page = 0; page < 512; page++)
        own[page * WORDS + pick(self, WORDS)] += page;
}

/* The hypervisor writes: eight bytes, always the same. */
static void is_written(struct process *self)
{
    u64 *word = any_page(self) + pick(self, WORDS);
    struct sbiret ret = sbi_call(PROC_EID, PROC_INSPECT, (unsigned long)proc_getpid(),
                                 (unsigned long)word, sizeof(*word), 0, 0);

    if (ret.error != 0)
        fail("inspect", ret.error);
}

static void shares(struct process *self)
{
    u64 first = pick(self, SHARED_PAGES), pages = 1 + pick(self, SHARED_PAGES - first);
    long error = pick(self, 3) == 0 ? proc_unshare(shared + first * WORDS, pages * PAGE)
                                    : proc_share(shared + first * WORDS, pages * PAGE);

    if (error != 0)
        fail("share", error);
}

static void waits(struct process *self)
{
    unsigned status = 0;
    long pid;

    if (self->children == 0)
        return;
    do
        pid = proc_wait(self->child[0], 0, &status);
    while (pid == PROC_ERR_INTR);
    if (pid != self->child[0] || status == PROC_STATUS_EXITED(255) || !PROC_STATUS_IS_EXIT(status))
        fail("wait", pid < 0 ? pid : (long)status);
    mix(self, status);
    memmove(self->child, self->child + 1, --self->children * sizeof(self->child[0]));
}

/* The numbers that are left are halved. */
static void forks(struct process *self)
{
    u32 middle = (self->id + 1 + self->ids_end) / 2;
    long pid;

    if (middle >= self->ids_end || self->children == CHILDREN)
        return;
    pid = proc_fork(PROC_DOOR_ECALL, 0);
    if (pid < 0)
        fail("fork", pid);
    if (pid == 0) {
        self->id = middle;
        self->children = 0;
        self->random = (self->seed * IDS + self->id + 1) * MIX;
    } else {
        self->ids_end = middle;
        self->child[self->children++] = pid;
    }
}

static void act(struct process *self)
{
    u64 kind = pick(self, 100);

    if (kind < 8)
        forks(self);
    else if (kind < 12)
        waits(self);
    else if (kind < 20)
        shares(self);
    else if (kind < 22)
        fills(self);
    else if (kind < 30)
        is_written(self);
    else if (kind < 45)
        copies(self);
    else if (kind < 60)
        reads(self);
    else
        writes(self);
}

static __noreturn void live(struct process *self)
{
    u64 hash = 0;

    while (pick(self, 120) != 0)
        act(self);
    while (self->children > 0)
        waits(self);
    for (u64 i = 0; i < OWN_PAGES * WORDS; i++)
        hash = hash * MIX + own[i];
    mix(self, hash);
    for (u64 page = 0; page < SHARED_PAGES; page++)
        mix(self, shared[page * WORDS + self->id]);
    if (self->id == 0) { /* all others have ended */
        for (u64 i = 0; i < SHARED_PAGES * WORDS; i++)
            mix(self, shared[i]);
    }
    results[self->id] = self->hash;
    proc_exit((int)(self->hash % 255));
}

/* ---- programs ---- */

static void run(u64 seed)
{
    static struct process first;
    u64 hash = 0, count = 0;
    unsigned status = 0;
    long pid;

    memset(results, 0, PAGE);
    first = (struct process){.random = seed * MIX + 1, .seed = seed, .ids_end = IDS};
    pid = proc_fork(PROC_DOOR_ECALL, 0);
    if (pid == 0)
        live(&first);
    if (pid < 0 || proc_wait(pid, 0, &status) != pid)
        fail("run", pid);
    for (u32 id = 0; id < IDS; id++) {
        hash = (hash ^ results[id]) * MIX;
        count += results[id] != 0;
    }
    if (status != PROC_STATUS_EXITED(results[0] % 255))
        fail("status", (long)status);
    printf("oracle: seed %lu: %lu processes, %016lx\n", (unsigned long)seed, (unsigned long)count,
           (unsigned long)hash);
}

int main(void)
{
    u64 seed = args_u64("seed", 1), count = args_u64("count", 1);
    u64 memory = (u64)machine_take(2 * REGION + OWN_PAGES * PAGE);

    own = (u64 *)((memory + REGION) & -REGION);
    shared = machine_take(SHARED_PAGES * PAGE);
    results = machine_take(PAGE);
    if (proc_share(results, PAGE) != 0)
        return 1;
    for (; count > 0; count--)
        run(seed++);
    puts("oracle: done");
    return 0;
}
