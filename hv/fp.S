/* SPDX-License-Identifier: BSD-2-Clause */
/* f0 to f31 and fcsr, to and from a struct fp_regs.  The only FP instructions in hv. */
#include "lib/riscv/asm.h"

    .option arch, +f, +d
    .text

FUNCTION(fp_regs_load)
    .irp n, 0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15, 16, 17, 18, 19, 20, 21, 22, 23, \
        24, 25, 26, 27, 28, 29, 30, 31
    fld     f\n, 8 * \n(a0)
    .endr
    ld      t0, 8 * 32(a0)
    fscsr   t0
    ret
END(fp_regs_load)

FUNCTION(fp_regs_save)
    .irp n, 0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15, 16, 17, 18, 19, 20, 21, 22, 23, \
        24, 25, 26, 27, 28, 29, 30, 31
    fsd     f\n, 8 * \n(a0)
    .endr
    frcsr   t0
    sd      t0, 8 * 32(a0)
    ret
END(fp_regs_save)
