/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Views of a disk: what each VM sees of it.
 *
 *                                            the owner's writes
 *                                                    │ old contents first, to the newest
 *     view ──▶ own tree ──▶ snapshot ──▶ ... ──▶ snapshot ──▶ disk
 *                            its own              the newest
 *
 * A view finds a block in the first of these that has it.  A fork of a private view shares the tree
 * (see disk_tree.c) and the snapshot.  A fork of the owner hangs the child below the newest
 * snapshot, if nothing was kept there yet, or below a new one.  So a chain is as long as there are
 * forks of the owner alive with different contents below them, and does not grow with generations.
 *
 * Invariants: each snapshot has users.  One that loses its last user goes into the one before it,
 * whose views see through it, or goes.  A tree changes only by its view's requests, a snapshot only
 * by the owner's.
 *
 * Views and snapshots lie in frames of the disk's own, some 30 in each.
 */
#include <stddef.h>

#include "lib/kit/bits.h"

#include "hv/disk_parts.h"

/* ---- small objects ---- */

#define ROOM_BYTES   128U
#define ROOM_OBJECTS (PAGE_BYTES / ROOM_BYTES)
#define ROOM_EMPTY   1U /* the header's own place */
#define ROOM_FULL    UINT32_MAX

struct room {
    struct list node; /* among the disk's, unless it is full */
    u32 used;         /* a bit for each place */
};
_Static_assert(sizeof(struct room) <= ROOM_BYTES && ROOM_OBJECTS == 32, "places and bits");
_Static_assert(sizeof(struct disk_view) <= ROOM_BYTES, "a place");
_Static_assert(sizeof(struct disk_snapshot) <= ROOM_BYTES, "a place");

/* lock is held.  NULL: no memory. */
static void *object_alloc(struct disk *disk)
{
    struct room *room;
    u32 place;

    if (list_empty(&disk->rooms)) {
        hpa_t frame = frame_alloc();

        if (frame.v == 0)
            return NULL;
        room = hpa_ptr(frame);
        room->used = ROOM_EMPTY;
        list_add_tail(&disk->rooms, &room->node);
    }
    room = container_of(disk->rooms.next, struct room, node);
    place = bits_lowest32(~room->used);
    room->used |= 1U << place;
    if (room->used == ROOM_FULL)
        list_del(&room->node);
    return (u8 *)room + place * ROOM_BYTES;
}

/* lock is held. */
static void object_free(struct disk *disk, void *object)
{
    u64 at = (u64)object;
    struct room *room = hpa_ptr((hpa_t){align_down(at, PAGE_BYTES)});

    if (room->used == ROOM_FULL)
        list_add_tail(&disk->rooms, &room->node);
    room->used &= ~(1U << (at % PAGE_BYTES) / ROOM_BYTES);
    if (room->used == ROOM_EMPTY) {
        list_del(&room->node);
        frame_put(hpa_of(room));
    }
}

/* ---- snapshots ---- */

static struct disk_snapshot *snapshot_of(struct list *node)
{
    return container_of(node, struct disk_snapshot, node);
}

struct disk_snapshot *disk_newest_snapshot(const struct disk *disk)
{
    return list_empty(&disk->snapshots) ? NULL : snapshot_of(disk->snapshots.prev);
}

hpa_t disk_view_find(const struct disk_view *view, u64 block)
{
    const struct disk *disk = view->disk;
    hpa_t found = disk_tree_find(view->tree, disk->levels, block);

    if (view->snapshot == NULL)
        return found;
    for (struct list *at = &view->snapshot->node; at != &disk->snapshots && found.v == 0;
         at = at->next)
        found = disk_tree_find(snapshot_of(at)->tree, disk->levels, block);
    return found;
}

/* lock is held.  The disk as it is now; NULL: no memory. */
static struct disk_snapshot *snapshot_get(struct disk *disk)
{
    struct disk_snapshot *snapshot = disk_newest_snapshot(disk);

