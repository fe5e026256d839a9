/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Hostile processes: "seed=N ms=M actors=N".  A guest of the command line keeps some children, each
 * of which makes one process call after the other, any of them, with arguments of any kind, forks
 * and execs in between and kills whom it can; with two vCPUs both do.  When the time is up
 * everybody is ended, and nobody may be left.
 *
 * What is judged here: each answer is one that sbi/proc.h has, a process keeps its pid, and what it
 * wrote into memory that is its own.  That the hypervisor lives, hangs nobody and has all memory
 * back in the end is judged by who runs this.
 *
 * Calls that write are told of the arena only, or of what is not RAM: a process does not make its
 * own code into noise.
 */
#include <stdatomic.h>
#include <stdio.h>

#include "lib/riscv/csr.h"
#include "sbi/call.h"

#include "guest/args.h"
#include "guest/guest.h"
#include "guest/hart.h"
#include "guest/machine.h"
#include "guest/proc.h"
#include "guest/timer.h"

#define SELF        "procfuzz"
#define PAGE        4096UL
#define ARENA_PAGES 64UL
#define OWN_PAGES   8UL
#define WORDS       (PAGE / sizeof(u64))
#define GUESTS      2 /* of the command line, at most */
#define FIDS        36

struct actor {
    u64 random;
    long pid;
};

static u8 *arena;                     /* for calls; some of it shared */
static atomic_ulong *calls_made;      /* shared by all of a guest */
static u64 *own;                      /* what nobody else may see or change */
static _Alignas(16) u8 stacks[16384]; /* of the other hart */
static struct hart other;
static u64 other_seed;
static bool has_other;

static u64 next(u64 *random)
{
    *random ^= *random << 13;
    *random ^= *random >> 7;
    *random ^= *random << 17;
    return *random;
}

static u64 pick(struct actor *self, u64 count)
{
    return next(&self->random) % count;
}

static struct sbiret call(u64 fid, u64 arg0, u64 arg1, u64 arg2, u64 arg3)
{
    return sbi_call(PROC_EID, (long)fid, arg0, arg1, arg2, arg3, 0);
}

static __noreturn void wrong(struct actor *self, const char *what, u64 fid, struct sbiret ret)
{
    printf("procfuzz: pid %ld: %s: call %lu: error %ld, value %ld\n", self->pid, what,
           (unsigned long)fid, ret.error, ret.value);
    proc_exit(1);
}

/* ---- arguments ---- */

/* Any number, most of them near to an edge. */
static u64 any_number(struct actor *self)
{
    u64 number = 1UL << pick(self, 64);

    switch (pick(self, 6)) {
    case 0: return pick(self, 40);
    case 1: return -pick(self, 40);
    case 2: return number - 1;
    case 3: return number + pick(self, 5);
    case 4: return -number;
    default: return next(&self->random);
    }
}

/* Of the arena, whole pages at times; or what is not RAM. */
static u64 any_address(struct actor *self)
{
    u64 page = (u64)arena + PAGE * pick(self, ARENA_PAGES);

    switch (pick(self, 16)) {
    case 0: return machine_ram().end - pick(self, 2);
    case 1: return machine_ram().end + pick(self, PAGE);
    case 2: return machine_ram().base - 1 - pick(self, 64);
    case 3: return 0x10000000UL + PAGE * pick(self, 16); /* devices */
    case 4: return 0x0c000000UL + pick(self, PAGE);
    case 5: return -pick(self, PAGE);
    case 6: return 1UL << (32 + pick(self, 32));
    case 7: return page + pick(self, PAGE);
    case 8:
    case 9: return page + pick(self, WORDS) * 16 % PAGE;
    default: return page;
    }
}

/* So many that a range which begins in the arena ends there, or far outside of RAM. */
static u64 any_bytes(struct actor *self, u64 address)
{
    u64 end = (u64)arena + ARENA_PAGES * PAGE, pages;

    if (address < (u64)arena || address >= end)
        return any_number(self);
    pages = (end - address) / PAGE;
    switch (pick(self, 8)) {
    case 0: return pick(self, end - address);
    case 1: return machine_ram().end - address + PAGE * pick(self, 3) + 1;
    case 2: return -(PAGE * pick(self, 3)) - pick(self, 2);
    case 3: return 0;
    default: return PAGE * (pages == 0 ? 0 : 1 + pick(self, pages) % 4);
    }
}

