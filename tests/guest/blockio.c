/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Disks: "do=NAME".
 *
 *     model     random reads, writes and flushes of "tasks=N" tasks, "ops=N" each, on each disk,
 *               against a model in memory; each task has sectors of its own
 *     full      more requests at once than the queue takes; chains of them, each started by the end
 *               of the one before
 *     limits    what is refused
 *     readonly  a disk that cannot be written
 *     broken    sector 100 cannot be read
 *     silent    the first disk gives no answer, the second one, if there is one, works on
 */
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "guest/args.h"
#include "guest/block.h"
#include "guest/device.h"
#include "guest/drv_virtio_blk.h"
#include "guest/guest.h"
#include "guest/task.h"
#include "guest/timer.h"

#define TASKS_MAX 8
#define DISKS_MAX 2
#define SECTORS   256 /* of a task, on each disk */
#define PARTS     4   /* requests at once, each on a part of them */
#define PIECES    30
#define MANY      200

/* Images without tasks have none of these. */
extern __typeof(task_spawn) task_spawn __attribute__((weak));
extern __typeof(task_join) task_join __attribute__((weak));

struct worker {
    struct block *disk;
    u64 first; /* its sectors */
    u64 seed;
    u64 ops;
    u8 model[SECTORS * SECTOR_BYTES];
    u8 buffer[SECTORS * SECTOR_BYTES + 8];
    struct block_piece pieces[PARTS][PIECES];
    struct block_request requests[PARTS];
};

static struct worker workers[DISKS_MAX][TASKS_MAX];

static u64 next(u64 *seed, u64 below)
{
    *seed ^= *seed << 13;
    *seed ^= *seed >> 7;
    *seed ^= *seed << 17;
    return *seed % below;
}

static int failed(const struct worker *worker, const char *what, u64 sector, int error)
{
    printf("blockio: %s at sector %lu + %lu: %s\n", what, (unsigned long)worker->first,
           (unsigned long)sector, error ? strerror(error) : "other bytes");
    return 1;
}

/* Any address, aligned or not. */
static int read_or_write(struct worker *w)
{
    u64 sector = next(&w->seed, SECTORS), count = 1 + next(&w->seed, SECTORS - sector);
    u64 bytes = count * SECTOR_BYTES, at = sector * SECTOR_BYTES;
    u8 *buffer = w->buffer + next(&w->seed, 8);
    int error;

    if (next(&w->seed, 2)) {
        for (u64 i = 0; i < bytes; i += 1 + next(&w->seed, 64)) {
            w->model[at + i] = (u8)next(&w->seed, 256);
        }
        memcpy(buffer, w->model + at, bytes);
        error = block_write(w->disk, w->first + sector, buffer, bytes);
        return error ? failed(w, "write", sector, error) : 0;
    }
    memset(buffer, 0xa5, bytes);
    error = block_read(w->disk, w->first + sector, buffer, bytes);
    if (error || memcmp(buffer, w->model + at, bytes) != 0) {
        return failed(w, "read", sector, error);
    }
    return 0;
}

/* Requests of several pieces, several of them at once, each on its part of the sectors. */
static void prepare(struct worker *w, u32 part)
{
    struct block_request *request = &w->requests[part];
    u64 sector = part * (SECTORS / PARTS), end = sector + SECTORS / PARTS;

    sector += next(&w->seed, SECTORS / PARTS / 2);
    *request = (struct block_request){.op = next(&w->seed, 2) ? BLOCK_WRITE : BLOCK_READ,
                                      .sector = w->first + sector,
                                      .pieces = w->pieces[part]};
    while (sector < end && request->count < w->disk->pieces_max && request->count < PIECES &&
           (request->count == 0 || next(&w->seed, 8))) {
        u64 count = 1 + next(&w->seed, 3);
        u32 bytes = (u32)((count < end - sector ? count : end - sector) * SECTOR_BYTES);
        u8 *at = w->buffer + sector * SECTOR_BYTES;

        if (request->op == BLOCK_WRITE) {
            memset(w->model + sector * SECTOR_BYTES, (int)next(&w->seed, 256), bytes);
            memcpy(at, w->model + sector * SECTOR_BYTES, bytes);
        }
        w->pieces[part][request->count++] = (struct block_piece){.at = at, .bytes = bytes};
        sector += bytes / SECTOR_BYTES;
    }
}

