/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Nodes: one for each file or directory in use, found by its id, which says where its short slot
 * is.  So a rename changes the id, unless the slot stays; a name that is gone gives the node an id
 * that no slot has.
 *
 * Who puts a node last may want it again soon: some nodes that nobody holds are kept, with their
 * maps, directories with their index.  What a node knows better than its slot (size, times, first
 * cluster) is written there before the node goes, and by each commit.
 */
#include <errno.h>
#include <stdlib.h>

#include "guest/fs/fat32_dir.h"

static struct fat_node **bucket_of(struct fat *fat, u64 id)
{
    return &fat->bucket[(id ^ id >> 8) % FAT_NODE_BUCKETS];
}

struct fat_node *fat_node_find(struct fat *fat, u64 id)
{
    struct fat_node *node = *bucket_of(fat, id);

    while (node != NULL && node->node.id != id)
        node = node->next;
    return node;
}

static void link_node(struct fat *fat, struct fat_node *node, u64 id)
{
    struct fat_node **bucket = bucket_of(fat, id);

    node->node.id = id;
    node->next = *bucket;
    *bucket = node;
}

static void unlink_node(struct fat *fat, struct fat_node *node)
{
    struct fat_node **place = bucket_of(fat, node->node.id);

    while (*place != node)
        place = &(*place)->next;
    *place = node->next;
}

/* Its slot is another one now. */
void fat_node_move(struct fat *fat, struct fat_node *node, u64 id)
{
    unlink_node(fat, node);
    link_node(fat, node, id);
    fat_node_touch(fat, node);
}

/* Its name is gone; the chain is freed when the node is. */
void fat_node_gone(struct fat *fat, struct fat_node *node)
{
    unlink_node(fat, node);
    link_node(fat, node, FAT_GONE_ID + fat->gone++);
    node->node.nlink = 0;
    list_del(&node->dirty);
    fat->orphans++;
}

static void hold(struct fat *fat, struct fat_node *node)
{
    if (node->node.holders++ == 0) {
        list_del(&node->idle);
        fat->idle_count--;
        node->read_today = false;
    }
}

/* A directory that is the root, or one that is its own ancestor, would be a loop: the first is
 * told by its cluster, others by the ".." that names who it is in. */
static bool makes_sense(const struct fat *fat, const struct fat_short *info)
{
    const u32 first = fat_first(info);

    return !(info->attributes & FAT_DIRECTORY) ||
           (fat_is_cluster(fat, first) && (first != fat->root_cluster || fat->fs.root == NULL));
}

/* The node whose short slot this is, held once more.  ENOMEM, EIO */
int fat_node_get(struct fat *fat, u64 id, const struct fat_short *info, struct fat_node **found)
{
    struct fat_node *node = fat_node_find(fat, id);

    if (node != NULL) {
        hold(fat, node);
        *found = node;
        return 0;
    }
    if (!makes_sense(fat, info))
        return fat_contradiction(fat, SAID_DIRECTORY, fat_first(info));
    node = calloc(1, sizeof(*node));
    if (node == NULL)
        return ENOMEM;
    node->node.fs = &fat->fs;
    node->node.type = info->attributes & FAT_DIRECTORY ? NODE_DIRECTORY : NODE_FILE;
    node->node.holders = 1;
    node->node.nlink = 1;
    list_init(&node->idle);
    list_init(&node->dirty);
    node->map.extents = &node->map.one;
    fat_map_reset(&node->map);
    node->first = fat_first(info);
    node->bytes = node->node.type == NODE_FILE ? info->bytes : 0;
    node->attributes = info->attributes;
    node->mtime_s = fat_time(info->written_date, info->written_time);
    node->atime_s = fat_time(info->accessed_date, 0);
    link_node(fat, node, id);
    *found = node;
    return 0;
}

/* What its slot says is not true any more. */
void fat_node_touch(struct fat *fat, struct fat_node *node)
{
    if (node->node.nlink != 0 && node->node.id != FAT_ROOT_ID && list_empty(&node->dirty))
        list_add_tail(&fat->dirty, &node->dirty);
}

void fat_node_fill(const struct fat_node *node, struct fat_short *info)
{
    u16 midnight;

    info->attributes = node->attributes;
    fat_set_first(info, node->first);
    info->bytes = node->bytes;
    fat_set_time(node->mtime_s, &info->written_date, &info->written_time);
    fat_set_time(node->atime_s, &info->accessed_date, &midnight);
}

/* Into its slot, in the cache. */
int fat_node_write(struct fat *fat, struct fat_node *node)
{
    const u64 position = node->node.id * FAT_SLOT_BYTES;
    struct cache_slot *slot;
    int error = cache_load(fat->cache, position, &slot);

    if (error != 0)
        return error;
    fat_node_fill(node, cache_at(slot, position));
    cache_mark(fat->cache, slot, position, CACHE_ENTRIES);
    list_del(&node->dirty);
    return 0;
}

void fat_node_free(struct fat *fat, struct fat_node *node)
{
    unlink_node(fat, node);
    list_del(&node->dirty);
    list_del(&node->idle);
    fat_index_free(fat, node);
    fat_map_reset(&node->map);
    free(node);
}

/* Of the nodes that nobody holds, so many may stay; others only if their slots cannot be written.
 */
void fat_trim_idle(struct fat *fat, u32 keep)
{
    struct list *at, *after;

    list_for_each_safe(at, after, &fat->idle) {
        struct fat_node *node = container_of(at, struct fat_node, idle);

        if (fat->idle_count <= keep)
            return;
        if (!list_empty(&node->dirty) && fat_node_write(fat, node) != 0)
            continue;
        fat_node_free(fat, node);
        fat->idle_count--;
    }
}

/* Of directories that nobody holds, while all together have too much. */
void fat_trim_indexes(struct fat *fat)
{
    struct list *at;

    list_for_each(at, &fat->idle) {
        if (fat->index_bytes <= FAT_INDEX_BYTES)
            return;
        fat_index_free(fat, container_of(at, struct fat_node, idle));
    }
}

/* The last holder is gone. */
void fat_forget(struct node *node)
{
    struct fat *fat = fat_of(node);
    struct fat_node *mine = fat_node_of(node);

    if (node->nlink != 0) {
        list_add_tail(&fat->idle, &mine->idle);
        fat->idle_count++;
        fat_trim_idle(fat, FAT_IDLE_MAX);
        return;
    }
    fat->orphans--;
    fat_map_drop(fat, mine);
    if (mine->first == 0) {
        fat_node_free(fat, mine);
        return;
    }
    fat_index_free(fat, mine);
    list_add_tail(&fat->doomed, &mine->idle);
    fat->pending++;
}
