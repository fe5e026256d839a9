/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The device half of a split virtqueue; see virtq_device.h.
 *
 * The driver may change its memory at any moment, so each field is read once, by a load of its own,
 * and checked before it is used:
 *
 *     indices        of a chain, of a descriptor: below the size of the table that they are for
 *     avail->idx     no more chains are out (offered or taken) than the ring has entries
 *     descriptors    each one is a segment, and a chain has at most chain->max: no loop is endless
 *     addresses      whatever is touched here is in a page that page() gave
 *
 * Pages that follow one another for the driver do not do so here.  A part of a ring is in two of
 * them at most; what has the alignment of its size is in one.
 */
#include "lib/virtio/virtq_device.h"

#include "lib/virtio/virtq.h"

#define PAGE_BYTES 4096ULL

enum part { PART_DESC, PART_AVAIL, PART_USED };

_Static_assert(VIRTQ_DEVICE_SIZE_MAX * sizeof(struct virtq_desc) <= PAGE_BYTES, "in two pages");
_Static_assert(VIRTQ_AVAIL_BYTES(VIRTQ_DEVICE_SIZE_MAX) <= PAGE_BYTES, "in two pages");
_Static_assert(VIRTQ_USED_BYTES(VIRTQ_DEVICE_SIZE_MAX) <= PAGE_BYTES, "in two pages");

static u64 avail_entry(u64 index)
{
    return sizeof(struct virtq_avail) + index * sizeof(u16);
}

static u64 used_entry(u64 index)
{
    return sizeof(struct virtq_used) + index * sizeof(struct virtq_used_elem);
}

static bool lies_well(u64 start, u64 align, u64 bytes)
{
    return start % align == 0 && start <= UINT64_MAX - bytes;
}

/*
 * virtq_device_start - begin to serve the queue that the driver described.
 *
 * desc, avail, used, size, indirect and event_idx are set.  Nothing of the driver's memory is
 * looked at yet.
 *
 * ERR_FORMAT   the size is no power of two up to VIRTQ_DEVICE_SIZE_MAX, or an address is not
 *              aligned or too high; the queue is not ready
 */
enum err virtq_device_start(struct virtq_device *queue)
{
    u64 size = queue->size;

    queue->avail_idx = 0;
    queue->used_idx = 0;
    queue->told_idx = 0;
    virtq_device_forget(queue);
    queue->ready = size != 0 && size <= VIRTQ_DEVICE_SIZE_MAX && (size & (size - 1)) == 0 &&
                   lies_well(queue->desc, VIRTQ_DESC_ALIGN, size * sizeof(struct virtq_desc)) &&
                   lies_well(queue->avail, sizeof(u16), VIRTQ_AVAIL_BYTES(size)) &&
                   lies_well(queue->used, VIRTQ_USED_ALIGN, VIRTQ_USED_BYTES(size));
    return queue->ready ? ERR_OK : ERR_FORMAT;
}

/* Looks up the one or two pages of a part of the ring.  False: the driver has no memory there. */
static bool place_part(struct virtq_place *place, const struct virtq_memory *memory, u64 start,
                       u64 bytes)
{
    u64 page = align_down(start, PAGE_BYTES);
    const void *at = memory->page(memory->arg, page);

    if (at == NULL) {
        return false;
    }
    place->split = page + PAGE_BYTES - start;
    place->first = (uintptr_t)at + (start - page);
    place->second = 0;
    if (bytes > place->split) {
        at = memory->page(memory->arg, page + PAGE_BYTES);
        place->second = (uintptr_t)at - place->split;
    }
    return at != NULL;
}

static enum err place_ring(struct virtq_device *queue, const struct virtq_memory *memory)
{
    struct virtq_place *place = queue->place;
    u64 size = queue->size;

    queue->placed =
        place_part(&place[PART_DESC], memory, queue->desc, size * sizeof(struct virtq_desc)) &&
        place_part(&place[PART_AVAIL], memory, queue->avail, VIRTQ_AVAIL_BYTES(size)) &&
        place_part(&place[PART_USED], memory, queue->used, VIRTQ_USED_BYTES(size));
    return queue->placed ? ERR_OK : ERR_FORMAT;
}

