/* SPDX-License-Identifier: BSD-2-Clause */
#pragma once
/* Offsets and numbers that assembly knows; each is proved in C beside what it stands for. */
#define VCPU_HV_SP 256
#define VCPU_HV_TP 264

#define VERDICT_SKIP_NUMBER 4

#define HART_ID             72
#define HART_BYTES          560
#define HART_STACK_TOP      80
#define HART_TRAP_STACK_TOP 88

/* A hart's stacks: the one for traps below, then the one for everything else. */
#define HART_TRAP_STACK_BYTES 4096
#define HART_STACK_BYTES      12288
#define HART_STACKS_BYTES     16384

/* The frame that hv_trap pushes: x0 (holding nothing) to x31, then: */
#define TRAP_SEPC    256
#define TRAP_SSTATUS 264
#define TRAP_BYTES   272
