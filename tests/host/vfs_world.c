/* SPDX-License-Identifier: BSD-2-Clause */
#include "tests/host/vfs_world.h"

#include <stdlib.h>
#include <string.h>

#include "guest/fs/lock.h"
#include "guest/libc/input.h"
#include "guest/libc/output.h"

#include "tests/test.h"

int locks_held;
char console_said[256];
const char *console_types = "";

struct __lock {
    int depth;
};

int fs_lock_create(struct __lock **lock)
{
    *lock = calloc(1, sizeof(**lock));
    return *lock ? 0 : ENOMEM;
}

void fs_lock_destroy(struct __lock *lock)
{
    CHECK_EQ(lock->depth, 0);
    free(lock);
}

void fs_lock(struct __lock *lock)
{
    lock->depth++;
    locks_held++;
}

bool fs_try_lock(struct __lock *lock)
{
    if (lock->depth > 0) {
        return false;
    }
    fs_lock(lock);
    return true;
}

void fs_unlock(struct __lock *lock)
{
    CHECK(lock->depth > 0);
    lock->depth--;
    locks_held--;
}

u64 fs_memory_left(void)
{
    return 1UL << 30;
}

void output_write(const char *from, size_t bytes)
{
    size_t length = strlen(console_said);

    CHECK(length + bytes < sizeof(console_said));
    memcpy(console_said + length, from, bytes);
    console_said[length + bytes] = '\0';
}

bool input_ready(const u32 **word, u32 *value)
{
    *word = NULL;
    *value = 0;
    return *console_types != '\0';
}

int input_read(char *to, size_t bytes, size_t *done)
{
    size_t there = strlen(console_types);

    *done = bytes < there ? bytes : there;
    memcpy(to, console_types, *done);
    console_types += *done;
    return 0;
}

void mount_ramfs(const char *path)
{
    struct fs *fs;

    CHECK_EQ(ramfs_mount(&fs), 0);
    CHECK_EQ(vfs_mount(path, fs, "ramfs"), 0);
}

const char *error_name(int error)
{
    return error ? strerror(error) : "no error";
}

bool file_holds(const char *path, const char *text)
{
    char bytes[201];
    struct file *file;
    s64 done;

    if (vfs_open(path, O_RDONLY, 0, &file) != 0) {
        return false;
    }
    done = file_read(file, bytes, sizeof(bytes));
    file_put(file);
    return done == (s64)strlen(text) && memcmp(bytes, text, strlen(text)) == 0;
}

void list_names(const char *path, char *text)
{
    struct file *file;
    struct fs_entry entry;

    *text = '\0';
    CHECK_EQ(vfs_open(path, O_RDONLY | O_DIRECTORY, 0, &file), 0);
    while (file_list(file, &entry) == 0) {
        strcat(strcat(text, entry.name), " ");
    }
    file_put(file);
}
