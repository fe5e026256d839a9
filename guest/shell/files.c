/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Files and directories with all that is in them: for ls, cp, mv, rm.
 *
 * A directory is read to its end before anything in it is touched, so that one is open at a time
 * and what is made or removed meanwhile does not matter.  DEPTH_MOST directories deep is as far as
 * it goes: a task's stack is not endless.
 */
#include "guest/shell/files.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define DEPTH_MOST 128
#define COPY_BYTES 16384
#define MODE_BITS  0777

/* The names in a directory, sorted; hidden: also those that begin with a dot, all but . and .. */
bool files_list(struct call *call, const char *path, bool hidden, struct strings *names)
{
    DIR *directory = opendir(path);
    const struct dirent *entry;
    int error;

    if (!directory) {
        call_fail(call, path);
        return false;
    }
    errno = 0;
    while ((entry = readdir(directory)) != NULL) {
        if (entry->d_name[0] != '.' || (hidden && !path_is_dots(entry->d_name))) {
            strings_add(names, memory_copy(entry->d_name));
        }
    }
    error = errno;
    closedir(directory);
    strings_sort(names, 0);
    if (error) {
        errno = error;
        call_fail(call, path);
    }
    return error == 0;
}

static bool is_same(const struct stat *a, const struct stat *b)
{
    return a->st_dev == b->st_dev && a->st_ino == b->st_ino;
}

bool files_are_same(const char *a, const char *b)
{
    struct stat of_a, of_b;

    return stat(a, &of_a) == 0 && stat(b, &of_b) == 0 && is_same(&of_a, &of_b);
}

/* ---- copying ---- */

static int copy_bytes(struct call *call, int from, int to, const char *from_path,
                      const char *to_path)
{
    char *part = memory_get(COPY_BYTES);
    int status = 0;
    ssize_t count;

    while (status == 0 && (count = read(from, part, COPY_BYTES)) != 0) {
        if (count < 0) {
            status = call_fail(call, from_path);
        }
        for (ssize_t at = 0, written; status == 0 && at < count; at += written) {
            written = write(to, part + at, (size_t)(count - at));
            if (written < 0) {
                status = call_fail(call, to_path);
            }
        }
        if (call_stopped(call)) {
            status = STATUS_INTERRUPTED;
        }
    }
    free(part);
    return status;
}

static int copy_file(struct call *call, const char *from, const char *to, mode_t mode)
{
    int in = open(from, O_RDONLY), out, status;

    if (in < 0) {
        return call_fail(call, from);
    }
    out = open(to, O_WRONLY | O_CREAT | O_TRUNC, mode);
    if (out < 0) {
        status = call_fail(call, to);
    } else {
        status = copy_bytes(call, in, out, from, to);
        if (close(out) != 0 && status == 0) {
            status = call_fail(call, to);
        }
    }
    close(in);
    return status;
}

/* Whether `path`, which may not be there yet, is in the directory or is it. */
static bool is_inside(const char *path, const struct stat *directory)
{
    size_t bytes;
    const char *last = path_last(path, &bytes);
    struct buffer above = {0};
    struct stat status, before = {0};
    bool inside = false;

    if (path_is_directory(path)) {
        buffer_add_text(&above, path);
    } else {
        buffer_add(&above, path, (size_t)(last - path));
        buffer_add_text(&above, ".");
    }
    for (bool first = true; !inside && stat(above.at, &status) == 0; first = false) {
        if (!first && is_same(&status, &before)) {
            break; /* the root */
        }
        inside = is_same(&status, directory);
        before = status;
        buffer_add_text(&above, "/..");
    }
    buffer_free(&above);
    return inside;
}

static int copy_tree(struct call *call, const char *from, const char *to, unsigned depth);

static int copy_directory(struct call *call, const char *from, const char *to, mode_t mode,
                          unsigned depth)
{
    struct strings names = {0};
    int status = 0;

    if (depth == DEPTH_MOST) {
        return call_complain(call, "%s: too deep", from);
    }
    if (mkdir(to, mode | S_IRWXU) != 0 && (errno != EEXIST || !path_is_directory(to))) {
        return call_fail(call, to);
    }
    if (!files_list(call, from, true, &names)) {
        status = 1;
    }
    for (size_t i = 0; i < names.used && !call_stopped(call); i++) {
        char *below_from = path_join(from, names.at[i]), *below_to = path_join(to, names.at[i]);

        status |= copy_tree(call, below_from, below_to, depth + 1);
        free(below_from);
        free(below_to);
    }
    strings_free_texts(&names);
    return status;
}

