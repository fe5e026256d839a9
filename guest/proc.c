/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Calls of the process extension, and the three doors to fork.  The doors differ in the
 * instruction alone: flags go in, error and value come back in a0 and a1, and every other register
 * survives in parent and child.
 *
 * The invalid instruction and the doorbell are used only after the probe found the extension:
 * elsewhere the one is a crash and the other a store to nowhere.
 */
#include "guest/proc.h"

#include "lib/riscv/csr.h"
#include "sbi/call.h"

#include "guest/guest.h"
#include "guest/machine.h"
#include "guest/physical.h"

u32 proc_forks;

/* True if this is a VM that can fork.  Asked once. */
bool proc_available(void)
{
    static enum { UNKNOWN, ABSENT, PRESENT } answer;

    if (answer == UNKNOWN) {
        answer = sbi_has(PROC_EID) ? PRESENT : ABSENT;
    }
    return answer == PRESENT;
}

static struct sbiret call(enum proc_fid fid, unsigned long arg0, unsigned long arg1,
                          unsigned long arg2)
{
    if (!proc_available()) {
        return (struct sbiret){.error = SBI_ERR_NOT_SUPPORTED};
    }
    return sbi_call(PROC_EID, (long)fid, arg0, arg1, arg2, 0, 0);
}

/* The value, or the error. */
static long ask(enum proc_fid fid, unsigned long arg0, unsigned long arg1, unsigned long arg2)
{
    struct sbiret ret = call(fid, arg0, arg1, arg2);

    return ret.error ? ret.error : ret.value;
}

static struct sbiret fork_invalid(u64 flags)
{
    register unsigned long a0 __asm__("a0") = flags;
    register unsigned long a1 __asm__("a1") = 0;

    __asm__ volatile(".4byte %2" : "+r"(a0), "+r"(a1) : "i"(PROC_FORK_INSN) : "memory");
    return (struct sbiret){.error = (long)a0, .value = (long)a1};
}

/* The doorbell is at its physical address: translation is off for the store, in the child too. */
static struct sbiret fork_doorbell(u64 flags, u64 doorbell)
{
    register unsigned long a0 __asm__("a0") = 0;
    register unsigned long a1 __asm__("a1") = 0;
    struct physical before = physical_begin();

    __asm__ volatile("sw %2, 0(%3)" : "+r"(a0), "+r"(a1) : "r"(flags), "r"(doorbell) : "memory");
    physical_end(before);
    return (struct sbiret){.error = (long)a0, .value = (long)a1};
}

/* The child's pid in the parent, 0 in the child. */
long proc_fork(enum proc_door door, u64 flags)
{
    struct sbiret ret = {.error = SBI_ERR_NOT_SUPPORTED};
    u64 doorbell;

    console_flush();
    if (!proc_available()) {
        return ret.error;
    }
    switch (door) {
    case PROC_DOOR_ECALL: ret = call(PROC_FORK, flags, 0, 0); break;
    case PROC_DOOR_INVALID: ret = fork_invalid(flags); break;
    case PROC_DOOR_MMIO:
        doorbell = machine_device(PROC_DOORBELL_COMPATIBLE);
        if (doorbell) {
            ret = fork_doorbell(flags, doorbell);
        }
        break;
    }
    if (ret.error == 0 && ret.value == 0) {
        proc_forks++;
    }
    return ret.error ? ret.error : ret.value;
}

/* End this process; where processes are not known, the machine. */
void proc_exit(int status)
{
    console_flush();
    call(PROC_EXIT, (unsigned long)status, 0, 0);
    guest_exit(status);
}

/*
 * proc_wait - the pid of a child that ended, and its status; 0 if it would block.
 *
 * *status is changed only if a pid is returned.  A wait that an interrupt ended early is repeated
 * by the caller.
 */
long proc_wait(long pid, u64 flags, unsigned *status)
{
    struct sbiret ret = call(PROC_WAIT, (unsigned long)pid, flags, 0);

    if (ret.error || ret.value == 0) {
        return ret.error;
    }
    *status = (unsigned)ret.value;
    return ret.value >> 32;
}

long proc_getpid(void)
{
    return ask(PROC_GETPID, 0, 0, 0);
}

