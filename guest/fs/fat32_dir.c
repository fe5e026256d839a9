/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Names in directories: lookup, list, create, remove.
 *
 * Each function makes sure first that nothing can fail (memory, room, the slots in memory), and
 * changes then.  What was prepared and is not used does no harm: a directory that became longer.
 */
#include "guest/fs/fat32_dir.h"

#include <errno.h>
#include <string.h>

#define ATTEMPTS_MAX 100000U /* for a short name */

/* A name that was not valid UTF-8 does not exist. */
static int find(struct fat *fat, struct fat_node *dir, struct name utf8, struct fat_entry *entry)
{
    struct fat_name name;

    if (fat_name_from_utf8(&name, utf8) != 0)
        return ENOENT;
    return fat_find(fat, dir, &name, entry);
}

/* The cluster that ".." of a directory in this one names. */
u32 fat_as_parent(const struct fat_node *dir)
{
    return dir->node.id == FAT_ROOT_ID ? 0 : dir->first;
}

int fat_lookup(struct node *dir, struct name name, struct node **found)
{
    struct fat *fat = fat_of(dir);
    struct fat_entry entry;
    struct fat_node *node;
    int error = find(fat, fat_node_of(dir), name, &entry);

    if (error == 0)
        error = fat_node_get(fat, entry.id, &entry.info, &node);
    if (error != 0)
        return error;
    if (node->node.type == NODE_DIRECTORY && !node->checked) {
        error = fat_check_directory(fat, node, fat_as_parent(fat_node_of(dir)));
        node->checked = error == 0;
    }
    if (error == 0)
        *found = &node->node;
    else
        node_put(&node->node);
    return error;
}

int fat_list(struct node *dir, u64 *position, struct fs_entry *listed)
{
    struct fat *fat = fat_of(dir);
    struct fat_entry entry;
    struct fat_name name;
    u32 at = *position < FAT_SLOTS_MAX ? (u32)*position : FAT_SLOTS_MAX;

    for (;;) {
        int error = fat_entry_next(fat, fat_node_of(dir), &at, &entry);

        if (error != 0)
            return error;
        *position = at;
        if (entry.name.units != 0 && fat_name_to_utf8(&entry.name, listed->name))
            break;
        fat_short_name(&entry.info, &name);
        if (fat_name_to_utf8(&name, listed->name))
            break;
    }
    listed->id = entry.id;
    listed->type = entry.info.attributes & FAT_DIRECTORY ? NODE_DIRECTORY : NODE_FILE;
    return 0;
}

/* ---- a new entry ---- */

/* The short name: the name itself, or one that nothing else in the directory has. */
int fat_choose_short(struct fat *fat, struct fat_node *dir, struct fat_entry *entry)
{
    struct fat_entry other;
    struct fat_name name;

    if (fat_short_fits(&entry->name, &entry->info)) {
        entry->slots = 1;
        return 0;
    }
    entry->slots = fat_slots_of(&entry->name);
    for (u32 attempt = 0; attempt < ATTEMPTS_MAX; attempt++) {
        int error;

        fat_short_make(&entry->name, attempt, &entry->info);
        fat_short_name(&entry->info, &name);
        error = fat_find(fat, dir, &name, &other);
        if (error != 0)
            return error == ENOENT ? 0 : error;
    }
    return ENOSPC;
}

/*
 * fat_prepare - all that an entry with this name needs in a directory.
 *
 * entry->name is given; short name, slots and id are found.  pins hold the slots for
 * fat_slots_write(), and the index has room.
 *
 * EINVAL   it cannot be a name here; ENOSPC, ENOMEM, EIO
 */
int fat_prepare(struct fat *fat, struct fat_node *dir, struct fat_entry *entry,
                struct fat_pins *pins)
{
    int error;

    if (!fat_name_allowed(&entry->name))
        return EINVAL;
    error = fat_index_build(fat, dir);
    if (error == 0)
        error = fat_choose_short(fat, dir, entry);
    if (error == 0)
        error = fat_index_reserve(fat, dir);
    if (error == 0)
        error = fat_room(fat, dir, entry->slots, &entry->at);
    if (error != 0)
        return error;
    error = ENOENT;
    if (entry->at == dir->index->end)
        error = fat_pin(fat, dir, entry->at, entry->slots + 1, pins);
    if (error == ENOENT)
        error = fat_pin(fat, dir, entry->at, entry->slots, pins);
    if (error != 0)
        return error == ENOENT ? EIO : error;
    entry->id = fat_slot_id(pins->at[entry->slots - 1].position);
    return 0;
}

