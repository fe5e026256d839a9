/* SPDX-License-Identifier: BSD-2-Clause */
#pragma once
/*
 * PRC, the process extension: a virtual machine is a process, and this is how it forks, ends and
 * waits.  This header is the extension's only specification.
 *
 * Calls follow [SBI "Binary Encoding"]: EID in a7, FID in a6, arguments in a0 to a4, error in a0,
 * value in a1.  FIDs not listed here return SBI_ERR_NOT_SUPPORTED; probe_extension finds the
 * extension.  Numbers and shapes are fixed for ever: images built elsewhere rely on them.
 *
 * A process is named by its pid, a positive number.  The guests of a run are pids 1 to n with
 * parent 0; a child gets the next free number.  A process sees its own tree only: itself and its
 * descendants, unless it holds the control right.  Whether other pids exist cannot be told: to
 * wait for, signal or otherwise name one is SBI_ERR_DENIED for all of them, inspect succeeds
 * without filling its record.
 *
 * A call that fails has changed nothing.  Ranges of memory are RAM of the caller, checked as a
 * whole first: else SBI_ERR_INVALID_ADDRESS.
 *
 * Not there: connect, and of the control calls cloning, saving and restoring others.
 */
#include <stdint.h>

#define PROC_EID \
    0x08505243L /* "PRC" in the experimental range [SBI "Experimental SBI Extension"] */

enum proc_fid {
    PROC_FORK = 0,        /* (flags) -> child's pid in the parent, 0 in the child */
    PROC_EXIT = 1,        /* (status) does not return; status & 255 is kept */
    PROC_WAIT = 2,        /* (pid, flags) -> pid << 32 | status; 0 when it would block */
    PROC_GETPID = 3,      /* () -> pid */
    PROC_GETPPID = 4,     /* () -> parent's pid; 0 for a guest of the command line */
    PROC_EXEC = 5,        /* (image, image_bytes, args, args_bytes) does not return */
    PROC_KILL = 6,        /* (pid, signal) -> how many processes it went to */
    PROC_SHARE = 7,       /* (gpa, bytes) */
    PROC_WAIT_ON = 8,     /* (gpa, expected, timeout_ticks) */
    PROC_WAKE = 9,        /* (gpa, n) -> how many were woken */
    PROC_INSPECT = 10,    /* (pid, gpa, bytes) -> the smallest live pid above pid, 0 at the end */
    PROC_EVENTS = 11,     /* () -> PROC_EVENT_*, cleared by reading */
    PROC_SIGNALS = 12,    /* () -> pending signals, bit n for signal n; cleared by reading */
    PROC_SPAWN = 13,      /* (image, image_bytes, args, args_bytes) -> child's pid */
    PROC_SETPGID = 14,    /* (pid, group) */
    PROC_GETPGID = 15,    /* (pid) -> group */
    PROC_ENTROPY = 16,    /* (gpa, bytes) -> bytes: so many fresh random bytes are at gpa */
    PROC_LIMIT = 17,      /* (what, value) -> the limit before */
    PROC_UNSHARE = 19,    /* (gpa, bytes) */
    PROC_FOREGROUND = 20, /* (group) -> the group before */
    PROC_HOLD = 21,       /* (gpa, how) */
    PROC_KEYS = 22,       /* (take) -> whether it took them before */

    /* Control calls need the control right: else SBI_ERR_DENIED. */
    PROC_TRACE = 32,   /* (on) -> whether it was on; on = -1 only asks */
    PROC_MACHINE = 33, /* (gpa, bytes) fills a struct proc_machine */
};

/* fork flags: any other bit is SBI_ERR_INVALID_PARAM */
#define PROC_FORK_KEEP_CONTROL (1UL << 0) /* the child keeps the caller's control right, if any */

/*
 * wait: pid > 0 names one child, -1 any child, 0 those of the caller's group, below -1 those of the
 * group -pid.  Without WNOHANG it blocks until one has ended (or, by flags, stopped or continued),
 * or gives PROC_ERR_INTR.  PROC_ERR_CHILD: there is no such child.  An ended one is gone
 * afterwards; that it stopped or continued is told once.
 */
#define PROC_WAIT_NOHANG    (1UL << 0)
#define PROC_WAIT_STOPPED   (1UL << 1)
#define PROC_WAIT_CONTINUED (1UL << 2)