long proc_getppid(void)
{
    return ask(PROC_GETPPID, 0, 0, 0);
}

/* Fresh random bytes, at most PROC_ENTROPY_BYTES_MAX; 0 or an error. */
long proc_entropy(void *to, u64 bytes)
{
    return call(PROC_ENTROPY, (unsigned long)to, bytes, 0).error;
}

/* Fill *record if pid lives; returns the smallest live pid above it, 0 at the end. */
long proc_inspect(long pid, struct proc_record *record)
{
    return ask(PROC_INSPECT, (unsigned long)pid, (unsigned long)record, sizeof(*record));
}

/* What is said so far is on the console before anybody else speaks. */
static long start(enum proc_fid fid, const struct proc_image *image)
{
    struct sbiret ret;

    console_flush();
    if (!proc_available()) {
        return SBI_ERR_NOT_SUPPORTED;
    }
    ret = sbi_call(PROC_EID, (long)fid, (unsigned long)image->image, image->image_bytes,
                   (unsigned long)image->args, image->args_bytes, 0);
    return ret.error ? ret.error : ret.value;
}

long proc_exec(const struct proc_image *image)
{
    return start(PROC_EXEC, image);
}

/* The child's pid. */
long proc_spawn(const struct proc_image *image)
{
    return start(PROC_SPAWN, image);
}

/* How many it went to. */
long proc_kill(long pid, u64 signal)
{
    return ask(PROC_KILL, (unsigned long)pid, signal, 0);
}

/* Those that pend, which they no longer do. */
long proc_signals(void)
{
    return ask(PROC_SIGNALS, 0, 0, 0);
}

/* Why the event interrupt was raised; what is told once is not told again. */
long proc_events(void)
{
    return ask(PROC_EVENTS, 0, 0, 0);
}

long proc_setpgid(long pid, long group)
{
    return ask(PROC_SETPGID, (unsigned long)pid, (unsigned long)group, 0);
}

long proc_getpgid(long pid)
{
    return ask(PROC_GETPGID, (unsigned long)pid, 0, 0);
}

/* The group before; -1 only asks. */
long proc_foreground(long group)
{
    return ask(PROC_FOREGROUND, (unsigned long)group, 0, 0);
}

/* 1: ^C is input, 0: a signal; which it was before. */
long proc_keys(long take)
{
    return ask(PROC_KEYS, (unsigned long)take, 0, 0);
}

/* End this process so that its parent sees that signal; where processes are not known, the machine,
 * with the status that a shell would say. */
void proc_end_by(int signal)
{
    long self = proc_getpid();

    console_flush();
    if (self > 0) {
        proc_kill(self, (u64)signal | PROC_KILL_END);
    }
    guest_exit(PROC_SHELL_STATUS + signal);
}

/* Whole pages. */
long proc_share(const void *memory, u64 bytes)
{
    return ask(PROC_SHARE, (unsigned long)memory, bytes, 0);
}

long proc_unshare(const void *memory, u64 bytes)
{
    return ask(PROC_UNSHARE, (unsigned long)memory, bytes, 0);
}

/* While *word is expected, until somebody wakes it; timeout_ticks 0: raise PROC_EVENT_WORD then. */
long proc_wait_on(const u32 *word, u32 expected, u64 timeout_ticks)
{
    return ask(PROC_WAIT_ON, (unsigned long)word, expected, timeout_ticks);
}

/* How many were woken, up to n. */
long proc_wake(const u32 *word, u64 n)
{
    return ask(PROC_WAKE, (unsigned long)word, n, 0);
}

/* How this process holds what others are to see it let go of. */
long proc_hold(struct proc_hold *hold, enum proc_hold_how how)
{
    return ask(PROC_HOLD, (unsigned long)hold, (unsigned long)how, 0);
}

/* The limit before; -1 only asks. */
long proc_limit(enum proc_limit what, long value)
{
    return ask(PROC_LIMIT, (unsigned long)what, (unsigned long)value, 0);
}

/* Whether it was on; -1 only asks. */
long proc_trace(long on)
{
    return ask(PROC_TRACE, (unsigned long)on, 0, 0);
}

long proc_machine(struct proc_machine *record)
{
    return ask(PROC_MACHINE, (unsigned long)record, sizeof(*record), 0);
}
