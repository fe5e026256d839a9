/* SPDX-License-Identifier: BSD-2-Clause */
#pragma once
/* What a spawned child does with its descriptors before its program begins: spawn_action.c,
 * spawn_open.c. */
#include <spawn.h>

#include "lib/kit/types.h"

struct spawn_action {
    struct spawn_action *next;
    bool (*apply)(const struct spawn_action *action); /* false: it cannot be done */
    int fd, from, flags;
    mode_t mode;
    char path[];
};

struct __posix_spawn_file_actions {
    struct spawn_action *first;
};

/* At the end of the list; returns the error.  path: copied. */
int spawn_action_add(posix_spawn_file_actions_t *actions, const struct spawn_action *action,
                     const char *path);
