/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Each process call from a real guest, with arguments that are right, and with every kind that is
 * not: a line for each that is not answered as sbi/proc.h says, and one at the end.
 *
 *     do=lives      kill, stop, continue, groups, events, limits of its own children
 *     do=words      wait_on and wake
 *     do=ranges     share and unshare of much, and kills meanwhile
 *     do=strangers  pids of another guest: control=1 if it may touch them
 *     do=stay       that other guest: until it is ended, or ms=N
 */
#include "lib/riscv/csr.h"

#include "guest/args.h"
#include "guest/guest.h"
#include "guest/machine.h"
#include "guest/proc.h"
#include "guest/timer.h"

#include "tests/guest/answers.h"

#define SIGNALS 32
#define FOREVER UINT64_MAX
#define PAGE    4096UL

const char *const answers_of = "proccalls";

static volatile u32 *page; /* RAM that nobody else uses */

static long wait_for(long pid, u64 flags)
{
    return ask_until(PROC_WAIT, (u64)pid, flags, 0);
}

static long told(long pid, unsigned status)
{
    return pid << 32 | (long)status;
}

static void spin_for(u64 ms)
{
    u64 end = timer_now() + machine_timebase() / 1000 * ms;

    while (timer_now() < end)
        ;
}

/* A child that runs `what`, which does not return. */
static long child_that(void (*what)(void))
{
    long pid = proc_fork(PROC_DOOR_ECALL, 0);

    if (pid != 0)
        return pid;
    what();
    proc_exit(99);
}

static void spins(void)
{
    for (;;)
        ;
}

static void sleeps(void)
{
    for (;;)
        __asm__ volatile("wfi");
}

static void blocks(void)
{
    for (;;)
        ask(PROC_WAIT_ON, (u64)page, *page, FOREVER);
}

/* ---- lives ---- */

static void bad_arguments(void)
{
    long self = proc_getpid();

    EXPECT(PROC_ERR_CHILD, ask(PROC_WAIT, (u64)-1, 0, 0));
    EXPECT(PROC_ERR_CHILD, ask(PROC_WAIT, 0, 0, 0));
    EXPECT(PROC_ERR_CHILD, ask(PROC_WAIT, (u64)INT64_MIN, 0, 0));
    EXPECT(PROC_ERR_CHILD, ask(PROC_WAIT, (u64)self, 0, 0));
    EXPECT(SBI_ERR_INVALID_PARAM, ask(PROC_WAIT, (u64)-1, 8, 0));
    EXPECT(SBI_ERR_DENIED, ask(PROC_WAIT, 1UL << 40, 0, 0));
    EXPECT(SBI_ERR_DENIED, ask(PROC_WAIT, (u64)self + 1, 0, 0));
    EXPECT(SBI_ERR_INVALID_PARAM, ask(PROC_KILL, (u64)self, SIGNALS, 0));
    EXPECT(SBI_ERR_INVALID_PARAM, ask(PROC_KILL, (u64)self, 1UL << 32, 0));
    EXPECT(PROC_ERR_CHILD, ask(PROC_KILL, (u64)-1, 0, 0));
    EXPECT(PROC_ERR_CHILD, ask(PROC_KILL, (u64)INT64_MIN, 0, 0));
    EXPECT(PROC_ERR_CHILD, ask(PROC_KILL, (u64)-70000, 9, 0));
    EXPECT(SBI_ERR_DENIED, ask(PROC_KILL, 1UL << 33, 0, 0));
    EXPECT(1, ask(PROC_KILL, 0, 0, 0));
    EXPECT(SBI_ERR_DENIED, ask(PROC_SETPGID, 1UL << 33, 0, 0));
    EXPECT(SBI_ERR_DENIED, ask(PROC_SETPGID, 0, 1UL << 33, 0));
    EXPECT(SBI_ERR_DENIED, ask(PROC_SETPGID, 0, (u64)-1, 0));
    EXPECT(0, ask(PROC_SETPGID, (u64)self, (u64)self, 0));
    EXPECT(self, ask(PROC_GETPGID, 0, 0, 0));
    EXPECT(SBI_ERR_DENIED, ask(PROC_GETPGID, (u64)-1, 0, 0));
    EXPECT(SBI_ERR_DENIED, ask(PROC_FOREGROUND, 0, 0, 0));
    EXPECT(SBI_ERR_DENIED, ask(PROC_FOREGROUND, 1UL << 32 | 1, 0, 0));
    EXPECT(1, ask(PROC_FOREGROUND, (u64)-1, 0, 0));
    EXPECT(SBI_ERR_INVALID_PARAM, ask(PROC_KEYS, 2, 0, 0));
    EXPECT(SBI_ERR_INVALID_PARAM, ask(PROC_KEYS, (u64)-2, 0, 0));
    EXPECT(SBI_ERR_INVALID_PARAM, ask(PROC_KEYS, 1UL << 32, 0, 0));
    EXPECT(0, ask(PROC_KEYS, 1, 0, 0));
    EXPECT(1, ask(PROC_KEYS, (u64)-1, 0, 0));
    EXPECT(1, ask(PROC_KEYS, 0, 0, 0));
    EXPECT(0, ask(PROC_KEYS, (u64)-1, 0, 0));
    EXPECT(SBI_ERR_INVALID_PARAM, ask(PROC_LIMIT, 2, (u64)-1, 0));
    EXPECT(SBI_ERR_INVALID_PARAM, ask(PROC_LIMIT, 0, (u64)-2, 0));
    EXPECT(SBI_ERR_DENIED, ask(PROC_LIMIT, 0, 1UL << 40, 0));
    EXPECT(SBI_ERR_NOT_SUPPORTED, ask(18, 0, 0, 0));
    EXPECT(SBI_ERR_NOT_SUPPORTED, ask(23, 0, 0, 0));
    EXPECT(SBI_ERR_NOT_SUPPORTED, ask(1UL << 32, 0, 0, 0));
}

