/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * What a program finds: a root, which is a disk if a component mounts one (files_root) and else
 * memory; /dev; /tmp, in memory; and the console as descriptors 0, 1 and 2.  And what is done about
 * all files at a fork and at the end.
 *
 * What cannot be had is said in a line, and the program goes on without it.
 */
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "guest/fs/boot.h"
#include "guest/init.h"
#include "guest/libc/descriptor.h"
#include "guest/libc/files.h"
#include "guest/libc/fork.h"
#include "guest/libc/stream.h"
#include "guest/log.h"

__attribute__((weak)) struct fs *files_root(const char **source)
{
    (void)source;
    return NULL;
}

static bool root_is_ours; /* else nothing is made there that nobody asked for */

static int mount_root(void)
{
    static const char in_memory[] = "ramfs";
    const char *source = in_memory;
    struct fs *fs = files_root(&source);
    int error = fs ? 0 : ramfs_mount(&fs);

    root_is_ours = source == in_memory;
    if (error) {
        return error;
    }
    error = vfs_mount("/", fs, source);
    if (error) {
        (void)fs->ops->unmount(fs);
    }
    return error;
}

void files_mount(const char *path, const char *source, int error, struct fs *fs)
{
    if (!error) {
        error = root_is_ours ? vfs_mkdir(path, 0755) : 0;
        error = error ? error : vfs_mount_first(path, fs, source);
        if (error) {
            (void)fs->ops->unmount(fs);
        }
    }
    if (error) {
        log_error("%s is not there: %s", path, strerror(error));
    }
}

static void open_console(void)
{
    struct file *file;

    if (vfs_open("/dev/console", O_RDWR, 0, &file) != 0) {
        return;
    }
    for (int fd = STDIN_FILENO; fd <= STDERR_FILENO; fd++) {
        (void)descriptor_add(file_get(file), fd, false);
    }
    file_put(file);
}

static GUEST_INIT(INIT_FILES) void bring_up(void)
{
    struct fs *fs = NULL;
    int error = streams_begin() ? mount_root() : ENOMEM;

    if (error) {
        log_error("there are no files: %s", strerror(error));
        return;
    }
    error = devfs_mount(&fs);
    files_mount("/dev", "devfs", error, fs);
    error = ramfs_mount(&fs);
    files_mount("/tmp", "ramfs", error, fs);
    open_console();
}

/* After all handlers of atexit and all other destructors, which may still write. */
static __attribute__((destructor(101))) void flush(void)
{
    (void)fflush(NULL);
}

void files_end(void)
{
    int error = vfs_is_up() ? vfs_sync() : 0;

    if (error) {
        log_error("not all that was written is on its disk: %s", strerror(error));
    }
}

/* Component channels has its own of these. */
__attribute__((weak)) bool fork_channels(enum fork_step step)
{
    (void)step;
    return true;
}

/* The locks of streams, those of mounts, then that of pipes. */
bool fork_files(enum fork_step step)
{
    bool wait = !fork_in_handler();

    if (!vfs_is_up()) {
        return true;
    }
    if (step != FORK_PREPARE) {
        (void)fork_channels(step);
        vfs_unlock_all();
        streams_unlock_all();
        return true;
    }
    if (!streams_lock_all(wait)) {
        return false;
    }
    if (!vfs_lock_all(wait)) {
        streams_unlock_all();
        return false;
    }
    if (!fork_channels(step)) {
        vfs_unlock_all();
        streams_unlock_all();
        return false;
    }
    return true;
}
