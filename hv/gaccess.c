/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * A VM's memory for hv and its devices: read and written as the guest would, or pinned.
 *
 * What hardware may access so already, its tables say soonest.  What is not in them is in the
 * space, or has to change.
 */
#include <string.h>

#include "hv/frame.h"
#include "hv/gcache.h"
#include "hv/gstage.h"

#define RUN_PAGES 32 /* more are not looked for */

/* The leaf for gpa, which is RAM, if it grants the access; else NULL. */
static inline const pte_t *find_leaf(const struct gstage *gs, gpa_t gpa, enum access access,
                                     u32 *level)
{
    const pte_t *leaf = gcache_find(gs, gpa, level);

    if (leaf == NULL || !pte_valid(*leaf) || (access == ACCESS_WRITE && !(leaf->v & PTE_W)))
        return NULL;
    return leaf;
}

/* The frame of a page, to be accessed so.  {0}: no memory. */
static inline hpa_t find_frame(struct gstage *gs, gpa_t gpa, enum access access, enum err *err)
{
    u32 level;
    const pte_t *leaf = find_leaf(gs, gpa, access, &level);

    if (likely(leaf != NULL && level == 0))
        return pte_hpa(*leaf);
    return gstage_frame(gs, gpa, access, err);
}

/* How many pages of the VM's own, from that of a leaf on, lie one behind the other.  What is shared
 * counts alone: it is the VM's own only until it is not shared any more. */
static u64 own_leaves(const pte_t *leaf)
{
    u64 expected = leaf->v, left = TABLE_ENTRIES - index_in_table(leaf), count = 0;

    if (leaf->v & PTE_SHARED)
        return 1;
    left = left < RUN_PAGES ? left : RUN_PAGES;
    while (count < left && leaf[count].v == expected) {
        expected += pte_of((hpa_t){PAGE_BYTES}, 0).v;
        count++;
    }
    return count;
}

/* The same of a page that no leaf has. */
static u64 own_pages(const struct gstage *gs, u64 page, hpa_t frame)
{
    u64 count = 0;

    while (count < RUN_PAGES) {
        bool alone;
        const u64 *line = space_line(&gs->space, page + count, &alone);

        if (line == NULL || !alone)
            break;
        do {
            if (line[(page + count) % SPACE_LINE] != frame.v || frame_refs(frame) != 1)
                return count == 0 ? 1 : count;
            count++;
            frame.v += PAGE_BYTES;
        } while ((page + count) % SPACE_LINE != 0 && count < RUN_PAGES);
    }
    return count == 0 ? 1 : count;
}

/* gs->lock is held; gpa is RAM.  Afterwards its page is the VM's own, and *run bytes from gpa on
 * are in one piece.  {0}: no memory. */
static hpa_t own_byte(struct gstage *gs, gpa_t gpa, u64 *run)
{
    u64 offset = gpa.v % PAGE_BYTES;
    u32 level;
    const pte_t *leaf = find_leaf(gs, gpa, ACCESS_WRITE, &level);
    enum err err;
    hpa_t frame;

    if (leaf != NULL && level == 1) {
        *run = CHUNK_BYTES - gpa.v % CHUNK_BYTES;
        return (hpa_t){pte_hpa(*leaf).v + gpa.v % CHUNK_BYTES};
    }
    if (leaf != NULL) {
        *run = own_leaves(leaf) * PAGE_BYTES - offset;
        return (hpa_t){pte_hpa(*leaf).v + offset};
    }
    frame = gstage_frame(gs, gpa, ACCESS_WRITE, &err);
    if (frame.v == 0)
        return frame;
    *run = own_pages(gs, gstage_page(gs, gpa), frame) * PAGE_BYTES - offset;
    return (hpa_t){frame.v + offset};
}

/*
 * gstage_pin - where the byte at gpa is, for a device and for hv, to read and to write; on any
 * hart.
 *
 * The page becomes the VM's own, as by a store, also where it is only read: a shared one could be
 * copied by the guest's next store, given back by the others, and be somebody else's while a device
 * still reads it.  One of its own stays where it is until the VM is forked, reset or ends.
 *
 * *run: how many bytes from there on are in one piece.  {0}: gpa is not RAM, or there is no memory.
 */