/* Apart, so that the usual way of a chain calls nothing and saves no registers. */
static __attribute__((noinline)) enum err place_and_pop(struct virtq_device *queue,
                                                        const struct virtq_memory *memory,
                                                        struct virtq_chain *chain)
{
    enum err err = place_ring(queue, memory);

    return err != ERR_OK ? err : virtq_device_pop(queue, memory, chain);
}

static __attribute__((noinline)) enum err
place_and_push(struct virtq_device *queue, const struct virtq_memory *memory, u16 head, u32 written)
{
    enum err err = place_ring(queue, memory);

    return err != ERR_OK ? err : virtq_device_push(queue, memory, head, written);
}

static inline void *place_of(const struct virtq_device *queue, enum part part, u64 offset)
{
    const struct virtq_place *place = &queue->place[part];

    return (void *)(uintptr_t)((likely(offset < place->split) ? place->first : place->second) +
                               offset);
}

static inline u16 load_u16(const u16 *at)
{
    return __atomic_load_n(at, __ATOMIC_RELAXED);
}

/* A descriptor as it was when it was read. */
struct descriptor {
    u64 addr;
    u64 rest; /* len, flags, next, from the lowest bit on */
};

static inline struct descriptor load_descriptor(const void *at)
{
    const u64 *half = at;

    return (struct descriptor){.addr = __atomic_load_n(&half[0], __ATOMIC_RELAXED),
                               .rest = __atomic_load_n(&half[1], __ATOMIC_RELAXED)};
}

static inline u32 descriptor_len(struct descriptor desc)
{
    return (u32)desc.rest;
}

static inline bool descriptor_is(struct descriptor desc, u32 flag)
{
    return (u32)(desc.rest >> 32) & flag;
}

static inline u64 descriptor_next(struct descriptor desc)
{
    return desc.rest >> 48;
}

/* How far a chain has been taken. */
struct cursor {
    struct virtq_segment *next, *end;
    struct virtq_segment *writable; /* the first one; NULL: none yet */
};

static inline struct cursor cursor_of(const struct virtq_chain *chain)
{
    struct virtq_segment *writable = chain->segment + chain->readable;

    return (struct cursor){.next = writable + chain->writable,
                           .end = chain->segment + chain->max,
                           .writable = chain->writable != 0 ? writable : NULL};
}

static inline void keep(struct virtq_chain *chain, const struct cursor *cursor)
{
    struct virtq_segment *writable = cursor->writable != NULL ? cursor->writable : cursor->next;

    chain->readable = (u16)(writable - chain->segment);
    chain->writable = (u16)(cursor->next - writable);
}

/* Takes one more segment.  False: there is no room for it, or no such segment can be. */
static inline bool take_segment(struct cursor *cursor, struct descriptor desc)
{
    u32 bytes = descriptor_len(desc);

    if (cursor->next == cursor->end || bytes == 0 || desc.addr + bytes < desc.addr) {
        return false;
    }
    if (descriptor_is(desc, VIRTQ_DESC_WRITE)) {
        cursor->writable = cursor->writable == NULL ? cursor->next : cursor->writable;
    } else if (cursor->writable != NULL) {
        return false;
    }
    cursor->next->addr = desc.addr;
    cursor->next->bytes = bytes;
    cursor->next++;
    return true;
}

/* A table that a descriptor refers to, and the part of it that can be read in one go. */
struct table {
    u64 start;
    u64 count;       /* descriptors */
    u64 at;          /* of the next descriptor to be read */
    u64 first, last; /* of the descriptors that start at place */
    const void *place;
    u64 halves[2]; /* a descriptor that was in two pages */
};

/*
 * Finds place, first and last for the descriptor at table->at.
 *
 * A table may lie anywhere, but is aligned as its u64 are: a descriptor may be in two pages, not so
 * its halves.  False: the driver has no memory there.
 */
