/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The instruction decoder against binutils: what the assembler makes of a mnemonic must be decoded
 * as that mnemonic, and what the disassembler reads in arbitrary bits we must read, too.
 *
 * The expectations here are about mnemonics; no encoding is written down.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "lib/riscv/insn.h"

#include "tests/test.h"

#define BINUTILS "riscv64-unknown-elf-"

enum operands {
    NONE,
    MEMORY, /* reg, offset(reg) */
    ATOMIC, /* reg[, reg], (reg) */
    CSR,    /* reg, csr, reg or number */
};

static const struct mnemonic {
    const char *name; /* without .aq and .rl */
    u8 kind;
    u8 bytes;
    bool is_signed;
    u8 operands;
    u8 detail; /* CSR: csr_op | 4 if immediate */
} mnemonics[] = {
    {"lb",      INSN_LOAD,     1, true,  MEMORY, 0                 },
    {"lh",      INSN_LOAD,     2, true,  MEMORY, 0                 },
    {"lw",      INSN_LOAD,     4, true,  MEMORY, 0                 },
    {"ld",      INSN_LOAD,     8, true,  MEMORY, 0                 },
    {"lbu",     INSN_LOAD,     1, false, MEMORY, 0                 },
    {"lhu",     INSN_LOAD,     2, false, MEMORY, 0                 },
    {"lwu",     INSN_LOAD,     4, false, MEMORY, 0                 },
    {"sb",      INSN_STORE,    1, false, MEMORY, 0                 },
    {"sh",      INSN_STORE,    2, false, MEMORY, 0                 },
    {"sw",      INSN_STORE,    4, false, MEMORY, 0                 },
    {"sd",      INSN_STORE,    8, false, MEMORY, 0                 },
    {"flw",     INSN_LOAD_FP,  4, false, MEMORY, 0                 },
    {"fld",     INSN_LOAD_FP,  8, false, MEMORY, 0                 },
    {"fsw",     INSN_STORE_FP, 4, false, MEMORY, 0                 },
    {"fsd",     INSN_STORE_FP, 8, false, MEMORY, 0                 },
    {"c.lw",    INSN_LOAD,     4, true,  MEMORY, 0                 },
    {"c.ld",    INSN_LOAD,     8, true,  MEMORY, 0                 },
    {"c.lwsp",  INSN_LOAD,     4, true,  MEMORY, 0                 },
    {"c.ldsp",  INSN_LOAD,     8, true,  MEMORY, 0                 },
    {"c.sw",    INSN_STORE,    4, false, MEMORY, 0                 },
    {"c.sd",    INSN_STORE,    8, false, MEMORY, 0                 },
    {"c.swsp",  INSN_STORE,    4, false, MEMORY, 0                 },
    {"c.sdsp",  INSN_STORE,    8, false, MEMORY, 0                 },
    {"c.fld",   INSN_LOAD_FP,  8, false, MEMORY, 0                 },
    {"c.fldsp", INSN_LOAD_FP,  8, false, MEMORY, 0                 },
    {"c.fsd",   INSN_STORE_FP, 8, false, MEMORY, 0                 },
    {"c.fsdsp", INSN_STORE_FP, 8, false, MEMORY, 0                 },
    {"lr.w",    INSN_ATOMIC,   4, true,  ATOMIC, 0                 },
    {"lr.d",    INSN_ATOMIC,   8, true,  ATOMIC, 0                 },
    {"sc.w",    INSN_ATOMIC,   4, true,  ATOMIC, 0                 },
    {"sc.d",    INSN_ATOMIC,   8, true,  ATOMIC, 0                 },
    {"csrrw",   INSN_CSR,      0, false, CSR,    INSN_CSR_WRITE    },
    {"csrrs",   INSN_CSR,      0, false, CSR,    INSN_CSR_SET      },
    {"csrrc",   INSN_CSR,      0, false, CSR,    INSN_CSR_CLEAR    },
    {"csrrwi",  INSN_CSR,      0, false, CSR,    INSN_CSR_WRITE | 4},
    {"csrrsi",  INSN_CSR,      0, false, CSR,    INSN_CSR_SET | 4  },
    {"csrrci",  INSN_CSR,      0, false, CSR,    INSN_CSR_CLEAR | 4},
    {"wfi",     INSN_WFI,      0, false, NONE,   0                 },
};

