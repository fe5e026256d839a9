/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Power cuts.  A script of operations runs on a disk that goes off at the n-th sector written, for
 * one n after the other; of what was not flushed then, a random part is lost.  Whatever n is: the
 * volume mounts, each file that was synced is whole, fsck.fat can repair what it finds, and
 * afterwards each file that was synced is still whole.
 *
 * What a script may rely on is written down beside it as claims.  A claim holds from the moment on
 * that a sync came back, until something is done to the file; a file that was renamed since may be
 * found by either name, one that was removed may be gone, one that was made longer still begins
 * with what it was.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "tests/host/fat_world.h"
#include "tests/host/hv_world.h"
#include "tests/test.h"

#define MIB        (1ULL << 20)
#define CLAIMS     400
#define NAMES_MAX  3
#define NAME_BYTES 120
#define FILE_MAX   40000

struct claim {
    bool synced;   /* it holds */
    bool replaced; /* since: there is something else by this name */
    bool removed;  /* since: it may be gone as well */
    u32 names;     /* by any of which it may be found */
    char name[NAMES_MAX][NAME_BYTES];
    u64 seed, size;
};

struct script {
    struct fs *fs;
    struct disk *disk;
    struct claim claims[CLAIMS];
    u32 count;
    bool stopped; /* the disk went off */
};

static u8 pattern[FILE_MAX];

/* Whether the script goes on: errors are the cut's. */
static bool went(struct script *script, int error)
{
    if (error != 0) {
        if (!script->disk->is_off)
            FAIL("%s without a cut", strerror(error));
        script->stopped = true;
    }
    return error == 0;
}

static struct claim *claim_of(struct script *script, const char *name)
{
    for (u32 i = script->count; i != 0; i--) {
        struct claim *claim = &script->claims[i - 1];

        if (!claim->removed && strcmp(claim->name[claim->names - 1], name) == 0)
            return claim;
    }
    FAIL("no claim on %s", name);
}

static void put(struct script *script, const char *name, u64 seed, u64 size)
{
    struct claim *claim = &script->claims[script->count];

    if (script->stopped)
        return;
    CHECK(script->count < CLAIMS);
    fill_pattern(pattern, size, seed);
    if (!went(script, make_file(script->fs, name, pattern, size)))
        return;
    *claim = (struct claim){.names = 1, .seed = seed, .size = size};
    strcpy(claim->name[0], name);
    script->count++;
}

static void add_dir(struct script *script, const char *name)
{
    if (!script->stopped)
        went(script, make_dir(script->fs, name));
}

/* The names that something goes by in the meantime. */
static void call(struct claim *claim, const char *name)
{
    if (claim->names == NAMES_MAX) {
        memmove(claim->name[0], claim->name[1], (NAMES_MAX - 1) * sizeof(claim->name[0]));
        claim->names--;
        claim->synced = false;
    }
    strcpy(claim->name[claim->names++], name);
}

static void change_name(struct script *script, const char *from, const char *to, bool replaces)
{
    struct claim *replaced = replaces && !script->stopped ? claim_of(script, to) : NULL;
    struct claim *claim = script->stopped ? NULL : claim_of(script, from);

    if (script->stopped)
        return;
    call(claim, to);
    if (replaced != NULL)
        replaced->removed = replaced->replaced = true;
    went(script, move(script->fs, from, to));
}

static void take_away(struct script *script, const char *name)
{
    if (script->stopped)
        return;
    claim_of(script, name)->removed = true;
    went(script, delete (script->fs, name));
}

static void make_longer(struct script *script, const char *name, u64 size)
{
    if (script->stopped)
        return;
    claim_of(script, name); /* stays: its beginning is what it was */
    fill_pattern(pattern, size, 99);
    went(script, append(script->fs, name, pattern, size));
}

static void make_shorter(struct script *script, const char *name, u64 size)
{
    struct node *node;

    if (script->stopped)
        return;
    claim_of(script, name)->size = size;
    if (went(script, node_at(script->fs, name, &node))) {
        went(script, script->fs->ops->truncate(node, size));
        node_put(node);
    }
}

static void settle(struct script *script)
{
    for (u32 i = 0; i < script->count; i++) {
        struct claim *claim = &script->claims[i];

        memmove(claim->name[0], claim->name[claim->names - 1], NAME_BYTES);
        claim->names = 1;
        claim->synced = !claim->removed;
    }
}

