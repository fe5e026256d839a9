/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Instruction decoder for VM exits.  Every MMIO exit goes through it, so there is no search: the
 * bits that select an instruction index a table, and the cell holds the verdict.
 *
 *     31     25 24 20 19 15 14    12 11  7 6      2 1 0
 *     +--------+-----+-----+--------+-----+--------+---+
 *     | funct7 | rs2 | rs1 | funct3 | rd  | opcode |1 1|    standard[opcode, funct3]
 *     +--------+-----+-----+--------+-----+--------+---+
 *                    15    13 12 10 9    7 6 5 4       2 1    0
 *                    +--------+----+------+---+---------+------+
 *                    | funct3 |    | rs1' |   | rd'/rs2'| quad |   compressed[quad, funct3]
 *                    +--------+----+------+---+---------+------+
 *                    | funct3 | i |     rd    |   rs2   | quad |   the same, from sp
 *                    +--------+---+-----------+---------+------+
 *
 * It tells what the encoding says; whether the guest may do that is its caller's business.
 *
 * [UNPRIV "RV32/64G Instruction Set Listings", "RVC Instruction Set Listings"]
 */
#include "lib/riscv/insn.h"

#define REG_SP 2

#define WFI_WORD 0x10500073U

/* funct5 of AMOADD AMOSWAP LR SC AMOXOR, AMOOR, AMOAND, AMOMIN, AMOMAX, AMOMINU, AMOMAXU */
#define ATOMIC_FUNCT5 (0x1fU | 1U << 8 | 1U << 12 | 1U << 16 | 1U << 20 | 1U << 24 | 1U << 28)
#define LR_FUNCT5     0x02U

/* [PRIV "Transformed Instruction or Pseudoinstruction for mtinst or htinst"] */
#define HTINST_TRANSFORMED    (1U << 0)
#define HTINST_NOT_COMPRESSED (1U << 1)
#define HTINST_WALK_READ      0x3000U
#define HTINST_WALK_WRITE     0x3020U
#define HTINST_PTE_64         0x1000U /* clear where PTEs have 32 bits */

struct cell {
    u8 kind;
    u8 bytes;
    bool is_signed;
    bool from_sp; /* compressed: the format with full register numbers and no rs1 */
};

/* Rows of eight cells, one for each funct3. */
#define ROW(opcode) ((opcode) << 3)
#define LOAD        ROW(0x00)
#define LOAD_FP     ROW(0x01)
#define STORE       ROW(0x08)
#define STORE_FP    ROW(0x09)
#define AMO         ROW(0x0b)
#define SYSTEM      ROW(0x1c)

static const struct cell standard[32 * 8] = {
    [LOAD + 0] = {INSN_LOAD,     1, true,  false},
    [LOAD + 1] = {INSN_LOAD,     2, true,  false},
    [LOAD + 2] = {INSN_LOAD,     4, true,  false},
    [LOAD + 3] = {INSN_LOAD,     8, true,  false},
    [LOAD + 4] = {INSN_LOAD,     1, false, false},
    [LOAD + 5] = {INSN_LOAD,     2, false, false},
    [LOAD + 6] = {INSN_LOAD,     4, false, false},
    [LOAD_FP + 2] = {INSN_LOAD_FP,  4, false, false},
    [LOAD_FP + 3] = {INSN_LOAD_FP,  8, false, false},
    [STORE + 0] = {INSN_STORE,    1, false, false},
    [STORE + 1] = {INSN_STORE,    2, false, false},
    [STORE + 2] = {INSN_STORE,    4, false, false},
    [STORE + 3] = {INSN_STORE,    8, false, false},
    [STORE_FP + 2] = {INSN_STORE_FP, 4, false, false},
    [STORE_FP + 3] = {INSN_STORE_FP, 8, false, false},
    [AMO + 2] = {INSN_ATOMIC,   4, true,  false},
    [AMO + 3] = {INSN_ATOMIC,   8, true,  false},
    [SYSTEM + 0] = {INSN_WFI,      0, false, false},
    [SYSTEM + 1] = {INSN_CSR,      0, false, false},
    [SYSTEM + 2] = {INSN_CSR,      0, false, false},
    [SYSTEM + 3] = {INSN_CSR,      0, false, false},
    [SYSTEM + 5] = {INSN_CSR,      0, false, false},
    [SYSTEM + 6] = {INSN_CSR,      0, false, false},
    [SYSTEM + 7] = {INSN_CSR,      0, false, false},
};

#define QUAD_0 ROW(0)
#define QUAD_2 ROW(2)

static const struct cell compressed[3 * 8] = {
    [QUAD_0 + 1] = {INSN_LOAD_FP,  8, false, false},
        [QUAD_0 + 2] = {INSN_LOAD,     4, true,  false},
    [QUAD_0 + 3] = {INSN_LOAD,     8, true,  false},
        [QUAD_0 + 5] = {INSN_STORE_FP, 8, false, false},
    [QUAD_0 + 6] = {INSN_STORE,    4, false, false},
        [QUAD_0 + 7] = {INSN_STORE,    8, false, false},
    [QUAD_2 + 1] = {INSN_LOAD_FP,  8, false, true },
        [QUAD_2 + 2] = {INSN_LOAD,     4, true,  true },
    [QUAD_2 + 3] = {INSN_LOAD,     8, true,  true },
        [QUAD_2 + 5] = {INSN_STORE_FP, 8, false, true },
    [QUAD_2 + 6] = {INSN_STORE,    4, false, true },
        [QUAD_2 + 7] = {INSN_STORE,    8, false, true },
};