/* All AMOs decode alike. */
static const struct mnemonic amo_w = {"amo*.w", INSN_ATOMIC, 4, true, ATOMIC, 0};
static const struct mnemonic amo_d = {"amo*.d", INSN_ATOMIC, 8, true, ATOMIC, 0};
static const struct mnemonic other = {"anything else", INSN_UNKNOWN, 0, false, NONE, 0};

static const struct mnemonic *find_mnemonic(const char *name)
{
    const char *order = strstr(name, ".aq") != NULL ? strstr(name, ".aq") : strstr(name, ".rl");
    size_t length = order != NULL ? (size_t)(order - name) : strlen(name);

    for (size_t i = 0; i < ARRAY_LEN(mnemonics); i++) {
        if (strlen(mnemonics[i].name) == length && strncmp(mnemonics[i].name, name, length) == 0)
            return &mnemonics[i];
    }
    if (strncmp(name, "amo", 3) == 0)
        return name[length - 1] == 'w' ? &amo_w : &amo_d;
    return &other;
}

/* One line in the words of the assembler, registers by number ("x7", "f7"), and its bits. */
static void check_line(const char *line, u32 word)
{
    char name[32] = "", operands[64] = "", bank;
    unsigned first = 0, base = 0, last = 0;
    const struct mnemonic *expected;
    struct insn insn;
    const char *number;

    sscanf(line, "%31s %63s", name, operands);
    expected = find_mnemonic(name);
    insn_decode(&insn, word);
    if (insn.kind != expected->kind)
        FAIL("%#x (%s): kind %d, not %d", word, line, insn.kind, expected->kind);
    if (expected->kind == INSN_UNKNOWN)
        return;
    CHECK_EQ(insn.length, (word & 3) == 3 ? 4 : 2);
    CHECK_EQ(insn.bytes, expected->bytes);
    CHECK_EQ(insn.is_signed, expected->is_signed);
    if (expected->operands == NONE)
        return;

    CHECK(sscanf(operands, "%c%u", &bank, &first) == 2 && (bank == 'x' || bank == 'f'));
    if (insn.kind == INSN_STORE || insn.kind == INSN_STORE_FP)
        CHECK_EQ(insn.rs2, first);
    else
        CHECK_EQ(insn.rd, first);
    if (expected->operands == MEMORY || expected->operands == ATOMIC) {
        number = strchr(operands, '(');
        CHECK(number != NULL && sscanf(number, "(x%u)", &base) == 1);
        CHECK_EQ(insn.rs1, base);
    } else {
        number = strrchr(operands, ',') + 1;
        CHECK(sscanf(number + (number[0] == 'x'), "%u", &last) == 1);
        CHECK_EQ(insn.rs1, last);
        CHECK_EQ(insn.csr_op | (insn.csr_is_imm ? 4 : 0), expected->detail);
        number = strchr(operands, ',') + 1;
        if (number[0] == '0')
            CHECK_EQ(insn.csr, strtoul(number, NULL, 16));
    }
}

/* ---- running binutils ---- */

static char folder[] = "/tmp/insn_test.XXXXXX";

static void make_folder(void)
{
    strcpy(folder + strlen(folder) - 6, "XXXXXX");
    CHECK(mkdtemp(folder) != NULL);
}

static void remove_folder(void)
{
    static const char *const names[] = {"in.s", "in.o", "bits"};
    char path[64];

    for (size_t i = 0; i < ARRAY_LEN(names); i++) {
        snprintf(path, sizeof(path), "%s/%s", folder, names[i]);
        unlink(path);
    }
    rmdir(folder);
}

