/* SPDX-License-Identifier: BSD-2-Clause */
/* See fat_model.h.  An item is a file or directory of the model; item 0 is the root. */
#include "tests/host/fat_model.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "tests/test.h"

#define ITEMS          120
#define DEPTH          4
#define PATH_MAX_BYTES 2048

struct item {
    bool used, is_dir;
    u32 parent;
    const char *name;
    u8 *bytes;
    u64 size;
    struct node *held; /* some are held all along, under whatever name */
    bool named;        /* false: it is held, and its name is gone */
};

struct model {
    struct disk *disk;
    struct fs *fs;
    u32 cache_bytes;
    u64 random;
    u64 file_max;
    struct item items[ITEMS];
};

/* No two are the same without case. */
static const char *const names[] = {
    "a",
    "B.TXT",
    "c.txt",
    "Mixed.Case",
    "UPPER",
    "lower.d",
    "With Space.doc",
    "a rather long name that takes several slots of the directory.text",
    "another rather long name that takes several slots of the directory.text",
    "Übergröße.txt",
    "日本語のファイル名.txt",
    "Ωmega Жук №5",
    ".hidden",
    "two.dots.here",
    "trailing~1.txt",
    "x+y=z;[1],2",
    "longfilename.txt",
    "longfilename2.txt",
    "longfilename3.txt",
    "longfilename4.txt",
    "longfilename5.txt",
    "longfilename6.txt",
    "0123456789012345678901234567890123456789012345678901234567890123456789012345678901234567890123"
    "4567890123456789012345678901234567890123456789012345678901234567890123456789012345678901234567"
    "890123456789012345678901234567890123456789012345678901234567890123x",
};

static u64 pick(struct model *model, u64 count)
{
    return test_random(&model->random) % count;
}

static void path_of(const struct model *model, u32 item, char *path)
{
    char behind[PATH_MAX_BYTES];

    path[0] = '\0';
    for (; item != 0; item = model->items[item].parent) {
        snprintf(behind, sizeof(behind), "%s%s%s", model->items[item].name,
                 path[0] == '\0' ? "" : "/", path);
        strcpy(path, behind);
    }
}

static void path_in(const struct model *model, u32 dir, const char *name, char *path)
{
    path_of(model, dir, path);
    if (path[0] != '\0')
        strcat(path, "/");
    strcat(path, name);
}

static u32 depth_of(const struct model *model, u32 item)
{
    u32 depth = 0;

    for (; item != 0; item = model->items[item].parent)
        depth++;
    return depth;
}

static u32 find_item(const struct model *model, u32 dir, const char *name)
{
    for (u32 i = 1; i < ITEMS; i++) {
        const struct item *item = &model->items[i];

        if (item->used && item->named && item->parent == dir && item->name == name)
            return i;
    }
    return 0;
}

/* A random item of a kind, or 0; directories have the root among them. */
static u32 any(struct model *model, bool is_dir)
{
    u32 found = 0, count = is_dir ? 1 : 0;

    for (u32 i = 1; i < ITEMS; i++) {
        const struct item *item = &model->items[i];

        if (item->used && item->named && item->is_dir == is_dir && pick(model, ++count) == 0)
            found = i;
    }
    return found;
}

/* How many levels are below an item. */
static u32 height_of(const struct model *model, u32 dir)
{
    u32 height = 0;

    for (u32 i = 1; i < ITEMS; i++) {
        u32 levels = 0, at = i;

        for (; model->items[i].used && at != 0 && at != dir; at = model->items[at].parent)
            levels++;
        if (at == dir && levels > height)
            height = levels;
    }
    return height;
}

static u32 free_item(const struct model *model)
{
    for (u32 i = 1; i < ITEMS; i++) {
        if (!model->items[i].used)
            return i;
    }
    return 0;
}

static bool is_empty(const struct model *model, u32 dir)
{
    for (u32 i = 1; i < ITEMS; i++) {
        if (model->items[i].used && model->items[i].named && model->items[i].parent == dir)
            return false;
    }
    return true;
}

static bool is_inside(const struct model *model, u32 item, u32 dir)
{
    while (item != 0 && item != dir)
        item = model->items[item].parent;
    return item == dir;
}

static void forget_item(struct item *item)
{
    free(item->bytes);
    *item = (struct item){0};
}

/* The name is gone; what is held stays. */
static void drop_item(struct item *item)
{
    if (item->held != NULL)
        item->named = false;
    else
        forget_item(item);
}

/* ---- operations ---- */

static void make(struct model *model)
{
    const u32 dir = any(model, true), item = free_item(model);
    const char *name = names[pick(model, ARRAY_LEN(names))];
    const bool is_dir = pick(model, 4) == 0;
    char path[PATH_MAX_BYTES];
    int error, expected;

    if (item == 0 || depth_of(model, dir) >= DEPTH)
        return;
    path_in(model, dir, name, path);
    expected = find_item(model, dir, name) != 0 ? EEXIST : 0;
    error = is_dir ? make_dir(model->fs, path) : make_file(model->fs, path, "", 0);
    CHECK_EQ(error, expected);
    if (error == 0)
        model->items[item] = (struct item){
            .used = true, .named = true, .is_dir = is_dir, .parent = dir, .name = name};
}