hpa_t gstage_pin(struct gstage *gs, gpa_t gpa, u64 *run)
{
    hpa_t at;

    if (!gstage_is_ram(gs, gpa))
        return (hpa_t){0};
    spin_lock(&gs->lock);
    at = own_byte(gs, gpa, run);
    spin_unlock(&gs->lock);
    return at;
}

/* Walks [gpa, gpa + bytes) page by page and copies to or from buffer. */
static enum err transfer(struct gstage *gs, gpa_t gpa, u8 *buffer, u64 bytes, enum access access)
{
    enum err err = ERR_OK;

    if (bytes == 0)
        return ERR_OK;
    if (!gstage_is_ram(gs, gpa) || bytes > gs->ram_base.v + gs->ram_bytes - gpa.v)
        return ERR_FAULT;
    spin_lock(&gs->lock);
    while (bytes > 0 && err == ERR_OK) {
        u64 offset = gpa.v % PAGE_BYTES, left = PAGE_BYTES - offset;
        u64 now = bytes < left ? bytes : left;
        hpa_t frame = find_frame(gs, gpa, access, &err);
        u8 *at = (u8 *)hpa_ptr(frame) + offset;

        if (frame.v == 0)
            break;
        if (access == ACCESS_WRITE)
            memcpy(at, buffer, now);
        else
            memcpy(buffer, at, now);
        gpa.v += now;
        buffer += now;
        bytes -= now;
    }
    spin_unlock(&gs->lock);
    return err;
}

/*
 * gstage_read, gstage_write - guest memory as the guest itself would see it: untouched pages come
 * into being, shared ones are copied before a write.
 *
 * ERR_FAULT: the range is not RAM, nothing was transferred.  ERR_NOMEM, ERR_QUOTA: a part may have
 * been.
 */
enum err gstage_read(struct gstage *gs, gpa_t gpa, void *to, u64 bytes)
{
    return transfer(gs, gpa, to, bytes, ACCESS_READ);
}

enum err gstage_write(struct gstage *gs, gpa_t gpa, const void *from, u64 bytes)
{
    return transfer(gs, gpa, (u8 *)(uintptr_t)from, bytes, ACCESS_WRITE);
}

/*
 * gstage_read_string - copies what is there up to a NUL, and that.
 *
 * Nothing behind the string's last page is touched.
 *
 * ERR_FAULT: it goes on where there is no RAM.  ERR_INVAL: its end is not within max bytes.
 * ERR_NOMEM.
 */
enum err gstage_read_string(struct gstage *gs, gpa_t gpa, char *to, u64 max)
{
    enum err err = ERR_INVAL;

    spin_lock(&gs->lock);
    while (max > 0 && err == ERR_INVAL) {
        hpa_t frame = {0};
        const char *from;

        err = ERR_FAULT;
        if (gstage_is_ram(gs, gpa))
            frame = find_frame(gs, gpa, ACCESS_READ, &err);
        if (frame.v == 0)
            break;
        from = (const char *)hpa_ptr(frame) + gpa.v % PAGE_BYTES;
        err = ERR_INVAL;
        do {
            *to = *from++;
            gpa.v++;
            max--;
        } while (*to++ != '\0' && max > 0 && gpa.v % PAGE_BYTES != 0);
        if (to[-1] == '\0')
            err = ERR_OK;
    }
    spin_unlock(&gs->lock);
    return err;
}

enum err gstage_put_page(struct gstage *gs, gpa_t gpa, hpa_t frame)
{
    u64 page = gstage_page(gs, gpa), *line;

    spin_lock(&gs->lock);
    line = space_own_line(&gs->space, page);
    if (line != NULL)
        space_set(&gs->space, &line[page % SPACE_LINE], frame.v);
    spin_unlock(&gs->lock);
    return line == NULL ? ERR_NOMEM : ERR_OK;
}