static FILE *open_file(const char *name, const char *mode)
{
    char path[64];
    FILE *file;

    snprintf(path, sizeof(path), "%s/%s", folder, name);
    file = fopen(path, mode);
    CHECK(file != NULL);
    return file;
}

static void assemble(void)
{
    char command[256];

    snprintf(command, sizeof(command),
             "cd %s && " BINUTILS "as -march=rv64gc -mno-relax -o in.o in.s && " BINUTILS
             "objcopy -O binary -j .text in.o bits",
             folder);
    CHECK_EQ(system(command), 0);
}

/* Every line that objdump makes of the file "bits" goes through check_line; returns their number.
 */
static u32 check_disassembly(void)
{
    char command[256], line[256];
    FILE *lines;
    u32 count = 0;

    snprintf(command, sizeof(command),
             BINUTILS "objdump -D -z -b binary -m riscv:rv64 -M no-aliases,numeric %s/bits",
             folder);
    lines = popen(command, "r");
    CHECK(lines != NULL);
    while (fgets(line, sizeof(line), lines) != NULL) {
        char *bits = strstr(line, ":\t"), *text;

        if (bits == NULL)
            continue;
        text = strchr(bits + 2, '\t');
        CHECK(text != NULL);
        text[strcspn(text, "\n")] = '\0';
        check_line(text + 1, (u32)strtoul(bits + 2, NULL, 16));
        count++;
    }
    CHECK_EQ(pclose(lines), 0);
    return count;
}

/* ---- what the assembler writes, we read ---- */

static void write_memory_line(FILE *out, const struct mnemonic *mnemonic, unsigned reg,
                              unsigned base, int offset)
{
    char bank = mnemonic->kind == INSN_LOAD_FP || mnemonic->kind == INSN_STORE_FP ? 'f' : 'x';

    fprintf(out, "%s %c%u,%d(x%u)\n", mnemonic->name, bank, reg, offset, base);
}

static bool is_compressed(const struct mnemonic *mnemonic)
{
    return strncmp(mnemonic->name, "c.", 2) == 0;
}

static void write_memory_lines(FILE *out, const struct mnemonic *mnemonic)
{
    static const int plain[] = {-2048, -1, 0, 1, 8, 2047};
    bool is_from_sp = strstr(mnemonic->name, "sp") != NULL;
    unsigned first = is_compressed(mnemonic) && !is_from_sp ? 8 : 0, end = first == 8 ? 16 : 32;
    int step = mnemonic->bytes;

    if (is_from_sp && mnemonic->kind == INSN_LOAD)
        first = 1;
    for (unsigned reg = first; reg < end; reg++) {
        if (is_from_sp) {
            for (int offset = 0; offset < 64 * step; offset += step)
                write_memory_line(out, mnemonic, reg, 2, offset);
            continue;
        }
        for (unsigned base = first; base < end; base++) {
            if (is_compressed(mnemonic)) {
                for (int offset = 0; offset < 32 * step; offset += step)
                    write_memory_line(out, mnemonic, reg, base, offset);
                continue;
            }
            for (size_t i = 0; i < ARRAY_LEN(plain); i++)
                write_memory_line(out, mnemonic, reg, base, plain[i]);
        }
    }
}

static void write_other_lines(FILE *out, const struct mnemonic *mnemonic)
{
    static const u32 csrs[] = {0x000, 0x100, 0x7ff, 0xcc0, 0xf14, 0xfff};
    const char *name = mnemonic->name;

    for (unsigned reg = 0; reg < 32; reg++) {
        if (mnemonic->operands == ATOMIC && name[0] == 'l')
            fprintf(out, "%s.aq x%u,(x%u)\n", name, reg, 31 - reg);
        if (mnemonic->operands == ATOMIC && name[0] == 's')
            fprintf(out, "%s.rl x%u,x%u,(x%u)\n", name, reg, reg / 2, 31 - reg);
        for (size_t i = 0; mnemonic->operands == CSR && i < ARRAY_LEN(csrs); i++)
            fprintf(out, "%s x%u,%#x,%s%u\n", name, reg, csrs[i],
                    (mnemonic->detail & 4) != 0 ? "" : "x", 31 - reg);
    }
    if (mnemonic->operands == NONE)
        fprintf(out, "%s\n", name);
}

