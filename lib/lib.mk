# SPDX-License-Identifier: BSD-2-Clause
# Compiled for HS-mode, VS-mode and this machine.
lib-y := \
    lib/bundle.c \
    lib/elf.c \
    lib/image.c \
    lib/machine_opts.c \
    lib/riscv/insn.c
