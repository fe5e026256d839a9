/* SPDX-License-Identifier: BSD-2-Clause */
#pragma once
/* The list of encodings, and the registers that they refer to. */
#include "lib/kit/types.h"

#define TRAPS_NOWHERE 0x1000000000UL /* no machine of ours has anything here */

/* Registers with a meaning in the access list; the others are odd addresses above NOWHERE. */
enum {
    TRAPS_X_ALIGNED = 8, /* NOWHERE itself */
    TRAPS_X_RAM_ODD = 9, /* RAM, 1 beyond a multiple of 8 */
    TRAPS_X_TOP = 10,    /* beyond every physical address */
    TRAPS_X_WIDE = 11,   /* 2^45: more than Sv39x4 translates */
};

#define TRAPS_CSRRW(rd, csr, rs1) ((u32)(csr) << 20 | (rs1) << 15 | 1U << 12 | (rd) << 7 | 0x73U)
#define TRAPS_CSRRS(rd, csr, rs1) ((u32)(csr) << 20 | (rs1) << 15 | 2U << 12 | (rd) << 7 | 0x73U)

struct traps_list {
    const u32 *words;
    size_t count;
};

extern const struct traps_list traps_everyone;  /* refused in both modes */
extern const struct traps_list traps_user;      /* refused in U-mode only */
extern const struct traps_list traps_access;    /* loads, stores, atomics, jumps */
extern const struct traps_list traps_csrs;      /* CSR numbers refused in both modes */
extern const struct traps_list traps_user_csrs; /* CSR numbers refused in U-mode only */

bool traps_is_reserved(u32 insn);