static inline bool open_table(const struct virtq_memory *memory, struct table *table)
{
    u64 page = align_down(table->at, PAGE_BYTES);
    const u8 *place = memory->page(memory->arg, page);

    table->first = page;
    table->last = page + PAGE_BYTES - sizeof(struct virtq_desc);
    table->place = place;
    if (place == NULL || likely(table->at <= table->last)) {
        return place != NULL;
    }
    table->halves[0] =
        __atomic_load_n((const u64 *)(const void *)(place + (table->at - page)), __ATOMIC_RELAXED);
    place = memory->page(memory->arg, page + PAGE_BYTES);
    if (place == NULL) {
        return false;
    }
    table->halves[1] = __atomic_load_n((const u64 *)(const void *)place, __ATOMIC_RELAXED);
    table->first = table->at;
    table->last = table->at;
    table->place = table->halves;
    return true;
}

/*
 * Takes segments of a chain from what is open of a table.
 *
 * ERR_NOENT: the next descriptor, at table->at, is not in it.
 */
static enum err take_open(struct table *table, struct virtq_chain *chain)
{
    struct cursor cursor = cursor_of(chain);
    u64 start = table->start;
    u64 count = table->count;
    u64 first = table->first;
    u64 span = table->last - first;
    const u8 *place = table->place;
    u64 offset = table->at - first;

    /* [VIRTIO "Indirect Descriptors"] */
    do {
        struct descriptor desc = load_descriptor(place + offset);

        if (descriptor_is(desc, VIRTQ_DESC_INDIRECT) || !take_segment(&cursor, desc)) {
            return ERR_FORMAT;
        }
        if (!descriptor_is(desc, VIRTQ_DESC_NEXT)) {
            keep(chain, &cursor);
            return ERR_OK;
        }
        if (descriptor_next(desc) >= count) {
            return ERR_FORMAT;
        }
        offset = start + descriptor_next(desc) * sizeof(struct virtq_desc) - first;
    } while (offset <= span);
    table->at = first + offset;
    keep(chain, &cursor);
    return ERR_NOENT;
}

/* Takes the rest of a chain from the table that a descriptor refers to. */
static __attribute__((noinline)) enum err
take_table(const struct virtq_memory *memory, struct virtq_chain *chain, u64 start, u32 bytes)
{
    struct table table = {.start = start, .count = bytes / sizeof(struct virtq_desc), .at = start};
    enum err err;

    if (bytes == 0 || bytes % sizeof(struct virtq_desc) != 0 || start % sizeof(u64) != 0) {
        return ERR_FORMAT;
    }
    do {
        err = open_table(memory, &table) ? take_open(&table, chain) : ERR_FORMAT;
    } while (err == ERR_NOENT);
    return err;
}

/* Takes the chain from descriptor `at`, which is below the ring's size. */
static inline enum err take_chain(const struct virtq_device *queue,
                                  const struct virtq_memory *memory, struct virtq_chain *chain,
                                  u64 at)
{
    struct cursor cursor;

    chain->readable = 0;
    chain->writable = 0;
    cursor = cursor_of(chain);
    for (;;) {
        struct descriptor desc =
            load_descriptor(place_of(queue, PART_DESC, at * sizeof(struct virtq_desc)));

        if (descriptor_is(desc, VIRTQ_DESC_INDIRECT)) {
            if (cursor.next != chain->segment) {
                keep(chain, &cursor);
            }
            if (!queue->indirect || descriptor_is(desc, VIRTQ_DESC_NEXT)) {
                return ERR_FORMAT;
            }
            return take_table(memory, chain, desc.addr, descriptor_len(desc));
        }
        if (!take_segment(&cursor, desc)) {
            return ERR_FORMAT;
        }
        if (!descriptor_is(desc, VIRTQ_DESC_NEXT)) {
            keep(chain, &cursor);
            return ERR_OK;
        }
        at = descriptor_next(desc);
        if (at >= queue->size) {
            return ERR_FORMAT;
        }
    }
}

/*
 * Has the driver notify of the chain behind those that were taken, which without event indices it
 * always does.  The driver's index afterwards.
 */
static u16 ask_for_more(struct virtq_device *queue)
{
    const u16 *idx = place_of(queue, PART_AVAIL, offsetof(struct virtq_avail, idx));

    if (!queue->event_idx) {
        return queue->avail_idx;
    }
    __atomic_store_n((u16 *)place_of(queue, PART_USED, used_entry(queue->size)), queue->avail_idx,
                     __ATOMIC_RELAXED);
    /* The wish is in memory before the index is read again: a chain that the driver offered without
     * seeing the wish is seen here. */
    __atomic_thread_fence(__ATOMIC_SEQ_CST);
    return __atomic_load_n(idx, __ATOMIC_ACQUIRE);
}