static u64 any_pid(struct actor *self)
{
    switch (pick(self, 8)) {
    case 0: return any_number(self);
    case 1: return -(2 + pick(self, (u64)self->pid + 20));
    case 2: return 0;
    case 3: return (u64)self->pid;
    case 4: return (u64)self->pid + pick(self, 3);
    case 5: return -1UL;
    default: return 1 + pick(self, (u64)self->pid + 20);
    }
}

/* ---- calls ---- */

static bool is_answer(long error)
{
    switch (error) {
    case SBI_SUCCESS:
    case SBI_ERR_NOT_SUPPORTED:
    case SBI_ERR_INVALID_PARAM:
    case SBI_ERR_DENIED:
    case SBI_ERR_INVALID_ADDRESS:
    case SBI_ERR_TIMEOUT:
    case PROC_ERR_NOMEM:
    case PROC_ERR_QUOTA:
    case PROC_ERR_INTR:
    case PROC_ERR_CHILD:
    case PROC_ERR_NOENT: return true;
    default: return false;
    }
}

/* Both ends of each page. */
static void fill_own(struct actor *self)
{
    for (u64 i = 0; i < OWN_PAGES; i++)
        own[i * WORDS] = own[i * WORDS + WORDS - 1] = (u64)self->pid << 32 | pick(self, 1000);
}

static void check_own(struct actor *self)
{
    for (u64 i = 0; i < OWN_PAGES; i++) {
        if (own[i * WORDS] >> 32 != (u64)self->pid || own[i * WORDS + WORDS - 1] != own[i * WORDS])
            wrong(self, "its memory was changed", i, (struct sbiret){0, (long)own[i * WORDS]});
    }
}

static u64 sum_of_own(void)
{
    u64 sum = 0;

    for (u64 i = 0; i < OWN_PAGES; i++)
        sum = sum * 31 + own[i * WORDS] + own[i * WORDS + WORDS - 1];
    return sum;
}

/* The child finds what its parent had then, whatever that does meanwhile. */
static void forks(struct actor *self)
{
    u64 flags = pick(self, 8) == 0 ? any_number(self) : pick(self, 2);
    u64 sum = sum_of_own();
    struct sbiret ret = call(PROC_FORK, flags, 0, 0, 0);

    if (!is_answer(ret.error) || ret.value < 0 || ret.value == self->pid)
        wrong(self, "fork", PROC_FORK, ret);
    if (ret.error != 0 || ret.value != 0)
        return;
    if (sum_of_own() != sum)
        wrong(self, "memory of a later time", PROC_FORK, ret);
    self->pid = proc_getpid();
    self->random += (u64)self->pid << 20 | 1;
    fill_own(self);
}

/* Itself once more, by name, or something that is no image. */
static void begins(struct actor *self)
{
    static const char texts[] = SELF "\0more\0";
    char name[16] = SELF;
    u64 fid = pick(self, 3) == 0 ? PROC_EXEC : PROC_SPAWN, image = (u64)name, bytes = 0;
    u64 args = (u64)texts, args_bytes = sizeof(texts);
    struct sbiret ret;

    if (pick(self, 4) == 0)
        name[pick(self, sizeof(name))] = (char)pick(self, 256);
    if (pick(self, 8) == 0) {
        image = any_address(self);
        bytes = pick(self, 2) == 0 ? 0 : any_bytes(self, image);
    }
    if (pick(self, 4) == 0) {
        args = any_address(self);
        args_bytes = any_bytes(self, args);
    } else if (pick(self, 4) == 0) {
        args_bytes = pick(self, 3 * sizeof(texts));
    }
    ret = call(fid, image, bytes, args, args_bytes);
    if (!is_answer(ret.error) || (ret.error == 0 && ret.value <= 0))
        wrong(self, "a start", fid, ret);
}