    if (snapshot == NULL || snapshot->tree.v != 0) {
        snapshot = object_alloc(disk);
        if (snapshot == NULL)
            return NULL;
        *snapshot = (struct disk_snapshot){.users = 0};
        list_add_tail(&disk->snapshots, &snapshot->node);
    }
    snapshot->users++;
    return snapshot;
}

/* Lets other harts at the disk: dropping a tree takes long. */
static void let_others(void *arg)
{
    struct disk *disk = arg;

    spin_unlock(&disk->lock);
    spin_lock(&disk->lock);
}

/* lock is held. */
static void snapshot_put(struct disk *disk, struct disk_snapshot *snapshot)
{
    hpa_t tree = snapshot->tree;

    if (--snapshot->users > 0)
        return;
    if (snapshot->node.prev != &disk->snapshots) {
        disk_tree_merge(&snapshot_of(snapshot->node.prev)->tree, tree, disk->levels);
        tree = (hpa_t){0};
    }
    list_del(&snapshot->node);
    object_free(disk, snapshot);
    disk_tree_put(tree, disk->levels, let_others, disk);
}

/* ---- views ---- */

/* lock is held.  NULL: no memory. */
static struct disk_view *view_create(struct disk *disk)
{
    struct disk_view *view = object_alloc(disk);

    if (view == NULL)
        return NULL;
    *view = (struct disk_view){.disk = disk};
    list_init(&view->waiting);
    list_init(&view->turn);
    return view;
}

/* lock is held.  A private view like the parent's; NULL: no memory. */
static struct disk_view *clone(const struct disk_view *parent)
{
    struct disk *disk = parent->disk;
    struct disk_view *view = view_create(disk);

    if (view == NULL)
        return NULL;
    if (parent->snapshot != NULL) {
        view->snapshot = parent->snapshot;
        view->snapshot->users++;
        view->tree = disk_tree_share(parent->tree);
        return view;
    }
    view->snapshot = snapshot_get(disk);
    if (view->snapshot == NULL) {
        object_free(disk, view);
        return NULL;
    }
    return view;
}

/*
 * disk_open - the owner's view, or if there is one, a private one of the disk as it is now.
 *
 * In the latter what the owner is just writing may be there or not.
 */
struct disk_view *disk_open(struct disk *disk)
{
    struct disk_view *view;

    spin_lock(&disk->lock);
    if (disk->owner != NULL) {
        view = clone(disk->owner);
    } else {
        view = view_create(disk);
        disk->owner = view;
    }
    spin_unlock(&disk->lock);
    return view;
}

struct disk_view *disk_clone(struct disk_view *parent)
{
    struct disk *disk = parent->disk;
    struct disk_view *view;

    spin_lock(&disk->lock);
    view = clone(parent);
    spin_unlock(&disk->lock);
    return view;
}

void disk_close(struct disk_view *view)
{
    struct disk *disk = view->disk;

    spin_lock(&disk->lock);
    if (disk->owner == view)
        disk->owner = NULL;
    else
        snapshot_put(disk, view->snapshot);
    disk_tree_put(view->tree, disk->levels, let_others, disk);
    object_free(disk, view);
    spin_unlock(&disk->lock);
}

struct disk *disk_of_view(const struct disk_view *view)
{
    return view->disk;
}

/*
 * disk_count - the frames behind a view: its own tree, and the snapshots through which it sees.
 *
 * A snapshot is the view's alone if no other view sees the disk as it was then or before.
 */
void disk_count(const struct disk_view *view, u64 *owned, u64 *shared)
{
    struct disk *disk = view->disk;
    struct disk_snapshot *own = view->snapshot;

    *owned = 0;
    *shared = 0;
    spin_lock(&disk->lock);
    disk_tree_count(view->tree, disk->levels, owned, shared);
    for (struct list *at = own == NULL ? &disk->snapshots : &own->node; at != &disk->snapshots;
         at = at->next) {
        bool is_own = at == disk->snapshots.next && own->users == 1;

        disk_tree_count(snapshot_of(at)->tree, disk->levels, is_own ? owned : shared, shared);
    }
    spin_unlock(&disk->lock);
}
