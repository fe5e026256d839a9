/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Row apps: small applications, each a file that ends in one line, "apps: NAME ok".
 *
 *     app=NAME   this one only
 *
 * The same sources make two images: apps has the components cfs and preempt, apps_fifo has fifo.
 * Two applications are about what only one of these promises, and are left out of the other.
 */
#include <stdio.h>

#include "guest/args.h"

#include "payload/apps/apps.h"

enum where { ANYWHERE, CFS, FIFO };

static const struct {
    const char *name;
    bool (*ok)(void);
    enum where where;
} apps[] = {
    {"faults",   faults_ok,      ANYWHERE},
    {"map",      ordered_map_ok, ANYWHERE},
    {"pipe",     pipe_ok,        ANYWHERE},
    {"priority", priority_ok,    CFS     },
    {"sleep",    sleep_ok,       ANYWHERE},
    {"sort",     sort_ok,        ANYWHERE},
    {"timeout",  timeout_ok,     ANYWHERE},
    {"yield",    yield_ok,       FIFO    },
};

/* A task of this nice value; NULL, and said so: there is no memory. */
struct task *start(int (*fn)(void *arg), void *arg, int nice)
{
    struct task *task = task_spawn(fn, arg, &(struct task_options){.nice = nice});

    if (!task) {
        printf("apps: no memory for a task\n");
    }
    return task;
}

/* True: all were started, have ended, and say 0. */
bool join_all(struct task **tasks, unsigned count)
{
    bool ok = true;

    for (unsigned i = 0; i < count; i++) {
        int code = 1;

        ok = tasks[i] && task_join(tasks[i], &code) == ERR_OK && code == 0 && ok;
    }
    return ok;
}

int main(void)
{
    /* Only CFS knows nice values. */
    enum where here = task_set_nice(task_self(), 0) == ERR_OK ? CFS : FIFO;
    bool ran = false;
    int status = 0;

    for (unsigned i = 0; i < ARRAY_LEN(apps); i++) {
        bool is_wanted = !args_has("app") || args_is("app", apps[i].name);

        if (is_wanted && (apps[i].where == ANYWHERE || apps[i].where == here)) {
            bool ok = apps[i].ok();

            printf("apps: %s %s\n", apps[i].name, ok ? "ok" : "FAILED");
            ran = true;
            status |= !ok;
        }
    }
    if (!ran) {
        printf("apps: no application of this image has this name\n");
        return 2;
    }
    return status;
}
