/* SPDX-License-Identifier: BSD-2-Clause */
/* Instruction words and htinst values, four and eight bytes at a time. */
#include "lib/riscv/insn.h"

#include <string.h>

#include "tests/test.h"

static void check_insn(const struct insn *insn, bool is_fetched)
{
    CHECK(insn->kind <= INSN_WALK_WRITE);
    CHECK(insn->rd < 32 && insn->rs1 < 32 && insn->rs2 < 32 && insn->offset < 32);
    CHECK(insn->csr < 4096);
    CHECK(!is_fetched || insn->length == 2 || insn->length == 4);
    if (insn->kind == INSN_LOAD || insn->kind == INSN_STORE)
        CHECK(insn->bytes == 1 || insn->bytes == 2 || insn->bytes == 4 || insn->bytes == 8);
    if (insn->kind == INSN_CSR)
        CHECK(insn->csr_op >= INSN_CSR_WRITE && insn->csr_op <= INSN_CSR_CLEAR);
    if (insn->kind == INSN_LOAD && !insn->is_signed && insn->bytes < 8)
        CHECK_EQ(insn_load_extend(insn, UINT64_MAX) >> 8 * insn->bytes, 0);
}

FUZZ(insn)
{
    struct insn insn;
    u64 htinst;
    u32 word;

    for (size_t at = 0; at + sizeof(word) <= size; at += sizeof(word)) {
        memcpy(&word, bytes + at, sizeof(word));
        insn_decode(&insn, word);
        check_insn(&insn, true);
    }
    for (size_t at = 0; at + sizeof(htinst) <= size; at += sizeof(htinst)) {
        memcpy(&htinst, bytes + at, sizeof(htinst));
        insn_decode_htinst(&insn, htinst);
        check_insn(&insn, false);
    }
    return 0;
}

FUZZ_SEEDS(insn)
{
    const u32 words[] = {
        0x04003503, /* ld a0, 64(zero) */
        0x00b50023, /* sb a1, 0(a0) */
        0xf14025f3, /* csrr a1, mhartid */
        0x10500073, /* wfi */
        0xcc035073, /* csrrwi x0, 0xcc0, 6 */
        0x1005252f, /* lr.w a0, (a0) */
        0x00004508, /* c.lw a0, 8(a0) */
        0x00006502, /* c.ldsp a0, 0(sp) */
    };
    const u64 htinsts[] = {0x3000, 0x3020, 0x3501, 0x3503, 0x00b50023};

    fuzz_seed(words, sizeof(words));
    fuzz_seed(htinsts, sizeof(htinsts));
}
