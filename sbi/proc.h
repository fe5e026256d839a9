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
 * parent 0; a forked child gets the next free number.  A process sees its own tree only: itself
 * and its descendants, unless it holds the control right.  Whether other pids exist cannot be told:
 * wait gives SBI_ERR_DENIED for all of them, inspect succeeds without filling its record.
 *
 * Today's limits: exec, kill, share, wait_on, wake, events, signals, spawn, process groups, limit,
 * connect and the control calls have their numbers but not yet their functions.
 */
#include <stdint.h>

#define PROC_EID \
    0x08505243L /* "PRC" in the experimental range [SBI "Experimental SBI Extension"] */

enum proc_fid {
    PROC_FORK = 0,     /* (flags) -> child's pid in the parent, 0 in the child */
    PROC_EXIT = 1,     /* (status) does not return; status & 255 is kept */
    PROC_WAIT = 2,     /* (pid, flags) -> pid << 32 | status; 0 when it would block */
    PROC_GETPID = 3,   /* () -> pid */
    PROC_GETPPID = 4,  /* () -> parent's pid; 0 for a guest of the command line */
    PROC_INSPECT = 10, /* (pid, gpa, bytes) -> the smallest live pid above pid, 0 at the end */
    PROC_ENTROPY = 16, /* (gpa, bytes) -> bytes: so many fresh random bytes are at gpa */
};

/* fork flags: any other bit is SBI_ERR_INVALID_PARAM */
#define PROC_FORK_KEEP_CONTROL (1UL << 0) /* the child keeps the caller's control right, if any */

/*
 * wait: pid > 0 names one child, -1 any child.  Groups (0 and below -1) are not there yet:
 * SBI_ERR_NOT_SUPPORTED.  Bits 1 and 2 of flags are accepted and, as nothing stops yet, never met.
 */
#define PROC_WAIT_NOHANG    (1UL << 0)
#define PROC_WAIT_STOPPED   (1UL << 1)
#define PROC_WAIT_CONTINUED (1UL << 2)

/*
 * entropy: numbers that nobody else got or will get; what a forked child draws, its parent does
 * not. More than PROC_ENTROPY_BYTES_MAX: SBI_ERR_INVALID_PARAM; a range that is not RAM:
 * SBI_ERR_INVALID_ADDRESS; both with nothing written.  0 bytes are written anywhere.  Where the
 * machine gave the hypervisor no seed every call is SBI_ERR_NOT_SUPPORTED.
 *
 * For a start there is /chosen/rng-seed in the guest's FDT, 32 bytes, if there are random numbers:
 * others for each guest and after each reset.  It is memory as all is: a forked child may find what
 * its parent finds there.
 */
#define PROC_ENTROPY_BYTES_MAX 64

/* A wait status as POSIX encodes it: exit code << 8, or the number of the signal that ended it. */
#define PROC_STATUS_EXITED(code)    (((unsigned)(code)&0xffU) << 8)
#define PROC_STATUS_SIGNALED(sig)   ((unsigned)(sig)&0x7fU)
#define PROC_STATUS_IS_EXIT(status) (((status)&0x7fU) == 0)
#define PROC_STATUS_CODE(status)    (((status) >> 8) & 0xffU)
#define PROC_STATUS_SIGNAL(status)  ((status)&0x7fU)

/* Signals that the hypervisor itself gives as reasons for an end. */
#define PROC_SIGILL  4  /* an instruction that cannot be executed, and no handler to tell */
#define PROC_SIGABRT 6  /* SRST shutdown with reason "system failure" */
#define PROC_SIGKILL 9  /* no frame for a page it has a right to */
#define PROC_SIGSEGV 11 /* an access that cannot be served, and no handler to tell */

/* Errors beyond SBI's own.  No two causes share a code. */
#define PROC_ERR_NOMEM -1001L /* out of memory */
#define PROC_ERR_QUOTA -1002L /* the quota of the caller's tree is used up */
#define PROC_ERR_INTR \
    -1003L /* a blocking call ended early: an enabled interrupt pends; try again */
#define PROC_ERR_CHILD -1004L /* no such process or child */

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
    uint64_t leaves_4k; /* how its memory is mapped: pages */
    uint64_t leaves_2m; /* ... and 2 MiB at once */
};
#define PROC_RECORD_VERSION 2
_Static_assert(sizeof(struct proc_record) == 128, "inspect's record is a contract");
