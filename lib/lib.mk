# SPDX-License-Identifier: BSD-2-Clause
# Compiled for HS-mode, VS-mode and this machine.
lib-y += lib/bundle.c
lib-y += lib/drv/ns16550.c
lib-y += lib/drv/plic.c
lib-y += lib/drv/virtio_console.c
lib-y += lib/drv/virtio_mmio.c
lib-y += lib/elf.c
lib-y += lib/image.c
lib-y += lib/kit/chacha20.c
lib-y += lib/kit/heap.c
lib-y += lib/kit/siphash.c
lib-y += lib/machine_opts.c
lib-y += lib/mem/alloc.c
lib-y += lib/mem/bitmap.c
lib-y += lib/mem/buddy.c
lib-y += lib/mem/bump.c
lib-y += lib/mem/slab.c
lib-y += lib/mem/tlsf.c
lib-y += lib/mem/tlsf_check.c
lib-y += lib/riscv/insn.c
lib-y += lib/sched/cfs.c
lib-y += lib/sched/fifo.c
lib-y += lib/sched/rr.c
lib-y += lib/tracefilter.c
lib-y += lib/virtio/virtq.c
# Only where there is a machine: host tests bring their own.
lib-riscv-y += lib/riscv/mmio.c