/* Blocks for a few milliseconds at most, but for a few that do so for ever. */
static void waits(struct actor *self)
{
    u64 word = any_address(self) & -4UL, ticks = pick(self, machine_timebase() / 500);
    u32 value = pick(self, 2) == 0 ? 0 : (u32)pick(self, 3);
    struct sbiret ret;

    if (pick(self, 4) == 0)
        ticks = 0;
    if (pick(self, 32) == 0)
        ret = call(PROC_WAIT, any_pid(self), pick(self, 8), 0, 0);
    else if (pick(self, 2) == 0)
        ret = call(PROC_WAIT, any_pid(self), PROC_WAIT_NOHANG | pick(self, 8), 0, 0);
    else
        ret = call(PROC_WAIT_ON, word, value, pick(self, 64) == 0 ? -1UL : ticks, 0);
    if (!is_answer(ret.error) || ret.value < 0)
        wrong(self, "a wait", PROC_WAIT, ret);
}

/* Any call with any arguments. */
static void calls(struct actor *self)
{
    u64 fid = pick(self, FIDS), address = any_address(self), bytes = any_bytes(self, address);
    struct sbiret ret;

    switch (fid) {
    case PROC_FORK:
    case PROC_EXIT:
    case PROC_WAIT:
    case PROC_WAIT_ON:
    case PROC_EXEC:
    case PROC_SPAWN: return; /* elsewhere */
    case PROC_KILL:
        ret =
            call(fid, any_pid(self), pick(self, 4) == 0 ? any_number(self) : pick(self, 33), 0, 0);
        break;
    case PROC_INSPECT: ret = call(fid, any_pid(self), address, pick(self, 300), 0); break;
    case PROC_ENTROPY: ret = call(fid, address, pick(self, 70), 0, 0); break;
    case PROC_MACHINE: ret = call(fid, address, pick(self, 100), 0, 0); break;
    case PROC_SHARE:
    case PROC_UNSHARE: ret = call(fid, address, bytes, 0, 0); break;
    case PROC_HOLD: ret = call(fid, address, pick(self, 4), 0, 0); break;
    case PROC_WAKE: ret = call(fid, address & -4UL, any_number(self), 0, 0); break;
    case PROC_LIMIT:
        ret = call(fid, pick(self, 3),
                   pick(self, 8) == 0 ? 20 + pick(self, 500) : any_number(self) | 1UL << 63, 0, 0);
        break;
    default: ret = call(fid, any_pid(self), any_pid(self), any_number(self), 0); break;
    }
    atomic_fetch_add(calls_made, 1);
    if (!is_answer(ret.error))
        wrong(self, "an unknown error", fid, ret);
    if (fid == PROC_GETPID && ret.value != self->pid)
        wrong(self, "another pid", fid, ret);
}

/* Memory, a timer's interrupt that is not taken, and whether one ends what blocks. */
static void lives(struct actor *self)
{
    u64 page = pick(self, ARENA_PAGES);

    switch (pick(self, 6)) {
    case 0: csr_clear(CSR_SIE, IP_STIP | IP_SSIP); break;
    case 1: csr_set(CSR_SIE, pick(self, 2) == 0 ? IP_STIP : IP_SSIP); break;
    case 2: timer_set(timer_now() + pick(self, machine_timebase() / 1000)); break;
    case 3: csr_clear(CSR_SIP, IP_SSIP); break;
    case 4:
        if (!has_other) /* which would see half of it */
            fill_own(self);
        break;
    default:
        for (u64 i = 0; i < 4 && page + i < ARENA_PAGES; i++)
            *(volatile u32 *)(arena + (page + i) * PAGE) = (u32)pick(self, 3);
        break;
    }
}