/* Names came or went. */
void fat_dir_changed(struct fat *fat, struct fat_node *dir)
{
    u32 ns;

    dir->mtime_s = fs_now(&ns) & ~1LL; /* as it is on disk */
    fat_node_touch(fat, dir);
}

static void set_created(struct fat_short *info, enum node_type type)
{
    u32 ns;
    const s64 now = fs_now(&ns);
    u16 midnight;

    info->attributes = type == NODE_DIRECTORY ? FAT_DIRECTORY : FAT_ARCHIVE;
    fat_set_time(now, &info->created_date, &info->created_time);
    info->created_10ms = (u8)(now % 2 * 100 + ns / 10000000);
    fat_set_time(now, &info->written_date, &info->written_time);
    fat_set_time(now, &info->accessed_date, &midnight);
}

/* The entry and its node; the pins are gone afterwards. */
static int enter(struct fat *fat, struct fat_node *dir, struct fat_entry *entry,
                 struct fat_pins *pins, enum node_type type, struct node **made)
{
    struct fat_node *node;
    u32 first = 0;
    int error = 0;

    if (type == NODE_DIRECTORY)
        error = fat_new_directory(fat, fat_as_parent(dir), &entry->info, &first);
    fat_set_first(&entry->info, first);
    if (error == 0)
        error = fat_node_get(fat, entry->id, &entry->info, &node);
    if (error == 0) {
        fat_slots_write(fat, pins, entry);
        if (entry->slots == 1)
            entry->name.units = 0;
        fat_index_add(dir, entry);
        fat_dir_changed(fat, dir);
        *made = &node->node;
    } else if (first != 0) {
        fat_give_back(fat, first, 1);
    }
    fat_unpin(pins);
    return error;
}

int fat_create(struct node *dir, struct name utf8, enum node_type type, struct node **made)
{
    struct fat *fat = fat_of(dir);
    struct fat_entry entry = {0};
    struct fat_pins pins;
    int error;

    if (type == NODE_DEVICE)
        return EINVAL;
    if (dir->nlink == 0)
        return ENOENT;
    error = fat_name_from_utf8(&entry.name, utf8);
    if (error == 0)
        error = fat_begin(fat);
    if (error == 0)
        error = find(fat, fat_node_of(dir), utf8, &(struct fat_entry){0});
    if (error != ENOENT)
        return error == 0 ? EEXIST : error;
    set_created(&entry.info, type);
    error = fat_prepare(fat, fat_node_of(dir), &entry, &pins);
    if (error != 0)
        return error;
    return enter(fat, fat_node_of(dir), &entry, &pins, type, made);
}

/* ---- remove ---- */

/* ENOTEMPTY */
int fat_check_empty(struct fat *fat, struct fat_node *node)
{
    int error = node->node.type == NODE_DIRECTORY ? fat_index_build(fat, node) : 0;

    if (error != 0)
        return error;
    return node->index != NULL && node->index->entries != 0 ? ENOTEMPTY : 0;
}

int fat_remove(struct node *dir, struct name name, struct node *node)
{
    struct fat *fat = fat_of(dir);
    struct fat_node *parent = fat_node_of(dir);
    struct fat_entry entry;
    struct fat_pins pins;
    int error = fat_begin(fat);

    if (error == 0)
        error = fat_check_empty(fat, fat_node_of(node));
    if (error == 0)
        error = find(fat, parent, name, &entry);
    if (error == 0 && entry.id != node->id)
        error = ENOENT;
    if (error == 0)
        error = fat_pin(fat, parent, entry.at, entry.slots, &pins);
    if (error != 0)
        return error;
    fat_slots_erase(fat, &pins);
    fat_unpin(&pins);
    fat_index_remove(parent, &entry);
    fat_index_freed(parent, entry.at);
    fat_node_gone(fat, fat_node_of(node));
    fat_dir_changed(fat, parent);
    return 0;
}