static void write_all_lines(FILE *out)
{
    static const char *const amos[] = {"swap", "add", "xor",  "and", "or",
                                       "min",  "max", "minu", "maxu"};

    for (size_t i = 0; i < ARRAY_LEN(mnemonics); i++) {
        /* The assembler compresses what it can: only what is called so shall be. */
        fprintf(out, ".option %s\n", is_compressed(&mnemonics[i]) ? "rvc" : "norvc");
        if (mnemonics[i].operands == MEMORY)
            write_memory_lines(out, &mnemonics[i]);
        else
            write_other_lines(out, &mnemonics[i]);
    }
    for (size_t i = 0; i < ARRAY_LEN(amos); i++)
        fprintf(out, "amo%s.w x5,x6,(x7)\namo%s.d.aqrl x28,x29,(x30)\n", amos[i], amos[i]);
    fprintf(out, "nop\nfence\necall\nsret\nmul x1,x2,x3\nfence.i\n");
    fprintf(out, ".option rvc\nc.nop\nc.ebreak\n");
}

TEST(insn_as_assembled)
{
    FILE *source, *bits;
    char line[128];
    u32 count = 0;

    make_folder();
    source = open_file("in.s", "w");
    write_all_lines(source);
    fclose(source);
    assemble();

    source = open_file("in.s", "r");
    bits = open_file("bits", "r");
    while (fgets(line, sizeof(line), source) != NULL) {
        u16 low, high = 0;

        if (line[0] == '.')
            continue;
        line[strcspn(line, "\n")] = '\0';
        CHECK_EQ(fread(&low, sizeof(low), 1, bits), 1);
        if ((low & 3) == 3)
            CHECK_EQ(fread(&high, sizeof(high), 1, bits), 1);
        check_line(line, (u32)high << 16 | low);
        count++;
    }
    CHECK_EQ(fgetc(bits), EOF);
    CHECK(count > 100000);
    fclose(source);
    fclose(bits);
    remove_folder();
}

/* ---- what the disassembler reads, we read ---- */

TEST(insn_as_disassembled_all_16_bit)
{
    FILE *bits;

    make_folder();
    bits = open_file("bits", "w");
    for (u32 half = 0; half < 0x10000; half++) {
        if ((half & 3) != 3)
            fwrite(&half, 2, 1, bits);
    }
    fclose(bits);
    CHECK_EQ(check_disassembly(), 0xc000);
    remove_folder();
}

/* Every other word has one of the opcodes that matter. */
TEST(insn_as_disassembled_random_32_bit)
{
    static const u32 opcodes[] = {0x03, 0x07, 0x23, 0x27, 0x2f, 0x73};
    const u32 count = 1000000;
    u64 random = 1;
    FILE *bits;

    make_folder();
    bits = open_file("bits", "w");
    for (u32 i = 0; i < count;) {
        u32 word = (u32)test_random(&random) | 3;

        if (i % 2 == 0)
            word = (word & ~0x7fU) | opcodes[i / 2 % ARRAY_LEN(opcodes)];
        if ((word & 0x1f) == 0x1f)
            continue; /* longer than 32 bits */
        fwrite(&word, 4, 1, bits);
        i++;
    }
    fclose(bits);
    CHECK_EQ(check_disassembly(), count);
    remove_folder();
}

TEST(insn_longer_than_32_bits_is_unknown)
{
    struct insn insn;

    for (u32 funct3 = 0; funct3 < 8; funct3++) {
        insn_decode(&insn, funct3 << 12 | 0x1f);
        CHECK_EQ(insn.kind, INSN_UNKNOWN);
        insn_decode(&insn, funct3 << 12 | 0x7f);
        CHECK_EQ(insn.kind, INSN_UNKNOWN);
    }
}

