/* SPDX-License-Identifier: BSD-2-Clause */
#pragma once
/* What a flattened device tree says about a machine, as plain data.  See machine.c. */
#include "lib/kit/err.h"
#include "lib/kit/types.h"

#define MACHINE_MEMORY_MAX   16
#define MACHINE_RESERVED_MAX 16
#define MACHINE_HARTS_MAX    64
#define MACHINE_VIRTIO_MAX   16

struct machine_range {
    u64 base, bytes;
};

struct machine {
    const void *fdt;
    u64 fdt_bytes;
    char isa[1024];    /* of the first hart */
    char mmu_type[16]; /* of the first hart, "riscv,sv48"; "" if the tree does not say */
    bool has_h, has_sstc, has_zicboz; /* each hart has it */
    u64 timebase_hz;
    u32 harts; /* the first MACHINE_HARTS_MAX; what there is beyond is not used */
    u64 hart_id[MACHINE_HARTS_MAX];
    u32 memory_ranges;
    struct machine_range memory[MACHINE_MEMORY_MAX];
    u32 reserved_ranges; /* /reserved-memory and the memory reservation block */
    struct machine_range reserved[MACHINE_RESERVED_MAX];
    struct machine_range uart;     /* ns16550a; bytes 0: none */
    u32 uart_source;               /* its interrupt at the PLIC; 0: none */
    u32 uart_stride;               /* bytes from register to register */
    struct machine_range finisher; /* sifive,test0; bytes 0: none */
    struct machine_range plic;
    struct machine_range rtc; /* goldfish; bytes 0: none */
    struct machine_range
        pflash; /* cfi-flash, its last bank: the first may be firmware's; bytes 0: none */
    u32 virtios;
    struct machine_range virtio[MACHINE_VIRTIO_MAX]; /* virtio,mmio, in address order */
    u32 virtio_source[MACHINE_VIRTIO_MAX];           /* the slot's at the PLIC; 0: none */
    struct machine_range initrd;                     /* bytes 0: none */
    char bootargs[512];
};

/* ERR_FORMAT: not a device tree, or one that lacks what a machine must have; *why says which. */
__must_check enum err machine_read(struct machine *machine, const void *fdt, const char **why);

/* Moves /chosen/rng-seed out of the tree: afterwards it is in seed[] only.  False: there is none of
 * that many bytes; seed[] is as before. */
bool machine_take_rng_seed(void *fdt, u8 *seed, size_t bytes);
