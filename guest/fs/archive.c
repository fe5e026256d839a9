/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The files of an archive that is in memory, to be read: names and bytes stay there.  What is no
 * archive is one file, `initrd`.
 *
 * Nodes live as long as the file system, which cannot be changed.
 */
#include "guest/fs/archive.h"

#include <stdlib.h>
#include <string.h>

static struct archive *archive_of(struct fs *fs)
{
    return (struct archive *)(void *)fs;
}

static struct member *member_of(struct node *node)
{
    return (struct member *)(void *)node;
}

/* ---- members ---- */

static u32 hash_of(const struct member *dir, struct name name)
{
    u32 hash = 0x811c9dc5 ^ (u32)dir->node.id;

    for (size_t i = 0; i < name.bytes; i++) {
        hash = (hash ^ (u8)name.at[i]) * 0x01000193;
    }
    return hash;
}

struct member *archive_find(struct archive *archive, struct member *dir, struct name name)
{
    u32 hash = hash_of(dir, name);
    struct member *member = archive->buckets[hash % archive->room];

    while (member &&
           (member->hash != hash || member->parent != dir || member->name.bytes != name.bytes ||
            memcmp(member->name.at, name.at, name.bytes) != 0)) {
        member = member->hashed;
    }
    return member;
}

/* Room for one more.  Twice as many buckets, and all in them again. */
static bool reserve(struct archive *archive)
{
    u64 room = archive->room ? 2 * archive->room : 16;
    struct member **by_id, **buckets;

    if (archive->count < archive->room) {
        return true;
    }
    by_id = realloc(archive->by_id, room * sizeof(struct member *));
    if (!by_id) {
        return false;
    }
    archive->by_id = by_id;
    buckets = calloc(room, sizeof(struct member *));
    if (!buckets) {
        return false;
    }
    free(archive->buckets);
    archive->buckets = buckets;
    archive->room = room;
    for (u64 i = 0; i < archive->count; i++) {
        struct member *member = by_id[i];

        member->hashed = buckets[member->hash % room];
        buckets[member->hash % room] = member;
    }
    return true;
}

/* NULL: no memory.  parent NULL: the root. */
struct member *archive_add(struct archive *archive, struct member *parent, struct name name,
                           enum node_type type)
{
    struct member *member;

    if (!reserve(archive)) {
        return NULL;
    }
    member = calloc(1, sizeof(*member));
    if (!member) {
        return NULL;
    }
    member->node = (struct node){
        .fs = &archive->fs, .type = type, .id = archive->count + ARCHIVE_ROOT_ID, .nlink = 1};
    member->permissions = type == NODE_DIRECTORY ? 0755 : 0644;
    member->name = name;
    member->parent = parent;
    if (parent) {
        member->hash = hash_of(parent, name);
        *(parent->first ? &parent->last->next : &parent->first) = member;
        parent->last = member;
    }
    member->hashed = archive->buckets[member->hash % archive->room];
    archive->buckets[member->hash % archive->room] = member;
    archive->by_id[archive->count++] = member;
    return member;
}

/* ---- the file system ---- */

static int archive_lookup(struct node *dir, struct name name, struct node **found)
{
    struct member *member = archive_find(archive_of(dir->fs), member_of(dir), name);

    if (!member) {
        return ENOENT;
    }
    *found = node_get(&member->node);
    return 0;
}

static int archive_create(struct node *dir, struct name name, enum node_type type,
                          struct node **made)
{
    (void)dir;
    (void)name;
    (void)type;
    (void)made;
    return EROFS;
}

static int archive_remove(struct node *dir, struct name name, struct node *node)
{
    (void)dir;
    (void)name;
    (void)node;
    return EROFS;
}

static int archive_rename(struct node *from_dir, struct name from, struct node *node,
                          struct node *to_dir, struct name to, struct node *replaced)
{
    (void)to_dir;
    (void)to;
    (void)replaced;
    return archive_remove(from_dir, from, node);
}

/* A position is the id of the next member, 0 at the begin. */
static int archive_list(struct node *dir, u64 *position, struct fs_entry *entry)
{
    const struct archive *archive = archive_of(dir->fs);
    const struct member *member = member_of(dir)->first;

    if (*position > archive->count) {
        return ENOENT;
    }
    if (*position > 0) {
        member = archive->by_id[*position - ARCHIVE_ROOT_ID];
    }
    if (!member || member->parent != member_of(dir)) {
        return ENOENT; /* also where the position is of another directory */
    }
    memcpy(entry->name, member->name.at, member->name.bytes);
    entry->name[member->name.bytes] = '\0';
    entry->id = member->node.id;
    entry->type = member->node.type;
    *position = member->next ? member->next->node.id : archive->count + ARCHIVE_ROOT_ID;
    return 0;
}

