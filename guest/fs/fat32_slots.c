/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * A directory as a row of slots of 32 bytes:
 *
 *     | ... | long 2 | long 1 | short | free | short | never used | ...
 *
 * A long name's slots stand before the short one, last part first, 13 units each.  Those that are
 * out of order, or do not belong to the short one behind them, are no part of a name: they are
 * passed over, as are volume labels, and what has moved but is still on disk (ghosts).
 *
 * Invariants: changes to an entry are made when all its slots are in memory, and cannot fail.  An
 * entry made here is in one sector, unless it has more slots than that, a name of more than 195
 * units: it is on disk as a whole or not at all.
 *
 * [FAT "FAT Directory Structure", "FAT Long Directory Entries"]
 */
#include <errno.h>
#include <string.h>

#include "guest/fs/fat32_dir.h"

#define LONG_LAST         0x40U /* in the first byte: the name's last part */
#define LONG_ORDINAL      0x1fU
#define LONG_UNITS        13U
#define LONG_ORDINALS_MAX 20U
#define ATTRIBUTES        0x3fU
#define DEPTH_MAX         1000U /* of directories, when one is in doubt */
#define SECTOR_SLOTS      (SECTOR_BYTES / FAT_SLOT_BYTES)
#define ROOM_LIMIT        1024U /* slots that are looked at for a hole */

/* Where a slot of a long name has its units. */
static const u8 unit_at[LONG_UNITS] = {1, 3, 5, 7, 9, 14, 16, 18, 20, 22, 24, 28, 30};
#define LONG_ATTRIBUTES_AT 11
#define LONG_CHECKSUM_AT   13

int fat_slot(struct fat *fat, struct fat_node *dir, u32 at, struct cache_slot **in, u64 *position)
{
    if (at < dir->window.first || at >= dir->window.end) {
        const u64 byte = (u64)at * FAT_SLOT_BYTES;
        const u32 index = (u32)(byte >> fat->cluster_shift);
        struct fat_extent extent;
        u64 bytes, left;
        int error = at >= FAT_SLOTS_MAX ? ENOENT : fat_map_find(fat, dir, index, &extent);

        if (error != 0)
            return error;
        bytes = byte - ((u64)extent.index << fat->cluster_shift);
        *position = fat_cluster_position(fat, extent.cluster) + bytes;
        left = ((u64)extent.count << fat->cluster_shift) - bytes;
        bytes = CACHE_BLOCK_BYTES - *position % CACHE_BLOCK_BYTES;
        dir->window.position = *position;
        dir->window.first = at;
        dir->window.end = at + (u32)((left < bytes ? left : bytes) / FAT_SLOT_BYTES);
        dir->window.slot = NULL;
    }
    *position = dir->window.position + (u64)(at - dir->window.first) * FAT_SLOT_BYTES;
    if (dir->window.slot == NULL || !cache_holds(dir->window.slot, *position)) {
        int error = cache_load(fat->cache, *position, &dir->window.slot);

        if (error != 0)
            return error;
    }
    *in = dir->window.slot;
    return 0;
}

/* ---- reading ---- */

/* The part of a long name that is expected next; 0 units: none is. */
struct part {
    u32 ordinal;
    u32 units;
    u8 checksum;
    u32 first; /* slot */
};

static void take_part(struct part *part, const u8 *raw, u32 at, struct fat_name *name)
{
    const u32 ordinal = raw[0] & LONG_ORDINAL;
    u32 units = 0;

    if (raw[0] & LONG_LAST && ordinal >= 1 && ordinal <= LONG_ORDINALS_MAX)
        *part = (struct part){.ordinal = ordinal, .checksum = raw[LONG_CHECKSUM_AT], .first = at};
    else if (ordinal == 0 || ordinal != part->ordinal || raw[0] & LONG_LAST || part->units == 0 ||
             raw[LONG_CHECKSUM_AT] != part->checksum)
        *part = (struct part){0};
    if (part->ordinal == 0)
        return;
    for (; units < LONG_UNITS; units++) {
        const u16 unit = (u16)(raw[unit_at[units]] | raw[unit_at[units] + 1] << 8);
        const u32 place = (ordinal - 1) * LONG_UNITS + units;

        if (unit == 0 || place >= FAT_UNITS_MAX)
            break;
        name->unit[place] = unit;
    }
    if (raw[0] & LONG_LAST)
        part->units = (ordinal - 1) * LONG_UNITS + units;
    part->ordinal--;
}

