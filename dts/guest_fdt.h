/* SPDX-License-Identifier: BSD-2-Clause */
#pragma once
/* The device tree of one guest, made from guest.dts.  See guest_fdt.c. */
#include "lib/kit/err.h"
#include "lib/kit/types.h"

#include "dts/machine.h"

/* What guest.dts leaves open. */
struct guest_fdt {
    u64 mem_bytes;
    u32 vcpus;
    bool has_sstc, has_zicboz;
    const char *mmu_type; /* as the host's; "": Sv39 */
    u64 timebase_hz;
    const char *bootargs;
    bool has_pflash;
    u64 initrd, initrd_bytes; /* where in its memory; 0 bytes: none */
    bool has_rtc;
    bool has_rng_seed; /* zeros, to be replaced where guest_fdt_rng_seed() says */
};

#define GUEST_FDT_SEED_BYTES 32

/* Writes the tree to `to`, aligned to 8; its length is in *bytes.  ERR_NOMEM: it needs more. */
__must_check enum err guest_fdt_make(void *to, size_t to_bytes, const struct guest_fdt *guest,
                                     size_t *bytes);

/* Where in a tree that was made so its rng-seed begins, in bytes. */
size_t guest_fdt_rng_seed(const void *fdt);

/* Where guest.dts has the device; bytes 0: nowhere. */
struct machine_range guest_fdt_device(const char *compatible);