/* A file by its name, or by the node that is held. */
static struct node *open_item(struct model *model, u32 index)
{
    struct item *item = &model->items[index];
    char path[PATH_MAX_BYTES];
    struct node *node;

    if (item->held != NULL)
        return node_get(item->held);
    path_of(model, index, path);
    CHECK_EQ(node_at(model->fs, path, &node), 0);
    return node;
}

/* Files that are held may have lost their names. */
static u32 any_file(struct model *model)
{
    u32 index = (u32)pick(model, ITEMS);

    if (model->items[index].used && !model->items[index].is_dir)
        return index;
    return any(model, false);
}

static void resize_item(struct item *item, u64 size)
{
    item->bytes = realloc(item->bytes, size + 1);
    CHECK(item->bytes != NULL);
    if (size > item->size)
        memset(item->bytes + item->size, 0, size - item->size);
    item->size = size;
}

static void write_item(struct model *model)
{
    const u32 index = any_file(model);
    struct item *item = &model->items[index];
    struct node *node;
    u64 offset, size;
    size_t done;
    u8 *bytes;

    if (index == 0)
        return;
    offset = pick(model, 3) == 0 ? pick(model, model->file_max) : pick(model, item->size + 1);
    size = 1 + pick(model, pick(model, 3) == 0 ? model->file_max : 3000);
    bytes = malloc(size);
    CHECK(bytes != NULL);
    fill_pattern(bytes, size, test_random(&model->random));
    if (offset + size > item->size)
        resize_item(item, offset + size);
    memcpy(item->bytes + offset, bytes, size);
    node = open_item(model, index);
    CHECK_EQ(model->fs->ops->write(node, offset, bytes, size, &done), 0);
    CHECK_EQ(done, size);
    node_put(node);
    free(bytes);
}

static void truncate_item(struct model *model)
{
    const u32 index = any_file(model);
    struct node *node;
    u64 size;

    if (index == 0)
        return;
    size = pick(model, 3) == 0 ? 0 : pick(model, model->file_max);
    node = open_item(model, index);
    CHECK_EQ(model->fs->ops->truncate(node, size), 0);
    node_put(node);
    resize_item(&model->items[index], size);
}

static void read_item(struct model *model)
{
    const u32 index = any_file(model);
    const struct item *item = &model->items[index];
    struct node_attr attr;
    struct node *node;
    u64 offset, size;
    size_t done;
    u8 *bytes;

    if (index == 0)
        return;
    node = open_item(model, index);
    CHECK_EQ(model->fs->ops->attr(node, &attr), 0);
    CHECK_EQ(attr.bytes, item->size);
    offset = pick(model, item->size + 10);
    size = 1 + pick(model, item->size + 10);
    bytes = malloc(size);
    CHECK(bytes != NULL);
    CHECK_EQ(model->fs->ops->read(node, offset, bytes, size, &done), 0);
    CHECK_EQ(done, offset >= item->size         ? 0
                   : item->size - offset < size ? item->size - offset
                                                : size);
    CHECK(done == 0 || memcmp(bytes, item->bytes + offset, done) == 0);
    free(bytes);
    node_put(node);
}

static void remove_item(struct model *model)
{
    const u32 index = any(model, pick(model, 4) == 0);
    char path[PATH_MAX_BYTES];
    bool empty;

    if (index == 0)
        return;
    empty = !model->items[index].is_dir || is_empty(model, index);
    path_of(model, index, path);
    CHECK_EQ(delete (model->fs, path), empty ? 0 : ENOTEMPTY);
    if (empty)
        drop_item(&model->items[index]);
}

static void rename_item(struct model *model)
{
    const u32 index = any(model, pick(model, 3) == 0), dir = any(model, true);
    const char *name = names[pick(model, ARRAY_LEN(names))];
    const u32 there = find_item(model, dir, name);
    struct item *item = &model->items[index];
    char from[PATH_MAX_BYTES], to[PATH_MAX_BYTES];
    int expected = 0;

    if (index == 0 || is_inside(model, dir, index) || there == index ||
        depth_of(model, dir) + height_of(model, index) >= DEPTH)
        return;
    if (there != 0 && model->items[there].is_dir != item->is_dir)
        return;
    if (there != 0 && item->is_dir && !is_empty(model, there))
        expected = ENOTEMPTY;
    path_of(model, index, from);
    path_in(model, dir, name, to);
    CHECK_EQ(move(model->fs, from, to), expected);
    if (expected != 0)
        return;
    if (there != 0)
        drop_item(&model->items[there]);
    item->parent = dir;
    item->name = name;
}

static void hold_item(struct model *model)
{
    const u32 index = any_file(model);
    struct item *item = &model->items[index];

    if (index == 0)
        return;
    if (item->held == NULL) {
        item->held = open_item(model, index);
        return;
    }
    node_put(item->held);
    item->held = NULL;
    if (!item->named)
        forget_item(item);
}

