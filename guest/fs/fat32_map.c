/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Where a file's clusters are: its chain is walked once, and remembered as extents.
 *
 * Memory is bounded by FAT_EXTENTS_MAX extents a file; of a file in more pieces, or when there is
 * no memory, the rest is walked again when somebody goes back in it.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "guest/fs/fat32.h"

void fat_map_reset(struct fat_map *map)
{
    if (map->extents != &map->one)
        free(map->extents);
    *map = (struct fat_map){.capacity = 1};
    map->extents = &map->one;
}

static u32 end_of(const struct fat_extent *extent)
{
    return extent->index + extent->count;
}

static void grow(struct fat_map *map)
{
    const u32 capacity = map->capacity == 1 ? 4 : 2 * map->capacity;
    struct fat_extent *extents;

    if (capacity > FAT_EXTENTS_MAX)
        return;
    extents = malloc(capacity * sizeof(*extents));
    if (extents == NULL)
        return;
    memcpy(extents, map->extents, map->count * sizeof(*extents));
    if (map->extents != &map->one)
        free(map->extents);
    map->extents = extents;
    map->capacity = capacity;
}

/* Whether there is a gap before the last extent. */
static bool has_gap(const struct fat_map *map)
{
    const struct fat_extent *last = &map->extents[map->count - 1];

    return last->index != (map->count == 1 ? 0 : end_of(last - 1));
}

/* What follows the last extent. */
static void add(struct fat_map *map, const struct fat_extent *extent)
{
    struct fat_extent *last = map->count == 0 ? NULL : &map->extents[map->count - 1];

    if (last != NULL && last->cluster + last->count == extent->cluster) {
        last->count += extent->count;
        return;
    }
    if (map->count == map->capacity && !has_gap(map))
        grow(map);
    if (map->count == map->capacity)
        *last = *extent;
    else
        map->extents[map->count++] = *extent;
    map->recent = map->count - 1;
}

/* The last extent that begins at index or before, or NULL. */
static const struct fat_extent *nearest(struct fat_map *map, u32 index)
{
    u32 low = 0, high = map->count;

    if (map->recent < map->count && map->extents[map->recent].index <= index &&
        index < end_of(&map->extents[map->recent]))
        return &map->extents[map->recent];
    while (low < high) {
        const u32 middle = (low + high) / 2;

        if (map->extents[middle].index <= index)
            low = middle + 1;
        else
            high = middle;
    }
    map->recent = low - 1;
    return low == 0 ? NULL : &map->extents[low - 1];
}

/* The last extent, which is behind a gap, is forgotten: the walk begins before the gap again. */
static void forget_last(struct fat_map *map)
{
    map->count--;
    map->whole = false;
    map->power = 0;
}

/* Whether the walk was at this cluster before: sooner or later true in a circle, never else. */
static bool was_here(struct fat_map *map, u32 cluster)
{
    if (map->power != 0 && map->seen == cluster)
        return true;
    if (map->power == 0 || ++map->steps == map->power) {
        map->seen = cluster;
        map->steps = 0;
        map->power = map->power == 0 ? 1 : 2 * map->power;
    }
    return false;
}

/* One extent more, or the map is whole. */
static int walk(struct fat *fat, struct fat_node *node)
{
    struct fat_map *map = &node->map;
    struct fat_extent next = {.cluster = node->first};
    u32 after;
    int error = 0;

    if (map->count != 0) {
        const struct fat_extent *last = &map->extents[map->count - 1];

        next.index = end_of(last);
        error = fat_link(fat, last->cluster + last->count - 1, &next.cluster);
        if (error != 0)
            return error;
    }
    map->whole = map->count == 0 ? next.cluster == 0 : next.cluster >= FAT_END;
    if (map->whole)
        return 0;
    if (!fat_is_cluster(fat, next.cluster) || next.index >= fat->clusters ||
        was_here(map, next.cluster))
        return fat_contradiction(fat, SAID_CHAIN, next.cluster);
    error = fat_run(fat, next.cluster, &next.count, &after);
    if (error != 0)
        return error;
    if (after == FAT_FREE)
        return fat_contradiction(fat, SAID_CHAIN, next.cluster + next.count - 1);
    add(map, &next);
    return 0;
}

/*
 * fat_map_find - the extent that a cluster of the file is in.
 *
 * ENOENT   the chain ends before it
 * EIO      the chain makes no sense, or could not be read
 */
int fat_map_find(struct fat *fat, struct fat_node *node, u32 index, struct fat_extent *found)
{
    struct fat_map *map = &node->map;

    for (;;) {
        const struct fat_extent *extent = nearest(map, index);
        int error;

        if (extent != NULL && index < end_of(extent)) {
            *found = *extent;
            return 0;
        }
        if (map->count != 0 && extent != &map->extents[map->count - 1])
            forget_last(map);
        else if (map->whole)
            return ENOENT;
        error = walk(fat, node);
        if (error != 0)
            return error;
    }
}

