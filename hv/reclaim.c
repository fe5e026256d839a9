/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Memory that nobody uses, but that is not free yet:
 *
 *     what                                 left by             taken apart by
 *     trees of pages without an owner      ends, exec          space_reap()
 *     tables that were dropped             forks, ends         gcache_reap()
 *     room that is kept for the next VM    ends                cell_trim()
 *     tables of VMs that are on no hart    they are a cache    gcache_evict_some()
 *
 * The first two are done by harts that are idle.  Whoever finds no free frame asks for all of them,
 * one after the other: frame_alloc() fails only when there is nothing more.  So this takes no lock
 * under which memory is asked for; a VM's, under which it is, by trying only.
 */
#include "hv/reclaim.h"

#include "hv/cell.h"
#include "hv/gcache.h"
#include "hv/space.h"

#define SLICE_ENTRIES 256

bool reclaim_slice(void)
{
    return space_reap(SLICE_ENTRIES) || gcache_reap();
}

void reclaim_all(void)
{
    while (reclaim_slice() || cell_trim())
        ;
}

bool reclaim(void)
{
    return reclaim_slice() || cell_trim() || gcache_evict_some();
}