/*
 * virtq_device_pop - take the next chain that the driver offers.
 *
 * The queue is ready.  chain->max and chain->segment are the caller's.  Addresses of segments are
 * not checked, but do not wrap around, and no segment is empty.
 *
 * ERR_NOENT    there is none; the driver will notify of the next one.  Before this was returned it
 *              need not
 * ERR_FORMAT   the driver broke the rules: nothing of the queue can be trusted before a reset.
 *              chain is undefined
 *
 * [VIRTIO "Split Virtqueues"]
 */
enum err virtq_device_pop(struct virtq_device *queue, const struct virtq_memory *memory,
                          struct virtq_chain *chain)
{
    u16 next = queue->avail_idx;
    u16 avail_idx;
    u16 head;

    if (unlikely(!queue->placed)) {
        return place_and_pop(queue, memory, chain);
    }
    /* Acquire: ring and descriptors are read after the index that covers them. */
    avail_idx =
        __atomic_load_n((const u16 *)place_of(queue, PART_AVAIL, offsetof(struct virtq_avail, idx)),
                        __ATOMIC_ACQUIRE);
    if (avail_idx == next) {
        avail_idx = ask_for_more(queue);
        if (avail_idx == next) {
            return ERR_NOENT;
        }
    }
    if ((u32)(u16)(avail_idx - next) + (u16)(next - queue->used_idx) > queue->size) {
        return ERR_FORMAT;
    }
    head = load_u16(place_of(queue, PART_AVAIL, avail_entry(next & (queue->size - 1U))));
    if (head >= queue->size) {
        return ERR_FORMAT;
    }
    queue->avail_idx = (u16)(next + 1);
    chain->head = head;
    return take_chain(queue, memory, chain, head);
}

/*
 * virtq_device_push - give back a chain that was taken.
 *
 * head and written, in bytes, are what the driver will read; each chain is given back once, in any
 * order.
 *
 * ERR_FORMAT   the driver has no memory where its ring should be; nothing changed
 *
 * [VIRTIO "The Virtqueue Used Ring"]
 */
enum err virtq_device_push(struct virtq_device *queue, const struct virtq_memory *memory, u16 head,
                           u32 written)
{
    u64 entry = used_entry(queue->used_idx & (queue->size - 1U));

    if (unlikely(!queue->placed)) {
        return place_and_push(queue, memory, head, written);
    }
    /* An element is aligned to half its size: its halves may be in two pages. */
    *(u32 *)place_of(queue, PART_USED, entry) = head;
    *(u32 *)place_of(queue, PART_USED, entry + sizeof(u32)) = written;
    queue->used_idx++;
    /* Release: element and buffers are in memory before the driver can see the index. */
    __atomic_store_n((u16 *)place_of(queue, PART_USED, offsetof(struct virtq_used, idx)),
                     queue->used_idx, __ATOMIC_RELEASE);
    return ERR_OK;
}

/*
 * virtq_device_should_interrupt - is an interrupt due for what was pushed since the last call?
 *
 * Where the driver's wish is not known, after virtq_device_forget, it counts as asking: a driver
 * has to bear interrupts for nothing.
 *
 * [VIRTIO "Used Buffer Notification Suppression"]
 */
bool virtq_device_should_interrupt(struct virtq_device *queue)
{
    u16 from = queue->told_idx;
    u16 to = queue->used_idx;

    queue->told_idx = to;
    if (unlikely(!queue->placed)) {
        return from != to;
    }
    /* The index is in memory before the driver's wish is read: either it saw the chain when it made
     * its wish, or the wish is seen here. */
    __atomic_thread_fence(__ATOMIC_SEQ_CST);
    if (queue->event_idx) {
        return virtq_passes(load_u16(place_of(queue, PART_AVAIL, avail_entry(queue->size))), from,
                            to);
    }
    return from != to &&
           !(load_u16(place_of(queue, PART_AVAIL, offsetof(struct virtq_avail, flags))) &
             VIRTQ_AVAIL_NO_INTERRUPT);
}

void virtq_device_forget(struct virtq_device *queue)
{
    queue->placed = false;
}
