/* SPDX-License-Identifier: BSD-2-Clause */
/* Archives: those that GNU tar makes, and those that nobody should. */
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "tests/host/fat_world.h"
#include "tests/host/vfs_world.h"
#include "tests/test.h"

#define RECORD 512

/* ---- an archive, entry by entry ---- */

struct maker {
    u8 bytes[64 * RECORD];
    size_t used;
};

static u8 *add(struct maker *maker, const char *name, char type, u32 claimed, const char *text)
{
    u8 *header = maker->bytes + maker->used;
    unsigned sum = 0;

    memset(header, 0, RECORD);
    strncpy((char *)header, name, 100);
    snprintf((char *)header + 100, 8, "%07o", 0640);
    snprintf((char *)header + 124, 12, "%011o", claimed);
    snprintf((char *)header + 136, 12, "%011o", 1000000000);
    header[156] = (u8)type;
    memcpy(header + 257, "ustar\00000", 8);
    memset(header + 148, ' ', 8);
    for (size_t i = 0; i < RECORD; i++) {
        sum += header[i];
    }
    snprintf((char *)header + 148, 8, "%06o", sum);
    maker->used += RECORD;
    if (*text) {
        memset(maker->bytes + maker->used, 0, RECORD);
        memcpy(maker->bytes + maker->used, text, strlen(text));
        maker->used += RECORD;
    }
    return header;
}

static void add_file(struct maker *maker, const char *name, const char *text)
{
    (void)add(maker, name, '0', (u32)strlen(text), text);
}

/* ---- what is in it ---- */

/* Mounts it as the root, from a block of its own, so that a read beyond is seen. */
static void mount(const void *bytes, size_t size)
{
    static void *exact; /* the mount's until the end */
    const char *why;
    struct fs *fs;

    exact = malloc(size);
    CHECK(exact != NULL);
    memcpy(exact, bytes, size);
    fs_said[0] = '\0';
    CHECK_EQ(archive_mount(exact, size, &fs, &why), 0);
    CHECK_EQ(vfs_mount("/", fs, "initrd"), 0);
}

static void run(const char *command)
{
    char said[300];

    if (shell(said, sizeof(said), "%s", command) != 0) {
        FAIL("%s: %s", command, said);
    }
}

/* What GNU tar makes of a folder, in each of its formats. */
static void of_tar(void *format)
{
    static u8 bytes[1 << 16];
    char folder[] = "/tmp/archive_test_XXXXXX", text[300], deep[200];
    struct vfs_stat stat;
    size_t size;
    FILE *file;

    CHECK(mkdtemp(folder) != NULL);
    CHECK_EQ(chdir(folder), 0);
    run("mkdir -p in/dir/sub in/$(printf 'd%.0s' $(seq 90))/$(printf 'e%.0s' $(seq 60))");
    run("echo hello >in/a; printf x >in/dir/b; : >in/dir/sub/empty; echo far >$(echo in/d?*/e*)/far");
    run("touch -d @1234567890 in/a; chmod 751 in/dir/b");
    snprintf(text, sizeof(text), "tar --sort=name --format=%s -C in -cf out.tar .", (char *)format);
    run(text);
    snprintf(text, sizeof(text), "%s/out.tar", folder);
    file = fopen(text, "r");
    CHECK(file != NULL);
    size = fread(bytes, 1, sizeof(bytes), file);
    fclose(file);
    CHECK_EQ(chdir("/"), 0);
    snprintf(deep, sizeof(deep), "rm -rf %s", folder);
    run(deep);
    mount(bytes, size);
    CHECK_STR(fs_said, "");
    CHECK(file_holds("/a", "hello\n") && file_holds("/dir/b", "x") &&
          file_holds("/dir/sub/empty", ""));
    memset(deep, 'd', 91);
    deep[0] = '/';
    memset(deep + 92, 'e', 60);
    deep[91] = '/';
    strcpy(deep + 152, "/far");
    CHECK(file_holds(deep, "far\n"));
    CHECK_EQ(vfs_stat("/a", &stat), 0);
    CHECK_EQ(stat.attr.mtime_s, 1234567890);
    CHECK_EQ(vfs_stat("/dir/b", &stat), 0);
    CHECK_EQ(stat.attr.permissions, 0751);
    list_names("/dir", text);
    CHECK_STR(text, ". .. b sub ");
    list_names("/dir/sub", text);
    CHECK_STR(text, ". .. empty ");
}

TEST(archive_of_tar)
{
    char format[][8] = {"ustar", "gnu"};

    test_must_pass(of_tar, format[0]);
    test_must_pass(of_tar, format[1]);
}

static void readonly(void *unused)
{
    static struct maker maker;
    struct file *file;
    struct vfs_times times = {.atime_s = 1};

    (void)unused;
    add_file(&maker, "f", "text");
    mount(maker.bytes, maker.used);
    CHECK_EQ(vfs_open("/f", O_RDWR, 0, &file), EROFS);
    CHECK_EQ(vfs_open("/f", O_RDONLY | O_TRUNC, 0, &file), EROFS);
    CHECK_EQ(vfs_open("/g", O_WRONLY | O_CREAT, 0, &file), EROFS);
    CHECK_EQ(vfs_mkdir("/d", 0777), EROFS);
    CHECK_EQ(vfs_unlink("/f"), EROFS);
    CHECK_EQ(vfs_rename("/f", "/g"), EROFS);
    CHECK_EQ(vfs_truncate("/f", 0), EROFS);
    CHECK_EQ(vfs_chmod("/f", 0), EROFS);
    CHECK_EQ(vfs_set_times("/f", &times), EROFS);
}