static void kill_each(void)
{
    static void (*const kinds[])(void) = {spins, sleeps, blocks};

    for (u32 i = 0; i < ARRAY_LEN(kinds); i++) {
        long pid = child_that(kinds[i]);

        if (i % 2 == 0)
            spin_for(1);
        EXPECT(1, ask(PROC_KILL, (u64)pid, PROC_SIGKILL, 0));
        EXPECT(told(pid, PROC_SIGKILL), wait_for(pid, 0));
        pid = child_that(kinds[i]);
        spin_for(1);
        EXPECT(1, ask(PROC_KILL, (u64)pid, PROC_SIGUSR1, 0)); /* dropped */
        EXPECT(0, wait_for(pid, PROC_WAIT_NOHANG));
        EXPECT(1, ask(PROC_KILL, (u64)pid, PROC_SIGTERM, 0));
        EXPECT(told(pid, PROC_SIGTERM), wait_for(pid, 0));
    }
}

static void stop_and_continue(void (*kind)(void))
{
    const u64 both = PROC_WAIT_STOPPED | PROC_WAIT_CONTINUED;
    long pid = child_that(kind);
    struct proc_record record;

    EXPECT(1, ask(PROC_KILL, (u64)pid, PROC_SIGSTOP, 0));
    EXPECT(1, ask(PROC_KILL, (u64)pid, PROC_SIGSTOP, 0));
    EXPECT(0, wait_for(pid, PROC_WAIT_NOHANG));
    EXPECT(0, wait_for(pid, PROC_WAIT_NOHANG | PROC_WAIT_CONTINUED));
    EXPECT(told(pid, PROC_STATUS_STOPPED), wait_for(pid, both));
    EXPECT(0, wait_for(-1, both | PROC_WAIT_NOHANG));
    proc_inspect(pid, &record);
    EXPECT(PROC_STOPPED, record.state);
    EXPECT(PROC_RECORD_VERSION, record.version);
    EXPECT(ask(PROC_GETPGID, 0, 0, 0), record.group);
    EXPECT(1, ask(PROC_KILL, (u64)pid, PROC_SIGTERM, 0)); /* pends */
    EXPECT(0, wait_for(pid, both | PROC_WAIT_NOHANG));
    EXPECT(1, ask(PROC_KILL, (u64)pid, PROC_SIGCONT, 0));
    EXPECT(told(pid, PROC_SIGTERM), wait_for(pid, 0));
    pid = child_that(kind);
    ask(PROC_KILL, (u64)pid, PROC_SIGSTOP, 0);
    ask(PROC_KILL, (u64)pid, PROC_SIGCONT, 0);
    EXPECT(told(pid, PROC_STATUS_CONTINUED), wait_for(pid, both));
    ask(PROC_KILL, (u64)pid, PROC_SIGSTOP, 0);
    ask(PROC_KILL, (u64)pid, PROC_SIGKILL, 0);
    EXPECT(told(pid, PROC_SIGKILL), wait_for(pid, 0));
    EXPECT(PROC_ERR_CHILD, ask(PROC_WAIT, (u64)-1, both, 0));
}

