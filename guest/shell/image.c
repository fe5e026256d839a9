/* SPDX-License-Identifier: BSD-2-Clause */
/* What the shell asks of the image that it is part of: mounts, tasks, processes, its terminal. */
#include "guest/shell/image.h"

#include <errno.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/statvfs.h>
#include <unistd.h>

#include "guest/core.h"
#include "guest/fs/vfs.h"
#include "guest/libc/input.h"
#include "guest/libc/pause.h"
#include "guest/machine.h"
#include "guest/proc.h"
#include "guest/shell/memory.h"
#include "guest/timer.h"

#define LOOK_NS     10000000
#define AWAIT_NS    1000000
#define AWAIT_TRIES 1000
#define PAGE_BYTES  4096
#define MS_PER_S    1000

/* ---- mounts ---- */

void image_mounts(image_mount_fn *each, void *context)
{
    struct vfs_mount *mount = memory_get(sizeof(*mount));

    for (size_t i = 0; vfs_mount_get(i, mount) == 0; i++) {
        struct statvfs space = {0};
        struct image_mount shown = {
            .source = mount->source,
            .path = mount->path,
            .type = mount->type,
            .readonly = mount->readonly,
        };

        if (statvfs(mount->path, &space) == 0) {
            shown.blocks = space.f_blocks;
            shown.free_blocks = space.f_bfree;
            shown.block_bytes = space.f_frsize;
        }
        each(context, &shown);
    }
    free(mount);
}

int image_mount(const char *source, const char *path, const char *type, bool readonly,
                const char **why)
{
    if (mount(source, path, type, readonly ? MS_RDONLY : 0, NULL) == 0) {
        return 0;
    }
    if (errno == ENODEV) {
        *why = "the types are ramfs and devfs; disks are mounted when the program begins";
    }
    return errno;
}

int image_unmount(const char *path)
{
    return umount(path) == 0 ? 0 : errno;
}

/* ---- tasks ---- */

struct seen {
    char name[TASK_NAME_BYTES];
    const char *state, *waits;
};

static const char *state_of(const struct task *task)
{
    if (task->over) {
        return "over";
    }
    if (task == task_self()) {
        return "running";
    }
    return task->state == TASK_WAITING ? "waits" : "ready";
}

static size_t count_tasks(void)
{
    size_t count = 0;
    struct list *it;
    u64 irq = spin_lock_irq(&tasks_lock);

    list_for_each(it, &tasks) {
        count++;
    }
    spin_unlock_irq(&tasks_lock, irq);
    return count;
}

/* As many as there is room for; their number. */
static size_t look(struct seen *seen, size_t room)
{
    size_t count = 0;
    struct list *it;
    u64 irq = spin_lock_irq(&tasks_lock);

    list_for_each(it, &tasks) {
        const struct task *task = container_of(it, struct task, link);

        if (count == room) {
            break;
        }
        memcpy(seen[count].name, task->name, sizeof(task->name));
        seen[count].state = state_of(task);
        seen[count].waits = task->state == TASK_WAITING && task->waits_for ? task->waits_for : "";
        count++;
    }
    spin_unlock_irq(&tasks_lock, irq);
    return count;
}

/* A task that comes while memory for all is looked for may be missing. */
void image_tasks(image_task_fn *each, void *context)
{
    size_t room = count_tasks(), count;
    struct seen *seen = memory_get(room * sizeof(*seen));

    count = look(seen, room);
    for (size_t i = 0; i < count; i++) {
        each(context, seen[i].name, seen[i].state, seen[i].waits);
    }
    free(seen);
}

/* ---- processes ---- */

bool image_has_processes(void)
{
    return proc_available();
}

void image_processes(image_process_fn *each, void *context)
{
    static const char *const states[] = {[PROC_RUNNABLE] = "ready",
                                         [PROC_BLOCKED] = "waits",
                                         [PROC_ZOMBIE] = "over",
                                         [PROC_STOPPED] = "stopped"};
    struct proc_record record;
    long pid = 0, next;

    for (next = proc_inspect(0, &record); next > 0; next = proc_inspect(pid, &record)) {
        pid = next;
        record.pid = 0;
        if (proc_inspect(pid, &record) < 0 || record.pid == 0 || record.state > PROC_STOPPED) {
            continue;
        }
        each(context, &(struct image_process){
                          .pid = record.pid,
                          .parent = record.ppid,
                          .group = record.group,
                          .state = record.pid == (u32)getpid() ? "running" : states[record.state],
                          .name = record.name,
                          .memory_bytes = record.frames_owned * PAGE_BYTES,
                          .run_ms = record.run_ticks * MS_PER_S / machine_timebase(),
                      });
    }
}

/* A shell that another program waits for, in whose group it is, has not. */
bool image_has_input(void)
{
    pid_t self = getpid();

    return proc_available() && getpgrp() == self && proc_foreground(-1) == self;
}

void image_give_input(pid_t group)
{
    proc_foreground(group);
}

/* Not for ever, should who wanted to give it have ended. */
void image_await_input(void)
{
    for (int i = 0; i < AWAIT_TRIES && proc_foreground(-1) != getpgrp(); i++) {
        pause_until(pause_deadline(AWAIT_NS));
    }
}

void image_take_input(void)
{
    proc_foreground(getpgrp());
}

/* ---- the terminal ---- */

/* Without SA_RESTART, so that it ends a read. */
void image_catch_interrupts(void (*fn)(int signal_number))
{
    struct sigaction action = {.sa_handler = fn ? fn : SIG_DFL};

    sigaction(SIGINT, &action, NULL);
}

void image_hold_interrupts(bool held)
{
    sigset_t interrupts;

    sigemptyset(&interrupts);
    sigaddset(&interrupts, SIGINT);
    pthread_sigmask(held ? SIG_BLOCK : SIG_UNBLOCK, &interrupts, NULL);
}

/* Not more often than somebody would notice: in a VM each look is an exit. */
void image_look_at_input(void)
{
    static u64 next;

    if (timer_now() >= next) {
        next = pause_deadline(LOOK_NS);
        input_look();
    }
}
