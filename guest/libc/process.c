/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Processes as POSIX has them, by the calls of guest/proc.h.
 *
 * fork() copies the whole machine.  In the child the calling task goes on alone; what the others
 * were doing is never finished, so before the copy all parts of the library OS are made whole, in
 * this order, and set free in the opposite one, in parent and child:
 *
 *     pthread_atfork's handlers, threads, files, picolibc's locks, other harts stand still, disks
 *     are idle
 *
 * An interrupt handler may fork, too: in the child the handler returns to the task that it
 * interrupted.
 *
 * Bare there is one process, pid 1, with no children.
 */
#include <errno.h>
#include <sys/wait.h>
#include <unistd.h>

#include "lib/riscv/csr.h"
#include "sbi/call.h"

#include "guest/args.h"
#include "guest/events.h"
#include "guest/libc/fork.h"
#include "guest/libc/signal.h"
#include "guest/proc.h"
#include "guest/spin.h"
#include "guest/task.h"

#define BARE_PID 1

#define WEAK_STEP(name)                                  \
    __attribute__((weak)) bool name(enum fork_step step) \
    {                                                    \
        (void)step;                                      \
        return true;                                     \
    }
WEAK_STEP(fork_handlers)
WEAK_STEP(fork_threads)
WEAK_STEP(fork_files)
WEAK_STEP(fork_libc)

static bool (*const parts[])(enum fork_step) = {fork_handlers, fork_threads, fork_files, fork_libc};

/* Component virtio_blk has its own. */
__attribute__((weak)) void fork_disks(enum fork_step step)
{
    (void)step;
}

/* Component signals has its own. */
__attribute__((weak)) void fork_signals(enum fork_step step)
{
    (void)step;
}

/* Component events has its own. */
__attribute__((weak)) void fork_events(enum fork_step step)
{
    (void)step;
}

__attribute__((weak)) void events_settle(void) {}

__attribute__((weak)) bool signal_reaps(void)
{
    return false;
}

/* Component task has its own. */
__attribute__((weak)) void task_fork_begin(void) {}

__attribute__((weak)) void task_fork_end(bool child)
{
    (void)child;
}

static int fail(int error)
{
    errno = error;
    return -1;
}

static int errno_of(long error)
{
    switch (error) {
    case SBI_ERR_NOT_SUPPORTED: return ENOSYS;
    case SBI_ERR_INVALID_PARAM: return EINVAL;
    case SBI_ERR_DENIED:
    case PROC_ERR_CHILD: return ECHILD;
    case PROC_ERR_NOMEM: return ENOMEM;
    case PROC_ERR_QUOTA: return EAGAIN;
    case PROC_ERR_INTR: return EINTR;
    default: return EIO;
    }
}

/* sscratch: trap.S. */
bool fork_in_handler(void)
{
    return csr_read(CSR_SSCRATCH) == 0;
}

/* The first `count` parts, last first. */
static void release(size_t count, enum fork_step step)
{
    while (count > 0) {
        parts[--count](step);
    }
}

static bool prepare(void)
{
    for (size_t i = 0; i < ARRAY_LEN(parts); i++) {
        if (!parts[i](FORK_PREPARE)) {
            release(i, FORK_PARENT);
            return false;
        }
    }
    return true;
}

/* door=: what DOOR= of make run gives. */
static enum proc_door door(void)
{
    static enum { UNKNOWN, KNOWN } state;
    static enum proc_door answer;

    if (state == UNKNOWN) {
        answer = args_is("door", "invalid") ? PROC_DOOR_INVALID
                 : args_is("door", "mmio")  ? PROC_DOOR_MMIO
                                            : PROC_DOOR_ECALL;
        state = KNOWN;
    }
    return answer;
}

/* Another hart may wait for the lock, and would never stand still. */
static bool interrupted_a_lock(void)
{
    return GUEST_HARTS_MAX > 1 && fork_in_handler() && thread_self()->preempt_off > 0;
}

/*
 * fork - the child's pid in the parent, 0 in the child, which has only this task.
 *
 * ENOSYS: bare.  EAGAIN: the tree's quota of processes is used up; or, in an interrupt handler, a
 * lock is held, or no task was interrupted.  ENOMEM: the hypervisor has no memory.  Nothing has
 * changed then.
 */
