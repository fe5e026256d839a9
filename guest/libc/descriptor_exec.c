/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Descriptors and the working directory across exec and spawn: what this program tells the next one
 * of them (inherit.h), and what that makes of it before main.
 *
 *     fds=4       numbers below 4
 *     fd0=r80f00000              reads the pipe that is there
 *     fd1=w80f11000              writes to that one
 *     fd2==1                     the same open file as 1
 *     fd3=p2,80f22000,/log.txt   by its name, with the flags and the state (states.c) that are
 * there cwd=/bin
 *
 * A file is opened again by the name that it was opened by.  If it has none any more, or is in
 * memory, which does not outlive the program, the next program does not have the descriptor.
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "guest/init.h"
#include "guest/libc/descriptor.h"
#include "guest/libc/inherit.h"
#include "guest/libc/pipe.h"
#include "guest/libc/states.h"

#define NAME_BYTES  16
#define VALUE_BYTES (VFS_PATH_MAX + 64)
#define HEX         16

/* In the place of file.c's: the whole name that a file is opened by, from the heap. */
char *file_name_for(const char *path)
{
    char *name = malloc(VFS_PATH_MAX), *fitting;
    size_t bytes = 0;

    if (name && *path != '/' && vfs_getcwd(name, VFS_PATH_MAX) == 0) {
        bytes = strlen(name);
        bytes = bytes == 1 ? 0 : bytes; /* the root */
        name[bytes] = '/';
        bytes++;
    }
    if (!name || bytes + strlen(path) >= VFS_PATH_MAX) {
        free(name);
        return NULL;
    }
    strcpy(name + bytes, path);
    fitting = strdup(name);
    free(name);
    return fitting;
}

/* ---- to the next program ---- */

/* A lower number that the next program has, too, of the same file; -1: none. */
static int same_below(const struct descriptor *one)
{
    struct descriptor other;
    int found = -1;

    for (int fd = 0; found < 0 && fd < one->fd && descriptor_look(&fd, &other);) {
        if (other.file == one->file && other.fd < one->fd && !other.cloexec) {
            found = other.fd;
        }
        file_put(other.file);
    }
    return found;
}

/* False: it cannot be passed. */
static bool describe(const struct descriptor *descriptor, char value[VALUE_BYTES])
{
    struct file *file = descriptor->file;
    const char *path = file_name(file);
    int same = same_below(descriptor), bytes;
    enum pipe_end end;
    struct pipe *pipe = pipe_of(file, &end);

    if (same >= 0) {
        bytes = snprintf(value, VALUE_BYTES, "=%d", same);
    } else if (pipe) {
        bytes = snprintf(value, VALUE_BYTES, "%c%lx", end == PIPE_READER ? 'r' : 'w', (u64)pipe);
    } else if (path) {
        bytes = snprintf(value, VALUE_BYTES, "p%x,%lx,%s", (unsigned)file_flags(file),
                         file_shares_state(file) ? (u64)file_state(file) : 0, path);
    } else {
        return false;
    }
    return bytes < VALUE_BYTES;
}

static void tell(struct inherit *to, const struct descriptor *descriptor, char *value)
{
    char name[NAME_BYTES];

    if (describe(descriptor, value)) {
        snprintf(name, sizeof(name), "fd%d", descriptor->fd);
        inherit_add(to, name, value);
    }
}

/* Which pipes the next program holds: those that it has a descriptor of. */
static void keep_pipes(bool kept)
{
    struct descriptor found;
    enum pipe_end end;

    for (int fd = 0; descriptor_look(&fd, &found); file_put(found.file)) {
        if (found.cloexec == !kept && pipe_of(found.file, &end)) {
            pipe_keep(found.file, kept);
        }
    }
}

void inherit_descriptors(struct inherit *to)
{
    char *value = malloc(VALUE_BYTES);
    struct descriptor found;
    int last = -1;

    if (!value) {
        return;
    }
    (void)!states_share(); /* without memory for that offsets begin at 0 */
    keep_pipes(false);
    keep_pipes(true);
    for (int fd = 0; descriptor_look(&fd, &found); file_put(found.file)) {
        if (!found.cloexec) {
            tell(to, &found, value);
            last = found.fd;
        }
    }
    snprintf(value, VALUE_BYTES, "%d", last + 1);
    inherit_add(to, "fds", value);
    if (vfs_getcwd(value, VALUE_BYTES) == 0) {
        inherit_add(to, "cwd", value);
    }
    free(value);
}

/* ---- from the program before ---- */

static struct file *open_again(const char *value)
{
    struct file *file;
    char *end;
    int flags = (int)strtoul(value, &end, HEX);
    struct file_state *state = *end == ',' ? (void *)strtoul(end + 1, &end, HEX) : NULL;

    if (*end != ',' || vfs_open(end + 1, flags, 0, &file) != 0) {
        return NULL;
    }
    if (state && file_has_own_state(file) && states_adopt(state)) {
        file_use_state(file, state);
    }
    return file;
}

/* NULL: it is not to be had again. */
static struct file *made_from(const char *value)
{
    const char *number = value + 1;

    switch (*value) {
    case '=': return descriptor_get((int)strtoul(number, NULL, 10));
    case 'r': return pipe_adopt((struct pipe *)strtoul(number, NULL, HEX), PIPE_READER);
    case 'w': return pipe_adopt((struct pipe *)strtoul(number, NULL, HEX), PIPE_WRITER);
    case 'p': return open_again(number);
    default: return NULL;
    }
}

static GUEST_INIT(INIT_DESCRIPTORS) void bring_up(void)
{
    const char *count = inherit_find("fds"), *cwd = inherit_find("cwd"), *value;
    int end = count ? (int)strtoul(count, NULL, 10) : 0;
    char name[NAME_BYTES];

    if (!count || !vfs_is_up()) {
        return;
    }
    for (int fd = 0; fd < end || fd <= STDERR_FILENO; fd++) {
        struct file *file;

        snprintf(name, sizeof(name), "fd%d", fd);
        value = inherit_find(name);
        file = value ? made_from(value) : NULL;
        if (file && fd < DESCRIPTORS) {
            descriptor_put(fd, file, false);
        } else {
            (void)close(fd);
        }
    }
    if (cwd) {
        (void)!vfs_chdir(cwd);
    }
    errno = 0;
}