/* It stops before its next instruction. */
static void stops_itself(void)
{
    ask(PROC_KILL, (u64)proc_getpid(), PROC_SIGSTOP, 0);
    proc_exit(7);
}

static void ends_itself(void)
{
    ask(PROC_KILL, 0, PROC_SIGTERM, 0);
    proc_exit(7);
}

/* Two signals come while it is stopped. */
static void takes_signals(void)
{
    long got;

    csr_clear(CSR_SIP, IP_SSIP); /* may be its parent's */
    if (ask(PROC_SIGNALS, 0, 0, 0) != 0 || ask(PROC_EVENTS, 0, 0, 0) != 0)
        proc_exit(1);
    if (ask(PROC_KILL, (u64)proc_getppid(), PROC_SIGUSR2, 0) != SBI_ERR_DENIED)
        proc_exit(2);
    ask(PROC_KILL, (u64)proc_getpid(), PROC_SIGSTOP, 0);
    if (!(csr_read(CSR_SIP) & IP_SSIP))
        proc_exit(3);
    csr_clear(CSR_SIP, IP_SSIP);
    if (ask(PROC_EVENTS, 0, 0, 0) != PROC_EVENT_SIGNAL)
        proc_exit(4);
    got = ask(PROC_SIGNALS, 0, 0, 0);
    proc_exit(got == (1L << PROC_SIGTERM | 1L << 31) && ask(PROC_SIGNALS, 0, 0, 0) == 0 ? 0 : 5);
}

static void signals(void)
{
    long pid = child_that(stops_itself);

    EXPECT(told(pid, PROC_STATUS_STOPPED), wait_for(pid, PROC_WAIT_STOPPED));
    EXPECT(1, ask(PROC_KILL, (u64)pid, PROC_SIGCONT, 0));
    EXPECT(told(pid, PROC_STATUS_EXITED(7)), wait_for(pid, 0));
    pid = child_that(takes_signals);
    EXPECT(told(pid, PROC_STATUS_STOPPED), wait_for(pid, PROC_WAIT_STOPPED));
    EXPECT(1, ask(PROC_KILL, (u64)pid, PROC_SIGTERM, 0));
    EXPECT(1, ask(PROC_KILL, (u64)pid, 31, 0));
    ask(PROC_KILL, (u64)pid, PROC_SIGCONT, 0);
    EXPECT(told(pid, PROC_STATUS_EXITED(0)), wait_for(pid, 0));
    EXPECT(PROC_EVENT_CHILD, ask(PROC_EVENTS, 0, 0, 0));
    EXPECT(0, ask(PROC_EVENTS, 0, 0, 0));
}

static void groups(void)
{
    long first = child_that(sleeps), second = child_that(spins), third = child_that(ends_itself);

    EXPECT(told(third, PROC_SIGTERM), wait_for(third, 0));
    EXPECT(0, ask(PROC_SETPGID, (u64)first, 0, 0));
    EXPECT(0, ask(PROC_SETPGID, (u64)second, (u64)first, 0));
    EXPECT(first, ask(PROC_GETPGID, (u64)second, 0, 0));
    EXPECT(1, ask(PROC_FOREGROUND, (u64)first, 0, 0));
    EXPECT(first, ask(PROC_FOREGROUND, (u64)-1, 0, 0));
    EXPECT(PROC_ERR_CHILD, ask(PROC_WAIT, 0, PROC_WAIT_NOHANG, 0));
    EXPECT(0, wait_for(-first, PROC_WAIT_NOHANG));
    EXPECT(2, ask(PROC_KILL, (u64)-first, PROC_SIGKILL, 0));
    EXPECT(told(first, PROC_SIGKILL), wait_for(first, 0));
    EXPECT(told(second, PROC_SIGKILL), wait_for(-first, 0));
    EXPECT(PROC_ERR_CHILD, ask(PROC_WAIT, (u64)-first, 0, 0));
    EXPECT(1, ask(PROC_FOREGROUND, (u64)-1, 0, 0));
}