static int several(struct worker *w)
{
    int error = 0, bad = 0;

    for (u32 i = 0; i < PARTS; i++) {
        prepare(w, i);
        error = w->disk->ops->start(w->disk, &w->requests[i]);
        if (error) {
            return failed(w, "start", w->requests[i].sector - w->first, error);
        }
    }
    for (u32 i = PARTS; i-- > 0;) {
        struct block_request *request = &w->requests[i];
        u64 at = (request->sector - w->first) * SECTOR_BYTES;

        w->disk->ops->wait(w->disk, request);
        for (u32 j = 0; j < request->count; j++) {
            const struct block_piece *piece = &request->pieces[j];

            if (request->error || memcmp(piece->at, w->model + at, piece->bytes) != 0) {
                bad |= failed(w, "request", request->sector - w->first, request->error);
            }
            at += piece->bytes;
        }
    }
    return bad;
}

static int work(void *arg)
{
    struct worker *w = arg;
    int bad = 0, error;

    error = block_write(w->disk, w->first, w->model, sizeof(w->model));
    if (error) {
        return failed(w, "first write", 0, error);
    }
    for (u64 i = 0; i < w->ops && !bad; i++) {
        switch (next(&w->seed, 16)) {
        case 0:
            error = block_flush(w->disk);
            bad = error ? failed(w, "flush", 0, error) : 0;
            break;
        case 1:
        case 2:
        case 3:
        case 4:
        case 5: bad = several(w); break;
        default: bad = read_or_write(w); break;
        }
    }
    error = block_read(w->disk, w->first, w->buffer, sizeof(w->model));
    if (error || memcmp(w->buffer, w->model, sizeof(w->model)) != 0) {
        bad = failed(w, "last read", 0, error);
    }
    return bad;
}

static int model(void)
{
    struct task *tasks[DISKS_MAX][TASKS_MAX];
    u64 count = args_u64("tasks", 1), disks = 0;
    int bad = 0, code;

    for (; disks < DISKS_MAX && device_block(disks); disks++) {
        for (u64 i = 0; i < count; i++) {
            struct worker *w = &workers[disks][i];

            w->disk = device_block(disks);
            w->first = i * SECTORS;
            w->seed = args_u64("seed", 1) * 1000003 + disks * 1009 + i;
            w->ops = args_u64("ops", 200);
            if (count == 1) {
                bad |= work(w);
            } else {
                tasks[disks][i] = task_spawn(work, w, NULL);
            }
        }
    }
    for (u64 i = 0; count > 1 && i < disks * count; i++) {
        struct task *task = tasks[i / count][i % count];

        bad |= !task || task_join(task, &code) != ERR_OK || code != 0;
    }
    printf("blockio: %lu disks, %lu tasks each, %s\n", (unsigned long)disks, (unsigned long)count,
           virtio_blk_sleeps ? "with sleep" : "no sleep");
    return bad || disks != args_u64("disks", 1);
}

/* ---- a queue that is full ---- */

#define CHAINS 8

static struct block *chain_disk;
static int chain_left = MANY * CHAINS, chains = CHAINS, chain_errors;

/* On any hart, and of several chains at once. */
static void chain_on(struct block_request *request)
{
    int left = __atomic_sub_fetch(&chain_left, 1, __ATOMIC_RELAXED);

    if (request->error) {
        __atomic_fetch_add(&chain_errors, 1, __ATOMIC_RELAXED);
    }
    if (left <= 0 || chain_disk->ops->start(chain_disk, request) != 0) {
        __atomic_fetch_sub(&chains, 1, __ATOMIC_RELEASE);
    }
}

