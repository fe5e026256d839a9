/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * In which order changes get to the disk, so that a cut of power, wherever it comes, harms nothing
 * that was synced before.
 *
 * A commit writes, and flushes the disk's cache after each step:
 *
 *  1. contents: of files, and of clusters that a directory got since the last commit.  Nothing on
 *     disk refers to them yet, or they are overwritten, which is what was asked for;
 *  2. the table, all copies: chains became longer, or new.  Nothing on disk refers to the new ones;
 *  3. directories: new names, sizes, names that were removed;
 *  4. names that moved: only now the old ones are erased;
 *  5. the table again: chains that nothing on disk refers to any more are free.
 *
 * A cluster is not free here before step 5, so that none is used for something else while the disk
 * knows it as part of what it was.  Between commits nothing but contents is written.
 *
 * What a cut leaves is what fsck repairs without asking: chains that nobody has (before 3, 5), or
 * that are longer than the file (before 3), two names for one chain (before 4); a file that was
 * being made shorter may end at its new size with its old one in the directory (before 3); of names
 * that came or went a part (within 3 and 4).  The first change after a commit of everything says
 * on disk that the volume is in use, by a bit in entry 1 of the table.
 */
#include <errno.h>
#include <stdlib.h>

#include "guest/fs/fat32_dir.h"

#define INFORMATION_FREE 488 /* byte of FSInfo */
#define INFORMATION_NEXT 492

static int write_and_flush(struct fat *fat, enum cache_class class)
{
    int error = cache_write_back(fat->cache, class);

    return error == 0 ? cache_flush(fat->cache) : error;
}

static int write_nodes(struct fat *fat)
{
    struct list *at, *after;

    list_for_each_safe(at, after, &fat->dirty) {
        int error = fat_node_write(fat, container_of(at, struct fat_node, dirty));

        if (error != 0)
            return error;
    }
    return 0;
}

/* Erases the old name of what moved. */
static int bury(struct fat *fat, const struct fat_ghost *ghost)
{
    u64 position = ghost->position[0];
    struct fat_node *dir = fat_node_find(fat, ghost->dir_id);
    u32 sectors = 1;

    for (u32 i = 0; i < ghost->slots; i++) {
        struct cache_slot *in;
        int error = cache_load(fat->cache, position, &in);

        if (error != 0)
            return error;
        *(u8 *)cache_at(in, position) = FAT_SLOT_FREE;
        cache_mark(fat->cache, in, position, CACHE_ENTRIES);
        position += FAT_SLOT_BYTES;
        if (position % SECTOR_BYTES == 0 && i + 1 < ghost->slots)
            position = ghost->position[sectors++];
    }
    if (dir != NULL && dir->index != NULL)
        fat_index_freed(dir, ghost->at);
    return 0;
}

static int bury_all(struct fat *fat)
{
    for (u32 i = 0; i < FAT_GHOST_BUCKETS; i++) {
        while (fat->ghost[i] != NULL) {
            struct fat_ghost *ghost = fat->ghost[i];
            int error = bury(fat, ghost);

            if (error != 0)
                return error;
            fat->ghost[i] = ghost->next;
            free(ghost);
            fat->ghosts--;
            fat->pending--;
        }
    }
    return 0;
}

static int free_chains(struct fat *fat)
{
    struct list *at, *after;
    int error = 0;

    list_for_each_safe(at, after, &fat->chains) {
        struct fat_chain *chain = container_of(at, struct fat_chain, list);

        error = fat_free_chain(fat, &chain->first);
        if (error != 0)
            return error;
        list_del(at);
        free(chain);
        fat->pending--;
    }
    list_for_each_safe(at, after, &fat->doomed) {
        struct fat_node *node = container_of(at, struct fat_node, idle);

        error = fat_free_chain(fat, &node->first);
        if (error != 0)
            return error;
        fat_node_free(fat, node);
        fat->pending--;
    }
    return 0;
}

/* After an error what was not written is still to be. */
int fat_commit(struct fat *fat)
{
    int error = write_nodes(fat);

    for (enum cache_class class = 0; class < CACHE_CLASSES && error == 0; class ++)
        error = write_and_flush(fat, class);
    if (error == 0 && fat->ghosts != 0) {
        error = bury_all(fat);
        if (error == 0)
            error = write_and_flush(fat, CACHE_ENTRIES);
    }
    if (error == 0)
        error = free_chains(fat);
    return error == 0 ? cache_write_back(fat->cache, CACHE_TABLE) : error;
}

static int mark_used(struct fat *fat, bool clean)
{
    int error = fat_set_clean(fat, clean);

    if (error == 0)
        error = write_and_flush(fat, CACHE_TABLE);
    if (error == 0)
        fat->marked = !clean;
    return error;
}

/* Before each change: whether there may be one, and whether there was enough of them. */
int fat_begin(struct fat *fat)
{
    const u32 *dirty = fat->cache->dirty_blocks;

    if (fat->fs.readonly || fat->broken)
        return EROFS;
    if (!fat->marked)
        return mark_used(fat, false);
    if (fat->pending >= FAT_PENDING_MAX ||
        dirty[CACHE_TABLE] + dirty[CACHE_ENTRIES] > fat->cache->slots / 4)
        return fat_commit(fat);
    return 0;
}

/* Everything is one commit: what was written to other nodes is no reason to keep them waiting. */
int fat_sync(struct node *node)
{
    return fat_commit(fat_of(node));
}

static int write_information(struct fat *fat)
{
    struct cache_slot *slot;
    u8 *sector;
    int error;

    if (fat->information == 0 || !fat->information_stale)
        return 0;
    error = fat_count_free(fat);
    if (error == 0)
        error = cache_load(fat->cache, fat->information, &slot);
    if (error != 0)
        return error;
    sector = cache_at(slot, fat->information);
    *(u32 *)(void *)(sector + INFORMATION_FREE) = fat->free_count;
    *(u32 *)(void *)(sector + INFORMATION_NEXT) =
        fat_is_cluster(fat, fat->next_free) ? fat->next_free : FAT_FIRST;
    cache_mark(fat->cache, slot, fat->information, CACHE_ENTRIES);
    fat->information_stale = false;
    return 0;
}

/* The volume is then as if it were unmounted, unless something is wrong with it or a file that has
 * no name is still in use. */
int fat_sync_all(struct fs *fs)
{
    struct fat *fat = container_of(fs, struct fat, fs);
    int error = fat_commit(fat);

    if (!fat->marked || error != 0)
        return error;
    error = write_information(fat);
    if (error == 0)
        error = write_and_flush(fat, CACHE_ENTRIES);
    if (error == 0 && !fat->was_dirty && !fat->broken && fat->orphans == 0)
        error = mark_used(fat, true);
    return error == 0 ? cache_flush(fat->cache) : error;
}