TEST(archive_is_readonly)
{
    test_must_pass(readonly, NULL);
}

static void hostile(void *unused)
{
    static struct maker maker;
    char text[300];

    (void)unused;
    add_file(&maker, "/etc/passwd", "absolute");
    add_file(&maker, "../up", "up");
    add_file(&maker, "d/../../up", "up");
    (void)add(&maker, "link", '2', 0, "");
    (void)add(&maker, "hard", '1', 0, "");
    (void)add(&maker, "null", '3', 0, "");
    add_file(&maker, "once", "first");
    add_file(&maker, "./once", "second");
    add_file(&maker, "once/below", "below a file");
    (void)add(&maker, "once", '5', 0, "");
    add_file(&maker, "a//./b", "odd but fine");
    (void)add(&maker, "a", '5', 0, "");
    add_file(&maker, "", "nameless");
    (void)add(&maker, "liar", '0', 100000, "x");
    add_file(&maker, "behind", "is not read");
    mount(maker.bytes, maker.used);
    list_names("/", text);
    CHECK_STR(text, ". .. once a ");
    CHECK(file_holds("/once", "first") && file_holds("/a/b", "odd but fine"));
    CHECK(strstr(fs_said, "/etc/passwd: its name begins with /"));
    CHECK(strstr(fs_said, "../up: its name has .."));
    CHECK(strstr(fs_said, "link: it is a link or a device"));
    CHECK(strstr(fs_said, "and more like these"));
}

TEST(archive_hostile)
{
    test_must_pass(hostile, NULL);
}

static void ends_early(void *unused)
{
    static struct maker maker;
    u8 *header;

    (void)unused;
    add_file(&maker, "good", "text");
    header = add(&maker, "bad", '0', 4, "text");
    header[0] = 'x';
    add_file(&maker, "behind", "text");
    mount(maker.bytes, maker.used);
    CHECK(file_holds("/good", "text") && !file_holds("/behind", "text"));
    CHECK(strstr(fs_said, "its header is damaged; nothing more is read"));
}

TEST(archive_ends_at_damage)
{
    test_must_pass(ends_early, NULL);
}

static void lies(void *unused)
{
    static struct maker maker;

    (void)unused;
    add_file(&maker, "good", "text");
    (void)add(&maker, "liar", '0', 07777777777, "x");
    mount(maker.bytes, maker.used);
    CHECK(file_holds("/good", "text") && !file_holds("/liar", "x"));
    CHECK(strstr(fs_said, "liar: it ends behind the archive; nothing more is read"));
}

TEST(archive_that_lies)
{
    test_must_pass(lies, NULL);
}

static void no_archive(void *unused)
{
    char text[100];

    (void)unused;
    mount("anything", 8);
    list_names("/", text);
    CHECK_STR(text, ". .. initrd ");
    CHECK(file_holds("/initrd", "anything"));
}

TEST(archive_that_is_none)
{
    const char *why;
    struct fs *fs;

    CHECK_EQ(archive_mount("", 0, &fs, &why), EINVAL);
    CHECK_STR(why, "it is empty");
    test_must_pass(no_archive, NULL);
}

TEST(archive_starves)
{
    static struct maker maker;
    char name[32];
    int error = ENOMEM;

    maker.used = 0;
    for (int i = 0; i < 20; i++) {
        snprintf(name, sizeof(name), "d%d/e/f", i);
        add_file(&maker, name, "x");
    }
    for (u64 n = 1; error != 0; n++) {
        const char *why;
        struct fs *fs;

        malloc_fails_at(n);
        error = archive_mount(maker.bytes, maker.used, &fs, &why);
        malloc_fails_at(0);
        CHECK(error == 0 || error == ENOMEM);
        if (error == 0) {
            CHECK_EQ(fs->ops->unmount(fs), 0);
        }
    }
}

/* ---- anything at all ---- */

/* Everything below a directory is told and read; there are no loops, so this ends. */
static void visit(struct fs *fs, struct node *dir, int levels)
{
    static u8 bytes[70000];
    struct fs_entry entry;
    u64 position = 0;

    CHECK(levels < 5000);
    while (fs->ops->list(dir, &position, &entry) == 0) {
        struct name name = {entry.name, strlen(entry.name)};
        struct node *node;
        size_t done;

        CHECK(name.bytes > 0 && name.bytes <= FS_NAME_MAX && !strchr(entry.name, '/'));
        CHECK(strcmp(entry.name, ".") != 0 && strcmp(entry.name, "..") != 0);
        CHECK_EQ(fs->ops->lookup(dir, name, &node), 0);
        CHECK_EQ(node->id, entry.id);
        if (node->type == NODE_DIRECTORY) {
            visit(fs, node, levels + 1);
        } else {
            CHECK_EQ(fs->ops->read(node, 0, bytes, sizeof(bytes), &done), 0);
        }
        node_put(node);
    }
}

FUZZ(archive)
{
    struct fs *fs;
    const char *why;

    fs_said[0] = '\0';
    if (archive_mount(bytes, size, &fs, &why) != 0) {
        return 0;
    }
    visit(fs, fs->root, 0);
    CHECK_EQ(fs->ops->unmount(fs), 0);
    return 0;
}

FUZZ_SEEDS(archive)
{
    static struct maker maker;

    maker.used = 0;
    add_file(&maker, "a", "text");
    add_file(&maker, "dir/b", "more");
    (void)add(&maker, "dir", '5', 0, "");
    fuzz_seed(maker.bytes, maker.used);
    (void)add(&maker, "long", 'L', 30, "a/long/name/of/many/parts/012");
    add_file(&maker, "short", "text");
    fuzz_seed(maker.bytes, maker.used);
}