static inline u8 field5(u32 word, unsigned low_bit)
{
    return (u8)(word >> low_bit & 0x1f);
}

static inline u8 field3(u32 word, unsigned low_bit)
{
    return (u8)(word >> low_bit & 7);
}

/* For kinds from INSN_ATOMIC on: what only the bits tell that did not select the cell. */
static void settle(struct insn *insn, u32 word)
{
    u32 funct5 = word >> 27;
    bool is_valid = true;

    if (insn->kind == INSN_WFI)
        is_valid = word == WFI_WORD;
    if (insn->kind == INSN_ATOMIC)
        is_valid = (ATOMIC_FUNCT5 >> funct5 & 1) != 0 && (funct5 != LR_FUNCT5 || insn->rs2 == 0);
    if (!is_valid)
        insn->kind = INSN_UNKNOWN;
    insn->csr = (u16)(word >> 20);
    insn->csr_op = (u8)(word >> 12 & 3);
    insn->csr_is_imm = (word >> 14 & 1) != 0;
}

/* Without what settle() has to say. */
static inline void decode_standard(struct insn *insn, u32 word)
{
    struct cell cell = standard[ROW(field5(word, 2)) + field3(word, 12)];

    *insn = (struct insn){
        .kind = cell.kind,
        .bytes = cell.bytes,
        .is_signed = cell.is_signed,
        .length = 4,
        .rd = field5(word, 7),
        .rs1 = field5(word, 15),
        .rs2 = field5(word, 20),
    };
}

static inline void decode_compressed(struct insn *insn, u32 word)
{
    struct cell cell = compressed[ROW(word & 3) + field3(word, 13)];
    u8 low_reg = cell.from_sp ? field5(word, 2) : (u8)(8 + field3(word, 2));
    u8 high_reg = cell.from_sp ? field5(word, 7) : (u8)(8 + field3(word, 7));

    *insn = (struct insn){
        .kind = cell.kind,
        .bytes = cell.bytes,
        .is_signed = cell.is_signed,
        .length = 2,
        .rd = cell.from_sp ? high_reg : low_reg,
        .rs1 = cell.from_sp ? REG_SP : high_reg,
        .rs2 = low_reg,
    };
    if (cell.kind == INSN_LOAD && insn->rd == 0)
        insn->kind = INSN_UNKNOWN; /* reserved */
}

/*
 * insn_decode - from the bits that stand at the guest's pc.
 *
 * word holds the first two bytes of the instruction in its low half; the other half counts only
 * if they say that there are four.  Longer formats do not exist yet: INSN_UNKNOWN.
 */
void insn_decode(struct insn *insn, u32 word)
{
    if ((word & 3) != 3) {
        decode_compressed(insn, word);
        return;
    }
    decode_standard(insn, word);
    if (unlikely(insn->kind >= INSN_ATOMIC))
        settle(insn, word);
}

static void decode_pseudo(struct insn *insn, u64 htinst)
{
    *insn = (struct insn){.kind = INSN_UNKNOWN, .bytes = (htinst & HTINST_PTE_64) != 0 ? 8 : 4};
    if ((htinst | HTINST_PTE_64) == HTINST_WALK_READ)
        insn->kind = INSN_WALK_READ;
    if ((htinst | HTINST_PTE_64) == HTINST_WALK_WRITE)
        insn->kind = INSN_WALK_WRITE;
}

/*
 * insn_decode_htinst - from what hardware says about a fault.
 *
 * A transformed instruction is the 32-bit form even of a compressed one, with the offset of the
 * faulting address in the place of rs1, and bit 1 clear if it was compressed.  Only memory accesses
 * have one.
 *
 * INSN_UNKNOWN   htinst is zero, a custom value or of an instruction that we do not know: fetch it
 */
void insn_decode_htinst(struct insn *insn, u64 htinst)
{
    if (unlikely((htinst & HTINST_TRANSFORMED) == 0)) {
        decode_pseudo(insn, htinst);
        return;
    }
    decode_standard(insn, (u32)htinst | HTINST_NOT_COMPRESSED);
    insn->offset = insn->rs1;
    insn->rs1 = 0;
    if ((htinst & HTINST_NOT_COMPRESSED) == 0)
        insn->length = 2;
    if (unlikely(insn->kind > INSN_ATOMIC || htinst >> 32 != 0))
        insn->kind = INSN_UNKNOWN;
}

u64 insn_load_extend(const struct insn *insn, u64 raw)
{
    unsigned unused = 64 - 8U * insn->bytes;

    return insn->is_signed ? (u64)((s64)(raw << unused) >> unused) : raw << unused >> unused;
}