static void sync_one(struct script *script, const char *name)
{
    struct node *node;

    if (script->stopped || !went(script, node_at(script->fs, name, &node)))
        return;
    if (went(script, script->fs->ops->sync(node)))
        settle(script);
    node_put(node);
}

static void sync_whole(struct script *script)
{
    if (!script->stopped && went(script, script->fs->ops->sync_all(script->fs)))
        settle(script);
}

/* ---- what is run ---- */

static void many(struct script *script, const char *dir, u32 first, u32 count)
{
    for (u32 i = first; i < first + count; i++) {
        char name[NAME_BYTES];

        snprintf(name, sizeof(name), "%s/A file with number %u", dir, i);
        put(script, name, 1000 + i, 10 + i * 37 % 1500);
    }
}

static void run_script(struct script *script)
{
    add_dir(script, "dir");
    add_dir(script, "dir/Sub directory");
    put(script, "first", 1, 5000);
    put(script, "dir/Second file", 2, 20000);
    sync_whole(script);
    put(script, "dir/Sub directory/third", 3, 700);
    make_longer(script, "first", 9000);
    sync_one(script, "first");
    change_name(script, "dir/Second file", "dir/Sub directory/It is now the second file", false);
    put(script, "unsynced", 4, 3000);
    sync_whole(script);
    /* the way of editors */
    put(script, "first.new", 5, 7000);
    sync_one(script, "first.new");
    change_name(script, "first.new", "first", true);
    sync_one(script, "first");
    /* what is removed is used again */
    take_away(script, "dir/Sub directory/It is now the second file");
    put(script, "again", 6, 30000);
    put(script, "again2", 7, 30000);
    sync_one(script, "again");
    make_shorter(script, "again", 1000);
    put(script, "again3", 8, 20000);
    sync_whole(script);
    many(script, "dir", 0, 40);
    sync_whole(script);
    many(script, "dir", 40, 10);
    change_name(script, "dir/A file with number 3", "dir/Another name of the third one", false);
    change_name(script, "dir/A file with number 4", "short", false);
    change_name(script, "again2", "AGAIN2.X", false);
    take_away(script, "dir/A file with number 5");
    take_away(script, "dir/A file with number 6");
    sync_whole(script);
    change_name(script, "short", "dir/A file with number 4", false);
    change_name(script, "dir/A file with number 7", "dir/A file with number 8", true);
    many(script, "dir", 100, 20);
    sync_one(script, "first");
    for (u32 i = 100; i < 115; i++) {
        char name[NAME_BYTES];

        snprintf(name, sizeof(name), "dir/A file with number %u", i);
        take_away(script, name);
    }
    put(script, "last", 9, 40000);
    sync_whole(script);
}

/* A directory gets clusters that were something else. */
static void run_growing_script(struct script *script)
{
    char name[NAME_BYTES];

    for (u32 i = 0; i < 7; i++) {
        snprintf(name, sizeof(name), "junk %u", i);
        put(script, name, i, FILE_MAX);
    }
    sync_whole(script);
    for (u32 i = 0; i < 7; i++) {
        snprintf(name, sizeof(name), "junk %u", i);
        take_away(script, name);
    }
    sync_whole(script);
    add_dir(script, "dir");
    many(script, "dir", 0, 30);
    sync_whole(script);
    many(script, "dir", 30, 60);
    sync_whole(script);
}

/* A directory moves, with what is in it. */
static void run_moving_script(struct script *script)
{
    add_dir(script, "one");
    add_dir(script, "two");
    add_dir(script, "one/moves");
    put(script, "one/moves/file", 1, 3000);
    put(script, "two/stays", 2, 3000);
    sync_whole(script);
    if (!script->stopped) {
        call(claim_of(script, "one/moves/file"), "two/has moved/file");
        went(script, move(script->fs, "one/moves", "two/has moved"));
    }
    sync_whole(script);
    if (!script->stopped) {
        call(claim_of(script, "two/has moved/file"), "again/file");
        went(script, move(script->fs, "two/has moved", "again"));
    }
    put(script, "again/more", 3, 3000);
    sync_whole(script);
}

/* ---- what must hold ---- */

static bool is_whole(struct fs *fs, const char *name, const struct claim *claim)
{
    static u8 bytes[FILE_MAX];
    struct node *node;
    size_t done = 0;
    bool whole;

    if (node_at(fs, name, &node) != 0)
        return false;
    fill_pattern(pattern, claim->size, claim->seed);
    whole = fs->ops->read(node, 0, bytes, claim->size, &done) == 0 && done == claim->size &&
            memcmp(bytes, pattern, done) == 0;
    node_put(node);
    return whole;
}