pid_t fork(void)
{
    long pid;
    u64 irq;

    if (!proc_available()) {
        return fail(ENOSYS);
    }
    if (interrupted_a_lock() || !prepare()) {
        return fail(EAGAIN);
    }
    task_fork_begin();
    irq = irq_save();
    fork_disks(FORK_PREPARE);
    pid = proc_fork(door(), 0);
    task_fork_end(pid == 0);
    fork_disks(pid == 0 ? FORK_CHILD : FORK_PARENT);
    fork_signals(pid == 0 ? FORK_CHILD : FORK_PARENT);
    fork_events(pid == 0 ? FORK_CHILD : FORK_PARENT);
    irq_restore(irq);
    release(ARRAY_LEN(parts), pid == 0 ? FORK_CHILD : FORK_PARENT);
    return pid < 0 ? fail(errno_of(pid)) : (pid_t)pid;
}

/* As POSIX allows: the child has memory of its own. */
pid_t vfork(void)
{
    return fork();
}

/* Which child, and what became of it. */
struct wish {
    long pid;
    u64 flags;
    long got;
    unsigned status;
};

static bool ask(void *arg)
{
    struct wish *wish = arg;

    wish->got = proc_wait(wish->pid, wish->flags | PROC_WAIT_NOHANG, &wish->status);
    return wish->got != 0;
}

/* Component task: until one is there, or a signal: then *error; false: there are no other tasks
 * that could run meanwhile. */
__attribute__((weak)) bool wait_beside_others(bool (*holds)(void *arg), void *arg, int *error)
{
    (void)holds;
    (void)arg;
    (void)error;
    return false;
}

/* Nobody else has anything to do.  An interrupt that comes after the look at signals ends the call:
 * it is taken behind that. */
static int wait_alone(struct wish *wish)
{
    int error = 0;

    signal_hold();
    do {
        u64 irq = irq_save();

        wish->got =
            signal_pending() ? PROC_ERR_INTR : proc_wait(wish->pid, wish->flags, &wish->status);
        irq_restore(irq);
        if (wish->got == PROC_ERR_INTR) {
            error = signal_deliver(true);
        }
    } while (wish->got == PROC_ERR_INTR && error == 0);
    signal_release();
    return error;
}

static int wait_once(struct wish *wish, bool hang)
{
    int error = 0;

    if (!hang) {
        ask(wish);
    } else if (!wait_beside_others(ask, wish, &error)) {
        error = wait_alone(wish);
    }
    return error ? error : wish->got < 0 ? errno_of(wish->got) : 0;
}

/* The SIGCHLD of a child that was waited for has come before.  On one hart it has; another one may
 * be at it still. */
static void settle(void)
{
    if (GUEST_HARTS_MAX > 1) {
        signal_hold();
        events_settle();
        signal_release();
    }
}

/*
 * waitpid - the pid of a child that ended, by options also one that stopped or goes on, and its
 * status; 0 with WNOHANG if there is none yet.
 *
 * Other tasks run meanwhile.  Where children are not to be waited for (SA_NOCLDWAIT) it waits until
 * there are none any more.  ECHILD: no such child.  EINTR: a handler has run.  EINVAL: unknown
 * options.
 */
pid_t waitpid(pid_t pid, int *status, int options)
{
    struct wish wish = {.pid = pid};
    int error;

    if (options & ~(WNOHANG | WUNTRACED | WCONTINUED)) {
        return fail(EINVAL);
    }
    if (!proc_available()) {
        return fail(ECHILD);
    }
    wish.flags = (options & WUNTRACED ? PROC_WAIT_STOPPED : 0) |
                 (options & WCONTINUED ? PROC_WAIT_CONTINUED : 0);
    do {
        error = wait_once(&wish, !(options & WNOHANG));
    } while (error == 0 && wish.got > 0 && signal_reaps());
    if (wish.got != 0) {
        settle();
    }
    if (error) {
        return fail(error);
    }
    if (wish.got > 0 && status) {
        *status = (int)wish.status;
    }
    return (pid_t)wish.got;
}

pid_t wait(int *status)
{
    return waitpid(-1, status, 0);
}

/* What a child used is not known. */
pid_t wait4(pid_t pid, int *status, int options, struct rusage *usage)
{
    if (usage) {
        *usage = (struct rusage){0};
    }
    return waitpid(pid, status, options);
}

pid_t wait3(int *status, int options, struct rusage *usage)
{
    return wait4(-1, status, options, usage);
}

pid_t getpid(void)
{
    return proc_available() ? (pid_t)proc_getpid() : BARE_PID;
}

/* 0: it was not forked. */
pid_t getppid(void)
{
    return proc_available() ? (pid_t)proc_getppid() : 0;
}
