/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Which slot has which name: a hash table for each directory in use, made when it is first
 * searched.
 *
 * An entry is in it by its long name and by its short one.  Only the hash is kept; what is found is
 * compared with the name on disk.  Collisions go to the next free item, and what is removed draws
 * back those behind it.
 *
 * Invariant: what is in the table is an entry on disk, and each entry on disk is in it.  A table is
 * 8 bytes an item; those of directories that nobody holds go first when they are too many.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "guest/fs/fat32_dir.h"

#define ITEMS_MIN 64U

static size_t bytes_of(u32 mask)
{
    return (mask + 1UL) * sizeof(struct fat_item);
}

/* Three quarters at most are in use. */
static bool has_room(const struct fat_index *index, u32 items)
{
    return index->count + items <= index->mask / 4 * 3;
}

static void insert(struct fat_index *index, u32 hash, u32 at)
{
    u32 place = hash & index->mask;

    while (index->item[place].at != FAT_NO_ITEM)
        place = (place + 1) & index->mask;
    index->item[place] = (struct fat_item){hash, at};
    index->count++;
}

static int resize(struct fat *fat, struct fat_index *index, u32 items)
{
    struct fat_item *old = index->item;
    const u32 old_items = old == NULL ? 0 : index->mask + 1;
    struct fat_item *item = malloc(bytes_of(items - 1));

    if (item == NULL)
        return ENOMEM;
    memset(item, 0xff, bytes_of(items - 1));
    index->item = item;
    index->mask = items - 1;
    index->count = 0;
    for (u32 i = 0; i < old_items; i++) {
        if (old[i].at != FAT_NO_ITEM)
            insert(index, old[i].hash, old[i].at);
    }
    free(old);
    fat->index_bytes += bytes_of(items - 1) - old_items * sizeof(*item);
    return 0;
}

/* There is room for one entry more. */
int fat_index_reserve(struct fat *fat, struct fat_node *dir)
{
    struct fat_index *index = dir->index;

    return has_room(index, 2) ? 0 : resize(fat, index, 2 * (index->mask + 1));
}

/* The hashes of an entry: one, or two if it has a long name. */
static u32 hashes(const struct fat_entry *entry, u32 hash[2])
{
    struct fat_name name;
    u32 count = 0;

    if (entry->name.units != 0)
        hash[count++] = fat_name_hash(&entry->name);
    fat_short_name(&entry->info, &name);
    hash[count++] = fat_name_hash(&name);
    return count;
}

/* There is room for it: fat_index_reserve(). */
void fat_index_add(struct fat_node *dir, const struct fat_entry *entry)
{
    struct fat_index *index = dir->index;
    u32 hash[2];

    for (u32 i = hashes(entry, hash); i != 0; i--)
        insert(index, hash[i - 1], entry->at);
    index->entries++;
    if (entry->at + entry->slots > index->end)
        index->end = entry->at + entry->slots;
}

/* The item at a place goes, and those behind it that may come nearer to their own place do. */
static void take_out(struct fat_index *index, u32 place)
{
    u32 hole = place;

    index->count--;
    for (;;) {
        u32 home;

        place = (place + 1) & index->mask;
        if (index->item[place].at == FAT_NO_ITEM)
            break;
        home = index->item[place].hash & index->mask;
        if (((place - home) & index->mask) >= ((place - hole) & index->mask)) {
            index->item[hole] = index->item[place];
            hole = place;
        }
    }
    index->item[hole].at = FAT_NO_ITEM;
}

void fat_index_remove(struct fat_node *dir, const struct fat_entry *entry)
{
    struct fat_index *index = dir->index;
    u32 hash[2];

    for (u32 i = hashes(entry, hash); i != 0; i--) {
        u32 place = hash[i - 1] & index->mask;

        while (index->item[place].at != FAT_NO_ITEM &&
               (index->item[place].at != entry->at || index->item[place].hash != hash[i - 1]))
            place = (place + 1) & index->mask;
        if (index->item[place].at != FAT_NO_ITEM)
            take_out(index, place);
    }
    index->entries--;
}

/* Slots from this one on are free: a row that has them may begin a little before. */
void fat_index_freed(struct fat_node *dir, u32 at)
{
    for (u32 slots = 1; slots <= FAT_ENTRY_SLOTS; slots++) {
        const u32 first = at < slots ? 0 : at - (slots - 1);

        if (dir->index->room[slots] > first)
            dir->index->room[slots] = first;
    }
}

void fat_index_free(struct fat *fat, struct fat_node *dir)
{
    if (dir->index == NULL)
        return;
    if (dir->index->item != NULL)
        fat->index_bytes -= bytes_of(dir->index->mask);
    free(dir->index->item);
    free(dir->index);
    dir->index = NULL;
}

/* Reads the whole directory, unless that was done before. */
int fat_index_build(struct fat *fat, struct fat_node *dir)
{
    struct fat_entry entry;
    u32 at = 0;
    int error;

    if (dir->index != NULL)
        return 0;
    fat_trim_indexes(fat);
    dir->index = calloc(1, sizeof(*dir->index));
    if (dir->index == NULL)
        return ENOMEM;
    error = resize(fat, dir->index, ITEMS_MIN);
    while (error == 0) {
        error = fat_entry_next(fat, dir, &at, &entry);
        if (error == 0)
            error = fat_index_reserve(fat, dir);
        if (error == 0)
            fat_index_add(dir, &entry);
    }
    if (error != ENOENT) {
        fat_index_free(fat, dir);
        return error;
    }
    dir->index->end = at;
    return 0;
}

static bool has_name(const struct fat_entry *entry, const struct fat_name *name)
{
    struct fat_name short_name;

    if (entry->name.units != 0 && fat_name_equal(&entry->name, name))
        return true;
    fat_short_name(&entry->info, &short_name);
    return fat_name_equal(&short_name, name);
}

/* The entry with this name, long or short.  ENOENT */
int fat_find(struct fat *fat, struct fat_node *dir, const struct fat_name *name,
             struct fat_entry *entry)
{
    const u32 hash = fat_name_hash(name);
    const struct fat_index *index;
    int error = fat_index_build(fat, dir);

    if (error != 0)
        return error;
    index = dir->index;
    for (u32 place = hash & index->mask; index->item[place].at != FAT_NO_ITEM;
         place = (place + 1) & index->mask) {
        u32 at = index->item[place].at;

        if (index->item[place].hash != hash)
            continue;
        error = fat_entry_next(fat, dir, &at, entry);
        if (error == ENOENT || (error == 0 && entry->at != index->item[place].at))
            error = fat_contradiction(fat, SAID_DIRECTORY, dir->first);
        if (error != 0)
            return error;
        if (has_name(entry, name))
            return 0;
    }
    return ENOENT;
}