/* It has a limit of its own: itself and two more. */
static void is_limited(void)
{
    EXPECT(0, ask(PROC_LIMIT, PROC_LIMIT_PROCS, (u64)-1, 0) < 3);
    EXPECT(0, ask(PROC_LIMIT, PROC_LIMIT_PROCS, 3, 0) < 3);
    EXPECT(3, ask(PROC_LIMIT, PROC_LIMIT_PROCS, (u64)-1, 0));
    EXPECT(SBI_ERR_DENIED, ask(PROC_LIMIT, PROC_LIMIT_PROCS, 4, 0));
    EXPECT(0, child_that(sleeps) < 0);
    EXPECT(0, child_that(spins) < 0);
    EXPECT(PROC_ERR_QUOTA, proc_fork(PROC_DOOR_ECALL, 0));
    EXPECT(2, ask(PROC_KILL, (u64)-1, PROC_SIGKILL, 0));
    EXPECT(0, wait_for(-1, 0) < 0);
    EXPECT(0, child_that(sleeps) < 0);
    proc_exit(failures == 0 ? 0 : 1);
}

#define SOME_PAGES 64UL

static volatile u8 *pages;

static void takes_no_more_than_is_left(void)
{
    pages[(SOME_PAGES - 1) * PAGE] = 1;
    proc_exit(0);
}

/* It may have fewer pages than it touches. */
static void takes_too_much(void)
{
    ask(PROC_LIMIT, PROC_LIMIT_FRAMES, SOME_PAGES / 2, 0);
    EXPECT(SOME_PAGES / 2, ask(PROC_LIMIT, PROC_LIMIT_FRAMES, (u64)-1, 0));
    for (u64 i = 0; i < SOME_PAGES / 4; i++)
        pages[i * PAGE] = 1;
    if (child_that(takes_no_more_than_is_left) < 0)
        proc_exit(1);
    if ((u32)wait_for(-1, 0) != PROC_STATUS_EXITED(0))
        proc_exit(2);
    for (u64 i = 0; i < SOME_PAGES; i++)
        pages[i * PAGE] = 1;
    proc_exit(3);
}

static void lives(void)
{
    long pid;

    bad_arguments();
    kill_each();
    stop_and_continue(spins);
    stop_and_continue(sleeps);
    stop_and_continue(blocks);
    signals();
    groups();
    pid = child_that(is_limited);
    EXPECT(told(pid, 0), wait_for(pid, 0));
    pid = child_that(takes_too_much);
    EXPECT(told(pid, PROC_SIGKILL), wait_for(pid, 0));
    EXPECT(0, ask(PROC_KILL, (u64)-1, PROC_SIGKILL, 0) < 0 &&
                  ask(PROC_KILL, (u64)-1, 0, 0) != PROC_ERR_CHILD);
    while (wait_for(-1, 0) > 0)
        ;
}

/* ---- words ---- */

static void bad_words(void)
{
    u64 end = machine_ram().end;
    static const u64 nowhere[] = {0, 0x10000000UL, 0x00100000UL, 0x0c000000UL, 1UL << 60};

    for (u32 i = 0; i < ARRAY_LEN(nowhere); i++) {
        EXPECT(SBI_ERR_INVALID_ADDRESS, ask(PROC_WAIT_ON, nowhere[i], 0, FOREVER));
        EXPECT(SBI_ERR_INVALID_ADDRESS, ask(PROC_WAIT_ON, nowhere[i], 0, 0));
        EXPECT(SBI_ERR_INVALID_ADDRESS, ask(PROC_WAKE, nowhere[i], 1, 0));
    }
    EXPECT(SBI_ERR_INVALID_ADDRESS, ask(PROC_WAIT_ON, end, 0, 1));
    EXPECT(SBI_ERR_INVALID_ADDRESS, ask(PROC_WAIT_ON, (u64)-4, 0, 1));
    for (u64 offset = 1; offset < 4; offset++) {
        EXPECT(SBI_ERR_INVALID_PARAM, ask(PROC_WAIT_ON, end - offset, 0, 1));
        EXPECT(SBI_ERR_INVALID_PARAM, ask(PROC_WAKE, end - offset, 1, 0));
    }
    EXPECT(0, ask(PROC_WAKE, end - 4, FOREVER, 0));
}

