/* SPDX-License-Identifier: BSD-2-Clause */
/* Mounting, unmounting, and what is asked of a node or of the whole. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "guest/fs/fat32_dir.h"

#define INFORMATION_FREE 488 /* byte of FSInfo */
#define INFORMATION_NEXT 492

#define MAY_READ  0555U
#define MAY_WRITE 0200U

void fat_complain(struct fat *fat, enum fat_complaint complaint, u64 what)
{
    const char *text = "";

    if (fat->said & complaint)
        return;
    fat->said |= complaint;
    switch (complaint) {
    case SAID_CHAIN: text = "a chain of clusters is broken, at"; break;
    case SAID_SIZE: text = "a file has fewer clusters than its size says:"; break;
    case SAID_SLOT: text = "an entry of a directory has no name, at"; break;
    case SAID_DIRECTORY: text = "a directory makes no sense, at cluster"; break;
    case SAID_LOST: text = "a cluster is lost:"; break;
    case SAID_DIRTY: text = "it was not unmounted the last time; free clusters are counted:"; break;
    }
    fs_log("fat32: %s %llu%s", text, (unsigned long long)what,
           complaint == SAID_DIRTY ? "" : "; check it with fsck.fat");
}

int fat_contradiction(struct fat *fat, enum fat_complaint complaint, u64 what)
{
    fat_complain(fat, complaint, what);
    fat->broken = true;
    return EIO;
}

/* ---- of a node ---- */

static int attr(struct node *node, struct node_attr *attr)
{
    struct fat *fat = fat_of(node);
    const struct fat_node *mine = fat_node_of(node);

    *attr = (struct node_attr){
        .bytes = mine->bytes,
        .used_bytes = (u64)fat_clusters_of(fat, mine->bytes) << fat->cluster_shift,
        .mtime_s = mine->mtime_s,
        .atime_s = mine->atime_s,
        .ctime_s = mine->mtime_s, /* the disk has none */
        .permissions = MAY_READ | (mine->attributes & FAT_READ_ONLY ? 0 : MAY_WRITE),
    };
    return 0;
}

static int set_times(struct node *node, s64 atime_s, s64 mtime_s, u32 mtime_ns)
{
    struct fat *fat = fat_of(node);
    struct fat_node *mine = fat_node_of(node);
    int error = fat_begin(fat);
    u16 date, time;

    (void)mtime_ns; /* the disk has two seconds' steps */
    if (error != 0)
        return error;
    fat_set_time(mtime_s, &date, &time);
    mine->mtime_s = fat_time(date, time);
    fat_set_time(atime_s, &date, &time);
    mine->atime_s = fat_time(date, 0);
    fat_node_touch(fat, mine);
    return 0;
}

/* One bit of it can be kept. */
static int change_permissions(struct node *node, u32 permissions)
{
    struct fat *fat = fat_of(node);
    struct fat_node *mine = fat_node_of(node);
    int error = fat_begin(fat);

    if (error != 0)
        return error;
    mine->attributes &= (u8)~FAT_READ_ONLY;
    if ((permissions & MAY_WRITE) == 0)
        mine->attributes |= FAT_READ_ONLY;
    fat_node_touch(fat, mine);
    return 0;
}

/* ---- of the whole ---- */

static int space(struct fs *fs, struct fs_space *space)
{
    struct fat *fat = container_of(fs, struct fat, fs);
    int error = fat_count_free(fat);

    if (error != 0)
        return error;
    *space = (struct fs_space){
        .block_bytes = fat->cluster_bytes,
        .blocks = fat->clusters,
        .free_blocks = fat->free_count,
    };
    return 0;
}

static void destroy(struct fat *fat)
{
    struct list *at, *after;

    for (u32 i = 0; i < FAT_NODE_BUCKETS; i++) {
        while (fat->bucket[i] != NULL)
            fat_node_free(fat, fat->bucket[i]);
    }
    for (u32 i = 0; i < FAT_GHOST_BUCKETS; i++) {
        while (fat->ghost[i] != NULL) {
            struct fat_ghost *next = fat->ghost[i]->next;

            free(fat->ghost[i]);
            fat->ghost[i] = next;
        }
    }
    list_for_each_safe(at, after, &fat->chains)
        free(container_of(at, struct fat_chain, list));
    if (fat->cache != NULL)
        cache_destroy(fat->cache);
    free(fat->group_free);
    free(fat);
}

static int unmount(struct fs *fs)
{
    struct fat *fat = container_of(fs, struct fat, fs);
    int error = fs->readonly ? 0 : fat_sync_all(fs);

    destroy(fat);
    return error;
}

