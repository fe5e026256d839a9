/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The names in a directory of ramfs: found by a hash table, told in the order in which they were
 * made.  Each has a place, a number that only grows, so a reader that comes back with one finds
 * where it was, whatever was made or removed meanwhile; where the last one stood is remembered, so
 * that a listing is linear.
 */
#include <stdlib.h>
#include <string.h>

#include "guest/fs/ramfs.h"

#define BUCKETS_FIRST 4 /* in use from the first name on */

void ram_names_init(struct ram_names *names)
{
    *names = (struct ram_names){.next_place = 1};
    list_init(&names->order);
}

/* It is empty. */
void ram_names_free(struct ram_names *names)
{
    free(names->buckets);
}

/* FNV-1a. */
static u32 hash_of(struct name name)
{
    u32 hash = 0x811c9dc5;

    for (size_t i = 0; i < name.bytes; i++) {
        hash = (hash ^ (u8)name.at[i]) * 0x01000193;
    }
    return hash;
}

struct ram_entry *ram_find(const struct ram_names *names, struct name name)
{
    u32 hash = hash_of(name);
    struct ram_entry *entry = names->buckets ? names->buckets[hash & names->mask] : NULL;

    while (entry && (entry->hash != hash || entry->name_bytes != name.bytes ||
                     memcmp(entry->name, name.at, name.bytes) != 0)) {
        entry = entry->next;
    }
    return entry;
}

/* NULL: no memory. */
struct ram_entry *ram_entry_make(struct name name)
{
    struct ram_entry *entry = malloc(sizeof(*entry) + name.bytes);

    if (entry) {
        entry->hash = hash_of(name);
        entry->name_bytes = (u32)name.bytes;
        memcpy(entry->name, name.at, name.bytes);
        list_init(&entry->order);
    }
    return entry;
}

/* More buckets; without memory for them the old ones do. */
static void grow(struct ram_names *names)
{
    u64 mask = names->buckets ? 2 * names->mask + 1 : BUCKETS_FIRST - 1;
    struct ram_entry **buckets = calloc(mask + 1, sizeof(struct ram_entry *));
    struct list *link;

    if (!buckets) {
        return;
    }
    list_for_each(link, &names->order) {
        struct ram_entry *entry = container_of(link, struct ram_entry, order);

        entry->next = buckets[entry->hash & mask];
        buckets[entry->hash & mask] = entry;
    }
    free(names->buckets);
    names->buckets = buckets;
    names->mask = mask;
}

/* So that ram_link cannot fail.  False: no memory. */
bool ram_names_reserve(struct ram_names *names)
{
    if (!names->buckets || names->count > names->mask) {
        grow(names);
    }
    return names->buckets != NULL;
}

void ram_link(struct ram_names *names, struct ram_entry *entry, struct ram_node *node)
{
    entry->node = node;
    entry->place = names->next_place++;
    list_add_tail(&names->order, &entry->order);
    entry->next = names->buckets[entry->hash & names->mask];
    names->buckets[entry->hash & names->mask] = entry;
    names->count++;
}

/* And gone. */
void ram_unlink(struct ram_names *names, struct ram_entry *entry)
{
    struct ram_entry **at = &names->buckets[entry->hash & names->mask];

    while (*at != entry) {
        at = &(*at)->next;
    }
    *at = entry->next;
    if (names->cursor == entry) {
        /* back by one, so that who removes all that it is told stays linear */
        names->cursor = entry->order.prev == &names->order
                            ? NULL
                            : container_of(entry->order.prev, struct ram_entry, order);
    }
    list_del(&entry->order);
    names->count--;
    free(entry);
}

/* The first one at a place or behind it; NULL: that was all. */
struct ram_entry *ram_entry_at(struct ram_names *names, u64 place)
{
    struct list *link = names->order.next;

    if (names->cursor && names->cursor->place < place) {
        link = names->cursor->order.next;
    }
    while (link != &names->order) {
        struct ram_entry *entry = container_of(link, struct ram_entry, order);

        if (entry->place >= place) {
            names->cursor = entry;
            return entry;
        }
        link = link->next;
    }
    return NULL;
}
