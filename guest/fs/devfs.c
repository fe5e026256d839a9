/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Devices as files, in one directory that cannot be changed: what each does is a line of the table.
 * None has a state of its own; the console's and the random numbers' locks are theirs, so reading
 * and writing need none.
 */
#include "guest/fs/devfs.h"

#include <stdlib.h>
#include <string.h>
#include <sys/random.h>

#include "guest/libc/input.h"
#include "guest/libc/output.h"

static int read_nothing(void *to, size_t bytes, size_t *done)
{
    (void)to;
    (void)bytes;
    *done = 0;
    return 0;
}

static int read_zeros(void *to, size_t bytes, size_t *done)
{
    memset(to, 0, bytes);
    *done = bytes;
    return 0;
}

static int read_random(void *to, size_t bytes, size_t *done)
{
    if (bytes > 0 && getrandom(to, bytes, 0) < 0) {
        return errno;
    }
    *done = bytes;
    return 0;
}

static int read_console(void *to, size_t bytes, size_t *done)
{
    return input_read(to, bytes, done);
}

static int write_nowhere(const void *from, size_t bytes, size_t *done)
{
    (void)from;
    *done = bytes;
    return 0;
}

static int write_full(const void *from, size_t bytes, size_t *done)
{
    (void)from;
    *done = 0;
    return bytes > 0 ? ENOSPC : 0;
}

static int write_console(const void *from, size_t bytes, size_t *done)
{
    output_write(from, bytes);
    *done = bytes;
    return 0;
}

static const struct device_file {
    const char *name;
    int (*read)(void *to, size_t bytes, size_t *done);
    int (*write)(const void *from, size_t bytes, size_t *done);
} devices[] = {
    {"null",    read_nothing, write_nowhere},
    {"zero",    read_zeros,   write_nowhere},
    {"full",    read_zeros,   write_full   },
    {"random",  read_random,  write_nowhere},
    {"urandom", read_random,  write_nowhere},
    {"console", read_console, write_console},
    {"tty",     read_console, write_console},
};

#define ROOT_ID  1
#define FIRST_ID 2

struct devfs {
    struct fs fs; /* first */
    s64 made_s;
    struct node root;
    struct node nodes[ARRAY_LEN(devices)];
};

static const struct device_file *device_of(const struct node *node)
{
    return &devices[node->id - FIRST_ID];
}

static int devfs_lookup(struct node *dir, struct name name, struct node **found)
{
    struct devfs *devfs = (struct devfs *)(void *)dir->fs;

    for (size_t i = 0; i < ARRAY_LEN(devices); i++) {
        if (strlen(devices[i].name) == name.bytes &&
            memcmp(devices[i].name, name.at, name.bytes) == 0) {
            *found = node_get(&devfs->nodes[i]);
            return 0;
        }
    }
    return ENOENT;
}

static int devfs_create(struct node *dir, struct name name, enum node_type type, struct node **made)
{
    (void)dir;
    (void)name;
    (void)type;
    (void)made;
    return EROFS;
}

static int devfs_remove(struct node *dir, struct name name, struct node *node)
{
    (void)dir;
    (void)name;
    (void)node;
    return EROFS;
}

static int devfs_rename(struct node *from_dir, struct name from, struct node *node,
                        struct node *to_dir, struct name to, struct node *replaced)
{
    (void)to_dir;
    (void)to;
    (void)replaced;
    return devfs_remove(from_dir, from, node);
}

static int devfs_list(struct node *dir, u64 *position, struct fs_entry *entry)
{
    (void)dir;
    if (*position >= ARRAY_LEN(devices)) {
        return ENOENT;
    }
    strcpy(entry->name, devices[*position].name);
    entry->id = *position + FIRST_ID;
    entry->type = NODE_DEVICE;
    (*position)++;
    return 0;
}

static int devfs_read(struct node *node, u64 offset, void *to, size_t bytes, size_t *done)
{
    (void)offset;
    return device_of(node)->read(to, bytes, done);
}

static int devfs_write(struct node *node, u64 offset, const void *from, size_t bytes, size_t *done)
{
    (void)offset;
    return device_of(node)->write(from, bytes, done);
}

static void devfs_ready(struct node *node, struct fs_ready *ready)
{
    ready->what = FS_READABLE | FS_WRITABLE;
    if (device_of(node)->read == read_console && !input_ready(&ready->word, &ready->value)) {
        ready->what = FS_WRITABLE;
    }
}

static int devfs_truncate(struct node *node, u64 bytes)
{
    (void)node;
    (void)bytes;
    return EINVAL;
}

static int devfs_attr(struct node *node, struct node_attr *attr)
{
    s64 made_s = ((struct devfs *)(void *)node->fs)->made_s;

    *attr = (struct node_attr){
        .mtime_s = made_s,
        .atime_s = made_s,
        .ctime_s = made_s,
        .permissions = node->type == NODE_DIRECTORY ? 0755 : 0666,
    };
    return 0;
}

static int devfs_set_times(struct node *node, s64 atime_s, s64 mtime_s, u32 mtime_ns)
{
    (void)node;
    (void)atime_s;
    (void)mtime_s;
    (void)mtime_ns;
    return EROFS;
}

static int devfs_chmod(struct node *node, u32 permissions)
{
    (void)node;
    (void)permissions;
    return EROFS;
}

static int devfs_sync(struct node *node)
{
    (void)node;
    return 0;
}

static void devfs_forget(struct node *node)
{
    (void)node; /* part of its file system */
}

static int devfs_sync_all(struct fs *fs)
{
    (void)fs;
    return 0;
}

static int devfs_space(struct fs *fs, struct fs_space *space)
{
    (void)fs;
    *space = (struct fs_space){.block_bytes = 1, .files = ARRAY_LEN(devices)};
    return 0;
}

static int devfs_unmount(struct fs *fs)
{
    free(fs);
    return 0;
}

static const struct fs_ops devfs_ops = {
    .type = "devfs",
    .lookup = devfs_lookup,
    .create = devfs_create,
    .remove = devfs_remove,
    .rename = devfs_rename,
    .list = devfs_list,
    .read = devfs_read,
    .write = devfs_write,
    .truncate = devfs_truncate,
    .ready = devfs_ready,
    .attr = devfs_attr,
    .set_times = devfs_set_times,
    .chmod = devfs_chmod,
    .sync = devfs_sync,
    .forget = devfs_forget,
    .sync_all = devfs_sync_all,
    .space = devfs_space,
    .unmount = devfs_unmount,
};

/* ENOMEM. */
int devfs_mount(struct fs **fs)
{
    struct devfs *devfs = calloc(1, sizeof(*devfs));
    u32 ns;

    if (!devfs) {
        return ENOMEM;
    }
    devfs->fs = (struct fs){.ops = &devfs_ops, .root = &devfs->root};
    devfs->made_s = fs_now(&ns);
    devfs->root = (struct node){
        .fs = &devfs->fs, .type = NODE_DIRECTORY, .holders = 1, .id = ROOT_ID, .nlink = 1};
    for (size_t i = 0; i < ARRAY_LEN(devices); i++) {
        devfs->nodes[i] =
            (struct node){.fs = &devfs->fs, .type = NODE_DEVICE, .id = i + FIRST_ID, .nlink = 1};
    }
    *fs = &devfs->fs;
    return 0;
}

bool devfs_is_console(const struct node *node)
{
    return node->type == NODE_DEVICE && node->fs->ops == &devfs_ops &&
           device_of(node)->read == read_console;
}
