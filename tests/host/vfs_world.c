/* SPDX-License-Identifier: BSD-2-Clause */
#include "tests/host/vfs_world.h"

#include <stdlib.h>
#include <string.h>

#include "guest/fs/lock.h"
#include "guest/guest.h"
#include "guest/libc/input.h"

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

void console_putc(char c)
{
    size_t length = strlen(console_said);

    if (length < sizeof(console_said) - 1) {
        console_said[length] = c;
    }
}

void console_flush(void) {}

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
