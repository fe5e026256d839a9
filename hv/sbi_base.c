/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * BASE: what this SBI implementation is, and which extensions it has.  The machine's vendor,
 * architecture and implementation read as 0, "not provided": a guest must not depend on the host.
 *
 * [SBI "Base Extension"]
 */
#include "hv/ecall.h"

/* Nobody has registered this one [SBI "SBI Implementation IDs"]: "FV". */
#define IMPL_ID      0x4656
#define IMPL_VERSION 1

static const long answers[] = {
    [SBI_BASE_GET_SPEC_VERSION] = SBI_SPEC_VERSION(2, 0),
    [SBI_BASE_GET_IMPL_ID] = IMPL_ID,
    [SBI_BASE_GET_IMPL_VERSION] = IMPL_VERSION,
    [SBI_BASE_GET_MVENDORID] = 0,
    [SBI_BASE_GET_MARCHID] = 0,
    [SBI_BASE_GET_MIMPID] = 0,
};

long sbi_base(struct vcpu *vcpu, u64 fid, const u64 *args)
{
    (void)vcpu;
    if (fid >= ARRAY_LEN(answers))
        return SBI_ERR_NOT_SUPPORTED;
    if (fid == SBI_BASE_PROBE_EXTENSION)
        return ecall_has(args[0]);
    return answers[fid];
}
