/* SPDX-License-Identifier: BSD-2-Clause */
/* Descriptors of a spawned child: opened.  Apart, since it wants the component vfs. */
#include <fcntl.h>
#include <unistd.h>

#include "guest/libc/spawn_action.h"

static bool apply_open(const struct spawn_action *action)
{
    int fd = open(action->path, action->flags, action->mode);

    if (fd >= 0 && fd != action->fd) {
        int moved = dup2(fd, action->fd);

        close(fd);
        fd = moved;
    }
    return fd >= 0;
}

int posix_spawn_file_actions_addopen(posix_spawn_file_actions_t *restrict actions, int fd,
                                     const char *restrict path, int flags, mode_t mode)
{
    return spawn_action_add(
        actions,
        &(struct spawn_action){.apply = apply_open, .fd = fd, .flags = flags, .mode = mode}, path);
}
