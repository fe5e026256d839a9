/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Files in memory.  There is no limit but memory: ENOSPC for bytes and names that there is none
 * for, and nothing has changed then, but for the bytes that were written.
 *
 * A node lives from its creation until it has neither name nor holder.  Reading changes no atime.
 */
#include "guest/fs/ramfs.h"

#include <stdlib.h>
#include <string.h>

static struct ram_node *ram(struct node *node)
{
    return (struct ram_node *)(void *)node;
}

static struct ramfs *ramfs_of(struct node *node)
{
    return (struct ramfs *)(void *)node->fs;
}

static void changed(struct ram_node *node)
{
    node->mtime_s = node->ctime_s = fs_now(&node->mtime_ns);
}

static void node_free(struct ramfs *ramfs, struct ram_node *node)
{
    if (node->node.type == NODE_DIRECTORY) {
        ram_names_free(&node->directory);
    } else {
        ramfs->used -= node->file.used;
        node->file.used = 0;
        ram_cut(&node->file, 0);
    }
    ramfs->files--;
    free(node);
}

static struct ram_node *node_make(struct ramfs *ramfs, enum node_type type)
{
    struct ram_node *node = calloc(1, sizeof(*node));

    if (!node) {
        return NULL;
    }
    node->node.fs = &ramfs->fs;
    node->node.type = type;
    node->node.nlink = 1;
    node->node.id = ramfs->next_id++;
    node->permissions = type == NODE_DIRECTORY ? 0755 : 0644;
    if (type == NODE_DIRECTORY) {
        ram_names_init(&node->directory);
    }
    changed(node);
    node->atime_s = node->mtime_s;
    ramfs->files++;
    return node;
}

/* Its name is gone. */
static void unname(struct ram_node *node)
{
    node->node.nlink = 0;
    if (node->node.holders == 0) {
        node_free(ramfs_of(&node->node), node);
    }
}

static void ramfs_forget(struct node *node)
{
    if (node->nlink == 0) {
        node_free(ramfs_of(node), ram(node));
    }
}

/* ---- names ---- */

static int ramfs_lookup(struct node *dir, struct name name, struct node **found)
{
    struct ram_entry *entry = ram_find(&ram(dir)->directory, name);

    if (!entry) {
        return ENOENT;
    }
    *found = node_get(&entry->node->node);
    return 0;
}

static int ramfs_create(struct node *dir, struct name name, enum node_type type, struct node **made)
{
    struct ram_names *names = &ram(dir)->directory;
    struct ram_entry *entry;
    struct ram_node *node;

    if (ram_find(names, name)) {
        return EEXIST;
    }
    if (type == NODE_DEVICE) {
        return EINVAL;
    }
    entry = ram_entry_make(name);
    node = entry && ram_names_reserve(names) ? node_make(ramfs_of(dir), type) : NULL;
    if (!node) {
        free(entry);
        return ENOSPC;
    }
    ram_link(names, entry, node);
    changed(ram(dir));
    *made = node_get(&node->node);
    return 0;
}

static bool is_full(const struct node *node)
{
    return node->type == NODE_DIRECTORY &&
           ((const struct ram_node *)(const void *)node)->directory.count > 0;
}

static int ramfs_remove(struct node *dir, struct name name, struct node *node)
{
    struct ram_names *names = &ram(dir)->directory;

    if (is_full(node)) {
        return ENOTEMPTY;
    }
    ram_unlink(names, ram_find(names, name));
    changed(ram(dir));
    ram(node)->ctime_s = ram(dir)->mtime_s;
    unname(ram(node));
    return 0;
}

static int ramfs_rename(struct node *from_dir, struct name from, struct node *node,
                        struct node *to_dir, struct name to, struct node *replaced)
{
    struct ram_names *source = &ram(from_dir)->directory, *target = &ram(to_dir)->directory;
    struct ram_entry *entry;

    if (replaced && is_full(replaced)) {
        return ENOTEMPTY;
    }
    if (replaced) {
        ram_find(target, to)->node = ram(node);
        unname(ram(replaced));
    } else {
        entry = ram_entry_make(to);
        if (!entry || !ram_names_reserve(target)) {
            free(entry);
            return ENOSPC;
        }
        ram_link(target, entry, ram(node));
    }
    ram_unlink(source, ram_find(source, from));
    changed(ram(from_dir));
    changed(ram(to_dir));
    ram(node)->ctime_s = ram(to_dir)->mtime_s;
    return 0;
}

static int ramfs_list(struct node *dir, u64 *position, struct fs_entry *entry)
{
    struct ram_entry *found = ram_entry_at(&ram(dir)->directory, *position);

    if (!found) {
        return ENOENT;
    }
    memcpy(entry->name, found->name, found->name_bytes);
    entry->name[found->name_bytes] = '\0';
    entry->id = found->node->node.id;
    entry->type = found->node->node.type;
    *position = found->place + 1;
    return 0;
}

/* ---- bytes ---- */

