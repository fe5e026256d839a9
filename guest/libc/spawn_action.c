/* SPDX-License-Identifier: BSD-2-Clause */
/* Descriptors of a spawned child: closed, and copied. */
#include "guest/libc/spawn_action.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

int posix_spawn_file_actions_init(posix_spawn_file_actions_t *actions)
{
    *actions = calloc(1, sizeof(**actions));
    return *actions ? 0 : ENOMEM;
}

int posix_spawn_file_actions_destroy(posix_spawn_file_actions_t *actions)
{
    for (struct spawn_action *action = (*actions)->first, *next; action; action = next) {
        next = action->next;
        free(action);
    }
    free(*actions);
    return 0;
}

int spawn_action_add(posix_spawn_file_actions_t *actions, const struct spawn_action *action,
                     const char *path)
{
    struct spawn_action **end = &(*actions)->first;
    struct spawn_action *copy;

    if (action->fd < 0 || action->from < 0) {
        return EBADF;
    }
    copy = malloc(sizeof(*copy) + strlen(path) + 1);
    if (!copy) {
        return ENOMEM;
    }
    *copy = *action;
    strcpy(copy->path, path);
    while (*end) {
        end = &(*end)->next;
    }
    *end = copy;
    return 0;
}

/* That it is not open is no error. */
static bool apply_close(const struct spawn_action *action)
{
    close(action->fd);
    return true;
}

int posix_spawn_file_actions_addclose(posix_spawn_file_actions_t *actions, int fd)
{
    return spawn_action_add(actions, &(struct spawn_action){.apply = apply_close, .fd = fd}, "");
}

static bool apply_dup2(const struct spawn_action *action)
{
    return dup2(action->from, action->fd) >= 0;
}

int posix_spawn_file_actions_adddup2(posix_spawn_file_actions_t *actions, int from, int fd)
{
    return spawn_action_add(
        actions, &(struct spawn_action){.apply = apply_dup2, .fd = fd, .from = from}, "");
}
