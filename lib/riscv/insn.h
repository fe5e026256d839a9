/* SPDX-License-Identifier: BSD-2-Clause */
#pragma once
/*
 * What the instruction that trapped wanted: a memory access of some width, a CSR access, a wait.
 * Two sources, one result: the bits that stand in the guest's memory, and the transformed form
 * that hardware leaves in htinst.
 *
 * Invariant: whatever is not certainly one of the kinds below is INSN_UNKNOWN; a reserved encoding
 * never looks like a load.  Zfh, Q and Zcb are unknown: no guest is told of them.
 */
#include "lib/kit/types.h"

enum insn_kind {
    INSN_UNKNOWN = 0,
    INSN_LOAD,       /* integer load: rd, bytes, is_signed */
    INSN_STORE,      /* integer store: rs2, bytes */
    INSN_LOAD_FP,    /* floating-point load: rd is an f register */
    INSN_STORE_FP,   /* floating-point store: rs2 is an f register */
    INSN_ATOMIC,     /* LR, SC or AMO */
    INSN_CSR,        /* rd, csr, csr_op; rs1 is a register, or the operand if csr_is_imm */
    INSN_WFI,        /* wait for interrupt */
    INSN_WALK_READ,  /* htinst only: the fault was in a VS-stage walk, which read a PTE */
    INSN_WALK_WRITE, /* htinst only: the same, which set A or D in a PTE */
};

/* Values of funct3's low two bits. */
enum insn_csr_op { INSN_CSR_WRITE = 1, INSN_CSR_SET = 2, INSN_CSR_CLEAR = 3 };

/* Fields that the kind does not name hold whatever the encoding has in their place. */
struct insn {
    u8 kind;         /* enum insn_kind */
    u8 bytes;        /* width of a memory access */
    bool is_signed;  /* the load extends its sign */
    u8 length;       /* bytes that pc moves by, 2 or 4; 0 for walks, which are no instruction */
    u8 rd;           /* 0 to 31 */
    u8 rs1;          /* 0 to 31; always 0 from htinst, which does not keep it */
    u8 rs2;          /* 0 to 31 */
    u8 offset;       /* htinst only: the access began this many bytes before the faulting address */
    u16 csr;         /* INSN_CSR only: the CSR's number, */
    u8 csr_op;       /* enum insn_csr_op, */
    bool csr_is_imm; /* and whether rs1 is the operand itself */
};

/*
 * Both fill the whole of *insn.  (By reference: returned by value, GCC takes the struct to pieces
 * and packs it again, for more instructions than the decoding.)
 */

/* From the bits in memory; of a compressed instruction only the low 16 count. */
void insn_decode(struct insn *insn, u32 word);

/* From htinst; INSN_UNKNOWN means that the caller fetches the instruction instead. */
void insn_decode_htinst(struct insn *insn, u64 htinst);

/* What an INSN_LOAD leaves in rd if the device answered raw; bits above the access width are
 * ignored. */
u64 insn_load_extend(const struct insn *insn, u64 raw);