/*
 * exec, spawn: image_bytes = 0: image is the GPA of a NUL-ended name of an image in the bundle (all
 * payloads are, by file name without suffix), at most PROC_NAME_BYTES_MAX with its NUL; else it is
 * a whole ELF, Linux Image or raw image in the caller's memory.  args: the argv strings, each
 * NUL-ended, an empty string, then the environment's, each NUL-ended.  The new image finds them as
 * they are in /chosen/forkvisor,args of its FDT, and argv from 1 on, separated by blanks, in
 * bootargs.  Without any string in args, or args_bytes = 0, it has no such property, and the
 * bootargs that the bundle gives its image.  What lies in the machine's memory beside images
 * (INITRD) lies beside the new one, too.
 *
 * Shared ranges stay, at the same addresses, and are named in /reserved-memory of the new image's
 * FDT ("forkvisor,shared" in compatible); exec and spawn fail if the image lies in one of them.  A
 * reset begins the same image with the same args, and shares nothing.
 * exec: pid, parent, group, devices, pending signals stay, all other vCPUs, waiters, timers and
 * events go; the process is as if it had never called signals().  spawn: the child is a new machine
 * of the caller's kind (memory, vCPUs, devices), of the caller's group, without the control right.
 *
 * PROC_ERR_NOENT: no image of that name.  SBI_ERR_INVALID_PARAM: the image is none, or lies in a
 * shared range (console says why), or args do not end with a NUL or have no empty string, or are
 * more than PROC_ARGS_BYTES_MAX.  PROC_ERR_NOMEM: it does not fit
 * into the machine's memory, or there is none.  PROC_ERR_QUOTA: spawn, the tree's limit.
 */
#define PROC_NAME_BYTES_MAX    64
#define PROC_ARGS_BYTES_MAX    4096
#define PROC_ARGS_PROPERTY     "forkvisor,args"
#define PROC_SHARED_COMPATIBLE "forkvisor,shared"

/*
 * kill: pid as in wait, but of the caller and all its descendants, and -1 is all of them but the
 * caller.  Signal 0 goes nowhere and only tells whether it could.  KILL, STOP and CONT are done by
 * the hypervisor; all others pend and set PROC_EVENT_SIGNAL.  Until a process (or its parent,
 * before the fork) has called signals() once, TERM, INT, HUP, QUIT and ABRT end it and the rest are
 * dropped.  Signals are 1 to PROC_SIGNAL_MAX, numbered as Linux does for RISC-V: others are
 * SBI_ERR_INVALID_PARAM.  To a zombie it is a success without effect.  A signal of 1 to
 * PROC_SIGNAL_MAX with PROC_KILL_END ends whom it goes to as KILL does, and the parent sees that
 * signal: so a process ends by one that it has no handler for.
 */
#define PROC_SIGNAL_MAX 31
#define PROC_KILL_END   (1UL << 8)
#define PROC_SIGHUP     1
#define PROC_SIGINT     2
#define PROC_SIGQUIT    3
#define PROC_SIGILL     4 /* an instruction that cannot be executed, and no handler to tell */
#define PROC_SIGABRT    6 /* SRST shutdown with reason "system failure" */
#define PROC_SIGKILL    9 /* no frame for a page it has a right to */
#define PROC_SIGUSR1    10
#define PROC_SIGSEGV    11 /* an access that cannot be served, and no handler to tell */
#define PROC_SIGUSR2    12
#define PROC_SIGPIPE    13
#define PROC_SIGALRM    14
#define PROC_SIGTERM    15
#define PROC_SIGCHLD    17
#define PROC_SIGCONT    18
#define PROC_SIGSTOP    19

/*
 * share: whole pages (gpa and bytes are multiples of 4096, bytes > 0: else SBI_ERR_INVALID_PARAM)
 * that stay shared in every later fork and spawn, and across exec.  All of them are allocated at
 * once.  What is shared already may be shared again, which changes nothing.  unshare: the range
 * becomes the caller's own and reads as zero; the others keep what was shared.  At most
 * PROC_SHARED_RANGES_MAX separate ranges of a process: PROC_ERR_QUOTA.
 *
 * wait_on: blocks while the 32-bit word at gpa (aligned: else SBI_ERR_INVALID_PARAM) is `expected`
 * and nobody wakes it.  It returns 0 at once if the word differs, and 0 when woken, which may be in
 * vain. timeout_ticks: of the timebase; -1: for ever; SBI_ERR_TIMEOUT when they are over; 0: it
 * registers the caller and returns at once, 0 as well: a wake of that word then sets
 * PROC_EVENT_WORD, once. At most PROC_WAITERS_MAX words are registered so at a time:
 * PROC_ERR_QUOTA. wake: up to n of those who wait for the word at gpa, registered ones included,
 * oldest first. Words are the same if they are in the same shared page, or in the same process at
 * the same GPA.
 */
