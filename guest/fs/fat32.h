/* SPDX-License-Identifier: BSD-2-Clause */
#pragma once
/*
 * FAT32: what its parts know of each other.  fs.h has what others see.
 *
 *     fat32_boot.c     boot sector, partition: what is accepted as FAT32
 *     fat32_mount.c    mounting, and what is asked of a node or of the whole
 *     fat32_table.c    the table: chains, free clusters
 *     fat32_map.c      where a file's clusters are
 *     fat32_name.c     names: UTF-8, UTF-16, case; fat32_short.c: 8.3
 *     fat32_slots.c    a directory as a row of 32-byte slots: read, find room, write
 *     fat32_index.c    which slot has which name
 *     fat32_dir.c      lookup, list, create, remove; fat32_rename.c: rename
 *     fat32_node.c     nodes in use, and what of them is in their slot
 *     fat32_file.c     read, write, truncate
 *     fat32_time.c     times on disk
 *     fat32_commit.c   in which order all of it gets to the disk
 *
 * Words: a *cluster* is a number from 2 on; a *slot* is 32 bytes of a directory; an *entry* is a
 * name's slots: those of the long name, then the short one, which says all the rest.
 *
 * Whatever is read is checked before it is used; a contradiction is EIO, is said once (fs_log), and
 * makes the file system read-only.  Each walk along a chain is bounded.
 */
#include "lib/kit/list.h"

#include "guest/fs/blockcache.h"
#include "guest/fs/fs.h"

#define FAT_SLOT_BYTES    32U
#define FAT_SLOTS_MAX     65536U /* of a directory: 2 MiB */
#define FAT_ENTRY_SLOTS   21U    /* a name of 255 units, and the short one */
#define FAT_BYTES_MAX     UINT32_MAX
#define FAT_UNITS_MAX     255U /* of a long name, UTF-16 */
#define FAT_SHORT_BYTES   11U
#define FAT_EXTENTS_MAX   1024U
#define FAT_RUN_CLUSTERS  2048U /* see fat_run */
#define FAT_CACHE_BYTES   (4U << 20)
#define FAT_NODE_BUCKETS  256U
#define FAT_GHOST_BUCKETS 64U
#define FAT_GHOST_SECTORS 3U
#define FAT_IDLE_MAX      64U        /* nodes nobody holds that are kept */
#define FAT_INDEX_BYTES   (1U << 20) /* of directories nobody holds, when there are more */
#define FAT_PENDING_MAX   1024U      /* ghosts and doomed chains, before they are committed */

/* An entry of the table. */
#define FAT_LINK  0x0fffffffU
#define FAT_FREE  0U
#define FAT_FIRST 2U
#define FAT_BAD   0x0ffffff7U
#define FAT_END   0x0ffffff8U /* and above */
#define FAT_LAST  0x0fffffffU
#define FAT_CLEAN 0x08000000U /* in entry 1: unmounted properly */

enum fat_attribute {
    FAT_READ_ONLY = 0x01,
    FAT_HIDDEN = 0x02,
    FAT_SYSTEM = 0x04,
    FAT_VOLUME = 0x08,
    FAT_DIRECTORY = 0x10,
    FAT_ARCHIVE = 0x20,
    FAT_LONG = 0x0f, /* all of 0x3f: a slot of a long name */
};

/* The short slot, as on disk; little-endian. */
struct fat_short {
    u8 name[FAT_SHORT_BYTES];
    u8 attributes;
    u8 lower_case; /* FAT_LOWER_* */
    u8 created_10ms;
    u16 created_time, created_date;
    u16 accessed_date;
    u16 first_high;
    u16 written_time, written_date;
    u16 first_low;
    u32 bytes;
};

_Static_assert(sizeof(struct fat_short) == FAT_SLOT_BYTES, "as on disk");

#define FAT_LOWER_BASE      0x08
#define FAT_LOWER_EXTENSION 0x10
#define FAT_SLOT_FREE       0xe5 /* first byte */
#define FAT_SLOT_END        0x00 /* first byte: here and behind was never used */
#define FAT_SLOT_KANJI      0x05 /* first byte: stands for 0xe5 */

/* Clusters that follow each other in a file and on disk. */
struct fat_extent {
    u32 index; /* of the first one, in the file */
    u32 cluster;
    u32 count;
};

/*
 * Where a chain is, as far as it was walked: extents without a gap from the file's beginning on.
 * When they may not become more, the last one moves along the chain, and there is a gap before it.
 */
