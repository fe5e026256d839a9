/* SPDX-License-Identifier: BSD-2-Clause */
/* Disks of hv over fake devices; see disk_world.h. */
#include "tests/host/disk_world.h"

#include <pthread.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "lib/drv/virtio_blk.h"

#include "dts/machine.h"

#include "hv/console.h"
#include "hv/disk_parts.h"
#include "hv/frame.h"
#include "hv/hart.h"
#include "hv/irq.h"
#include "hv/panic.h"
#include "hv/timer.h"

#include "tests/host/hv_world.h"
#include "tests/test.h"

#define SLOT_BASE    0x10001000UL
#define SLOT_BYTES   0x1000UL
#define FIRST_SOURCE 1U

struct fake_disk fake_disks[WORLD_DISKS];
u64 world_time;
u64 world_alloc_fails;
char world_said[256];
u32 world_lines;
bool world_has_interrupts;

enum stage { STAGE_WAITING, STAGE_CARRIED_OUT, STAGE_BACK, STAGES };

/* Requests in each stage; the device works beside the harts. */
static pthread_mutex_t bus = PTHREAD_MUTEX_INITIALIZER;
static struct {
    u32 count[STAGES];
    struct virtio_blk_request *request[STAGES][VIRTIO_BLK_QUEUE_MAX];
} queues[WORLD_DISKS];

static struct {
    irq_fn *serve;
    void *of;
} interrupts[WORLD_DISKS];

/* ---- the device ---- */

static u32 number_of(u64 base)
{
    CHECK(base >= SLOT_BASE && (base - SLOT_BASE) / SLOT_BYTES < WORLD_DISKS);
    return (u32)((base - SLOT_BASE) / SLOT_BYTES);
}

static struct fake_disk *fake_of(const struct virtio_blk *blk)
{
    return &fake_disks[number_of(blk->dev.base)];
}

static u32 count_of(u32 disk, enum stage stage)
{
    u32 is;

    pthread_mutex_lock(&bus);
    is = queues[disk].count[stage];
    pthread_mutex_unlock(&bus);
    return is;
}

static void add(u32 disk, enum stage stage, struct virtio_blk_request *request)
{
    pthread_mutex_lock(&bus);
    CHECK(queues[disk].count[stage] < VIRTIO_BLK_QUEUE_MAX);
    queues[disk].request[stage][queues[disk].count[stage]++] = request;
    pthread_mutex_unlock(&bus);
}

static struct virtio_blk_request *take(u32 disk, enum stage stage, u32 index)
{
    struct virtio_blk_request *request;

    pthread_mutex_lock(&bus);
    CHECK(index < queues[disk].count[stage]);
    request = queues[disk].request[stage][index];
    queues[disk].request[stage][index] = queues[disk].request[stage][--queues[disk].count[stage]];
    pthread_mutex_unlock(&bus);
    return request;
}

static u32 fake_device_id(u64 base)
{
    return fake_disks[number_of(base)].sectors == 0 ? VIRTIO_DEVICE_NONE : VIRTIO_DEVICE_BLOCK;
}

static u32 fake_ack(const struct virtio_mmio *dev)
{
    CHECK(number_of(dev->base) < WORLD_DISKS);
    return VIRTIO_MMIO_INTERRUPT_USED;
}

static enum err fake_open(struct virtio_blk *blk, u64 base, void *ring, u16 size)
{
    const struct fake_disk *fake = &fake_disks[number_of(base)];

    CHECK(ring != NULL && size == VIRTIO_BLK_QUEUE_MAX);
    *blk = (struct virtio_blk){.dev.base = base,
                               .sectors = fake->sectors,
                               .pieces_max = fake->pieces_max,
                               .piece_bytes_max = fake->piece_bytes_max,
                               .readonly = fake->readonly,
                               .has_flush = true};
    return fake->cannot_start ? ERR_NOSUPP : ERR_OK;
}

static void check_request(const struct fake_disk *fake, const struct virtio_blk_request *request)
{
    u64 bytes = 0;

    CHECK_EQ((u64)request->table % VIRTQ_DESC_ALIGN, 0);
    CHECK(request->pieces <= fake->pieces_max);
    for (u32 i = 1; i <= request->pieces; i++) {
        CHECK(request->table[i].len > 0 && request->table[i].len <= fake->piece_bytes_max);
        bytes += request->table[i].len;
    }
    CHECK_EQ(bytes % 512, 0);
    CHECK_EQ(bytes == 0, request->header.type == VIRTIO_BLK_T_FLUSH);
    CHECK(request->header.sector + bytes / 512 <= fake->sectors);
}

static enum err fake_start(struct virtio_blk *blk, struct virtio_blk_request *request, u32 type,
                           u64 sector)
{
    u32 disk = number_of(blk->dev.base);
    struct fake_disk *fake = &fake_disks[disk];

    if (fake->started == fake->room)
        return ERR_NOMEM;
    request->header = (struct virtio_blk_header){.type = type, .sector = sector};
    request->status = 0xff;
    request->table[0] = (struct virtq_desc){.addr = 1};
    request->table[request->pieces + 1] = (struct virtq_desc){.addr = 1};
    check_request(fake, request);
    fake->started++;
    fake->starts++;
    add(disk, STAGE_WAITING, request);
    if (fake->is_eager) {
        fake_disk_carry_out(disk, count_of(disk, STAGE_WAITING) - 1, false);
        fake_disk_give_back(disk, 0);
    }
    return ERR_OK;
}