#define PROC_SHARED_RANGES_MAX 64
#define PROC_WAITERS_MAX       256

/*
 * hold: so that who waits for another process learns of its end, also if it was killed.  At gpa, in
 * shared memory (else SBI_ERR_INVALID_ADDRESS), is a struct proc_hold (aligned to 16, how one of
 * the enum: else SBI_ERR_INVALID_PARAM).  A process holds it or not: to hold it twice is to hold it
 * once.  When it takes hold, 1 is added to `holders`.  A child of a fork holds what its parent
 * holds, and is counted before either goes on; a spawned one what its parent has as
 * PROC_HOLD_KEPT.  When it lets go, by PROC_HOLD_NONE, by its end, or by an exec and not
 * PROC_HOLD_KEPT, 1 is taken from `holders`, and 1 is added to `bell`; `owner` becomes 0 if it was
 * the pid of the process, whatever its bit 31; then all who wait for one of these two words are
 * woken.  An exec does all this but the first to what is kept.  At most PROC_HOLDS_MAX at a time:
 * PROC_ERR_QUOTA.
 */
enum proc_hold_how { PROC_HOLD_NONE = 0, PROC_HOLD_HERE = 1, PROC_HOLD_KEPT = 2 };
#define PROC_HOLDS_MAX 256
struct proc_hold {
    uint32_t holders;
    uint32_t bell;
    uint32_t owner;
    uint32_t reserved;
};

/*
 * events: why the event interrupt (VSSIP, as an IPI's) was raised in the vCPU that called events()
 * last, vCPU 0 before that.  It is raised whenever a bit is newly set.  A handler clears sip.SSIP,
 * then calls events(), then looks for IPIs.  A child of a fork starts without any.
 */
#define PROC_EVENT_CHILD   (1UL << 0) /* one has ended, stopped or continued */
#define PROC_EVENT_SIGNAL  (1UL << 1)
#define PROC_EVENT_WORD    (1UL << 2) /* a registered word was woken */
#define PROC_EVENT_CHANNEL (1UL << 3) /* reserved */

/*
 * setpgid: pid is the caller (0) or a child; group 0 is pid's own number, else a group that exists
 * in the caller's tree.  Children are born in their parent's group; a guest of the command line in
 * its own.
 */

/*
 * limit: how many processes, or frames of memory, the caller's tree (the caller and its
 * descendants) may have; value only downwards (SBI_ERR_DENIED), -1 only asks.  Processes count from
 * the first; frames are pages that are touched first or copied within the tree from then on, until
 * the last who has them gives them back.  At the limit: fork and spawn are PROC_ERR_QUOTA; who
 * touches new memory is ended by signal 9.  Where there is no limit the answer is INT64_MAX.
 */
enum proc_limit { PROC_LIMIT_PROCS = 0, PROC_LIMIT_FRAMES = 1 };

/*
 * foreground: the group, of the caller's tree, that console input goes to; at first that of pid 1;
 * -1 only asks. When no live process is left in it, input goes back to the group of pid 1.
 */

/*
 * keys: while input goes to a process because another one has called foreground, byte 3 (^C) is no
 * input: it drops the input that nobody has read, and is the signal INT to the foreground group.
 * take = 1: the caller takes it as input as it does all else; 0: not, as at first; -1 only asks;
 * others: SBI_ERR_INVALID_PARAM.  A child of a fork begins with 0.
 */

/*
 * entropy: numbers that nobody else got or will get; what a forked child draws, its parent does
 * not. More than PROC_ENTROPY_BYTES_MAX: SBI_ERR_INVALID_PARAM; a range that is not RAM:
 * SBI_ERR_INVALID_ADDRESS; both with nothing written.  0 bytes are written anywhere.  Where the
 * machine gave the hypervisor no seed every call is SBI_ERR_NOT_SUPPORTED.
 *
 * For a start there is /chosen/rng-seed in the FDT of a guest of the command line, 32 bytes, if
 * there are random numbers: others for each guest and after each reset.  It is memory as all is: a
 * forked child may find what its parent finds there.  What exec and spawn begin has none: its FDT
 * is the same page in all such processes.
 */
#define PROC_ENTROPY_BYTES_MAX 64