static void out_of_time(void)
{
    u64 begin = timer_now();

    EXPECT(SBI_ERR_TIMEOUT, ask_until(PROC_WAIT_ON, (u64)page, *page, machine_timebase() / 100));
    EXPECT(0, timer_now() - begin < machine_timebase() / 100);
    EXPECT(0, timer_now() - begin > machine_timebase() / 100 * 8);
    EXPECT(0, ask(PROC_WAIT_ON, (u64)page, *page + 1UL, FOREVER));
    EXPECT(SBI_ERR_TIMEOUT, ask_until(PROC_WAIT_ON, (u64)page, *page, 1));
}

/* Its timer's interrupt ends the wait, taken or not. */
static void interrupted(void)
{
    u64 begin = timer_now();

    timer_set(begin + machine_timebase() / 200);
    csr_set(CSR_SIE, IP_STIP);
    EXPECT(PROC_ERR_INTR, ask(PROC_WAIT_ON, (u64)page, *page, FOREVER));
    EXPECT(0, timer_now() - begin < machine_timebase() / 200);
    EXPECT(PROC_ERR_INTR, ask(PROC_WAIT_ON, (u64)page, *page, FOREVER));
    csr_clear(CSR_SIE, IP_STIP);
    EXPECT(SBI_ERR_TIMEOUT, ask(PROC_WAIT_ON, (u64)page, *page, 1000));
    timer_set(FOREVER);
}

/* One that is registered is told once. */
static void registered(void)
{
    EXPECT(0, ask(PROC_WAIT_ON, (u64)page, *page, 0));
    EXPECT(0, ask(PROC_WAIT_ON, (u64)page, *page, 0));
    EXPECT(0, ask(PROC_WAIT_ON, (u64)(page + 1), page[1] + 1UL, 0)); /* differs: nothing */
    EXPECT(0, ask(PROC_WAKE, (u64)(page + 1), FOREVER, 0));
    EXPECT(0, ask(PROC_WAKE, (u64)page, 0, 0));
    EXPECT(1, ask(PROC_WAKE, (u64)page, FOREVER, 0));
    EXPECT(IP_SSIP, csr_read(CSR_SIP) & IP_SSIP);
    csr_clear(CSR_SIP, IP_SSIP);
    EXPECT(PROC_EVENT_WORD, ask(PROC_EVENTS, 0, 0, 0));
    EXPECT(0, ask(PROC_WAKE, (u64)page, FOREVER, 0));
    for (u64 i = 0; i < PROC_WAITERS_MAX; i++)
        EXPECT(0, ask(PROC_WAIT_ON, (u64)(page + i), page[i], 0));
    EXPECT(PROC_ERR_QUOTA, ask(PROC_WAIT_ON, (u64)(page + PROC_WAITERS_MAX), 0, 0));
    EXPECT(1, ask(PROC_WAKE, (u64)(page + 5), 1, 0));
    EXPECT(0, ask(PROC_WAIT_ON, (u64)(page + PROC_WAITERS_MAX), 0, 0));
}

/* A child has no waiters of its parent's, and its end none of its own: the census tells. */
static void wakes_nobody(void)
{
    EXPECT(0, ask(PROC_WAKE, (u64)page, FOREVER, 0));
    EXPECT(0, ask(PROC_WAIT_ON, (u64)page, *page, 0));
    proc_exit(failures == 0 ? 0 : 1);
}

static void words(void)
{
    long pid;

    bad_words();
    out_of_time();
    interrupted();
    registered();
    pid = child_that(wakes_nobody);
    EXPECT(told(pid, 0), wait_for(pid, 0));
}

/* ---- ranges that are shared in many slices ---- */

#define RANGE_PAGES 8192UL
#define STEP        (1000 * PAGE / sizeof(*range))
#define RANGE_WORDS (RANGE_PAGES * PAGE / sizeof(*range))
#define KILLS       10

static u32 *range;

static void fills_range(void)
{
    for (u64 i = 0; i < RANGE_WORDS; i += STEP)
        range[i] = (u32)i + 1;
    proc_exit(0);
}

static void changes_range(void)
{
    for (;;) {
        EXPECT(0, ask(PROC_UNSHARE, (u64)range, RANGE_PAGES * PAGE, 0));
        EXPECT(0, ask(PROC_SHARE, (u64)range, RANGE_PAGES * PAGE, 0));
    }
}