static int archive_read(struct node *node, u64 offset, void *to, size_t bytes, size_t *done)
{
    const struct member *member = member_of(node);

    *done = 0;
    if (offset < member->bytes) {
        *done = bytes < member->bytes - offset ? bytes : member->bytes - offset;
        memcpy(to, member->at + offset, *done);
    }
    return 0;
}

static int archive_write(struct node *node, u64 offset, const void *from, size_t bytes,
                         size_t *done)
{
    (void)node;
    (void)offset;
    (void)from;
    (void)bytes;
    *done = 0;
    return EROFS;
}

static int archive_truncate(struct node *node, u64 bytes)
{
    (void)node;
    (void)bytes;
    return EROFS;
}

static int archive_attr(struct node *node, struct node_attr *attr)
{
    const struct member *member = member_of(node);

    *attr = (struct node_attr){
        .bytes = member->bytes,
        .used_bytes = member->bytes,
        .mtime_s = member->mtime_s,
        .atime_s = member->mtime_s,
        .ctime_s = member->mtime_s,
        .permissions = member->permissions,
    };
    return 0;
}

static int archive_set_times(struct node *node, s64 atime_s, s64 mtime_s, u32 mtime_ns)
{
    (void)node;
    (void)atime_s;
    (void)mtime_s;
    (void)mtime_ns;
    return EROFS;
}

static int archive_chmod(struct node *node, u32 permissions)
{
    (void)node;
    (void)permissions;
    return EROFS;
}

static int archive_sync(struct node *node)
{
    (void)node;
    return 0;
}

static void archive_forget(struct node *node)
{
    (void)node; /* all stay */
}

static int archive_sync_all(struct fs *fs)
{
    (void)fs;
    return 0;
}

static int archive_space(struct fs *fs, struct fs_space *space)
{
    const struct archive *archive = archive_of(fs);

    *space = (struct fs_space){
        .block_bytes = ARCHIVE_RECORD_BYTES,
        .blocks = (archive->bytes + ARCHIVE_RECORD_BYTES - 1) / ARCHIVE_RECORD_BYTES,
        .files = archive->count,
    };
    return 0;
}

static int archive_unmount(struct fs *fs)
{
    struct archive *archive = archive_of(fs);

    for (u64 i = 0; i < archive->count; i++) {
        free(archive->by_id[i]);
    }
    free(archive->by_id);
    free(archive->buckets);
    free(archive);
    return 0;
}

static const struct fs_ops archive_ops = {
    .type = "archive",
    .lookup = archive_lookup,
    .create = archive_create,
    .remove = archive_remove,
    .rename = archive_rename,
    .list = archive_list,
    .read = archive_read,
    .write = archive_write,
    .truncate = archive_truncate,
    .attr = archive_attr,
    .set_times = archive_set_times,
    .chmod = archive_chmod,
    .sync = archive_sync,
    .forget = archive_forget,
    .sync_all = archive_sync_all,
    .space = archive_space,
    .unmount = archive_unmount,
};

/* All of it as one file. */
static int take_whole(struct archive *archive, const void *at, u64 bytes)
{
    static const char name[] = "initrd";
    struct member *member =
        archive_add(archive, archive->by_id[0], (struct name){name, sizeof(name) - 1}, NODE_FILE);

    if (!member) {
        return ENOMEM;
    }
    member->at = at;
    member->bytes = bytes;
    return 0;
}

/* EINVAL: it is empty.  ENOMEM. */
int archive_mount(const void *at, u64 bytes, struct fs **fs, const char **why)
{
    bool is_archive = archive_begins(at, bytes);
    struct archive *archive;
    struct member *root;
    int error;

    *why = "it is empty";
    if (bytes == 0) {
        return EINVAL;
    }
    *why = "no memory";
    archive = calloc(1, sizeof(*archive));
    if (!archive) {
        return ENOMEM;
    }
    archive->fs = (struct fs){.ops = &archive_ops, .readonly = true};
    archive->bytes = bytes;
    root = archive_add(archive, NULL, (struct name){"", 0}, NODE_DIRECTORY);
    error = !root        ? ENOMEM
            : is_archive ? archive_read_all(archive, at, bytes)
                         : take_whole(archive, at, bytes);
    if (error) {
        (void)archive_unmount(&archive->fs);
        return error;
    }
    archive->fs.root = node_get(&root->node);
    *fs = &archive->fs;
    return 0;
}
