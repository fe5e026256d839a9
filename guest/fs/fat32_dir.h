/* SPDX-License-Identifier: BSD-2-Clause */
#pragma once
/* Directories: a row of slots (fat32_slots.c), and which of them has which name (fat32_index.c). */
#include "guest/fs/fat32_name.h"

/* A name's slots. */
struct fat_entry {
    u32 at;    /* its first slot */
    u32 slots; /* with the short one, which is the last */
    u64 id;    /* of the short one */
    struct fat_short info;
    struct fat_name name; /* the long one; 0 units: it has none, or it is not valid */
};

/* Slots that stay in memory while they are changed. */
struct fat_pins {
    u32 count;
    struct {
        struct cache_slot *in;
        u64 position;
    } at[FAT_ENTRY_SLOTS + 1];
};

/* fat32_slots.c */
/* ENOENT: the directory has no slot there */
__must_check int fat_slot(struct fat *fat, struct fat_node *dir, u32 at, struct cache_slot **in,
                          u64 *position);
__must_check int fat_entry_next(struct fat *fat, struct fat_node *dir, u32 *at,
                                struct fat_entry *entry);
__must_check int fat_check_directory(struct fat *fat, const struct fat_node *dir, u32 found_in);
__must_check int fat_pin(struct fat *fat, struct fat_node *dir, u32 at, u32 slots,
                         struct fat_pins *pins);
void fat_unpin(struct fat_pins *pins);
void fat_slots_write(struct fat *fat, const struct fat_pins *pins, const struct fat_entry *entry);
void fat_slots_erase(struct fat *fat, const struct fat_pins *pins);
__must_check int fat_room(struct fat *fat, struct fat_node *dir, u32 slots, u32 *at);
__must_check int fat_new_directory(struct fat *fat, u32 parent, const struct fat_short *info,
                                   u32 *first);
__must_check int fat_set_parent(struct fat *fat, struct fat_node *dir, u32 parent);
u32 fat_slots_of(const struct fat_name *name);

/* fat32_dir.c */
u32 fat_as_parent(const struct fat_node *dir);
__must_check int fat_choose_short(struct fat *fat, struct fat_node *dir, struct fat_entry *entry);
__must_check int fat_prepare(struct fat *fat, struct fat_node *dir, struct fat_entry *entry,
                             struct fat_pins *pins);
void fat_dir_changed(struct fat *fat, struct fat_node *dir);
__must_check int fat_check_empty(struct fat *fat, struct fat_node *node);

/* fat32_index.c */
__must_check int fat_index_build(struct fat *fat, struct fat_node *dir);
void fat_index_free(struct fat *fat, struct fat_node *dir);
__must_check int fat_index_reserve(struct fat *fat, struct fat_node *dir);
void fat_index_add(struct fat_node *dir, const struct fat_entry *entry);
void fat_index_remove(struct fat_node *dir, const struct fat_entry *entry);
void fat_index_freed(struct fat_node *dir, u32 at);
__must_check int fat_find(struct fat *fat, struct fat_node *dir, const struct fat_name *name,
                          struct fat_entry *entry);

struct fat_item {
    u32 hash;
    u32 at; /* of the entry; FAT_NO_ITEM: unused */
};

#define FAT_NO_ITEM UINT32_MAX

struct fat_index {
    struct fat_item *item;
    u32 mask;  /* of items; a quarter of them stays unused */
    u32 count; /* of items in use: one or two for an entry */
    u32 entries;
    u32 end;                       /* first slot that was never used, or that the chain lacks */
    u32 room[FAT_ENTRY_SLOTS + 1]; /* before it there are no so many free slots in a row */
};
