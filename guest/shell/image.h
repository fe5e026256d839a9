/* SPDX-License-Identifier: BSD-2-Clause */
#pragma once
/*
 * What the shell asks of the image that it is part of, where POSIX has no function for it: image.c.
 * Tests on the host have their own.
 */
#include <sys/types.h>

#include "lib/kit/types.h"

struct image_mount {
    const char *source, *path, *type;
    bool readonly;
    u64 blocks, free_blocks, block_bytes;
};

typedef void image_mount_fn(void *context, const struct image_mount *mount);
typedef void image_task_fn(void *context, const char *name, const char *state, const char *waits);

void image_mounts(image_mount_fn *each, void *context);
/* An errno; 0: it is mounted.  *why: more about the error, or NULL. */
int image_mount(const char *source, const char *path, const char *type, bool readonly,
                const char **why);
int image_unmount(const char *path);

void image_tasks(image_task_fn *each, void *context);

struct image_process {
    unsigned pid, parent, group;
    const char *state, *name;
    u64 memory_bytes, run_ms;
};

typedef void image_process_fn(void *context, const struct image_process *process);

bool image_has_processes(void);
/* This one and its descendants. */
void image_processes(image_process_fn *each, void *context);

/* Who reads the terminal: only who has its input may give it away. */
bool image_has_input(void);
void image_give_input(pid_t group);
void image_await_input(void); /* until this process's group has it */
void image_take_input(void);

/* From now on ^C on the terminal calls this, and ends a read; NULL: it ends the program, as before.
 */
void image_catch_interrupts(void (*fn)(int signal_number));
/* Until it is called again they wait: in a child, for what it makes of them. */
void image_hold_interrupts(bool held);
/* Looks at what has been typed, so that a ^C has its effect also where nobody reads. */
void image_look_at_input(void);
