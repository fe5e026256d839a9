/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The operator as a program: what the monitor does, by process calls, which takes the control
 * right; and that without it each is refused.  A line for each answer that is not as sbi/proc.h
 * says, and one at the end.
 *
 *     do=operate   ps, stop, cont, kill of the other guest and its children; spawn, trace, machine
 *     do=refused   the same, without the right
 *     do=family    that other guest: it has CHILDREN, and lives until it is ended
 */
#include "guest/args.h"
#include "guest/guest.h"
#include "guest/machine.h"
#include "guest/proc.h"
#include "guest/timer.h"

#include "tests/guest/answers.h"

#define SELF     "control"
#define PAGE     4096UL
#define CHILDREN 3U
#define PIDS     40 /* more than there are in these runs */

const char *const answers_of = SELF;

static volatile u32 *page; /* RAM that nobody else uses */

static __noreturn void sleep_for_ever(void)
{
    for (;;)
        __asm__ volatile("wfi");
}

/* What is done with a signal is seen a little later: true if the process is in that state by then.
 */
static bool becomes(long pid, u32 state)
{
    u64 end = timer_now() + 10 * machine_timebase();
    struct proc_record record;

    do {
        record.pid = 0;
        proc_inspect(pid, &record);
        if (record.pid == 0 ? state == PROC_ZOMBIE : record.state == state)
            return true;
    } while (timer_now() < end);
    return false;
}

/* ---- with the right ---- */

/* The children of `parent`, of all processes; returns how many there are. */
static u32 list(long parent, long *child)
{
    struct proc_record record;
    u32 count = 0;

    for (long pid = 1; pid > 0; pid = proc_inspect(pid, &record)) {
        record.pid = 0;
        if (proc_inspect(pid, &record) >= 0 && record.pid == pid && record.ppid == parent &&
            count < CHILDREN)
            child[count++] = pid;
    }
    return count;
}

static void others(void)
{
    long child[CHILDREN];
    struct proc_record record;

    while (list(2, child) < CHILDREN)
        ;
    for (u32 i = 0; i < CHILDREN; i++) {
        EXPECT(0, proc_inspect(child[i], &record) < 0);
        EXPECT(2, record.ppid);
        EXPECT(2, record.group);
        EXPECT(2, proc_getpgid(child[i]));
        EXPECT(0, record.frames_owned == 0);
    }
    EXPECT(1, proc_kill(child[0], PROC_SIGSTOP));
    EXPECT(true, becomes(child[0], PROC_STOPPED));
    EXPECT(1, proc_kill(child[0], PROC_SIGCONT));
    EXPECT(true, becomes(child[0], PROC_BLOCKED));
    EXPECT(1, proc_kill(child[1], PROC_SIGTERM));
    EXPECT(true, becomes(child[1], PROC_ZOMBIE));
    EXPECT(0, proc_kill(child[2], 0) < 0);
    EXPECT(PROC_ERR_CHILD, proc_kill(PIDS, PROC_SIGKILL));
    EXPECT(SBI_ERR_INVALID_PARAM, proc_kill(child[2], PROC_SIGNAL_MAX + 1));
    EXPECT(PROC_ERR_CHILD, proc_wait(child[0], 0, NULL));
    EXPECT(0, proc_kill(-2, PROC_SIGKILL) < 3);
    EXPECT(true, becomes(2, PROC_ZOMBIE));
    for (u64 end = timer_now() + 10 * machine_timebase(); list(2, child) > 0;) {
        if (timer_now() >= end) {
            EXPECT(0, list(2, child)); /* they end, or are somebody else's */
            break;
        }
    }
}

/* A child that has the right if it was kept says so by its status. */
static void keeps(u64 flags, long expected)
{
    unsigned status = 0;
    long pid = proc_fork(PROC_DOOR_ECALL, flags);

    if (pid == 0)
        proc_exit(proc_trace(-1) >= 0 ? 1 : 0);
    EXPECT(pid, proc_wait(pid, 0, &status));
    EXPECT(PROC_STATUS_EXITED(expected), status);
}

static void spawns(void)
{
    static const char args[] = SELF "\0do=refused\0";
    struct proc_image hello = {.image = "hello"}, nothing = {.image = "nothing"};
    struct proc_image self = {.image = SELF, .args = args, .args_bytes = sizeof(args)};
    unsigned status = ~0U;
    long pid = proc_spawn(&hello);

    EXPECT(pid, proc_wait(pid, 0, &status));
    EXPECT(PROC_STATUS_EXITED(0), status);
    EXPECT(PROC_ERR_NOENT, proc_spawn(&nothing));
    pid = proc_spawn(&self);
    EXPECT(pid, proc_wait(pid, 0, &status));
    EXPECT(PROC_STATUS_EXITED(0), status);
}

