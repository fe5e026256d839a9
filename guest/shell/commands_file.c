/* SPDX-License-Identifier: BSD-2-Clause */
/* Commands about files as a whole: cp mkdir mv rename rm rmdir touch. */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "guest/shell/files.h"

#define DIRECTORY_MODE 0777
#define FILE_MODE      0666

static int copy_plain(struct call *call, const char *from, const char *to)
{
    return files_copy(call, from, to, false);
}

static int copy_recursive(struct call *call, const char *from, const char *to)
{
    return files_copy(call, from, to, true);
}

int command_cp(struct call *call)
{
    struct options options;

    if (!options_read(call, "rR", &options)) {
        return STATUS_MISUSE;
    }
    return files_to(call, options.first,
                    options_has(&options, 'r') || options_has(&options, 'R') ? copy_recursive
                                                                             : copy_plain);
}

/* From one file system to another it is copied. */
static int move(struct call *call, const char *from, const char *to)
{
    struct stat status;
    int failed;

    if (lstat(from, &status) != 0) {
        return call_fail(call, from);
    }
    if (files_are_same(from, to) && strcmp(from, to) == 0) {
        return call_complain(call, "%s and %s are the same file", from, to);
    }
    if (rename(from, to) == 0) {
        return 0;
    }
    if (errno != EXDEV) {
        return call_complain(call, "%s to %s: %s", from, to, strerror(errno));
    }
    if (path_is_directory(to)) {
        return call_complain(call, "%s is there already, on another file system", to);
    }
    failed = files_copy(call, from, to, true);
    return failed || call_stopped(call) ? 1 : files_remove(call, from, true, false);
}

int command_mv(struct call *call)
{
    struct options options;

    return options_read(call, "", &options) ? files_to(call, options.first, move) : STATUS_MISUSE;
}

int command_rename(struct call *call)
{
    struct options options;
    char **argv;

    if (!options_read(call, "", &options)) {
        return STATUS_MISUSE;
    }
    if (call->argc - options.first != 2) {
        return call_misuse(call, "two names");
    }
    argv = call->argv + options.first;
    if (rename(argv[0], argv[1]) != 0) {
        return call_complain(call, "%s to %s: %s", argv[0], argv[1], strerror(errno));
    }
    return 0;
}

/* Also those above it that are not there. */
static int make_all(struct call *call, const char *path)
{
    struct buffer part = {0};
    const char *p = path;
    int status = 0;

    while (*p && status == 0) {
        p += strspn(p, "/");
        p += strcspn(p, "/");
        buffer_cut(&part, 0);
        buffer_add(&part, path, (size_t)(p - path));
        if (mkdir(part.at, DIRECTORY_MODE) != 0) {
            int error = errno;

            if (!path_is_directory(part.at)) {
                errno = error;
                status = call_fail(call, part.at);
            }
        }
    }
    buffer_free(&part);
    return status;
}

int command_mkdir(struct call *call)
{
    struct options options;
    int status = 0;

    if (!options_read(call, "p", &options)) {
        return STATUS_MISUSE;
    }
    if (options.first == call->argc) {
        return call_misuse(call, "which directory?");
    }
    for (int i = options.first; i < call->argc; i++) {
        const char *path = call->argv[i];

        if (options_has(&options, 'p')) {
            status |= make_all(call, path);
        } else if (mkdir(path, DIRECTORY_MODE) != 0) {
            status = call_fail(call, path);
        }
    }
    return status;
}

int command_rmdir(struct call *call)
{
    struct options options;
    int status = 0;

    if (!options_read(call, "", &options)) {
        return STATUS_MISUSE;
    }
    if (options.first == call->argc) {
        return call_misuse(call, "which directory?");
    }
    for (int i = options.first; i < call->argc; i++) {
        if (rmdir(call->argv[i]) != 0) {
            status = call_fail(call, call->argv[i]);
        }
    }
    return status;
}

int command_rm(struct call *call)
{
    struct options options;
    bool force, recursive;
    int status = 0;

    if (!options_read(call, "frR", &options)) {
        return STATUS_MISUSE;
    }
    force = options_has(&options, 'f');
    recursive = options_has(&options, 'r') || options_has(&options, 'R');
    if (options.first == call->argc && !force) {
        return call_misuse(call, "which file?");
    }
    for (int i = options.first; i < call->argc && !call_stopped(call); i++) {
        status |= files_remove(call, call->argv[i], recursive, force);
    }
    return status;
}

static int touch(struct call *call, const char *path, bool make)
{
    int fd;

    if (utimensat(AT_FDCWD, path, NULL, 0) == 0) {
        return 0;
    }
    if (errno != ENOENT) {
        return call_fail(call, path);
    }
    if (!make) {
        return 0;
    }
    fd = open(path, O_WRONLY | O_CREAT, FILE_MODE);
    if (fd < 0) {
        return call_fail(call, path);
    }
    close(fd);
    return 0;
}

int command_touch(struct call *call)
{
    struct options options;
    int status = 0;

    if (!options_read(call, "c", &options)) {
        return STATUS_MISUSE;
    }
    if (options.first == call->argc) {
        return call_misuse(call, "which file?");
    }
    for (int i = options.first; i < call->argc; i++) {
        status |= touch(call, call->argv[i], !options_has(&options, 'c'));
    }
    return status;
}
