/* SPDX-License-Identifier: BSD-2-Clause */
#pragma once
/* Two-level segregated fit: any size in bounded time, little lost.  See tlsf.c. */
#include "lib/mem/alloc.h"

#define TLSF_FIRST  28
#define TLSF_SECOND 32

struct tlsf_block;
struct tlsf_region;

struct tlsf {
    struct allocator allocator;
    struct tlsf_block *rest;     /* a free block in no list; or NULL */
    u64 rest_bytes;              /* its size; or 0 */
    u32 below_rest;              /* the levels below that of rest when it became it, without 0 */
    u32 first;                   /* bit f: second[f] is not 0 */
    u32 second[TLSF_FIRST];      /* bit s: list[32 f + s] is not empty */
    u64 low, high;               /* all regions are between these */
    u64 total_bytes;             /* of all regions */
    struct tlsf_region *regions; /* few */
    struct tlsf_block *list[TLSF_FIRST * TLSF_SECOND]; /* free blocks by bin */
};

/* An allocator without memory. */
struct allocator *tlsf_init(struct tlsf *tlsf);