static void list_item(struct model *model)
{
    const u32 dir = any(model, true);
    struct fs_entry entry;
    struct node *node;
    u32 expected = 0, seen = 0;
    u64 position = 0;
    char path[PATH_MAX_BYTES];
    int error;

    for (u32 i = 1; i < ITEMS; i++)
        expected += model->items[i].used && model->items[i].named && model->items[i].parent == dir;
    path_of(model, dir, path);
    CHECK_EQ(node_at(model->fs, path, &node), 0);
    while ((error = model->fs->ops->list(node, &position, &entry)) == 0) {
        u32 found = 0;

        for (u32 i = 0; i < ARRAY_LEN(names); i++) {
            if (strcmp(names[i], entry.name) == 0)
                found = find_item(model, dir, names[i]);
        }
        if (found == 0)
            FAIL("%s/%s is listed", path, entry.name);
        CHECK_EQ(entry.type, model->items[found].is_dir ? NODE_DIRECTORY : NODE_FILE);
        seen++;
    }
    CHECK_EQ(error, ENOENT);
    CHECK_EQ(seen, expected);
    node_put(node);
}

static void remount(struct model *model)
{
    for (u32 i = 1; i < ITEMS; i++) {
        struct item *item = &model->items[i];

        if (item->held == NULL)
            continue;
        node_put(item->held);
        item->held = NULL;
        if (!item->named)
            forget_item(item);
    }
    unmount_disk(model->fs);
    disk_check(model->disk);
    model->fs = mount_disk(model->disk, model->cache_bytes);
}

static void operate(struct model *model)
{
    struct fs_space space;
    const u64 kind = pick(model, 1000);

    if (kind < 150)
        make(model);
    else if (kind < 400)
        write_item(model);
    else if (kind < 450)
        truncate_item(model);
    else if (kind < 650)
        read_item(model);
    else if (kind < 750)
        remove_item(model);
    else if (kind < 850)
        rename_item(model);
    else if (kind < 900)
        hold_item(model);
    else if (kind < 970)
        list_item(model);
    else if (kind < 985)
        CHECK_EQ(model->fs->ops->sync(model->fs->root), 0);
    else if (kind < 992)
        CHECK_EQ(model->fs->ops->sync_all(model->fs), 0);
    else if (kind < 998)
        CHECK_EQ(model->fs->ops->space(model->fs, &space), 0);
    else if (pick(model, 3) == 0)
        remount(model);
}

/* ---- the judges ---- */

/* The model as a tree of this machine, in the folder `expected`. */
static void write_tree(const struct model *model, const char *folder)
{
    char path[PATH_MAX_BYTES], file[PATH_MAX_BYTES + 128], text[256];

    for (u32 level = 1; level <= DEPTH; level++) {
        for (u32 i = 1; i < ITEMS; i++) {
            const struct item *item = &model->items[i];

            if (!item->used || depth_of(model, i) != level)
                continue;
            path_of(model, i, path);
            snprintf(file, sizeof(file), "%s/expected/%s", folder, path);
            if (item->is_dir) {
                CHECK_EQ(shell(text, sizeof(text), "mkdir '%s'", file), 0);
            } else {
                FILE *out = fopen(file, "w");

                CHECK(out != NULL);
                CHECK(item->size == 0 || fwrite(item->bytes, item->size, 1, out) == 1);
                fclose(out);
            }
        }
    }
}

static void compare_tree(const struct model *model)
{
    char folder[64], text[4096];

    CHECK_EQ(shell(folder, sizeof(folder), "mktemp -d /tmp/fat_model.XXXXXX"), 0);
    folder[strcspn(folder, "\n")] = '\0';
    CHECK_EQ(shell(text, sizeof(text), "mkdir %s/expected %s/got", folder, folder), 0);
    write_tree(model, folder);
    if (shell(text, sizeof(text),
              "cd %s && if [ -n \"$(mdir -b -i %s ::/)\" ]; then "
              "MTOOLS_SKIP_CHECK=1 mcopy -s -n -Q -i %s '::/*' got; fi && diff -r expected got",
              folder, model->disk->path, model->disk->path) != 0)
        FAIL("mtools read another tree: %s", text);
    CHECK_EQ(shell(text, sizeof(text), "rm -r %s", folder), 0);
}

void model_run(struct disk *disk, u32 cache_bytes, u64 seed, u64 operations, u64 file_max)
{
    struct model *model = calloc(1, sizeof(*model));

    CHECK(model != NULL);
    model->disk = disk;
    model->cache_bytes = cache_bytes;
    model->random = seed;
    model->file_max = file_max;
    model->items[0] = (struct item){.used = true, .named = true, .is_dir = true};
    model->fs = mount_disk(disk, cache_bytes);
    for (u64 i = 0; i < operations; i++)
        operate(model);
    remount(model);
    compare_tree(model);
    CHECK_STR(fs_said, "");
    unmount_disk(model->fs);
    for (u32 i = 1; i < ITEMS; i++)
        free(model->items[i].bytes);
    free(model);
}
