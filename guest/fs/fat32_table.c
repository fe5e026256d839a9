/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The table: an entry of 32 bits for each cluster, of which 28 say what follows it in its chain.
 *
 * A group is the entries of one block of the cache.  For each group that was looked at it is known
 * how many are free, so that a full disk is found out without looking again.
 *
 * Invariant: a chain here never leads to a free cluster: one that is allocated is linked at once,
 * behind the tail that it is for.
 *
 * [FAT "FAT Data Structure"]
 */
#include <errno.h>

#include "guest/fs/fat32.h"

#define ENTRY_BYTES   4U
#define GROUP_UNKNOWN UINT16_MAX
#define AHEAD_BYTES   (32U << 10)

_Static_assert(__BYTE_ORDER__ == __ORDER_LITTLE_ENDIAN__, "as on disk");

static u64 entry_position(const struct fat *fat, u32 cluster)
{
    return fat->table + (u64)cluster * ENTRY_BYTES;
}

static u32 group_of(const struct fat *fat, u32 cluster)
{
    return (u32)(entry_position(fat, cluster) / CACHE_BLOCK_BYTES - fat->table / CACHE_BLOCK_BYTES);
}

/* The first cluster of a group, and the one behind its last. */
static u32 group_first(const struct fat *fat, u32 group)
{
    const u64 block = fat->table / CACHE_BLOCK_BYTES + group;

    if (group == 0)
        return FAT_FIRST;
    return (u32)((block * CACHE_BLOCK_BYTES - fat->table) / ENTRY_BYTES);
}

static u32 group_end(const struct fat *fat, u32 group)
{
    return group + 1 == fat->groups ? fat->end : group_first(fat, group + 1);
}

u32 fat_groups(const struct fat *fat)
{
    return group_of(fat, fat->end - 1) + 1;
}

/* The entry of a cluster, which with those behind it to the end of its group stays until the next
 * call of the cache. */
static int entry_of(struct fat *fat, u32 cluster, u32 **entry)
{
    const u64 position = entry_position(fat, cluster);

    if (fat->window == NULL || !cache_holds(fat->window, position)) {
        int error;

        cache_ahead(fat->cache, position, AHEAD_BYTES);
        error = cache_load(fat->cache, position, &fat->window);
        if (error != 0)
            return error;
    }
    *entry = cache_at(fat->window, position);
    return 0;
}

/* Clusters of one group became free, or not free any more; what was believed may be wrong. */
static void count(struct fat *fat, u32 cluster, u32 clusters, bool freed)
{
    u16 *group = &fat->group_free[group_of(fat, cluster)];

    fat->information_stale = true;
    if (freed) {
        fat->free_count += clusters;
        if (*group != GROUP_UNKNOWN)
            *group = (u16)(*group + clusters);
        return;
    }
    if (*group != GROUP_UNKNOWN)
        *group = (u16)(*group - clusters);
    if (fat->free_count < clusters)
        fat->counted = false;
    else
        fat->free_count -= clusters;
}

/* The entries of so many clusters, which are all in this slot, were changed. */
static void mark(struct fat *fat, struct cache_slot *slot, u32 cluster, u32 clusters)
{
    const u64 end = entry_position(fat, cluster + clusters);

    for (u64 at = align_down(entry_position(fat, cluster), SECTOR_BYTES); at < end;
         at += SECTOR_BYTES)
        cache_mark(fat->cache, slot, at, CACHE_TABLE);
}

static inline void set(u32 *entry, u32 link)
{
    *entry = (*entry & ~FAT_LINK) | link;
}

/* What follows a cluster in its chain. */
int fat_link(struct fat *fat, u32 cluster, u32 *link)
{
    u32 *entry;
    int error = entry_of(fat, cluster, &entry);

    if (error == 0)
        *link = *entry & FAT_LINK;
    return error;
}

/* The cluster is and stays in use. */
int fat_set_link(struct fat *fat, u32 cluster, u32 link)
{
    u32 *entry;
    int error = entry_of(fat, cluster, &entry);

    if (error == 0) {
        set(entry, link);
        mark(fat, fat->window, cluster, 1);
    }
    return error;
}

/* Entry 1 says whether the volume was unmounted properly. */
int fat_set_clean(struct fat *fat, bool clean)
{
    u32 *entry;
    int error = entry_of(fat, 1, &entry);

    if (error != 0)
        return error;
    *entry = clean ? *entry | FAT_CLEAN : *entry & ~FAT_CLEAN;
    mark(fat, fat->window, 1, 1);
    return 0;
}

int fat_is_clean(struct fat *fat, bool *clean)
{
    u32 *entry;
    int error = entry_of(fat, 1, &entry);

    if (error == 0)
        *clean = (*entry & FAT_CLEAN) != 0;
    return error;
}

/*
 * fat_run - how many clusters of a chain follow each other on disk, too, from this one on.
 *
 * Where a run is cut depends on its first cluster alone (at every RUN_CLUSTERS'th), so that walking
 * a circle comes to the same clusters again.  after: what the last one links to.
 */
int fat_run(struct fat *fat, u32 cluster, u32 *run, u32 *after)
{
    const u32 cut = (u32)align_up(cluster + 1ULL, FAT_RUN_CLUSTERS);
    const u32 limit = (cut < fat->end ? cut : fat->end) - cluster;
    u32 length = 0, link, *entry;

    do {
        u32 left = group_end(fat, group_of(fat, cluster + length)) - (cluster + length);
        int error = entry_of(fat, cluster + length, &entry);

        if (error != 0)
            return error;
        do {
            link = *entry++ & FAT_LINK;
            length++;
        } while (--left != 0 && link == cluster + length && length != limit);
    } while (link == cluster + length && length != limit);
    *run = length;
    *after = link;
    return 0;
}