/* ---- htinst ---- */

/* [PRIV "Transformed Instruction or Pseudoinstruction for mtinst or htinst"] */
static u64 transform_load(u32 word, u32 offset, bool is_compressed)
{
    return ((word & 0x00007fffU) | offset << 15) & ~(is_compressed ? 2ULL : 0ULL);
}

static u64 transform_store(u32 word, u32 offset, bool is_compressed)
{
    return ((word & 0x01f0707fU) | offset << 15) & ~(is_compressed ? 2ULL : 0ULL);
}

TEST(insn_htinst_says_what_the_word_says)
{
    u64 random = 2;

    for (u32 i = 0; i < 100000; i++) {
        bool is_store = i % 2 == 0, is_compressed = i % 4 < 2;
        u32 word = ((u32)test_random(&random) & ~0x7fU) | (is_store ? 0x23 : 0x03);
        u32 offset = i % 8;
        struct insn from_word, insn;

        insn_decode(&from_word, word);
        insn_decode_htinst(&insn, is_store ? transform_store(word, offset, is_compressed)
                                           : transform_load(word, offset, is_compressed));
        CHECK_EQ(insn.kind, from_word.kind);
        CHECK_EQ(insn.length, is_compressed ? 2 : 4);
        CHECK_EQ(insn.bytes, from_word.bytes);
        CHECK_EQ(insn.is_signed, from_word.is_signed);
        CHECK_EQ(insn.offset, offset);
        CHECK_EQ(insn.rs1, 0);
        if (is_store)
            CHECK_EQ(insn.rs2, from_word.rs2);
        else
            CHECK_EQ(insn.rd, from_word.rd);
    }
}

TEST(insn_htinst_special_values)
{
    static const struct {
        u64 htinst;
        u8 kind;
    } rows[] = {
        {0,           INSN_UNKNOWN   },
        {0x3000,      INSN_WALK_READ },
        {0x3020,      INSN_WALK_WRITE},
        {0x2000,      INSN_WALK_READ },
        {0x2020,      INSN_WALK_WRITE},
        {0x1000,      INSN_UNKNOWN   },
        {0x3040,      INSN_UNKNOWN   },
        {0x3002,      INSN_UNKNOWN   }, /* custom */
        {0x100003503, INSN_UNKNOWN   }, /* more than 32 bits */
        {0x10500073,  INSN_UNKNOWN   }, /* wfi never faults */
        {0xf14025f3,  INSN_UNKNOWN   }, /* nor does csrr */
        {0x100003000, INSN_UNKNOWN   },
        {0x3503,      INSN_LOAD      },
        {0x3501,      INSN_LOAD      },
        {0x1005252f,  INSN_ATOMIC    },
    };
    struct insn insn;

    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        insn_decode_htinst(&insn, rows[i].htinst);
        if (insn.kind != rows[i].kind)
            FAIL("htinst %#llx: kind %d", (unsigned long long)rows[i].htinst, insn.kind);
    }
    insn_decode_htinst(&insn, 0x3020);
    CHECK_EQ(insn.length, 0);
    CHECK_EQ(insn.bytes, 8);
}

TEST(insn_load_extends_as_the_width_says)
{
    static const struct {
        u8 bytes;
        bool is_signed;
        u64 result;
    } rows[] = {
        {1, true,  0xfffffffffffffff8},
        {1, false, 0xf8              },
        {2, true,  0xfffffffffffff7f8},
        {2, false, 0xf7f8            },
        {4, true,  0xfffffffff5f6f7f8},
        {4, false, 0xf5f6f7f8        },
        {8, true,  0xf1f2f3f4f5f6f7f8},
    };

    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        struct insn insn = {
            .kind = INSN_LOAD, .bytes = rows[i].bytes, .is_signed = rows[i].is_signed};

        CHECK_EQ(insn_load_extend(&insn, 0xf1f2f3f4f5f6f7f8), rows[i].result);
    }
}
