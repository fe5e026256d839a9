/* SPDX-License-Identifier: BSD-2-Clause */
#pragma once
/*
 * The device tree of a guest, made from guest.dts in two steps: once for each kind of machine,
 * which is slow, and from that for each image that begins in one.  See guest_fdt.c.
 */
#include "lib/kit/err.h"
#include "lib/kit/types.h"

#include "dts/machine.h"

/* What guest.dts leaves open about the machine. */
struct guest_fdt {
    u64 mem_bytes;
    u32 vcpus;
    bool has_sstc, has_zicboz;
    const char *mmu_type; /* as the host's; "": Sv39 */
    u64 timebase_hz;
    bool has_pflash;
    bool has_rtc;
};

/* What it leaves open about an image in it. */
struct guest_fdt_start {
    const char *bootargs;     /* where there are no args */
    const void *args;         /* as sbi/proc.h has them for exec; bootargs is what is in them */
    u32 args_bytes;           /* 0: none */
    u64 initrd, initrd_bytes; /* where in its memory; 0 bytes: none */
    bool has_rng_seed;        /* zeros, to be replaced */
    u32 ranges;
    const struct machine_range *range; /* of memory that is shared */
};

#define GUEST_FDT_SEED_BYTES 32

/* The tree of a kind of machine. */
struct guest_fdt_made {
    const void *tree;  /* aligned to 8 */
    size_t bytes;      /* of all of it */
    size_t chosen_end; /* where in it /chosen ends */
};

/* Writes the tree to `to`, aligned to 8.  ERR_NOMEM: it needs more. */
__must_check enum err guest_fdt_make(void *to, size_t to_bytes, const struct guest_fdt *guest,
                                     struct guest_fdt_made *made);

/* What is where in a tree. */
struct guest_fdt_places {
    size_t bytes;   /* of all of it */
    size_t seed_at; /* its rng-seed, if it has one */
    size_t args_at; /* its args, if it has some */
};

/* The same from a tree that was made so, to a place aligned to 8. */
__must_check enum err guest_fdt_start(void *to, size_t to_bytes, const struct guest_fdt_made *made,
                                      const struct guest_fdt_start *start,
                                      struct guest_fdt_places *places);

/* Where guest.dts has the device; bytes 0: nowhere. */
struct machine_range guest_fdt_device(const char *compatible);