/* ---- free clusters ---- */

static int count_group(struct fat *fat, u32 group)
{
    const u32 first = group_first(fat, group), end = group_end(fat, group);
    u16 free = 0;
    u32 *entry;
    int error;

    if (fat->group_free[group] != GROUP_UNKNOWN)
        return 0;
    error = entry_of(fat, first, &entry);
    if (error != 0)
        return error;
    for (u32 cluster = first; cluster < end; cluster++)
        free = (u16)(free + ((*entry++ & FAT_LINK) == FAT_FREE));
    fat->group_free[group] = free;
    return 0;
}

/* Makes free_count exact; it is believed otherwise. */
int fat_count_free(struct fat *fat)
{
    u32 sum = 0;

    if (fat->counted)
        return 0;
    for (u32 group = 0; group < fat->groups; group++) {
        int error = count_group(fat, group);

        if (error != 0)
            return error;
        sum += fat->group_free[group];
    }
    fat->free_count = sum;
    fat->counted = true;
    fat->information_stale = true;
    return 0;
}

/* The first free cluster from this one on, and round. */
static int find_free(struct fat *fat, u32 cluster, u32 *found)
{
    u32 group = group_of(fat, cluster);

    for (u32 turns = 0; turns <= fat->groups; turns++) {
        const u32 end = group_end(fat, group);
        u32 *entry;
        int error = count_group(fat, group);

        if (error == 0)
            error = entry_of(fat, cluster, &entry);
        if (error != 0)
            return error;
        for (; fat->group_free[group] != 0 && cluster < end; cluster++) {
            if ((*entry++ & FAT_LINK) == FAT_FREE) {
                *found = cluster;
                return 0;
            }
        }
        group = group + 1 == fat->groups ? 0 : group + 1;
        cluster = group_first(fat, group);
    }
    if (fat->free_count != 0)
        fat->counted = false;
    return ENOSPC;
}

/* A run of free clusters becomes a chain, as long as its group and want allow. */
static u32 chain_up(struct fat *fat, u32 first, u32 want)
{
    const u32 end = group_end(fat, group_of(fat, first));
    u32 *entry = cache_at(fat->window, entry_position(fat, first));
    u32 length = 1;

    if (want > end - first)
        want = end - first;
    for (; length < want && (entry[1] & FAT_LINK) == FAT_FREE; length++)
        set(entry++, first + length);
    set(entry, FAT_LAST);
    mark(fat, fat->window, first, length);
    count(fat, first, length, false);
    return length;
}

/*
 * fat_allocate - some clusters that follow each other, at least one and at most `want`.
 *
 * They are a chain behind tail, as near to it as possible; without a tail (0), a new one.
 * ENOSPC, EIO: nothing changed.
 */
int fat_allocate(struct fat *fat, u32 tail, u32 want, u32 *first, u32 *length)
{
    const u32 hint = fat_is_cluster(fat, fat->next_free) ? fat->next_free : FAT_FIRST;
    struct cache_slot *tail_slot = NULL;
    u32 *entry;
    int error = 0;

    if (tail != 0) {
        error = entry_of(fat, tail, &entry);
        if (error != 0)
            return error;
        tail_slot = fat->window;
        tail_slot->pins++;
    }
    error = find_free(fat, tail != 0 && fat_is_cluster(fat, tail + 1) ? tail + 1 : hint, first);
    if (error == 0) {
        *length = chain_up(fat, *first, want);
        fat->next_free = *first + *length;
        if (tail != 0) {
            set(cache_at(tail_slot, entry_position(fat, tail)), *first);
            mark(fat, tail_slot, tail, 1);
        }
    }
    if (tail != 0)
        tail_slot->pins--;
    return error;
}

/* Clusters of one group; those that are free already stay so. */
static int free_in_group(struct fat *fat, u32 first, u32 length)
{
    u32 *entry, freed = 0;
    int error = entry_of(fat, first, &entry);

    if (error != 0)
        return error;
    for (u32 i = 0; i < length; i++) {
        freed += (entry[i] & FAT_LINK) != FAT_FREE;
        set(&entry[i], FAT_FREE);
    }
    mark(fat, fat->window, first, length);
    count(fat, first, freed, true);
    cache_drop(fat->cache, fat_cluster_position(fat, first), (u64)length << fat->cluster_shift);
    return 0;
}

/*
 * fat_free_chain - all clusters of a chain, whose content need not be written any more.
 *
 * Ends where the chain does, sensibly or not: a cluster that is free already ends it, so that a
 * circle is no harm.  After EIO *first is the one to go on with; otherwise 0.
 */
int fat_free_chain(struct fat *fat, u32 *first)
{
    while (fat_is_cluster(fat, *first)) {
        const u32 left = group_end(fat, group_of(fat, *first)) - *first;
        u32 length, after;
        int error = 0;

        if (fat->cache->dirty_blocks[CACHE_TABLE] > fat->cache->slots / 4)
            error = cache_write_back(fat->cache, CACHE_TABLE);
        if (error == 0)
            error = fat_run(fat, *first, &length, &after);
        if (error == 0 && length > left) {
            length = left;
            after = *first + left;
        }
        if (error == 0)
            error = free_in_group(fat, *first, length);
        if (error != 0)
            return error;
        *first = after;
    }
    if (*first < FAT_END)
        fat_contradiction(fat, SAID_CHAIN, *first);
    *first = 0;
    return 0;
}

/* Clusters of one call of fat_allocate(), which nothing on disk knows of yet, are free again. */
void fat_give_back(struct fat *fat, u32 first, u32 length)
{
    if (free_in_group(fat, first, length) != 0)
        fat_complain(fat, SAID_LOST, first); /* fsck finds them */
}
