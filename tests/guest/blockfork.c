/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * A disk and forks, while other tasks keep the disk busy.  A child has the disk as it was when it
 * was forked, whatever its parent writes afterwards; what it writes is its own and that of its
 * children.  "rounds=N"; the file has what the parent wrote last: N in each byte of sectors 0 to 7.
 */
#include <stdio.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "guest/args.h"
#include "guest/block.h"
#include "guest/device.h"
#include "guest/task.h"

#define BUSY    3 /* tasks */
#define SHARED  8 /* sectors that all write */
#define OWN     64
#define PATIENT 30000000 /* ns: so long the parent has to write first */

static struct block *disk;
static volatile bool stop;

static bool all_are(u64 sector, u64 sectors, u8 value)
{
    static __thread u8 buffer[OWN * SECTOR_BYTES];
    int error = block_read(disk, sector, buffer, sectors * SECTOR_BYTES);

    for (u64 i = 0; !error && i < sectors * SECTOR_BYTES; i++) {
        if (buffer[i] != value) {
            printf("blockfork: sector %lu has %u, not %u\n",
                   (unsigned long)(sector + i / SECTOR_BYTES), buffer[i], value);
            return false;
        }
    }
    if (error) {
        printf("blockfork: reading sector %lu: %s\n", (unsigned long)sector, strerror(error));
    }
    return !error;
}

static bool put(u64 sector, u64 sectors, u8 value)
{
    static __thread u8 buffer[OWN * SECTOR_BYTES];
    int error;

    memset(buffer, value, sectors * SECTOR_BYTES);
    error = block_write(disk, sector, buffer, sectors * SECTOR_BYTES);
    if (error) {
        printf("blockfork: writing sector %lu: %s\n", (unsigned long)sector, strerror(error));
    }
    return !error;
}

static int keep_busy(void *arg)
{
    u64 first = (1 + (u64)arg) * OWN;
    u8 value = 0;

    while (!stop) {
        value++;
        if (!put(first, OWN, value) || !all_are(first, OWN, value)) {
            return 1;
        }
    }
    return 0;
}

/* In the child.  Its own child has what it wrote, and leaves it as it is. */
static int inherit(u8 before)
{
    int status = 1;
    bool ok;
    pid_t pid;

    task_sleep_ns(PATIENT);
    ok = all_are(0, SHARED, before) && put(2, 4, 200) && all_are(2, 4, 200);
    pid = fork();
    if (pid == 0) {
        ok = ok && all_are(2, 4, 200) && all_are(0, 2, before) && put(3, 1, 201) &&
             all_are(3, 1, 201) && block_flush(disk) == 0;
        _exit(ok ? 0 : 1);
    }
    ok = ok && pid > 0 && waitpid(pid, &status, 0) == pid && status == 0;
    ok = ok && all_are(2, 4, 200) && all_are(0, 2, before) && all_are(6, 2, before);
    return ok ? 0 : 1;
}

static bool round_of(u8 number)
{
    int status = 1;
    pid_t pid = fork();

    if (pid == 0) {
        _exit(inherit((u8)(number - 1)));
    }
    return pid > 0 && put(0, SHARED, number) && waitpid(pid, &status, 0) == pid && status == 0 &&
           all_are(0, SHARED, number);
}

int main(void)
{
    struct task *tasks[BUSY];
    u64 rounds = args_u64("rounds", 10);
    bool ok;
    int code;

    disk = device_block(0);
    ok = disk && put(0, SHARED, 0);
    for (u64 i = 0; ok && i < BUSY; i++) {
        tasks[i] = task_spawn(keep_busy, (void *)i, NULL);
        ok = tasks[i] != NULL;
    }
    for (u64 i = 1; ok && i <= rounds; i++) {
        ok = round_of((u8)i);
    }
    stop = true;
    for (u64 i = 0; ok && i < BUSY; i++) {
        ok = task_join(tasks[i], &code) == ERR_OK && code == 0;
    }
    ok = ok && block_flush(disk) == 0;
    printf("blockfork: %s\n", ok ? "ok" : "failed");
    return ok ? 0 : 1;
}
