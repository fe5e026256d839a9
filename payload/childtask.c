/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Row u_4_0: main starts a task, waits for its end, and gets its exit code.
 *
 * What decides: the order of the lines.  A new task does not run before main waits; then it reads
 * the flash as readpflash does, and main goes on when it is over.
 */
#include <stdio.h>
#include <string.h>

#include "guest/machine.h"
#include "guest/paging.h"
#include "guest/task.h"

#define CODE_PFLD  42
#define CODE_OTHER 1

static int read_flash(void *arg)
{
    const u64 *flash = arg;
    u32 magic = *(const volatile u32 *)paging_linear(*flash);

    printf("childtask: flash begins with 0x%08lX\n", (unsigned long)magic);
    return memcmp(&magic, "pfld", sizeof(magic)) == 0 ? CODE_PFLD : CODE_OTHER;
}

int main(void)
{
    u64 flash = machine_device_last("cfi-flash");
    struct task_options options = {.name = "child"};
    struct task *child;
    int code = 0;

    if (flash == 0) {
        printf("childtask: this machine has no flash; give it one by PFLASH=file\n");
        return 2;
    }
    printf("childtask: start\n");
    child = task_spawn(read_flash, &flash, &options);
    if (!child) {
        printf("childtask: no memory for a task\n");
        return 1;
    }
    printf("childtask: spawned\n");
    if (task_join(child, &code) != ERR_OK || code != CODE_PFLD) {
        printf("childtask: exit code %d\n", code);
        return 1;
    }
    printf("childtask: ok, exit code %d\n", code);
    return 0;
}
