/* SPDX-License-Identifier: BSD-2-Clause */
#pragma once
/*
 * Device registers, for drivers that run in HS-mode, in VS-mode and in host tests. lib/riscv/mmio.c
 * accesses the machine; a host test links a fake bus instead.
 *
 * Invariant: a register write is ordered after all memory accesses before it, a register read
 * before all memory accesses after it, so that drivers need no fences of their own around MMIO.
 */
#include "lib/kit/types.h"

u32 mmio_read32(u64 addr);
void mmio_write32(u64 addr, u32 value);
