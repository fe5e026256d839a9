/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Reads lines while another task works, and without looking for them all the time: in a VM the
 * exits that it took are counted.
 */
#include <stdio.h>
#include <string.h>

#include "guest/proc.h"
#include "guest/task.h"

#define EXITS_MAX 1000 /* two seconds of looking would be 2,000 */

static volatile bool over;
static volatile unsigned rounds;

static int work(void *arg)
{
    (void)arg;
    while (!over) {
        task_sleep_ns(20000000);
        rounds++;
    }
    return 0;
}

static u64 exits(void)
{
    struct proc_record record;
    u64 sum = 0;

    if (proc_available() && proc_inspect(proc_getpid(), &record) >= 0) {
        for (size_t i = 0; i < PROC_EXITS_KINDS; i++) {
            sum += record.exits[i];
        }
    }
    return sum;
}

int main(void)
{
    struct task *worker = task_spawn(work, NULL, NULL);
    u64 before = exits(), took;
    char line[80];
    int bad;

    while (fgets(line, sizeof(line), stdin)) {
        line[strcspn(line, "\n")] = '\0';
        printf("stdinirq: <%s>\n", line);
    }
    took = exits() - before;
    over = true;
    bad = !worker || task_join(worker, NULL) != ERR_OK || rounds < 20 || took > EXITS_MAX;
    printf("stdinirq: %s, %s exits\n", bad ? "failed" : "ok", took > EXITS_MAX ? "many" : "few");
    if (bad) {
        printf("stdinirq: %u rounds, %lu exits\n", rounds, (unsigned long)took);
    }
    return bad;
}