/* Whether a file is found whole by one of its names; or, if it was removed, by none. */
static bool holds(struct fs *fs, const struct claim *claim)
{
    bool exists = false;

    for (u32 i = 0; i < claim->names; i++) {
        struct node *node;

        if (is_whole(fs, claim->name[i], claim))
            return true;
        if (node_at(fs, claim->name[i], &node) == 0) {
            node_put(node);
            exists = true;
        }
    }
    return claim->removed && !exists;
}

/* Nothing but names is in the directory that grows: no cluster is part of it before it is empty. */
static void check_listed(struct fs *fs)
{
    struct fs_entry entry;
    struct node *dir;
    u64 position = 0;

    if (node_at(fs, "dir", &dir) != 0)
        return;
    while (fs->ops->list(dir, &position, &entry) == 0) {
        if (strncmp(entry.name, "A", 1) != 0 && strncmp(entry.name, "S", 1) != 0)
            FAIL("'%s' is in dir", entry.name);
    }
    CHECK(strstr(fs_said, "no name") == NULL);
    node_put(dir);
}

static void check_claims(const struct script *script, u64 n, const char *when)
{
    struct fs *fs = mount_disk(script->disk, 0);

    for (u32 i = 0; i < script->count; i++) {
        const struct claim *claim = &script->claims[i];

        if (claim->synced && !claim->replaced && !holds(fs, claim))
            FAIL("%s (or %s) is not whole %s fsck, after a cut before write %llu", claim->name[0],
                 claim->name[claim->names - 1], when, (unsigned long long)n);
    }
    check_listed(fs);
    fs->readonly = true; /* nothing is to be written by looking */
    unmount_disk(fs);
}

struct cut {
    void (*run)(struct script *script);
    struct disk empty, disk;
    struct script script;
    u64 random;
};

/* True if the power was cut. */
static bool cut_at(struct cut *cut, u64 n)
{
    struct script *script = &cut->script;

    disk_copy(&cut->disk, &cut->empty);
    disk_restart(&cut->disk);
    *script = (struct script){.disk = &cut->disk};
    script->fs = mount_disk(&cut->disk, 0);
    cut->disk.cut_at = n;
    cut->run(script);
    if (!script->stopped)
        unmount_disk(script->fs);
    else
        CHECK(script->fs->ops->unmount(script->fs) != 0);
    disk_lose(&cut->disk, &cut->random);
    disk_restart(&cut->disk);
    check_claims(script, n, "before");
    disk_repair(&cut->disk);
    check_claims(script, n, "after");
    return script->stopped;
}

static void cut_everywhere(void (*run)(struct script *), u64 bytes, const char *options,
                           bool cached, u64 step)
{
    struct cut *cut = calloc(1, sizeof(*cut));

    CHECK(cut != NULL);
    cut->run = run;
    cut->random = 1;
    disk_make(&cut->empty, bytes, options);
    disk_create(&cut->disk, bytes);
    if (cached)
        disk_cached(&cut->disk);
    for (u64 n = 1; cut_at(cut, n); n += step)
        ;
    disk_destroy(&cut->empty);
    disk_destroy(&cut->disk);
    free(cut);
}

/* Every n takes a while: the quick tier takes some of them. */
static u64 step(u64 quick)
{
    return world_times(1) == 1 ? quick : 1;
}

TEST(fat_cut_writes_in_order)
{
    cut_everywhere(run_script, 4 * MIB, "-s 1", false, step(29));
}

TEST(fat_cut_writes_lost)
{
    cut_everywhere(run_script, 4 * MIB, "-s 1", true, step(23));
}

/* A disk so small that clusters are used again. */
TEST(fat_cut_small_disk)
{
    cut_everywhere(run_script, 320U << 10, "-s 1 -R 4 -a", true, step(19));
}

TEST(fat_cut_growing_directory)
{
    cut_everywhere(run_growing_script, 320U << 10, "-s 1 -R 4 -a", true, step(11));
}

TEST(fat_cut_large_clusters)
{
    cut_everywhere(run_script, 4 * MIB, "-s 8", true, step(31));
}

TEST(fat_cut_moving_directory)
{
    cut_everywhere(run_moving_script, 4 * MIB, "-s 2", true, 1);
}
