/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Nodes of the trees that say what VMs' memory is.
 *
 * A node has 72 bytes: eight entries and their count.  A frame is a slab of 56, behind a header of
 * 64 bytes, with nothing left over:
 *
 *     | header | node 0 | node 1 | ... | node 55 |        4096 = 64 + 56 * 72
 *
 * Each hart takes from a list of its own and gives back to it, without a lock, wherever the node is
 * from.  When the list is empty the free nodes of some slab become it, all at once; when it is long
 * half of it goes back to the slabs.
 *
 * Invariant: a node is in exactly one of: its slab's list, a hart's list, or use.  A slab is in
 * `partial` if its list has some node; if it has all of them it is no longer a slab, but a free
 * frame.
 *
 * No memory is asked for under the lock, since whoever looks for memory may well free nodes.
 */
#include "hv/space_node.h"

#include "lib/kit/list.h"
#include "lib/kit/spinlock.h"

#include "hv/frame.h"
#include "hv/hart.h"

#define SLAB_NODES 56U

struct slab {
    struct list link; /* in `partial` */
    struct space_node *free;
    u32 free_count;
    u64 unused[4];
    struct space_node nodes[SLAB_NODES];
};
_Static_assert(sizeof(struct slab) == PAGE_BYTES, "a slab is a frame");

static struct {
    struct spinlock lock;
    struct list partial;
    u64 free_count; /* in the slabs' lists */
    u64 frames;
} slabs = {
    .partial = {&slabs.partial, &slabs.partial}
};

/* A slab's free nodes become the hart's.  False: no slab has any. */
static bool take_slab(struct space_node_cache *cache)
{
    struct slab *slab = NULL;

    spin_lock(&slabs.lock);
    if (!list_empty(&slabs.partial)) {
        slab = container_of(slabs.partial.next, struct slab, link);
        list_del(&slab->link);
        cache->free = slab->free;
        cache->count = slab->free_count;
        slabs.free_count -= slab->free_count;
        slab->free = NULL;
        slab->free_count = 0;
    }
    spin_unlock(&slabs.lock);
    return slab != NULL;
}

static void add_slab(struct slab *slab)
{
    slab->free = NULL;
    for (u32 i = 0; i < SLAB_NODES; i++) {
        slab->nodes[i].next = slab->free;
        slab->free = &slab->nodes[i];
    }
    slab->free_count = SLAB_NODES;
    spin_lock(&slabs.lock);
    list_add_tail(&slabs.partial, &slab->link);
    slabs.free_count += SLAB_NODES;
    slabs.frames++;
    spin_unlock(&slabs.lock);
}

/* The hart's list is empty.  False: there is no memory. */
static bool refill(struct space_node_cache *cache)
{
    while (!take_slab(cache)) {
        hpa_t frame = frame_alloc();

        if (frame.v == 0)
            return cache->count > 0;
        add_slab(hpa_ptr(frame));
        /* To find the frame may have freed nodes: then the slab is for others. */
        if (cache->count > 0)
            return true;
    }
    return true;
}

static struct space_node *take(struct space_node_cache *cache)
{
    struct space_node *node = cache->free;

    cache->free = node->next;
    cache->count--;
    return node;
}

static void give(struct space_node_cache *cache, struct space_node *node)
{
    node->next = cache->free;
    cache->free = node;
    cache->count++;
}

__attribute__((noinline)) static struct space_node *alloc_slow(struct space_node_cache *cache)
{
    return refill(cache) ? take(cache) : NULL;
}

struct space_node *space_node_alloc(void)
{
    struct space_node_cache *cache = &this_hart()->nodes;

    return likely(cache->count != 0) ? take(cache) : alloc_slow(cache);
}

/* slabs.lock is held. */
static void give_back(struct space_node *node)
{
    struct slab *slab = (struct slab *)align_down((u64)node, PAGE_BYTES);

    node->next = slab->free;
    slab->free = node;
    slabs.free_count++;
    slab->free_count++;
    if (slab->free_count == 1)
        list_add_tail(&slabs.partial, &slab->link);
    if (slab->free_count == SLAB_NODES) {
        list_del(&slab->link);
        slabs.free_count -= SLAB_NODES;
        slabs.frames--;
        frame_put(hpa_of(slab));
    }
}

static void spill(struct space_node_cache *cache, u32 down_to)
{
    spin_lock(&slabs.lock);
    while (cache->count > down_to)
        give_back(take(cache));
    spin_unlock(&slabs.lock);
}

__attribute__((noinline)) static void free_slow(struct space_node_cache *cache,
                                                struct space_node *node)
{
    spill(cache, SPACE_NODE_CACHE / 2);
    give(cache, node);
}

void space_node_free(struct space_node *node)
{
    struct space_node_cache *cache = &this_hart()->nodes;

    if (likely(cache->count < SPACE_NODE_CACHE))
        give(cache, node);
    else
        free_slow(cache, node);
}

void space_node_flush(void)
{
    spill(&this_hart()->nodes, 0);
}

u64 space_node_frames(void)
{
    return __atomic_load_n(&slabs.frames, __ATOMIC_RELAXED);
}

u64 space_node_count(void)
{
    u64 count;

    spin_lock(&slabs.lock);
    count = slabs.frames * SLAB_NODES - slabs.free_count;
    for (u32 i = 0; i < hart_count(); i++)
        count -= hart_at(i)->nodes.count;
    spin_unlock(&slabs.lock);
    return count;
}