struct fat_map {
    struct fat_extent *extents; /* of `capacity`; &one, until there are more */
    struct fat_extent one;
    u32 count, capacity;
    u32 recent; /* extent that was used last */
    bool whole; /* the chain ends behind the last extent */
    /* against circles (Brent): a walk that comes to `seen` again has been there */
    u32 seen, steps, power;
};

struct fat_index;

struct fat_node {
    struct node node;      /* id: where its short slot is (fat_slot_id), ROOT_ID, or gone */
    struct fat_node *next; /* of its bucket */
    struct list idle;      /* in fat->idle while nobody holds it; in fat->doomed: see fat_chain */
    struct list dirty;     /* in fat->dirty while its slot is older than it */
    struct fat_map map;
    u32 first; /* cluster; 0: none */
    u32 bytes; /* of a file */
    u8 attributes;
    bool checked;    /* it is a directory, and no loop */
    bool read_today; /* atime is of the day it was opened */
    s64 mtime_s, atime_s;
    u64 next_offset;         /* where a sequential reader goes on */
    u32 ahead;               /* bytes to read ahead */
    struct fat_index *index; /* of a directory, or NULL */
    struct {                 /* where a directory's last slot was found */
        struct cache_slot *slot;
        u64 position;
        u32 first, end; /* slots */
    } window;
};

/* A chain, or its end, that is to be freed after the next commit.  A node has its own. */
struct fat_chain {
    struct list list;
    u32 first;
};

/* An entry whose name has moved, but which stays on disk until the new one is there. */
struct fat_ghost {
    struct fat_ghost *next; /* of its bucket */
    u64 id;
    u64 dir_id;
    u32 at;                          /* its first slot, in the directory */
    u32 slots;                       /* of the entry */
    u64 position[FAT_GHOST_SECTORS]; /* of the first one, and of the sectors they go on in */
};

struct fat {
    struct fs fs;
    struct cache *cache;
    /* immutable after mounting: */
    u32 cluster_bytes, cluster_shift;
    u32 clusters; /* of the volume */
    u32 root_cluster;
    u32 end;         /* first number that is no cluster */
    u64 table;       /* positions: of the table's entry 0, */
    u64 content;     /* of cluster 2, */
    u64 information; /* of FSInfo, or 0 */
    bool was_dirty;  /* it was not unmounted the last time */

    bool marked; /* the disk says that it is in use */
    bool broken; /* contradictions were found: it is not written to any more */
    bool information_stale;
    bool counted; /* free_count is exact */
    u32 free_count;
    u32 next_free; /* where to look first */
    u32 groups;
    u16 *group_free;           /* of the entries of each block of the table, or GROUP_UNKNOWN */
    struct cache_slot *window; /* of the table: used last */
    u32 said;                  /* bits of enum fat_complaint */
    u64 gone;                  /* nodes that lost their names, ever: their ids */
    u32 orphans;               /* nodes in use without a name */

    struct fat_node *bucket[FAT_NODE_BUCKETS];
    struct list idle; /* least recently used first */
    u32 idle_count;
    size_t index_bytes; /* of all directories */
    struct list dirty;
    struct list doomed, chains; /* nodes, and struct fat_chain */
    u32 pending;                /* of those, and ghosts */
    struct fat_ghost *ghost[FAT_GHOST_BUCKETS];
    u32 ghosts;
};

/* What is said once. */
enum fat_complaint {
    SAID_CHAIN = 1,
    SAID_SIZE = 2,
    SAID_SLOT = 4,
    SAID_DIRECTORY = 8,
    SAID_LOST = 16,
    SAID_DIRTY = 32,
};

static inline struct fat *fat_of(const struct node *node)
{
    return container_of(node->fs, struct fat, fs);
}

static inline struct fat_node *fat_node_of(struct node *node)
{
    return container_of(node, struct fat_node, node);
}

#define FAT_ROOT_ID 1U
#define FAT_GONE_ID (1ULL << 63) /* and above */

/* Of what has its short slot at this position. */
static inline u64 fat_slot_id(u64 position)
{
    return position / FAT_SLOT_BYTES;
}

static inline u32 fat_first(const struct fat_short *info)
{
    return (u32)info->first_high << 16 | info->first_low;
}

static inline void fat_set_first(struct fat_short *info, u32 first)
{
    info->first_high = (u16)(first >> 16);
    info->first_low = (u16)first;
}

static inline bool fat_is_cluster(const struct fat *fat, u32 cluster)
{
    return cluster >= FAT_FIRST && cluster < fat->end;
}

static inline u64 fat_cluster_position(const struct fat *fat, u32 cluster)
{
    return fat->content + ((u64)(cluster - FAT_FIRST) << fat->cluster_shift);
}