static bool is_dots(const struct fat_short *info)
{
    return memcmp(info->name, ".          ", FAT_SHORT_BYTES) == 0 ||
           memcmp(info->name, "..         ", FAT_SHORT_BYTES) == 0;
}

static bool is_ghost(const struct fat *fat, u64 id)
{
    const struct fat_ghost *ghost = fat->ghost[id % FAT_GHOST_BUCKETS];

    while (ghost != NULL && ghost->id != id)
        ghost = ghost->next;
    return ghost != NULL;
}

/* Whether the short slot, which is not a long one or free, is an entry that is to be seen. */
static bool is_entry(struct fat *fat, const struct fat_short *info, u64 id)
{
    if (info->attributes & FAT_VOLUME || is_dots(info) || (fat->ghosts != 0 && is_ghost(fat, id)))
        return false;
    if (!fat_short_valid(info)) {
        fat_complain(fat, SAID_SLOT, id);
        return false;
    }
    return true;
}

/*
 * fat_entry_next - the entry that begins at slot *at or behind it; *at moves behind that.
 *
 * ENOENT: there is none; *at is the first slot that was never used, or that the chain lacks.
 */
int fat_entry_next(struct fat *fat, struct fat_node *dir, u32 *at, struct fat_entry *entry)
{
    struct part part = {0};

    for (;; (*at)++) {
        struct cache_slot *in;
        const u8 *raw;
        u64 position;
        int error = fat_slot(fat, dir, *at, &in, &position);

        if (error != 0)
            return error;
        raw = cache_at(in, position);
        if (raw[0] == FAT_SLOT_END)
            return ENOENT;
        if (raw[0] == FAT_SLOT_FREE) {
            part = (struct part){0};
            continue;
        }
        if ((raw[LONG_ATTRIBUTES_AT] & ATTRIBUTES) == FAT_LONG) {
            take_part(&part, raw, *at, &entry->name);
            continue;
        }
        memcpy(&entry->info, raw, FAT_SLOT_BYTES);
        entry->id = fat_slot_id(position);
        if (is_entry(fat, &entry->info, entry->id))
            break;
        part = (struct part){0};
    }
    entry->name.units =
        part.ordinal == 0 && part.checksum == fat_short_checksum(&entry->info) ? part.units : 0;
    entry->at = entry->name.units != 0 ? part.first : *at;
    entry->slots = ++*at - entry->at;
    return 0;
}

/* ---- "." and ".." ---- */

static bool is_called(const struct fat_short *info, const char *name)
{
    return info->attributes & FAT_DIRECTORY && memcmp(info->name, name, FAT_SHORT_BYTES) == 0;
}

/* What ".." of a directory in this cluster names: 0 for the root. */
static int parent_of(struct fat *fat, u32 cluster, u32 *parent)
{
    const u64 position = fat_cluster_position(fat, cluster);
    const struct fat_short *info;
    struct cache_slot *slot;
    int error = cache_load(fat->cache, position, &slot);

    if (error != 0)
        return error;
    info = cache_at(slot, position);
    if (!is_called(&info[0], ".          ") || fat_first(&info[0]) != cluster ||
        !is_called(&info[1], "..         "))
        return fat_contradiction(fat, SAID_DIRECTORY, cluster);
    *parent = fat_first(&info[1]) == fat->root_cluster ? 0 : fat_first(&info[1]);
    return *parent == 0 || fat_is_cluster(fat, *parent)
               ? 0
               : fat_contradiction(fat, SAID_DIRECTORY, cluster);
}

/*
 * fat_check_directory - whether this is a directory, and does not contain the one it was found in.
 *
 * Its ".." says so.  If that names another one (it was moved when power went) the way up from where
 * it was found must not come by, and the file system is not written to any more.
 */
int fat_check_directory(struct fat *fat, const struct fat_node *dir, u32 found_in)
{
    u32 parent, steps = DEPTH_MAX;
    int error = parent_of(fat, dir->first, &parent);

    if (error != 0 || parent == found_in)
        return error;
    fat_contradiction(fat, SAID_DIRECTORY, dir->first);
    for (u32 above = found_in; above != 0; steps--) {
        if (above == dir->first || steps == 0)
            return EIO;
        error = parent_of(fat, above, &above);
        if (error != 0)
            return error;
    }
    return 0;
}

/* ---- changing ---- */

/* All of these slots stay in memory until they are unpinned.  ENOENT: the directory ends before. */
int fat_pin(struct fat *fat, struct fat_node *dir, u32 at, u32 slots, struct fat_pins *pins)
{
    pins->count = 0;
    for (u32 i = 0; i < slots; i++) {
        int error = fat_slot(fat, dir, at + i, &pins->at[i].in, &pins->at[i].position);

        if (error != 0) {
            fat_unpin(pins);
            return error;
        }
        pins->at[i].in->pins++;
        pins->count++;
    }
    return 0;
}

