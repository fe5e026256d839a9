/* SPDX-License-Identifier: BSD-2-Clause */
#pragma once
/*
 * Marks in the stream of instructions, which tools/insns.c counts.  They do nothing else, in any
 * mode, under any system.  Aligned, so that none crosses a page.
 */
#define MARK(number)                             \
    __asm__ volatile(".balign 4\n\t"             \
                     ".option push\n\t"          \
                     ".option norvc\n\t"         \
                     "slti zero, zero, %0\n\t"   \
                     ".option pop" ::"i"(number) \
                     : "memory")

#define MARK_BEGIN() MARK(1)
#define MARK_END()   MARK(2)
