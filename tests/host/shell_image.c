/* SPDX-License-Identifier: BSD-2-Clause */
/* What the shell asks of its image, on this machine: nothing is mounted, and no task is known. */
#include <errno.h>
#include <signal.h>

#include "guest/shell/image.h"

void image_mounts(image_mount_fn *each, void *context)
{
    static const struct image_mount root = {.source = "ramfs",
                                            .path = "/",
                                            .type = "ramfs",
                                            .blocks = 1000,
                                            .free_blocks = 250,
                                            .block_bytes = 4096};

    each(context, &root);
}

int image_mount(const char *source, const char *path, const char *type, bool readonly,
                const char **why)
{
    (void)source;
    (void)path;
    (void)type;
    (void)readonly;
    *why = "not on this machine";
    return EPERM;
}

int image_unmount(const char *path)
{
    (void)path;
    return EINVAL;
}

void image_tasks(image_task_fn *each, void *context)
{
    each(context, "main", "running", "");
}

/* Without SA_RESTART, so that it ends a read. */
void image_catch_interrupts(void (*fn)(int signal_number))
{
    struct sigaction action = {.sa_handler = fn ? fn : SIG_DFL};

    sigaction(SIGINT, &action, NULL);
}

void image_hold_interrupts(bool held)
{
    (void)held;
}

void image_look_at_input(void) {}

bool image_has_processes(void)
{
    return true;
}

void image_processes(image_process_fn *each, void *context)
{
    each(context, &(struct image_process){.pid = 1,
                                          .group = 1,
                                          .state = "running",
                                          .name = "shell",
                                          .memory_bytes = 4096,
                                          .run_ms = 1234});
}

/* Nobody's terminal is given away. */
bool image_has_input(void)
{
    return false;
}

void image_give_input(pid_t group)
{
    (void)group;
}

void image_await_input(void) {}

void image_take_input(void) {}
