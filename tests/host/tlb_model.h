/* SPDX-License-Identifier: BSD-2-Clause */
#pragma once
/* Translation and instruction caches that forget only what a fence names.  See tlb_model.c. */
#include "lib/riscv/ops.h"

#define TLB_PAGES 12 /* GPAs that the model watches */
#define TLB_SITES 64

/* A fence of hv, by the two source lines that led to it.  One table for all processes of a test. */
struct tlb_site {
    char name[128];
    u64 calls;
};

struct tlb_model {
    /* set by the test, after tlb_start(): */
    void (*at_fence)(void);  /* hv is about to fence: whoever runs may act, the caller's table
                                stores are done */
    void (*at_switch)(void); /* hv is between two tables: other harts may act */
    const struct tlb_site *without; /* this fence does nothing; NULL: all fences work */
    bool knows_no_code; /* instruction caches are never stale: they cost much in a large machine */
};
extern struct tlb_model tlb;

/* Shared memory for sites, once, in the process that starts the others. */
struct tlb_site *tlb_sites(void);

/* Forgets everything; gpas[TLB_PAGES] are watched.  world_boot() has been called. */
void tlb_start(const gpa_t *gpas);

/* Every hart caches all that it may see now.  Called by every fence; a test calls it before and
 * after each operation. */
void tlb_observe(void);

/* Fails the test if this hart could use a translation that is not true any more. */
void tlb_check(void);

/* True if this hart may refuse the access by something it caches: the leaf, or a PTE above it. */
bool tlb_may_refuse(gpa_t gpa, enum access access);
bool tlb_leaf_may_refuse(gpa_t gpa, enum access access);
/*
 * Calls visit with each frame that this hart could reach by a stale translation.  Fails the test if
 * it could walk through a table that was emptied.
 */
void tlb_each_stale_frame(void (*visit)(hpa_t frame));

/* The guest with this vsatp changes its own tables, or fences them on this hart. */
void tlb_guest_changes(u64 vsatp);
void tlb_guest_sfence(void);
/* This hart's vsatp, as its guest or whoever loads the guest writes it. */
void tlb_set_vsatp(u64 vsatp);

/* What of hv is a fence but no function of lib/riscv/fence.h: true if it is to be left out. */
bool tlb_left_out(const char *name);

/* A page is cached in parts, so that what one part needs is not had by what another got. */
#define ICACHE_PARTS        2
#define ICACHE_PART(offset) ((offset) / (PAGE_BYTES / ICACHE_PARTS))

/* What is in memory at `at` has changed. */
void icache_changed(hpa_t at);
/* All pages whose contents changed since the last call count as changed now. */
void icache_observe(void);
/* The page came into being after `since`, an earlier icache_now(). */
void icache_mapped(hpa_t page, u64 since);
u64 icache_now(void);
/* The guest executes fence.i on this hart. */
void icache_guest_fence_i(void);
/* True if this hart could execute what was in memory at `at` before. */
bool icache_is_stale(hpa_t at);