static void acts_of(struct actor *self)
{
    u64 kind = pick(self, 1000);

    if (kind < 40)
        forks(self);
    else if (kind < 50)
        begins(self);
    else if (kind < 120)
        waits(self);
    else if (kind < 123)
        proc_exit((int)pick(self, 256));
    else if (kind < 124)
        sbi_call(SBI_EID_SRST, SBI_SRST_SYSTEM_RESET, pick(self, 3), 0, 0, 0, 0);
    else if (kind < 400)
        lives(self);
    else if (kind < 420)
        sbi_call(SBI_EID_HSM, SBI_HSM_HART_GET_STATUS + (long)pick(self, 3) - 1, pick(self, 3), 0,
                 0, 0, 0);
    else
        calls(self);
    check_own(self);
}

static __noreturn void act(u64 seed)
{
    struct actor self = {.random = seed * 0x9e3779b97f4a7c15UL + 1, .pid = proc_getpid()};

    for (;;)
        acts_of(&self);
}

static void act_too(struct hart *hart)
{
    (void)hart;
    act(other_seed);
}

/* A child begins its life. */
static __noreturn void begin(u64 seed)
{
    struct actor self = {.random = 1, .pid = proc_getpid()};
    u64 ids[2];

    fill_own(&self);
    has_other = machine_harts(ids, 2) == 2;
    if (has_other) {
        other_seed = seed ^ 0x5555;
        hart_init(&other, ids[0] == guest_hart_id() ? ids[1] : ids[0], stacks, sizeof(stacks));
        other.run = act_too;
        (void)hart_start(&other);
    }
    act(seed);
}

/* ---- who keeps them ---- */

static u32 wanted, living;
static u64 newest; /* pid of a child */

static void reap(void)
{
    struct sbiret ret;

    while ((ret = call(PROC_WAIT, -1UL, PROC_WAIT_NOHANG, 0, 0)).error == 0 && ret.value != 0) {
        living -= living > 0;
    }
}

/* One of them gets a signal, which is the end for some; now and then it is the end for all, since
 * more and more of them wait for what does not come. */
static void disturb(u64 *random)
{
    static const u8 signals[] = {PROC_SIGKILL, PROC_SIGSTOP, PROC_SIGCONT, PROC_SIGTERM, 31};
    u64 signal = signals[next(random) % sizeof(signals)];

    (void)proc_kill(proc_getpid() + 1 + (long)(next(random) % (newest + 1)), signal);
    if (next(random) % 16 == 0)
        (void)proc_kill(-1, PROC_SIGKILL);
    (void)proc_kill(-1, PROC_SIGCONT);
}

static void rest(void)
{
    (void)proc_wait_on((const u32 *)own, *(const u32 *)own, machine_timebase() / 1000);
}

static void keep(u64 seed, u64 end)
{
    u64 random = seed * 0x2545f4914f6cdd1dUL + 1;
    u32 begun = 0;

    while (timer_now() < end) {
        reap();
        if (living < wanted) {
            long pid = proc_fork(PROC_DOOR_ECALL, 0);

            if (pid == 0)
                begin(seed + (u64)++begun * 1000003);
            living += pid > 0;
            newest = pid > 0 ? (u64)pid : newest;
            begun++;
        }
        disturb(&random);
        rest();
    }
    printf("procfuzz: %u began, %lu calls\n", begun, (unsigned long)atomic_load(calls_made));
}

int main(void)
{
    u64 seed = args_u64("seed", 1);

    arena =
        machine_take((ARENA_PAGES + 1) * PAGE); /* records that begin in the last go on behind */
    own = machine_take(OWN_PAGES * PAGE);
    calls_made = machine_take(PAGE);
    if (!args_has("actors") || proc_getpid() > GUESTS) /* begun anew by one of its kind */
        begin(seed + (u64)proc_getpid());
    wanted = (u32)args_u64("actors", 0);
    if (proc_share(arena, ARENA_PAGES / 4 * PAGE) != 0 || proc_share(calls_made, PAGE) != 0)
        return 1;
    keep(seed, timer_now() + machine_timebase() / 1000 * args_u64("ms", 1000));
    while (proc_kill(-1, PROC_SIGKILL) !=
           PROC_ERR_CHILD) { /* the other guest's orphans come, too */
        reap();
        rest();
    }
    puts("procfuzz: ok");
    return 0;
}