static int full(void)
{
    static struct block_request requests[MANY];
    static struct block_piece pieces[MANY];
    static u8 buffers[MANY][SECTOR_BYTES];
    struct block *disk = device_block(0);
    int bad = 0;

    for (u32 i = 0; i < MANY; i++) {
        memset(buffers[i], (int)i, SECTOR_BYTES);
        pieces[i] = (struct block_piece){.at = buffers[i], .bytes = SECTOR_BYTES};
        requests[i] = (struct block_request){
            .op = BLOCK_WRITE, .count = 1, .sector = i, .pieces = &pieces[i]};
        bad |= disk->ops->start(disk, &requests[i]);
    }
    for (u32 i = 0; i < MANY; i++) {
        disk->ops->wait(disk, &requests[i]);
        bad |= requests[i].error;
        memset(buffers[i], 0, SECTOR_BYTES);
        requests[i].op = BLOCK_READ;
        bad |= disk->ops->start(disk, &requests[i]);
    }
    for (u32 i = 0; i < MANY; i++) {
        disk->ops->wait(disk, &requests[i]);
        bad |= requests[i].error || buffers[i][0] != (u8)i || buffers[i][511] != (u8)i;
    }
    chain_disk = disk;
    for (u32 i = 0; i < CHAINS; i++) {
        requests[i].done = chain_on;
        bad |= disk->ops->start(disk, &requests[i]);
    }
    while (__atomic_load_n(&chains, __ATOMIC_ACQUIRE) > 0) {
        bad |= block_read(disk, 100, buffers[100], SECTOR_BYTES); /* where no interrupt comes */
    }
    if (chain_left > 0 || chain_errors > 0) {
        printf("blockio: chains: %d requests not made, %d errors\n", chain_left, chain_errors);
        bad = 1;
    }
    return bad;
}

/* ---- what goes wrong ---- */

static int expect(const char *what, int error, int wanted)
{
    if (error != wanted) {
        printf("blockio: %s: error %d, not %d\n", what, error, wanted);
    }
    return error != wanted;
}

static int start_one(struct block *disk, u32 count, u64 sector, const struct block_piece *pieces)
{
    static struct block_request request;

    request = (struct block_request){.count = count, .sector = sector, .pieces = pieces};
    return disk->ops->start(disk, &request);
}

static int limits(void)
{
    static u8 sector[2 * SECTOR_BYTES];
    static struct block_piece pieces[PIECES + 2];
    struct block *disk = device_block(0);
    int bad = 0;

    for (u32 i = 0; i < ARRAY_LEN(pieces); i++) {
        pieces[i] = (struct block_piece){.at = sector, .bytes = SECTOR_BYTES};
    }
    bad |= expect("the last", block_read(disk, disk->sectors - 1, sector, SECTOR_BYTES), 0);
    bad |= expect("behind", block_read(disk, disk->sectors, sector, SECTOR_BYTES), EINVAL);
    bad |= expect("over", block_read(disk, disk->sectors - 1, sector, 2 * SECTOR_BYTES), EINVAL);
    bad |= expect("far", block_read(disk, ~0UL, sector, SECTOR_BYTES), EINVAL);
    bad |= expect("odd", block_write(disk, 0, sector, SECTOR_BYTES + 1), EINVAL);
    bad |= expect("nothing", block_read(disk, disk->sectors, sector, 0), 0);
    bad |= expect("no piece", start_one(disk, 0, 0, pieces), EINVAL);
    bad |= expect("pieces", start_one(disk, disk->pieces_max + 1, 0, pieces), EINVAL);
    pieces[0].at = sector + 2;
    bad |= expect("unaligned", start_one(disk, 1, 0, pieces), EINVAL);
    pieces[0] = (struct block_piece){.at = sector, .bytes = 100};
    bad |= expect("part", start_one(disk, 1, 0, pieces), EINVAL);
    bad |= expect("flush", block_flush(disk), 0);
    return bad;
}