static inline u32 fat_clusters_of(const struct fat *fat, u64 bytes)
{
    return (u32)((bytes + fat->cluster_bytes - 1) >> fat->cluster_shift);
}

/* What a boot sector says; sectors are the device's. */
struct fat_layout {
    u64 sector;      /* of the boot sector */
    u64 table;       /* sector: of the table that is read */
    u64 content;     /* sector: of cluster 2 */
    u64 information; /* sector: of FSInfo, or 0 */
    u64 table_sectors;
    u32 tables; /* to be written */
    u32 cluster_sectors;
    u32 clusters;
    u32 root;
};

/* fat32_boot.c */
__must_check int fat_read_layout(struct block *block, struct fat_layout *layout, const char **why);
bool fat_is_information(const u8 *sector);

/* fat32_mount.c: with a cache of this size */
int fat32_mount_cached(struct block *block, bool readonly, u32 cache_bytes, struct fs **fs,
                       const char **why);
/* Says it, unless it was said before. */
void fat_complain(struct fat *fat, enum fat_complaint complaint, u64 what);
/* EIO; the file system is broken, and that is said. */
int fat_contradiction(struct fat *fat, enum fat_complaint complaint, u64 what);

/* fat32_table.c */
u32 fat_groups(const struct fat *fat);
__must_check int fat_link(struct fat *fat, u32 cluster, u32 *link);
__must_check int fat_set_link(struct fat *fat, u32 cluster, u32 link);
__must_check int fat_is_clean(struct fat *fat, bool *clean);
__must_check int fat_set_clean(struct fat *fat, bool clean);
__must_check int fat_run(struct fat *fat, u32 cluster, u32 *run, u32 *after);
__must_check int fat_allocate(struct fat *fat, u32 tail, u32 want, u32 *first, u32 *length);
__must_check int fat_free_chain(struct fat *fat, u32 *first);
void fat_give_back(struct fat *fat, u32 first, u32 length);
__must_check int fat_count_free(struct fat *fat);

/* fat32_map.c */
void fat_map_reset(struct fat_map *map);
__must_check int fat_map_find(struct fat *fat, struct fat_node *node, u32 index,
                              struct fat_extent *found);
__must_check int fat_map_length(struct fat *fat, struct fat_node *node, u32 *clusters);
__must_check int fat_map_extend(struct fat *fat, struct fat_node *node, u32 want);
__must_check int fat_map_append(struct fat *fat, struct fat_node *node, u32 first, u32 length);
u64 fat_map_room(const struct fat *fat, const struct fat_node *node);
void fat_map_drop(struct fat *fat, struct fat_node *node);
__must_check int fat_map_cut(struct fat *fat, struct fat_node *node, u32 clusters);

/* fat32_node.c */
struct fat_node *fat_node_find(struct fat *fat, u64 id);
__must_check int fat_node_get(struct fat *fat, u64 id, const struct fat_short *info,
                              struct fat_node **found);
void fat_node_move(struct fat *fat, struct fat_node *node, u64 id);
void fat_node_gone(struct fat *fat, struct fat_node *node);
void fat_node_touch(struct fat *fat, struct fat_node *node);
void fat_node_fill(const struct fat_node *node, struct fat_short *info);
__must_check int fat_node_write(struct fat *fat, struct fat_node *node);
void fat_node_free(struct fat *fat, struct fat_node *node);
void fat_trim_idle(struct fat *fat, u32 keep);
void fat_trim_indexes(struct fat *fat);
void fat_forget(struct node *node);

/* fat32_time.c */
s64 fat_time(u16 date, u16 time);
void fat_set_time(s64 seconds, u16 *date, u16 *time);

/* fat32_dir.c, fat32_rename.c */
int fat_lookup(struct node *dir, struct name name, struct node **found);
int fat_create(struct node *dir, struct name name, enum node_type type, struct node **made);
int fat_remove(struct node *dir, struct name name, struct node *node);
int fat_rename(struct node *from_dir, struct name from, struct node *node, struct node *to_dir,
               struct name to, struct node *replaced);
int fat_list(struct node *dir, u64 *position, struct fs_entry *entry);

/* fat32_file.c */
int fat_read(struct node *node, u64 offset, void *to, size_t bytes, size_t *done);
int fat_write(struct node *node, u64 offset, const void *from, size_t bytes, size_t *done);
int fat_truncate(struct node *node, u64 bytes);

/* fat32_commit.c */
__must_check int fat_begin(struct fat *fat);
__must_check int fat_commit(struct fat *fat);
int fat_sync(struct node *node);
int fat_sync_all(struct fs *fs);
