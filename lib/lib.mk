# SPDX-License-Identifier: BSD-2-Clause
# Compiled for HS-mode, VS-mode and this machine.
lib-y := \
    lib/bundle.c \
    lib/drv/ns16550.c \
    lib/drv/virtio_console.c \
    lib/drv/virtio_mmio.c \
    lib/elf.c \
    lib/image.c \
    lib/machine_opts.c \
    lib/riscv/insn.c \
    lib/tracefilter.c \
    lib/virtio/virtq.c
lib-riscv-y := lib/riscv/mmio.c