static int readonly(void)
{
    static u8 sector[SECTOR_BYTES];
    struct block *disk = device_block(0);

    return expect("write", block_write(disk, 0, sector, sizeof(sector)), EROFS) |
           expect("read", block_read(disk, 0, sector, sizeof(sector)), 0) |
           expect("flush", block_flush(disk), 0) | !disk->readonly;
}

static int broken(void)
{
    static u8 sectors[8 * SECTOR_BYTES];
    struct block *disk = device_block(0);
    int bad = 0;

    for (int i = 0; i < 3; i++) {
        bad |= expect("100", block_read(disk, 100, sectors, SECTOR_BYTES), EIO);
        bad |= expect("96 to 103", block_read(disk, 96, sectors, sizeof(sectors)), EIO);
        bad |= expect("99", block_read(disk, 99, sectors, SECTOR_BYTES), 0);
        bad |= expect("write", block_write(disk, 101, sectors, SECTOR_BYTES), 0);
    }
    return bad;
}

/* Until it is told to stop; how often it could. */
static volatile bool stop;

static int keep_reading(void *arg)
{
    static u8 sector[SECTOR_BYTES];
    int reads = 0;

    while (!stop) {
        if (block_read(arg, (u64)reads % 100, sector, sizeof(sector))) {
            return -1;
        }
        reads++;
    }
    return reads;
}

static int silent(void)
{
    static u8 sectors[2][SECTOR_BYTES];
    struct block *disk = device_block(0);
    struct block_piece piece = {.at = sectors[1], .bytes = SECTOR_BYTES};
    struct block_request other = {.op = BLOCK_READ, .count = 1, .sector = 9, .pieces = &piece};
    struct task *reader;
    int bad = 0, reads = 0;
    u64 begin, ms;

    reader = task_spawn && device_block(1) ? task_spawn(keep_reading, device_block(1), NULL) : NULL;
    begin = timer_now();
    bad |= expect("start", disk->ops->start(disk, &other), 0);
    bad |= expect("first", block_read(disk, 0, sectors[0], SECTOR_BYTES), ETIMEDOUT);
    ms = (timer_now() - begin) * 1000 / machine_timebase();
    disk->ops->wait(disk, &other);
    bad |= expect("the other", other.error, ETIMEDOUT);
    bad |= expect("second", block_read(disk, 0, sectors[0], SECTOR_BYTES), ETIMEDOUT);
    bad |= expect("third", block_read(disk, 0, sectors[0], SECTOR_BYTES), ENODEV);
    bad |= expect("flush", block_flush(disk), ENODEV);
    stop = true;
    if (reader) {
        bad |= task_join(reader, &reads) != ERR_OK || reads < 10;
        printf("blockio: %s reads of the other disk\n", reads < 10 ? "too few" : "many");
    }
    if (ms < args_u64("blk_timeout_ms", 0) || ms > 20 * args_u64("blk_timeout_ms", 0)) {
        printf("blockio: it took %lu ms\n", (unsigned long)ms);
        bad = 1;
    }
    return bad;
}

static const struct {
    const char *name;
    int (*run)(void);
} checks[] = {
    {"model",    model   },
    {"full",     full    },
    {"limits",   limits  },
    {"readonly", readonly},
    {"broken",   broken  },
    {"silent",   silent  },
};

int main(void)
{
    if (!device_block(0)) {
        printf("blockio: no disk\n");
        return 2;
    }
    for (size_t i = 0; i < ARRAY_LEN(checks); i++) {
        if (args_is("do", checks[i].name)) {
            int bad = checks[i].run();

            printf("blockio: %s %s\n", checks[i].name, bad ? "failed" : "ok");
            return bad ? 1 : 0;
        }
    }
    return 2;
}
