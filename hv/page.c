/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Whole pages, cleared and copied: the physical limit of a first touch and of a copy-on-write
 * fault. Straight-line code of 512 loads and stores needs no loop (a displacement reaches -2048 to
 * 2047), and cbo.zero clears a 64-byte block by one instruction where the hart has it.
 *
 * [UNPRIV "Zicboz"]
 */
#include "hv/frame.h"

#define BLOCK_BYTES 64UL

static bool has_zicboz;

void page_use_zicboz(void)
{
    has_zicboz = true;
}

#ifdef __riscv

static void zero_by_block(hpa_t page)
{
    u64 at = page.v;

    /* .insn: cbo.zero (at), for assemblers that do not know the name. */
    for (u64 end = at + PAGE_BYTES; at < end; at += 8 * BLOCK_BYTES) {
        __asm__ volatile(".insn i 0x0f, 2, x0, %0, 4\n.insn i 0x0f, 2, x0, %1, 4\n"
                         ".insn i 0x0f, 2, x0, %2, 4\n.insn i 0x0f, 2, x0, %3, 4\n"
                         ".insn i 0x0f, 2, x0, %4, 4\n.insn i 0x0f, 2, x0, %5, 4\n"
                         ".insn i 0x0f, 2, x0, %6, 4\n.insn i 0x0f, 2, x0, %7, 4"
                         :
                         : "r"(at), "r"(at + BLOCK_BYTES), "r"(at + 2 * BLOCK_BYTES),
                           "r"(at + 3 * BLOCK_BYTES), "r"(at + 4 * BLOCK_BYTES),
                           "r"(at + 5 * BLOCK_BYTES), "r"(at + 6 * BLOCK_BYTES),
                           "r"(at + 7 * BLOCK_BYTES)
                         : "memory");
    }
}

static void zero_by_word(hpa_t page)
{
    __asm__ volatile(".set offset, -2048\n"
                     ".rept 512\n"
                     "sd zero, offset(%0)\n"
                     ".set offset, offset + 8\n"
                     ".endr"
                     :
                     : "r"(page.v + PAGE_BYTES / 2)
                     : "memory");
}

void page_copy(hpa_t to, hpa_t from)
{
    u64 t0, t1, t2, t3;

    __asm__ volatile(".set offset, -2048\n"
                     ".rept 128\n"
                     "ld %0, offset(%5)\n"
                     "ld %1, offset + 8(%5)\n"
                     "ld %2, offset + 16(%5)\n"
                     "ld %3, offset + 24(%5)\n"
                     "sd %0, offset(%4)\n"
                     "sd %1, offset + 8(%4)\n"
                     "sd %2, offset + 16(%4)\n"
                     "sd %3, offset + 24(%4)\n"
                     ".set offset, offset + 32\n"
                     ".endr"
                     : "=&r"(t0), "=&r"(t1), "=&r"(t2), "=&r"(t3)
                     : "r"(to.v + PAGE_BYTES / 2), "r"(from.v + PAGE_BYTES / 2)
                     : "memory");
}

#else

#    include <string.h>

static void zero_by_word(hpa_t page)
{
    memset(hpa_ptr(page), 0, PAGE_BYTES);
}

static void zero_by_block(hpa_t page)
{
    zero_by_word(page);
}

void page_copy(hpa_t to, hpa_t from)
{
    memcpy(hpa_ptr(to), hpa_ptr(from), PAGE_BYTES);
}

#endif

void page_zero(hpa_t page)
{
    if (has_zicboz)
        zero_by_block(page);
    else
        zero_by_word(page);
}
