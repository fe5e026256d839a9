/* SPDX-License-Identifier: BSD-2-Clause */
#pragma once
/*
 * The SBI call itself, for whoever is the supervisor: hv calls firmware, a guest calls hv (or,
 * bare, firmware).  a0 and a1 carry the result, every other register is preserved by the callee.
 *
 * [SBI "Binary Encoding"]
 */
#include "sbi/ecall.h"

static inline struct sbiret sbi_call(long eid, long fid, unsigned long arg0, unsigned long arg1,
                                     unsigned long arg2, unsigned long arg3, unsigned long arg4)
{
    register unsigned long a0 __asm__("a0") = arg0;
    register unsigned long a1 __asm__("a1") = arg1;
    register unsigned long a2 __asm__("a2") = arg2;
    register unsigned long a3 __asm__("a3") = arg3;
    register unsigned long a4 __asm__("a4") = arg4;
    register long a6 __asm__("a6") = fid;
    register long a7 __asm__("a7") = eid;

    __asm__ volatile("ecall"
                     : "+r"(a0), "+r"(a1)
                     : "r"(a2), "r"(a3), "r"(a4), "r"(a6), "r"(a7)
                     : "memory");
    return (struct sbiret){.error = (long)a0, .value = (long)a1};
}

/* True if the supervisor execution environment has the extension; false also where there is no
 * BASE extension to ask. */
static inline int sbi_has(long eid)
{
    struct sbiret ret =
        sbi_call(SBI_EID_BASE, SBI_BASE_PROBE_EXTENSION, (unsigned long)eid, 0, 0, 0, 0);

    return ret.error == SBI_SUCCESS && ret.value != 0;
}