/* A wait status as POSIX encodes it: exit code << 8, or the number of the signal that ended it. */
#define PROC_STATUS_EXITED(code)    (((unsigned)(code)&0xffU) << 8)
#define PROC_STATUS_SIGNALED(sig)   ((unsigned)(sig)&0x7fU)
#define PROC_STATUS_STOPPED         (PROC_SIGSTOP << 8 | 0x7fU)
#define PROC_STATUS_CONTINUED       0xffffU
#define PROC_STATUS_IS_EXIT(status) (((status)&0x7fU) == 0)
#define PROC_STATUS_CODE(status)    (((status) >> 8) & 0xffU)
#define PROC_STATUS_SIGNAL(status)  ((status)&0x7fU)

/* Errors beyond SBI's own.  No two causes share a code. */
#define PROC_ERR_NOMEM -1001L /* out of memory */
#define PROC_ERR_QUOTA -1002L /* the quota of the caller's tree is used up */
#define PROC_ERR_INTR \
    -1003L /* a blocking call ended early: an enabled interrupt pends; try again */
#define PROC_ERR_CHILD -1004L /* no such process or child */
#define PROC_ERR_NOENT -1005L /* no image of that name */

/*
 * The second door: an instruction that every RISC-V hart must reject for ever, since CSR numbers
 * with bits 11:10 set are read-only [PRIV "CSR Address Mapping Conventions"].  csrrwi x0, 0xcc0, 6.
 * a0 is flags and becomes the error, a1 the value, as in the SBI call.  From VS-mode only; in
 * VU-mode it is the guest kernel's own illegal instruction.
 */
#define PROC_FORK_INSN 0xcc035073U

/*
 * The third door: a device with this compatible string in the guest's FDT.  A 32-bit store of flags
 * to offset 0 forks; a0 and a1 are overwritten as by the SBI call.  Other offsets read as zero.
 */
#define PROC_DOORBELL_COMPATIBLE "forkvisor,doorbell"

/* The causes that inspect counts, in the order of exits[]. */
enum proc_exit_kind {
    PROC_EXITS_INTERRUPT,   /* a host interrupt ended the run */
    PROC_EXITS_ECALL,       /* environment call from VS-mode */
    PROC_EXITS_FETCH_FAULT, /* guest-page fault on an instruction fetch */
    PROC_EXITS_LOAD_FAULT,
    PROC_EXITS_STORE_FAULT,
    PROC_EXITS_VINSN,   /* virtual instruction */
    PROC_EXITS_ILLEGAL, /* illegal instruction */
    PROC_EXITS_OTHER,
    PROC_EXITS_KINDS
};

enum proc_state { PROC_RUNNABLE = 0, PROC_BLOCKED = 1, PROC_ZOMBIE = 2, PROC_STOPPED = 3 };

/*
 * What inspect writes at gpa: at most `bytes`, at least the first 8.  A larger record of a later
 * version starts with the same fields; bytes says how many were meant.
 */
struct proc_record {
    uint32_t version; /* PROC_RECORD_VERSION */
    uint32_t bytes;   /* size of the whole record in this version */
    uint32_t pid;
    uint32_t ppid;
    uint32_t state;         /* enum proc_state */
    uint32_t status;        /* wait status, once a zombie */
    uint64_t frames_owned;  /* 4 KiB frames that only this process has, tables included */
    uint64_t frames_shared; /* frames that others have too */
    uint64_t run_ticks;     /* time that its vCPUs ran, in timebase ticks */
    uint64_t exits[PROC_EXITS_KINDS];
    /* since version 2: */
    uint64_t leaves_4k; /* how its memory is mapped now: pages */
    uint64_t leaves_2m; /* ... and 2 MiB at once */
    /* since version 3: */
    uint32_t group;
    uint32_t vcpus;
    uint64_t mem_bytes;                 /* RAM that it may touch */
    char name[PROC_NAME_BYTES_MAX / 2]; /* of its image, cut if longer; NUL-ended */
};
#define PROC_RECORD_VERSION 3
_Static_assert(sizeof(struct proc_record) == 176, "inspect's record is a contract");

/* What PROC_MACHINE writes, by the same rules as inspect's record. */
struct proc_machine {
    uint32_t version; /* PROC_MACHINE_VERSION */
    uint32_t bytes;
    uint32_t harts;
    uint32_t processes; /* zombies included */
    uint64_t frames_total;
    uint64_t frames_free;
    uint64_t frames_reclaimable; /* held by what has ended, or by caches, until somebody asks */
    uint64_t uptime_ticks;
    uint64_t idle_ticks; /* of all harts */
};
#define PROC_MACHINE_VERSION 1
_Static_assert(sizeof(struct proc_machine) == 56, "machine's record is a contract");
