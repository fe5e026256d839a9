/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Which memory the frame pool gets, once, at boot: the machine's RAM less what is reserved, and
 * less the pool's own arrays, which lie in it.
 *
 * A frame is free if all of its bytes are RAM and none is reserved.
 */
#include "hv/frame_pool.h"
#include "hv/panic.h"

#define RESERVED_MAX 32

/* The first run of whole pages in `range` from `at` on of which nothing is reserved.  Empty: none.
 */
static struct memory_range next_run(const struct memory_range *range, u64 at,
                                    const struct memory_range *reserved, size_t reserved_count)
{
    u64 end = align_down(range->base + range->bytes, PAGE_BYTES);
    bool moved;

    at = align_up(at, PAGE_BYTES);
    do {
        moved = false;
        for (size_t i = 0; i < reserved_count; i++) {
            u64 after = align_up(reserved[i].base + reserved[i].bytes, PAGE_BYTES);

            if (reserved[i].base < at + PAGE_BYTES && at < after) {
                at = after;
                moved = true;
            }
        }
    } while (moved);
    for (size_t i = 0; i < reserved_count; i++) {
        if (reserved[i].base > at && reserved[i].base < end)
            end = align_down(reserved[i].base, PAGE_BYTES);
    }
    return (struct memory_range){.base = at, .bytes = at < end ? end - at : 0};
}

/* Room for the pool's arrays: the beginning of a run.  0: there is none. */
static u64 place_arrays(const struct memory_range *ranges, size_t range_count,
                        const struct memory_range *reserved, size_t reserved_count, u64 bytes)
{
    for (size_t i = 0; i < range_count; i++) {
        struct memory_range run = {.base = ranges[i].base};

        do {
            run = next_run(&ranges[i], run.base + run.bytes, reserved, reserved_count);
            if (run.bytes >= bytes)
                return run.base;
        } while (run.bytes != 0);
    }
    return 0;
}

/*
 * frame_init - find room for the pool's arrays, then free every frame that is RAM and is not
 * reserved.
 *
 * The arrays span the lowest to the highest address, rounded out to chunks; frames in holes are
 * held for ever.  Panics if there is no room for it, or for its own range among the reserved ones:
 * nothing can run then.
 */
void frame_init(const struct memory_range *ranges, size_t range_count,
                const struct memory_range *reserved, size_t reserved_count)
{
    struct memory_range taken[RESERVED_MAX], span;
    u64 low = UINT64_MAX, high = 0, bytes, at;

    for (size_t i = 0; i < range_count; i++) {
        u64 end = ranges[i].base + ranges[i].bytes;

        low = ranges[i].base < low ? ranges[i].base : low;
        high = end > high ? end : high;
    }
    span.base = align_down(low, CHUNK_BYTES);
    span.bytes = align_up(high, CHUNK_BYTES) - span.base;
    bytes = pool_bytes(span);
    at = place_arrays(ranges, range_count, reserved, reserved_count, bytes);
    if (at == 0)
        panic("no room for the frame array (%lu KiB): give the machine more memory",
              (unsigned long)(bytes >> 10));
    assert(reserved_count < RESERVED_MAX);
    for (size_t i = 0; i < reserved_count; i++)
        taken[i] = reserved[i];
    taken[reserved_count] = (struct memory_range){at, bytes};

    pool_start(span, (hpa_t){at});
    for (size_t i = range_count; i-- > 0;) {
        struct memory_range run = {.base = ranges[i].base};

        do {
            run = next_run(&ranges[i], run.base + run.bytes, taken, reserved_count + 1);
            pool_give_range(run);
        } while (run.bytes != 0);
    }
}
