/* SPDX-License-Identifier: BSD-2-Clause */
#pragma once
/* The hostile acts, and what they share. */
#include "lib/kit/types.h"

#include "guest/trap.h"

/* Traps that skip_traps() has skipped, and the last of them. */
extern volatile u64 evil_traps;
extern volatile struct trap evil_last;

void evil_skip_traps(void);
void evil_fail(const char *what, u64 where, u64 found);

/* An act returns if it can; evil_fail() makes the status 1. */
void act_unmapped_jump(void);
void act_ram_edges(void);
void act_mmio(void);
void act_stack_overflow(void);
void act_hyp_insns(void);
void act_irq_off_loop(void);
void act_wfi_forever(void);
void act_trap_loop(void);
void act_trap_loop_unmapped(void);
void act_flood(void);
void act_sbi_fuzz(void);
void act_fork_bomb(void);
void act_strangers(void);
void act_wild_satp(void);
void act_lost_satp(void);
