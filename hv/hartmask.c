/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The hart mask of IPI and RFENCE: bit i of mask is hart base + i; base -1 is all harts, whatever
 * mask is.  A hart that does not exist makes the whole call fail, with nothing done.  A stopped
 * hart exists.
 *
 * [SBI "Hart list parameter"]
 */
#include "hv/hartmask.h"

#include "sbi/ecall.h"

long hartmask_parse(u64 mask, u64 base, u32 count, u64 *set)
{
    if (base == SBI_HART_MASK_BASE_ALL) {
        *set = (1UL << count) - 1;
        return SBI_SUCCESS;
    }
    if (base >= count || mask >> (count - base) != 0)
        return SBI_ERR_INVALID_PARAM;
    *set = mask << base;
    return SBI_SUCCESS;
}