void fat_unpin(struct fat_pins *pins)
{
    while (pins->count != 0)
        pins->at[--pins->count].in->pins--;
}

static void *slot_of(const struct fat_pins *pins, u32 i)
{
    return cache_at(pins->at[i].in, pins->at[i].position);
}

static void changed(struct fat *fat, const struct fat_pins *pins, u32 i)
{
    cache_mark(fat->cache, pins->at[i].in, pins->at[i].position, CACHE_ENTRIES);
}

static void put_part(u8 *raw, const struct fat_name *name, u32 ordinal, bool last, u8 checksum)
{
    memset(raw, 0, FAT_SLOT_BYTES);
    raw[0] = (u8)(ordinal | (last ? LONG_LAST : 0));
    raw[LONG_ATTRIBUTES_AT] = FAT_LONG;
    raw[LONG_CHECKSUM_AT] = checksum;
    for (u32 i = 0; i < LONG_UNITS; i++) {
        const u32 place = (ordinal - 1) * LONG_UNITS + i;
        const u16 unit = place < name->units    ? name->unit[place]
                         : place == name->units ? 0
                                                : 0xffff;

        raw[unit_at[i]] = (u8)unit;
        raw[unit_at[i] + 1] = (u8)(unit >> 8);
    }
}

/* From this slot on none was ever used. */
static void set_end(struct fat *fat, const struct fat_pins *pins, u32 i)
{
    u8 *raw = slot_of(pins, i);

    if (*raw == FAT_SLOT_END)
        return;
    *raw = FAT_SLOT_END;
    changed(fat, pins, i);
}

/* An entry into the pinned slots.  If there is one slot more, nothing behind it was ever used. */
void fat_slots_write(struct fat *fat, const struct fat_pins *pins, const struct fat_entry *entry)
{
    const u32 parts = entry->slots - 1;
    const u8 checksum = fat_short_checksum(&entry->info);

    for (u32 i = 0; i < parts; i++) {
        put_part(slot_of(pins, i), &entry->name, parts - i, i == 0, checksum);
        changed(fat, pins, i);
    }
    memcpy(slot_of(pins, parts), &entry->info, FAT_SLOT_BYTES);
    changed(fat, pins, parts);
    if (pins->count > entry->slots)
        set_end(fat, pins, entry->slots);
}

void fat_slots_erase(struct fat *fat, const struct fat_pins *pins)
{
    for (u32 i = 0; i < pins->count; i++) {
        *(u8 *)slot_of(pins, i) = FAT_SLOT_FREE;
        changed(fat, pins, i);
    }
}

u32 fat_slots_of(const struct fat_name *name)
{
    return 1 + (name->units + LONG_UNITS - 1) / LONG_UNITS;
}

/* ---- room ---- */

/* Some clusters that follow each other, and are nobody's chain yet: all zeros. */
static int zeroed_clusters(struct fat *fat, u32 want, u32 *first, u32 *length)
{
    u64 position, done;
    int error = fat_allocate(fat, 0, want, first, length);

    if (error != 0)
        return error;
    position = fat_cluster_position(fat, *first);
    error = cache_write(fat->cache, position, NULL, (u64)*length << fat->cluster_shift, position,
                        &done);
    if (error != 0)
        fat_give_back(fat, *first, *length);
    return error;
}

/* A directory grows by a block, if its clusters are smaller: so that it is in few pieces. */
static int append_clusters(struct fat *fat, struct fat_node *dir, u32 *clusters)
{
    const u32 most = fat_clusters_of(fat, FAT_SLOTS_MAX * FAT_SLOT_BYTES);
    const u32 block = fat_clusters_of(fat, CACHE_BLOCK_BYTES);
    u32 first, length;
    int error =
        zeroed_clusters(fat, block < most - *clusters ? block : most - *clusters, &first, &length);

    if (error != 0)
        return error;
    error = fat_map_append(fat, dir, first, length);
    if (error != 0)
        fat_give_back(fat, first, length);
    else
        *clusters += length;
    return error;
}

