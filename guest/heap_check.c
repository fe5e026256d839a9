/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * A heap that watches itself, for finding who corrupts it.  Around each block of the allocator's:
 *
 *     | up to align | seal | bytes of the caller's, 0xcc at first | 16 x 0xee |
 *
 * A freed block is filled with 0xdd and kept back; when it goes to the allocator at last it must
 * still be.  So a block that is written past its end or in front of it, freed twice, or written
 * after it was freed ends the payload with its address: at the latest when it is freed or given
 * back, and every CHECK_INTERVAL calls the allocator is asked whether its own state is sound.
 *
 * realloc always moves.
 */
#include <string.h>

#include "guest/heap.h"
#include "guest/panic.h"

#define SEAL_USED      0x5ea1ab1eU
#define SEAL_FREED     0x5ea1dead
#define FENCE_BYTES    16
#define FENCE          0xee
#define FRESH          0xcc
#define FREED          0xdd
#define KEPT_BACK      64
#define CHECK_INTERVAL 256

struct seal {
    u64 bytes;
    u32 offset; /* of the caller's bytes in the allocator's block */
    u32 state;  /* SEAL_USED or SEAL_FREED, less what else is here: state_of() */
};
_Static_assert(sizeof(struct seal) == MEM_ALIGN, "the caller's bytes are aligned");

static struct allocator *behind;
static char *kept[KEPT_BACK]; /* a ring of freed blocks; NULL: empty */
static u32 next_kept;
static u32 calls;

static struct seal *seal_of(void *block)
{
    return (struct seal *)block - 1;
}

/* The state, if nothing of the seal was overwritten. */
static u32 state_of(const struct seal *seal)
{
    return seal->state ^ (u32)seal->bytes ^ (u32)(seal->bytes >> 32) ^ seal->offset;
}

static void set_state(struct seal *seal, u32 state)
{
    seal->state = 0;
    seal->state = state ^ state_of(seal);
}

/* All of it is `byte`. */
static bool is_filled(const char *at, size_t bytes, int byte)
{
    for (size_t i = 0; i < bytes; i++) {
        if ((u8)at[i] != byte) {
            return false;
        }
    }
    return true;
}

static void check_allocator(void)
{
    const void *at = NULL;
    const char *broken = ++calls % CHECK_INTERVAL == 0 ? mem_check(behind, &at) : NULL;

    if (broken) {
        panic("heap: %s at %p", broken, at);
    }
}

/* ERR_INVAL, ERR_STATE: as of mem_free. */
static enum err check_used(const char *who, char *block)
{
    struct seal *seal = seal_of(block);

    if ((u64)block % MEM_ALIGN != 0) {
        return ERR_INVAL;
    }
    if (state_of(seal) != SEAL_USED) {
        return state_of(seal) == SEAL_FREED ? ERR_STATE : ERR_INVAL;
    }
    if (!is_filled(block + seal->bytes, FENCE_BYTES, FENCE)) {
        panic("%s(%p): written past its end, which is at %lu bytes", who, (void *)block,
              (unsigned long)seal->bytes);
    }
    return ERR_OK;
}

static void give_back(char *block)
{
    struct seal *seal = seal_of(block);

    if (state_of(seal) != SEAL_FREED || !is_filled(block, seal->bytes, FREED)) {
        panic("heap: the block %p was written after it was freed", (void *)block);
    }
    if (mem_free(behind, block - seal->offset) != ERR_OK) {
        panic("heap: the allocator does not know the block %p any more", (void *)block);
    }
}

static void give_all_back(void)
{
    for (u32 i = 0; i < KEPT_BACK; i++) {
        if (kept[i]) {
            give_back(kept[i]);
            kept[i] = NULL;
        }
    }
}

static void *checked_alloc(struct allocator *a, size_t bytes, size_t align)
{
    size_t offset = align > sizeof(struct seal) ? align : sizeof(struct seal);
    size_t all;
    char *block;

    (void)a;
    check_allocator();
    if (__builtin_add_overflow(bytes, offset + FENCE_BYTES, &all) || offset > UINT32_MAX) {
        return NULL;
    }
    block = mem_alloc(behind, all, align);
    if (!block) {
        give_all_back();
        block = mem_alloc(behind, all, align);
    }
    if (!block) {
        return NULL;
    }
    block += offset;
    *seal_of(block) = (struct seal){.bytes = bytes, .offset = (u32)offset};
    set_state(seal_of(block), SEAL_USED);
    memset(block, FRESH, bytes);
    memset(block + bytes, FENCE, FENCE_BYTES);
    return block;
}

static enum err checked_free(struct allocator *a, void *block)
{
    enum err err = check_used("free", block);

    (void)a;
    check_allocator();
    if (err != ERR_OK) {
        return err;
    }
    set_state(seal_of(block), SEAL_FREED);
    memset(block, FREED, seal_of(block)->bytes);
    if (kept[next_kept]) {
        give_back(kept[next_kept]);
    }
    kept[next_kept] = block;
    next_kept = (next_kept + 1) % KEPT_BACK;
    return ERR_OK;
}

static enum err checked_resize(struct allocator *a, void *block, size_t bytes)
{
    enum err err = check_used("realloc", block);

    (void)a;
    (void)bytes;
    return err == ERR_OK ? ERR_NOMEM : err;
}

static size_t checked_usable(const struct allocator *a, const void *block)
{
    (void)a;
    return ((const struct seal *)block - 1)->bytes;
}

static enum err checked_add(struct allocator *a, void *base, size_t bytes)
{
    (void)a;
    return mem_add(behind, base, bytes);
}

static void checked_stats(const struct allocator *a, struct mem_stats *stats)
{
    (void)a;
    mem_stats(behind, stats);
}

static const char *checked_check(const struct allocator *a, const void **at)
{
    (void)a;
    return mem_check(behind, at);
}

struct allocator *heap_front(struct allocator *allocator)
{
    static const struct allocator_ops ops = {.name = "checked",
                                             .alloc = checked_alloc,
                                             .free = checked_free,
                                             .resize = checked_resize,
                                             .usable = checked_usable,
                                             .add = checked_add,
                                             .stats = checked_stats,
                                             .check = checked_check};
    static struct allocator front = {&ops};

    behind = allocator;
    return &front;
}