static void ranges(void)
{
    long pid;

    range = machine_take(RANGE_PAGES * PAGE);
    EXPECT(0, ask(PROC_SHARE, (u64)range, RANGE_PAGES * PAGE, 0));
    pid = child_that(fills_range);
    EXPECT(told(pid, 0), wait_for(pid, 0));
    for (u64 ms = 1; ms <= KILLS; ms++) {
        pid = child_that(changes_range);
        spin_for(ms);
        EXPECT(1, ask(PROC_KILL, (u64)pid, PROC_SIGSTOP, 0));
        EXPECT(1, ask(PROC_KILL, (u64)pid, PROC_SIGCONT, 0));
        spin_for(ms);
        EXPECT(1, ask(PROC_KILL, (u64)pid, PROC_SIGKILL, 0));
        EXPECT(told(pid, PROC_SIGKILL), wait_for(pid, 0));
    }
    for (u64 i = 0; i < RANGE_WORDS; i += STEP)
        EXPECT(i + 1, range[i]);
    EXPECT(0, ask(PROC_UNSHARE, (u64)range, RANGE_PAGES * PAGE, 0));
    for (u64 i = 0; i < RANGE_WORDS; i += STEP)
        EXPECT(0, range[i]);
}

/* ---- strangers ---- */

static void strangers(void)
{
    bool may = args_u64("control", 0) != 0;
    struct proc_record record = {.version = 0};
    long self = proc_getpid(), other = self == 1 ? 2 : 1;
    long refused = may ? PROC_ERR_CHILD : SBI_ERR_DENIED;

    EXPECT(may ? 1 : SBI_ERR_DENIED, ask(PROC_KILL, (u64)other, 0, 0));
    EXPECT(SBI_ERR_DENIED, may ? SBI_ERR_DENIED : ask(PROC_KILL, (u64)other, PROC_SIGKILL, 0));
    EXPECT(refused, ask(PROC_WAIT, (u64)other, 0, 0));
    EXPECT(refused, ask(PROC_KILL, 60000, 0, 0));
    EXPECT(refused, ask(PROC_SETPGID, (u64)other, 0, 0));
    EXPECT(SBI_ERR_DENIED, ask(PROC_SETPGID, 0, (u64)other, 0));
    EXPECT(may ? other : SBI_ERR_DENIED, ask(PROC_GETPGID, (u64)other, 0, 0));
    EXPECT(may ? 1 : PROC_ERR_CHILD, ask(PROC_KILL, (u64)-other, 0, 0));
    EXPECT(PROC_ERR_CHILD, ask(PROC_KILL, (u64)-1, PROC_SIGKILL, 0));
    EXPECT(SBI_ERR_DENIED, ask(PROC_FOREGROUND, (u64)other, 0, 0));
    EXPECT(may ? 0 : SBI_ERR_DENIED, ask(PROC_MACHINE, (u64)page, PAGE, 0));
    EXPECT(may ? sizeof(struct proc_machine) : 0, page[1]);
    EXPECT(may ? SBI_ERR_INVALID_ADDRESS : SBI_ERR_DENIED, ask(PROC_MACHINE, 0, PAGE, 0));
    EXPECT(may ? 0 : SBI_ERR_DENIED, ask(PROC_TRACE, (u64)-1, 0, 0));
    proc_inspect(other, &record);
    EXPECT(may ? other : 0, record.pid);
    if (!may)
        return;
    EXPECT(1, ask(PROC_KILL, (u64)other, PROC_SIGSTOP, 0));
    proc_inspect(other, &record);
    EXPECT(PROC_STOPPED, record.state);
    EXPECT(1, ask(PROC_KILL, (u64)-other, PROC_SIGKILL, 0));
    while (ask(PROC_KILL, (u64)other, 0, 0) == 1)
        spin_for(1);
    EXPECT(PROC_ERR_CHILD, ask(PROC_KILL, (u64)other, PROC_SIGKILL, 0));
}

int main(void)
{
    page = machine_take(PAGE);
    pages = machine_take(SOME_PAGES * PAGE);
    if (args_is("do", "lives"))
        lives();
    else if (args_is("do", "words"))
        words();
    else if (args_is("do", "ranges"))
        ranges();
    else if (args_is("do", "strangers"))
        strangers();
    else if (args_is("do", "stay"))
        spin_for(args_u64("ms", 1000));
    else
        EXPECT(0, 1);
    return say_answers();
}