/* ---- mounting ---- */

static const struct fs_ops fat32_ops = {
    .type = "fat32",
    .lookup = fat_lookup,
    .create = fat_create,
    .remove = fat_remove,
    .rename = fat_rename,
    .list = fat_list,
    .read = fat_read,
    .write = fat_write,
    .truncate = fat_truncate,
    .attr = attr,
    .set_times = set_times,
    .chmod = change_permissions,
    .sync = fat_sync,
    .forget = fat_forget,
    .sync_all = fat_sync_all,
    .space = space,
    .unmount = unmount,
};

static struct fat *create(struct block *block, bool readonly, const struct fat_layout *layout)
{
    struct fat *fat = calloc(1, sizeof(*fat));

    if (fat == NULL)
        return NULL;
    fat->fs.ops = &fat32_ops;
    fat->fs.readonly = readonly || block->readonly;
    list_init(&fat->idle);
    list_init(&fat->dirty);
    list_init(&fat->doomed);
    list_init(&fat->chains);
    fat->cluster_bytes = layout->cluster_sectors * SECTOR_BYTES;
    while (1U << fat->cluster_shift < fat->cluster_bytes)
        fat->cluster_shift++;
    fat->clusters = layout->clusters;
    fat->end = layout->clusters + FAT_FIRST;
    fat->root_cluster = layout->root;
    return fat;
}

static int set_up(struct fat *fat, struct block *block, const struct fat_layout *layout,
                  u32 cache_bytes)
{
    int error = cache_create(&fat->cache, block, layout->content, cache_bytes);

    if (error != 0)
        return error;
    fat->cache->copies = layout->tables;
    fat->cache->copy_sectors = layout->table_sectors;
    fat->table = cache_position(fat->cache, layout->table);
    fat->content = cache_position(fat->cache, layout->content);
    if (layout->information != 0)
        fat->information = cache_position(fat->cache, layout->information);
    fat->groups = fat_groups(fat);
    fat->group_free = malloc(fat->groups * sizeof(*fat->group_free));
    if (fat->group_free == NULL)
        return ENOMEM;
    memset(fat->group_free, 0xff, fat->groups * sizeof(*fat->group_free));
    return 0;
}

/* FSInfo is believed if the volume was unmounted properly; and what can be seen is verified. */
static int read_information(struct fat *fat)
{
    struct cache_slot *slot;
    const u8 *sector;
    bool clean;
    u32 free_count;
    int error = fat_is_clean(fat, &clean);

    if (error != 0)
        return error;
    fat->was_dirty = !clean;
    if (!clean)
        fat_complain(fat, SAID_DIRTY, fat->clusters);
    if (fat->information == 0)
        return 0;
    error = cache_load(fat->cache, fat->information, &slot);
    if (error != 0)
        return error;
    sector = cache_at(slot, fat->information);
    if (!fat_is_information(sector)) {
        fat->information = 0;
        return 0;
    }
    memcpy(&free_count, sector + INFORMATION_FREE, sizeof(free_count));
    memcpy(&fat->next_free, sector + INFORMATION_NEXT, sizeof(fat->next_free));
    fat->counted = clean && free_count < fat->clusters;
    fat->free_count = fat->counted ? free_count : 0;
    return 0;
}

static int open_root(struct fat *fat)
{
    const struct fat_short info = {.attributes = FAT_DIRECTORY};
    struct fat_short root = info;
    struct fat_node *node;
    int error;

    fat_set_first(&root, fat->root_cluster);
    error = fat_node_get(fat, FAT_ROOT_ID, &root, &node);
    if (error == 0)
        fat->fs.root = &node->node;
    return error;
}

int fat32_mount_cached(struct block *block, bool readonly, u32 cache_bytes, struct fs **fs,
                       const char **why)
{
    struct fat_layout layout;
    struct fat *fat;
    int error = fat_read_layout(block, &layout, why);

    if (error != 0)
        return error;
    *why = "there is no memory for it";
    fat = create(block, readonly, &layout);
    if (fat == NULL)
        return ENOMEM;
    error = set_up(fat, block, &layout, cache_bytes);
    if (error == 0) {
        *why = "it cannot be read";
        error = read_information(fat);
    }
    if (error == 0)
        error = open_root(fat);
    if (error != 0) {
        destroy(fat);
        return error;
    }
    *why = "";
    *fs = &fat->fs;
    return 0;
}

int fat32_mount(struct block *block, bool readonly, struct fs **fs, const char **why)
{
    return fat32_mount_cached(block, readonly, FAT_CACHE_BYTES, fs, why);
}