static void fake_kick(struct virtio_blk *blk)
{
    fake_of(blk)->kicks++;
}

static struct virtio_blk_request *fake_finished(struct virtio_blk *blk, enum err *err)
{
    u32 disk = number_of(blk->dev.base);

    *err = ERR_OK;
    if (fake_disks[disk].breaks_rules) {
        *err = ERR_FORMAT;
        return NULL;
    }
    if (count_of(disk, STAGE_BACK) == 0)
        return NULL;
    fake_disks[disk].started--;
    return take(disk, STAGE_BACK, 0);
}

static void fake_reset(struct virtio_blk *blk)
{
    u32 disk = number_of(blk->dev.base);

    fake_disks[disk].resets++;
    fake_disks[disk].started = 0;
    fake_disks[disk].breaks_rules = false;
    pthread_mutex_lock(&bus);
    memset(&queues[disk], 0, sizeof(queues[disk]));
    pthread_mutex_unlock(&bus);
}

static struct virtio_blk *blk_of(struct virtq_driver *queue)
{
    return container_of(queue, struct virtio_blk, queue);
}

static bool fake_expect(struct virtq_driver *queue, u16 count)
{
    struct fake_disk *fake = fake_of(blk_of(queue));

    CHECK(count > 0 && (count == 1 || count <= fake->started));
    fake->expected = count;
    fake->is_quiet = false;
    return count_of((u32)(fake - fake_disks), STAGE_BACK) < count;
}

static void fake_quiet(struct virtq_driver *queue)
{
    fake_of(blk_of(queue))->is_quiet = true;
}

/* ---- what else hv has ---- */

static bool fake_connect(u32 source, irq_fn *serve, void *of)
{
    CHECK(source - FIRST_SOURCE < WORLD_DISKS);
    interrupts[source - FIRST_SOURCE].serve = serve;
    interrupts[source - FIRST_SOURCE].of = of;
    return world_has_interrupts;
}

static hpa_t fake_alloc(void)
{
    static u64 random = 1;

    if (world_alloc_fails != 0 && test_random(&random) % world_alloc_fails == 0)
        return (hpa_t){0};
    return frame_alloc();
}

static u64 fake_now(void)
{
    return __atomic_load_n(&world_time, __ATOMIC_RELAXED);
}

static u64 fake_ticks(u64 ns)
{
    return ns / 100;
}

__printf_like(1, 2) static void fake_log(const char *format, ...)
{
    va_list args;

    va_start(args, format);
    vsnprintf(world_said, sizeof(world_said), format, args);
    va_end(args);
    world_lines++;
}

#define virtio_mmio_device_id fake_device_id
#define virtio_mmio_ack       fake_ack
#define virtio_blk_open       fake_open
#define virtio_blk_start      fake_start
#define virtio_blk_kick       fake_kick
#define virtio_blk_finished   fake_finished
#define virtio_blk_reset      fake_reset
#define virtq_driver_expect   fake_expect
#define virtq_driver_quiet    fake_quiet
#define irq_connect           fake_connect
#define frame_alloc           fake_alloc
#define timer_now             fake_now
#define timer_ticks_of_ns     fake_ticks
#define timer_program(vcpu)   ((void)0)
#define console_log           fake_log

// NOLINTBEGIN(bugprone-suspicious-include)
#include "hv/disk.c"
#include "hv/disk_machine.c"
#include "hv/disk_queue.c"
#include "hv/disk_tree.c"
#include "hv/disk_view.c"
// NOLINTEND(bugprone-suspicious-include)

/* ---- what a test does ---- */

void disk_world_boot(u32 frames, u32 timeout_seconds)
{
    struct machine machine = {.virtios = WORLD_DISKS};

    for (u32 i = 0; i < WORLD_DISKS; i++) {
        machine.virtio[i] = (struct machine_range){SLOT_BASE + i * SLOT_BYTES, SLOT_BYTES};
        machine.virtio_source[i] = FIRST_SOURCE + i;
    }
    world_boot(WORLD_HARTS, frames);
    disk_init(&machine, timeout_seconds);
}

u32 fake_disk_waiting(u32 disk)
{
    return count_of(disk, STAGE_WAITING);
}

u32 fake_disk_carried_out(u32 disk)
{
    return count_of(disk, STAGE_CARRIED_OUT);
}

void fake_disk_carry_out(u32 disk, u32 index, bool fails)
{
    struct virtio_blk_request *of = take(disk, STAGE_WAITING, index);
    u8 *at = fake_disks[disk].bytes + of->header.sector * 512;

    for (u32 i = 1; i <= of->pieces && !fails; i++) {
        void *memory = (void *)of->table[i].addr;

        if (of->header.type == VIRTIO_BLK_T_IN)
            memcpy(memory, at, of->table[i].len);
        else
            memcpy(at, memory, of->table[i].len);
        at += of->table[i].len;
    }
    of->status = fails ? VIRTIO_BLK_S_IOERR : VIRTIO_BLK_S_OK;
    add(disk, STAGE_CARRIED_OUT, of);
}

void fake_disk_give_back(u32 disk, u32 index)
{
    add(disk, STAGE_BACK, take(disk, STAGE_CARRIED_OUT, index));
    if (world_has_interrupts && !fake_disks[disk].is_quiet &&
        count_of(disk, STAGE_BACK) >= fake_disks[disk].expected) {
        fake_disks[disk].interrupts++;
        if (!fake_disks[disk].is_eager)
            interrupts[disk].serve(interrupts[disk].of);
    }
}