static int copy_tree(struct call *call, const char *from, const char *to, unsigned depth)
{
    struct stat status;

    if (stat(from, &status) != 0) {
        return call_fail(call, from);
    }
    if (S_ISDIR(status.st_mode)) {
        return copy_directory(call, from, to, status.st_mode & MODE_BITS, depth);
    }
    return copy_file(call, from, to, status.st_mode & MODE_BITS);
}

/* `to` is the copy's own path. */
int files_copy(struct call *call, const char *from, const char *to, bool recursive)
{
    struct stat status;

    if (stat(from, &status) != 0) {
        return call_fail(call, from);
    }
    if (files_are_same(from, to)) {
        return call_complain(call, "%s and %s are the same file", from, to);
    }
    if (!S_ISDIR(status.st_mode)) {
        return copy_file(call, from, to, status.st_mode & MODE_BITS);
    }
    if (!recursive) {
        return call_complain(call, "%s is a directory; -r copies it", from);
    }
    if (is_inside(to, &status)) {
        return call_complain(call, "%s: a directory cannot be copied into itself, %s", from, to);
    }
    return copy_tree(call, from, to, 0);
}

/* ---- removing ---- */

static int remove_tree(struct call *call, const char *path, unsigned depth)
{
    struct strings names = {0};
    struct stat status;
    int failed = 0;

    if (lstat(path, &status) != 0) {
        return call_fail(call, path);
    }
    if (!S_ISDIR(status.st_mode)) {
        return unlink(path) == 0 ? 0 : call_fail(call, path);
    }
    if (depth == DEPTH_MOST) {
        return call_complain(call, "%s: too deep", path);
    }
    if (!files_list(call, path, true, &names)) {
        failed = 1;
    }
    for (size_t i = 0; i < names.used && !call_stopped(call); i++) {
        char *below = path_join(path, names.at[i]);

        failed |= remove_tree(call, below, depth + 1);
        free(below);
    }
    strings_free_texts(&names);
    if (failed || call_stopped(call)) {
        return 1;
    }
    return rmdir(path) == 0 ? 0 : call_fail(call, path);
}

/* force: it need not be there. */
int files_remove(struct call *call, const char *path, bool recursive, bool force)
{
    size_t bytes;
    const char *last = path_last(path, &bytes);
    struct stat status;

    if (lstat(path, &status) != 0) {
        return force && (errno == ENOENT || errno == ENOTDIR) ? 0 : call_fail(call, path);
    }
    if (!S_ISDIR(status.st_mode)) {
        return unlink(path) == 0 ? 0 : call_fail(call, path);
    }
    if (!recursive) {
        return call_complain(call, "%s is a directory; -r removes it", path);
    }
    if (*last == '/' || (*last == '.' && (bytes == 1 || (bytes == 2 && last[1] == '.')))) {
        return call_complain(call, "%s: /, . and .. are not removed", path);
    }
    return remove_tree(call, path, 0);
}

/* ---- FILE... TO ---- */

/* The path that a file has in a directory; free() */
static char *target_in(const char *from, const char *directory)
{
    size_t bytes;
    const char *last = path_last(from, &bytes);
    struct buffer name = {0};
    char *path;

    buffer_add(&name, last, bytes);
    path = path_join(directory, name.at);
    buffer_free(&name);
    return path;
}

int files_to(struct call *call, int first,
             int (*each)(struct call *call, const char *from, const char *to))
{
    const char *to = call->argv[call->argc - 1];
    bool into = path_is_directory(to);
    int status = 0;

    if (call->argc - first < 2) {
        return call_misuse(call, call->argc == first ? "which file?" : "to where?");
    }
    if (call->argc - first > 2 && !into) {
        return call_complain(call, "%s is no directory", to);
    }
    for (int i = first; i < call->argc - 1 && !call_stopped(call); i++) {
        char *target = into ? target_in(call->argv[i], to) : memory_copy(to);

        status |= each(call, call->argv[i], target);
        free(target);
    }
    return status;
}