/* With traced=1 the run has a log: of what is between off and on nothing is there. */
static void traces(void)
{
    bool traced = args_u64("traced", 0) != 0;

    EXPECT(traced, proc_trace(-1));
    EXPECT(SBI_ERR_INVALID_PARAM, proc_trace(2));
    EXPECT(SBI_ERR_INVALID_PARAM, proc_trace(-2));
    EXPECT(traced ? 1 : SBI_ERR_NOT_SUPPORTED, proc_trace(0));
    EXPECT(0, proc_trace(-1));
    keeps(0, 0);
    EXPECT(traced ? 0 : SBI_ERR_NOT_SUPPORTED, proc_trace(1));
    EXPECT(traced, proc_trace(-1));
}

static void counts(void)
{
    struct proc_machine machine = {.version = 0};

    EXPECT(0, proc_machine(&machine));
    EXPECT(PROC_MACHINE_VERSION, machine.version);
    EXPECT(0, machine.processes == 0 || machine.processes > PIDS);
    EXPECT(0, machine.frames_free == 0 || machine.frames_free >= machine.frames_total);
    page[2] = 0x1234;
    EXPECT(0, ask(PROC_MACHINE, (u64)page, 8, 0)); /* no more than it may */
    EXPECT(0x1234, page[2]);
    EXPECT(SBI_ERR_INVALID_PARAM, ask(PROC_MACHINE, (u64)page, 7, 0));
    EXPECT(SBI_ERR_INVALID_ADDRESS, ask(PROC_MACHINE, machine_ram().end - 8, 16, 0));
}

static void operate(void)
{
    others();
    traces();
    keeps(PROC_FORK_KEEP_CONTROL, 1);
    keeps(0, 0);
    spawns();
    counts();
}

/* ---- without ---- */

static void refused_for(long pid)
{
    static const u64 signals[] = {0,
                                  PROC_SIGKILL,
                                  PROC_SIGSTOP,
                                  PROC_SIGCONT,
                                  PROC_SIGTERM,
                                  PROC_SIGNAL_MAX,
                                  PROC_SIGTERM | PROC_KILL_END};
    struct proc_record record = {.version = 0};

    for (u32 i = 0; i < ARRAY_LEN(signals); i++)
        EXPECT(SBI_ERR_DENIED, proc_kill(pid, signals[i]));
    EXPECT(PROC_ERR_CHILD, proc_kill(-pid, PROC_SIGKILL));
    EXPECT(SBI_ERR_DENIED, proc_wait(pid, PROC_WAIT_NOHANG, NULL));
    EXPECT(SBI_ERR_DENIED, proc_getpgid(pid));
    EXPECT(SBI_ERR_DENIED, proc_setpgid(pid, 0));
    EXPECT(SBI_ERR_DENIED, proc_setpgid(0, pid));
    EXPECT(SBI_ERR_DENIED, proc_foreground(pid));
    EXPECT(0, proc_inspect(pid, &record) < 0);
    EXPECT(0, record.version);
}

static void refused(void)
{
    long self = proc_getpid(), group = proc_getpgid(0);
    struct proc_record record;

    for (long pid = 1; pid < PIDS; pid++) {
        if (pid != self && pid != group)
            refused_for(pid);
    }
    EXPECT(self, proc_inspect(0, &record));
    EXPECT(0, proc_inspect(self, &record));
    for (long on = -2; on <= 2; on++)
        EXPECT(SBI_ERR_DENIED, proc_trace(on));
    page[0] = 0x1234;
    EXPECT(SBI_ERR_DENIED, ask(PROC_MACHINE, (u64)page, PAGE, 0));
    EXPECT(SBI_ERR_DENIED, ask(PROC_MACHINE, 0, 0, 0));
    EXPECT(0x1234, page[0]);
    keeps(PROC_FORK_KEEP_CONTROL, 0);
}

static __noreturn void family(void)
{
    for (u32 i = 0; i < CHILDREN; i++) {
        if (proc_fork(PROC_DOOR_ECALL, 0) == 0)
            sleep_for_ever();
    }
    sleep_for_ever();
}

int main(void)
{
    page = machine_take(PAGE);
    if (args_is("do", "family"))
        family();
    if (args_is("do", "operate"))
        operate();
    else
        refused();
    return say_answers();
}
