/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Frame pointers would cost each function two instructions, and unwind tables are larger than the
 * code.  So the code itself is read, from a function's first instruction to the one in question:
 * what moves sp, and what saves ra and s0.
 *
 * It is read as it stands, not as it runs.  That is right as long as blocks lie in the order of the
 * frame's life, and where a function returns in its middle: what its end undid is valid again
 * behind the jump out.  A function whose early way out lies behind all the rest is read wrongly
 * there; the caller checks what comes of it.  [UNPRIV "RV32I Base Integer Instruction Set", "C
 * Extension"]
 */
#include "guest/unwind.h"

enum { ZERO = 0, RA = 1, SP = 2, T0 = 5, S0 = 8 };

#define OP_LOAD   0x03
#define OP_IMM    0x13
#define OP_IMM_32 0x1b
#define OP_STORE  0x23
#define OP_OP     0x33
#define OP_LUI    0x37
#define OP_JALR   0x67
#define OP_JAL    0x6f

struct scan {
    struct unwind now;
    struct unwind body; /* before the end of the function began */
    bool ending;
    s64 t0; /* a constant, where sp is moved by it: a frame that no immediate can express */
};

static u32 bits(u32 word, u32 high, u32 low)
{
    return word << (31 - high) >> (31 - high + low);
}

/* Bits high to low, as a signed number. */
static s64 signed_bits(u32 word, u32 high, u32 low)
{
    return (s32)(word << (31 - high)) >> (31 - high + low);
}

static void begin_end(struct scan *s)
{
    if (!s->ending) {
        s->body = s->now;
        s->ending = true;
    }
}

static void jump(struct scan *s)
{
    if (s->ending) {
        s->now = s->body;
        s->ending = false;
    }
}

static void move_sp(struct scan *s, s64 bytes)
{
    if (bytes > 0) {
        begin_end(s);
    }
    s->now.frame -= (u64)bytes;
}

static void add_immediate(struct scan *s, u32 rd, u32 rs1, s64 value)
{
    if (rd == SP && rs1 == SP) {
        move_sp(s, value);
    } else if (rd == SP && rs1 == S0 && s->now.s0_set) {
        begin_end(s);
        s->now.frame = s->now.s0_is - (u64)value;
        s->now.dynamic = false;
    } else if (rd == S0 && rs1 == SP) {
        s->now.s0_set = true;
        s->now.s0_is = s->now.frame - (u64)value;
    } else if (rd == T0) {
        s->t0 = rs1 == T0 ? s->t0 + value : value;
    }
}

/* sp is computed from a register: itself and t0, or in another way. */
static void compute_sp(struct scan *s, bool by_t0)
{
    if (by_t0) {
        move_sp(s, s->t0);
    } else {
        s->now.dynamic = true;
    }
}

static void load_upper(struct scan *s, u32 rd, s64 value)
{
    if (rd == T0) {
        s->t0 = value;
    }
}

static void store(struct scan *s, u32 source, u64 offset)
{
    if (source == RA && s->now.ra == 0) {
        s->now.ra = s->now.frame - offset;
    } else if (source == S0 && s->now.s0 == 0) {
        s->now.s0 = s->now.frame - offset;
    }
}

static void load(struct scan *s, u32 rd)
{
    if (rd == RA) {
        begin_end(s);
        s->now.ra = 0;
    } else if (rd == S0 && s->now.s0 != 0) {
        begin_end(s);
        s->now.s0 = 0;
        s->now.s0_set = false;
    }
}

static void scan_word(struct scan *s, u32 word)
{
    u32 rd = bits(word, 11, 7), f3 = bits(word, 14, 12), rs1 = bits(word, 19, 15);

    switch (bits(word, 6, 0)) {
    case OP_IMM:
    case OP_IMM_32:
        if (f3 == 0) {
            add_immediate(s, rd, rs1, signed_bits(word, 31, 20));
        }
        break;
    case OP_STORE:
        if (f3 == 3 && rs1 == SP) {
            store(s, bits(word, 24, 20), (u64)(signed_bits(word, 31, 25) * 32 + rd));
        }
        break;
    case OP_LOAD:
        if (f3 == 3 && rs1 == SP) {
            load(s, rd);
        }
        break;
    case OP_OP:
        if (f3 == 0 && rd == SP) {
            compute_sp(s, bits(word, 31, 25) == 0 && rs1 == SP && bits(word, 24, 20) == T0);
        }
        break;
    case OP_LUI: load_upper(s, rd, signed_bits(word, 31, 12) * 4096); break;
    case OP_JALR:
    case OP_JAL:
        if (rd == ZERO) {
            jump(s);
        }
        break;
    default: break;
    }
}

/* The 16-bit forms, by quadrant and funct3. */
static void scan_half(struct scan *s, u32 half)
{
    u32 rd = bits(half, 11, 7), rs2 = bits(half, 6, 2);
    s64 immediate = signed_bits(half, 12, 12) * 32 + rs2;

    switch ((half & 3) << 3 | bits(half, 15, 13)) {
    case 0 << 3 | 0: /* c.addi4spn */
        if (bits(half, 4, 2) == S0 - 8) {
            add_immediate(s, S0, SP,
                          (s64)(bits(half, 10, 7) << 6 | bits(half, 12, 11) << 4 |
                                bits(half, 5, 5) << 3 | bits(half, 6, 6) << 2));
        }
        break;
    case 1 << 3 | 0: /* c.addi */
    case 1 << 3 | 1: /* c.addiw */ add_immediate(s, rd, rd, immediate); break;
    case 1 << 3 | 2: /* c.li */ add_immediate(s, rd, ZERO, immediate); break;
    case 1 << 3 | 3:
        if (rd == SP) { /* c.addi16sp */
            move_sp(s, signed_bits(half, 12, 12) * 512 + (s64)(bits(half, 4, 3) << 7) +
                           (s64)(bits(half, 5, 5) << 6 | bits(half, 2, 2) << 5) +
                           (s64)(bits(half, 6, 6) << 4));
        } else { /* c.lui */
            load_upper(s, rd, immediate * 4096);
        }
        break;
    case 1 << 3 | 5: /* c.j */ jump(s); break;
    case 2 << 3 | 3: /* c.ldsp */ load(s, rd); break;
    case 2 << 3 | 4:
        if (bits(half, 12, 12) == 0 && rs2 == 0) { /* c.jr */
            jump(s);
        } else if (bits(half, 12, 12) == 1 && rs2 != 0 && rd == SP) { /* c.add */
            compute_sp(s, rs2 == T0);
        }
        break;
    case 2 << 3 | 7: /* c.sdsp */
        store(s, rs2, bits(half, 9, 7) << 6 | bits(half, 12, 10) << 3);
        break;
    default: break;
    }
}

/* The function begins at start; the instruction at pc, which is behind it, has not been executed.
 */
void unwind_scan(struct unwind *u, u64 start, u64 pc)
{
    struct scan s = {.t0 = 0};

    while (start < pc) {
        u32 half = *(const u16 *)start;

        if ((half & 3) == 3) {
            scan_word(&s, (u32) * (const u16 *)(start + 2) << 16 | half);
            start += 4;
        } else {
            scan_half(&s, half);
            start += 2;
        }
    }
    *u = s.now;
}
