/* SPDX-License-Identifier: BSD-2-Clause */
/* The machine's own registers behind lib/drv/mmio.h: one access each, with its ordering. */
#include "lib/drv/mmio.h"

/* [UNPRIV "Memory Ordering Instructions"]: the register is read before memory that it tells of. */
u32 mmio_read32(u64 addr)
{
    u32 value = *(const volatile u32 *)addr;

    __asm__ volatile("fence i, rw" : : : "memory");
    return value;
}

/* Memory is written before the register that makes a device look at it. */
void mmio_write32(u64 addr, u32 value)
{
    __asm__ volatile("fence rw, o" : : : "memory");
    *(volatile u32 *)addr = value;
}
