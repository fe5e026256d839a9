/* SPDX-License-Identifier: BSD-2-Clause */
#pragma once
/* Which vCPUs an SBI call names.  See hartmask.c. */
#include "lib/kit/types.h"

/* Bit i of *set: hart i of `count`, which is at most 63.  SBI_SUCCESS, or the error of the call. */
__must_check long hartmask_parse(u64 mask, u64 base, u32 count, u64 *set);