/* How many clusters the chain has. */
int fat_map_length(struct fat *fat, struct fat_node *node, u32 *clusters)
{
    struct fat_map *map = &node->map;

    while (!map->whole) {
        int error = walk(fat, node);

        if (error != 0)
            return error;
    }
    *clusters = map->count == 0 ? 0 : end_of(&map->extents[map->count - 1]);
    return 0;
}

static u32 tail_of(const struct fat_map *map)
{
    const struct fat_extent *last = &map->extents[map->count - 1];

    return map->count == 0 ? 0 : last->cluster + last->count - 1;
}

static void added(struct fat *fat, struct fat_node *node, u32 first, u32 length)
{
    struct fat_map *map = &node->map;
    const struct fat_extent extent = {
        .index = map->count == 0 ? 0 : end_of(&map->extents[map->count - 1]),
        .cluster = first,
        .count = length,
    };

    if (node->first == 0) {
        node->first = first;
        fat_node_touch(fat, node);
    }
    add(map, &extent);
}

/* Bytes that the clusters have, as far as they are known: all, after fat_map_extend(). */
u64 fat_map_room(const struct fat *fat, const struct fat_node *node)
{
    const struct fat_map *map = &node->map;

    return map->count == 0 ? 0 : (u64)end_of(&map->extents[map->count - 1]) << fat->cluster_shift;
}

/* At least `want` clusters, or an error (ENOSPC, EIO) and as many as there could be. */
int fat_map_extend(struct fat *fat, struct fat_node *node, u32 want)
{
    u32 clusters;
    int error = fat_map_length(fat, node, &clusters);

    while (error == 0 && clusters < want) {
        u32 first, length;

        error = fat_allocate(fat, tail_of(&node->map), want - clusters, &first, &length);
        if (error == 0) {
            added(fat, node, first, length);
            clusters += length;
        }
    }
    return error;
}

/* Clusters that are a chain already, in one piece, become the file's last ones. */
int fat_map_append(struct fat *fat, struct fat_node *node, u32 first, u32 length)
{
    u32 clusters;
    int error = fat_map_length(fat, node, &clusters);

    if (error == 0 && clusters != 0)
        error = fat_set_link(fat, tail_of(&node->map), first);
    if (error == 0)
        added(fat, node, first, length);
    return error;
}

/* Content of all clusters from this one on that the map knows need not be written. */
static void drop(struct fat *fat, const struct fat_map *map, u32 from)
{
    for (u32 i = map->count; i != 0 && end_of(&map->extents[i - 1]) > from; i--) {
        const struct fat_extent *extent = &map->extents[i - 1];
        const u32 skip = extent->index < from ? from - extent->index : 0;

        cache_drop(fat->cache, fat_cluster_position(fat, extent->cluster + skip),
                   (u64)(extent->count - skip) << fat->cluster_shift);
    }
}

void fat_map_drop(struct fat *fat, struct fat_node *node)
{
    drop(fat, &node->map, 0);
}

/* The map has no more than so many clusters, the last of which it knows. */
static void shorten(struct fat_map *map, u32 clusters)
{
    while (map->count != 0 && map->extents[map->count - 1].index >= clusters)
        map->count--;
    if (map->count != 0 && end_of(&map->extents[map->count - 1]) > clusters)
        map->extents[map->count - 1].count = clusters - map->extents[map->count - 1].index;
    map->whole = true;
    map->power = 0;
}

/*
 * fat_map_cut - only the first so many clusters stay.
 *
 * The others are freed after the next commit.  A chain that is not longer stays as it is.  ENOMEM,
 * EIO: nothing changed.
 */
int fat_map_cut(struct fat *fat, struct fat_node *node, u32 clusters)
{
    struct fat_extent extent;
    struct fat_chain *rest;
    u32 tail = 0, after = node->first;
    int error = clusters == 0 ? 0 : fat_map_find(fat, node, clusters - 1, &extent);

    if (error != 0)
        return error == ENOENT ? 0 : error;
    if (clusters != 0) {
        tail = extent.cluster + (clusters - 1 - extent.index);
        error = fat_link(fat, tail, &after);
        if (error != 0)
            return error;
    }
    if (!fat_is_cluster(fat, after))
        return 0;
    rest = malloc(sizeof(*rest));
    if (rest == NULL)
        return ENOMEM;
    error = tail != 0 ? fat_set_link(fat, tail, FAT_LAST) : 0;
    if (error != 0) {
        free(rest);
        return error;
    }
    rest->first = after;
    list_add_tail(&fat->chains, &rest->list);
    fat->pending++;
    drop(fat, &node->map, clusters);
    shorten(&node->map, clusters);
    if (clusters == 0) {
        node->first = 0;
        fat_node_touch(fat, node);
    }
    return 0;
}