static int ramfs_read(struct node *node, u64 offset, void *to, size_t bytes, size_t *done)
{
    struct ram_bytes *file = &ram(node)->file;

    if (offset >= file->bytes) {
        bytes = 0;
    } else if (bytes > file->bytes - offset) {
        bytes = file->bytes - offset;
    }
    ram_read(file, offset, to, bytes);
    *done = bytes;
    return 0;
}

static int ramfs_write(struct node *node, u64 offset, const void *from, size_t bytes, size_t *done)
{
    struct ram_bytes *file = &ram(node)->file;
    u64 before = file->used;

    *done = ram_write(file, offset, from, bytes);
    ramfs_of(node)->used += file->used - before;
    if (*done > 0) {
        changed(ram(node));
    }
    return *done < bytes ? ENOSPC : 0;
}

static int ramfs_truncate(struct node *node, u64 bytes)
{
    struct ram_bytes *file = &ram(node)->file;
    u64 before = file->used;

    if (bytes < file->bytes) {
        ram_cut(file, bytes);
        ramfs_of(node)->used -= before - file->used;
    }
    file->bytes = bytes;
    changed(ram(node));
    return 0;
}

/* ---- what is known of files ---- */

static int ramfs_attr(struct node *node, struct node_attr *attr)
{
    const struct ram_node *file = ram(node);
    bool is_file = node->type == NODE_FILE;

    *attr = (struct node_attr){
        .bytes = is_file ? file->file.bytes : 0,
        .used_bytes = is_file ? file->file.used : 0,
        .mtime_s = file->mtime_s,
        .atime_s = file->atime_s,
        .ctime_s = file->ctime_s,
        .mtime_ns = file->mtime_ns,
        .permissions = file->permissions,
    };
    return 0;
}

static int ramfs_set_times(struct node *node, s64 atime_s, s64 mtime_s, u32 mtime_ns)
{
    u32 ns;

    ram(node)->atime_s = atime_s;
    ram(node)->mtime_s = mtime_s;
    ram(node)->mtime_ns = mtime_ns;
    ram(node)->ctime_s = fs_now(&ns);
    return 0;
}

static int ramfs_chmod(struct node *node, u32 permissions)
{
    u32 ns;

    ram(node)->permissions = permissions;
    ram(node)->ctime_s = fs_now(&ns);
    return 0;
}

/* ---- of the whole ---- */

/* Memory is as safe as it gets. */
static int ramfs_sync(struct node *node)
{
    (void)node;
    return 0;
}

static int ramfs_sync_all(struct fs *fs)
{
    (void)fs;
    return 0;
}

static int ramfs_space(struct fs *fs, struct fs_space *space)
{
    const struct ramfs *ramfs = (struct ramfs *)(void *)fs;
    u64 used = (ramfs->used + CHUNK_BYTES - 1) / CHUNK_BYTES;
    u64 left = fs_memory_left() / CHUNK_BYTES;

    *space =
        (struct fs_space){.block_bytes = CHUNK_BYTES, .blocks = used + left, .free_blocks = left};
    return 0;
}

/* Frees all that is below a directory, from the leaves on, without recursion: `order` of the root
 * is the list of what is still to be done. */
static int ramfs_unmount(struct fs *fs)
{
    struct ramfs *ramfs = (struct ramfs *)(void *)fs;
    struct ram_names *all = &ram(fs->root)->directory;

    while (!list_empty(&all->order)) {
        struct ram_entry *entry = container_of(all->order.next, struct ram_entry, order);
        struct ram_node *node = entry->node;

        list_del(&entry->order);
        if (node->node.type == NODE_DIRECTORY) {
            while (!list_empty(&node->directory.order)) {
                struct list *link = node->directory.order.next;

                list_del(link);
                list_add_tail(&all->order, link);
            }
        }
        node_free(ramfs, node);
        free(entry);
    }
    node_free(ramfs, ram(fs->root));
    free(ramfs);
    return 0;
}

static const struct fs_ops ramfs_ops = {
    .type = "ramfs",
    .lookup = ramfs_lookup,
    .create = ramfs_create,
    .remove = ramfs_remove,
    .rename = ramfs_rename,
    .list = ramfs_list,
    .read = ramfs_read,
    .write = ramfs_write,
    .truncate = ramfs_truncate,
    .attr = ramfs_attr,
    .set_times = ramfs_set_times,
    .chmod = ramfs_chmod,
    .sync = ramfs_sync,
    .forget = ramfs_forget,
    .sync_all = ramfs_sync_all,
    .space = ramfs_space,
    .unmount = ramfs_unmount,
};

/* ENOMEM. */
int ramfs_mount(struct fs **fs)
{
    struct ramfs *ramfs = calloc(1, sizeof(*ramfs));
    struct ram_node *root;

    if (!ramfs) {
        return ENOMEM;
    }
    ramfs->fs.ops = &ramfs_ops;
    ramfs->next_id = 1;
    root = node_make(ramfs, NODE_DIRECTORY);
    if (!root) {
        free(ramfs);
        return ENOMEM;
    }
    ramfs->fs.root = node_get(&root->node);
    *fs = &ramfs->fs;
    return 0;
}