/* The cluster of a new directory, with its "." and "..". */
int fat_new_directory(struct fat *fat, u32 parent, const struct fat_short *info, u32 *first)
{
    struct fat_short dots[2] = {*info, *info};
    u64 done, position;
    u32 length;
    int error = zeroed_clusters(fat, 1, first, &length);

    if (error != 0)
        return error;
    memcpy(dots[0].name, ".          ", FAT_SHORT_BYTES);
    memcpy(dots[1].name, "..         ", FAT_SHORT_BYTES);
    dots[0].lower_case = dots[1].lower_case = 0;
    fat_set_first(&dots[0], *first);
    fat_set_first(&dots[1], parent);
    position = fat_cluster_position(fat, *first);
    error = cache_write(fat->cache, position, dots, sizeof(dots), position, &done);
    if (error != 0)
        fat_give_back(fat, *first, length);
    return error;
}

/* Its ".." names another directory now: that of this cluster, or the root, 0. */
int fat_set_parent(struct fat *fat, struct fat_node *dir, u32 parent)
{
    struct cache_slot *in;
    u64 position;
    struct fat_short *info;
    int error = fat_slot(fat, dir, 1, &in, &position);

    if (error != 0)
        return error == ENOENT ? EIO : error;
    info = cache_at(in, position);
    if (!is_called(info, "..         "))
        return fat_contradiction(fat, SAID_DIRECTORY, dir->first);
    fat_set_first(info, parent);
    cache_mark(fat->cache, in, position, CACHE_ENTRIES);
    return 0;
}

/* Free slots in a row, looked for in at most so many; *at is 0 if there are none. */
static int find_room(struct fat *fat, struct fat_node *dir, u32 slots, u32 limit, u32 *at)
{
    struct fat_index *index = dir->index;
    u32 place = index->room[slots], row = 0;

    *at = 0;
    for (; place < index->end && limit != 0 && row < slots; place++, limit--) {
        struct cache_slot *in;
        u64 position;
        int error = fat_slot(fat, dir, place, &in, &position);

        if (error != 0)
            return error;
        if (slots <= SECTOR_SLOTS && place % SECTOR_SLOTS == 0)
            row = 0;
        row = *(const u8 *)cache_at(in, position) == FAT_SLOT_FREE ? row + 1 : 0;
    }
    index->room[slots] = place - row;
    if (row == slots)
        *at = place - row;
    return 0;
}

/* The slots from the end to this one are free ones from now on, rather than never used. */
static int move_end(struct fat *fat, struct fat_node *dir, u32 at)
{
    struct fat_pins pins, behind;
    int error;

    if (at == dir->index->end)
        return 0;
    error = fat_pin(fat, dir, at, 1, &behind);
    if (error != 0)
        return error;
    error = fat_pin(fat, dir, dir->index->end, at - dir->index->end, &pins);
    if (error == 0) {
        set_end(fat, &behind, 0);
        fat_slots_erase(fat, &pins);
        dir->index->end = at;
        fat_unpin(&pins);
    }
    fat_unpin(&behind);
    return error;
}

/* Where an entry would be behind all others, in a directory that is long enough. */
static int room_at_end(struct fat *fat, struct fat_node *dir, u32 slots, u32 *at)
{
    const u32 per_cluster = fat->cluster_bytes / FAT_SLOT_BYTES;
    u32 clusters;
    int error;

    *at = dir->index->end;
    if (slots <= SECTOR_SLOTS && *at % SECTOR_SLOTS + slots > SECTOR_SLOTS)
        *at = (u32)align_up(*at, SECTOR_SLOTS);
    if (*at + slots > FAT_SLOTS_MAX)
        return ENOSPC;
    error = fat_map_length(fat, dir, &clusters);
    while (error == 0 && clusters * (u64)per_cluster < *at + slots)
        error = append_clusters(fat, dir, &clusters);
    return error == 0 ? move_end(fat, dir, *at) : error;
}

/*
 * fat_room - where an entry of so many slots may go.
 *
 * Holes are looked for a bounded way; then it goes to the end, and the directory becomes longer;
 * and when it may not, all of it is searched.  ENOSPC: it is full, or the disk is.  Slot 0 is never
 * free: each directory but the root has a "." there, and the root's is not missed.
 */
int fat_room(struct fat *fat, struct fat_node *dir, u32 slots, u32 *at)
{
    struct fat_index *index = dir->index;
    int error = find_room(fat, dir, slots, ROOM_LIMIT, at);

    if (error != 0 || *at != 0)
        return error;
    error = room_at_end(fat, dir, slots, at);
    if (error != ENOSPC)
        return error;
    memset(index->room, 0, sizeof(index->room));
    error = find_room(fat, dir, slots, FAT_SLOTS_MAX, at);
    return error != 0 || *at != 0 ? error : ENOSPC;
}
