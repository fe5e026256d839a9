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
#include "guest/libc/fork.h"
#include "guest/libc/pause.h"
#include "guest/proc.h"
#include "guest/spin.h"
#include "guest/task.h"
#include "guest/timer.h"

#define BARE_PID      1
#define POLL_FIRST_NS 50000
#define POLL_LAST_NS  1000000

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
    irq_restore(irq);
    release(ARRAY_LEN(parts), pid == 0 ? FORK_CHILD : FORK_PARENT);
    return pid < 0 ? fail(errno_of(pid)) : (pid_t)pid;
}

/* As POSIX allows: the child has memory of its own. */
pid_t vfork(void)
{
    return fork();
}

static long wait_patiently(long pid, u64 flags, unsigned *status)
{
    u64 poll_ns = POLL_FIRST_NS;
    long got;

    for (;;) {
        got = proc_wait(pid, flags | PROC_WAIT_NOHANG, status);
        if (got != 0) {
            return got;
        }
        pause_until(pause_deadline(poll_ns));
        poll_ns = poll_ns < POLL_LAST_NS ? 2 * poll_ns : poll_ns;
    }
}

/*
 * waitpid - the pid of a child that ended, and its status; 0 with WNOHANG if there is none yet.
 *
 * pid 0 is as -1, since all processes of a tree are one group.  Other tasks run meanwhile.  ECHILD:
 * no such child.  EINVAL: unknown options.
 */
pid_t waitpid(pid_t pid, int *status, int options)
{
    unsigned ended = 0;
    long got;

    if (options & ~(WNOHANG | WUNTRACED)) {
        return fail(EINVAL);
    }
    if (!proc_available() || pid < -1) {
        return fail(ECHILD);
    }
    pid = pid == 0 ? -1 : pid;
    if ((options & WNOHANG) || !pause_has_others()) {
        do {
            got = proc_wait(pid, (u64)options, &ended);
        } while (got == PROC_ERR_INTR);
    } else {
        got = wait_patiently(pid, (u64)options, &ended);
    }
    if (got > 0 && status) {
        *status = (int)ended;
    }
    return got < 0 ? fail(errno_of(got)) : (pid_t)got;
}

pid_t wait(int *status)
{
    return waitpid(-1, status, 0);
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
