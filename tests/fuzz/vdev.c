/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Harness: guests that do anything with their virtio devices.  The input is a list of struct act:
 * stores to registers, words of rings and requests, answers of the disk, forks, ends.
 *
 * Whatever they do: vdev_world.c checks each request that gets to the disk, the sanitizers see what
 * is touched, and in the end nothing is in flight and no frame is lost.
 *
 * hv's state is set up once in a process: the harness has one for all of its inputs.
 */
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "lib/virtio/spec.h"

#include "hv/frame.h"
#include "hv/vmexit.h"

#include "tests/host/console_fake.h"
#include "tests/host/hv_world.h"
#include "tests/host/vdev_world.h"
#include "tests/test.h"

#define FRAMES    3000
#define GUESTS    4
#define ACTS_MAX  512
#define RING      0x0000U /* where the examples have things, in RAM */
#define REQUEST   0x1000U
#define BUFFER    0x2000U
#define UNIT      16U /* of addresses in an act */
#define PLACE     1   /* of REGISTER: value is a unit of RAM */
#define HIGH_HALF 2   /* ... is that of a word */

enum kind {
    REGISTER, /* at: slot and number in registers[]; more: PLACE, HIGH_HALF */
    ACCESS,   /* more: width, and whether it is a load; at: in the slots, whatever is there */
    WORD16,   /* at: in RAM */
    WORD32,
    ADDRESS, /* value: a unit of RAM, or of what is in front of it */
    ANSWER,  /* value: which; more: failed */
    WITHHOLD,
    FORK,
    SWITCH,
    END,
    INPUT,
    MEMORY, /* value: so many allocations to come */
    KINDS
};

struct act {
    u8 kind, more;
    u16 at, value;
};

static const u16 registers[] = {
    VIRTIO_MMIO_STATUS,
    VIRTIO_MMIO_QUEUE_NOTIFY,
    VIRTIO_MMIO_DRIVER_FEATURES_SEL,
    VIRTIO_MMIO_DRIVER_FEATURES,
    VIRTIO_MMIO_QUEUE_SEL,
    VIRTIO_MMIO_QUEUE_NUM,
    VIRTIO_MMIO_QUEUE_DESC_LOW,
    VIRTIO_MMIO_QUEUE_DRIVER_LOW,
    VIRTIO_MMIO_QUEUE_DEVICE_LOW,
    VIRTIO_MMIO_QUEUE_READY,
    VIRTIO_MMIO_INTERRUPT_ACK,
    VIRTIO_MMIO_QUEUE_DESC_HIGH,
    VIRTIO_MMIO_QUEUE_DRIVER_HIGH,
    VIRTIO_MMIO_QUEUE_DEVICE_HIGH,
    VIRTIO_MMIO_DEVICE_FEATURES_SEL,
};

static struct vm *guests[GUESTS];
static u32 at_guest; /* who acts */

static void write_memory(u32 at, const void *from, u32 bytes)
{
    if (gstage_write(&guests[at_guest]->gs, (gpa_t){VDEV_RAM + at}, from, bytes) != ERR_OK)
        FAIL("no memory of the guest's at %#x", (unsigned)at);
}

static void store(const struct act *act)
{
    u64 slot = VDEV_SLOT(act->at / 256 % VTRANSPORT_SLOTS);
    u32 value = act->value;

    if (act->more == PLACE)
        value = (u32)VDEV_RAM + act->value * UNIT;
    else if (act->more == HIGH_HALF)
        value <<= 16;
    vdev_write(slot + registers[act->at % 256 % ARRAY_LEN(registers)], 4, value);
}

static void access_any(const struct act *act)
{
    u32 bytes = 1U << act->more % 4;
    u64 addr = VDEV_BASE + align_down(act->at % VTRANSPORT_BYTES, bytes);

    if (act->more & 4)
        vdev_read(addr, bytes);
    else
        vdev_write(addr, bytes, act->value);
}

static void fork_guest(void)
{
    for (u32 i = 0; i < GUESTS; i++) {
        if (guests[i] == NULL && vtransport_settle(guests[at_guest])) {
            guests[i] = vdev_fork(guests[at_guest]);
            if (guests[i] != NULL)
                guests[i]->pid = 100 + i;
            return;
        }
    }
}

static void use(u32 guest)
{
    if (guests[guest % GUESTS] != NULL)
        at_guest = guest % GUESTS;
    vdev_use(guests[at_guest]);
}

static void end_guest(void)
{
    u32 last = at_guest;

    for (u32 i = 0; i < GUESTS && at_guest == last; i++) {
        if (i != last)
            use(i);
    }
    if (at_guest != last && vtransport_settle(guests[last])) {
        vdev_destroy(guests[last]);
        guests[last] = NULL;
    }
    vdev_use(guests[at_guest]);
}

static void act_once(const struct act *act)
{
    u32 word = act->value;
    u64 address = VDEV_RAM + (u64)act->value * UNIT - (u64)act->more * 0x100000;

    switch ((enum kind)(act->kind % KINDS)) {
    case REGISTER: store(act); break;
    case ACCESS: access_any(act); break;
    case WORD16: write_memory(act->at, &act->value, sizeof(act->value)); break;
    case WORD32: write_memory(act->at, &word, sizeof(word)); break;
    case ADDRESS: write_memory(act->at, &address, sizeof(address)); break;
    case ANSWER:
        if (vdev_world.started > 0)
            vdev_finish(act->value % vdev_world.started, act->more != 0);
        break;
    case WITHHOLD: vdev_world.withholds = act->value != 0; break;
    case FORK: fork_guest(); break;
    case SWITCH: use(act->value); break;
    case END: end_guest(); break;
    case INPUT:
        console_fake_type("typed");
        vtransport_input(guests[at_guest]->vcpu[0]);
        break;
    case MEMORY: vdev_world.allocations = act->value; break;
    case KINDS: break;
    }
}

static void run(const struct act *acts, u32 count)
{
    u64 free_frames = world_free_frames();

    console_fake_reset("");
    vdev_world = (struct vdev_world){.sectors = VDEV_SECTORS, .allocations = VDEV_NO_LIMITS};
    guests[0] = vdev_create(true);
    guests[0]->pid = 1;
    use(0);
    for (u32 i = 0; i < count; i++)
        act_once(&acts[i]);
    while (vdev_world.started > 0)
        vdev_finish(0, false);
    for (u32 i = 0; i < GUESTS; i++) {
        if (guests[i] != NULL)
            vdev_destroy(guests[i]);
        guests[i] = NULL;
    }
    CHECK_EQ(vdev_world.views, 0);
    CHECK_EQ(world_free_frames(), free_frames);
}

/* ---- the process ---- */

static int to_server = -1, from_server;

static void serve(int in, int out)
{
    static struct act acts[ACTS_MAX];
    u32 count;
    u8 fine = 1;

    vdev_boot(FRAMES);
    while (read(in, &count, sizeof(count)) == sizeof(count)) {
        for (size_t done = 0; done < count * sizeof(acts[0]);) {
            ssize_t now = read(in, (u8 *)acts + done, count * sizeof(acts[0]) - done);

            if (now <= 0)
                _exit(1);
            done += (size_t)now;
        }
        run(acts, count);
        if (write(out, &fine, 1) != 1)
            _exit(1);
    }
    _exit(0);
}

static void start_server(void)
{
    int in[2], out[2];
    pid_t pid;

    CHECK(pipe(in) == 0 && pipe(out) == 0);
    pid = fork();
    CHECK(pid >= 0);
    if (pid == 0) {
        close(in[1]);
        close(out[0]);
        serve(in[0], out[1]);
    }
    close(in[0]);
    close(out[1]);
    to_server = in[1];
    from_server = out[0];
}

FUZZ(vdev)
{
    u32 count = (u32)(size / sizeof(struct act));
    u8 fine = 0;

    if (count > ACTS_MAX)
        count = ACTS_MAX;
    if (to_server < 0)
        start_server();
    CHECK(write(to_server, &count, sizeof(count)) == sizeof(count));
    CHECK(write(to_server, bytes, count * sizeof(struct act)) ==
          (ssize_t)(count * sizeof(struct act)));
    if (read(from_server, &fine, 1) != 1) {
        close(to_server);
        close(from_server);
        to_server = -1;
        FAIL("the guests' process ended; why stands above");
    }
    return 0;
}

/* ---- examples ---- */

static struct act example[ACTS_MAX];
static u32 acts;

static void add(enum kind kind, u32 more, u32 at, u32 value)
{
    example[acts++] =
        (struct act){.kind = (u8)kind, .more = (u8)more, .at = (u16)at, .value = (u16)value};
}

static void add_register(u32 slot, u64 offset, u32 value)
{
    for (u32 i = 0; i < ARRAY_LEN(registers); i++) {
        if (registers[i] == offset)
            add(REGISTER, 0, slot * 256 + i, value);
    }
}

static void add_place(u32 slot, u64 offset, u32 at)
{
    add_register(slot, offset, at / UNIT);
    example[acts - 1].more = PLACE;
}

/* A queue of 8 at RING: table, avail at 0x100, used at 0x200. */
static void add_start(u32 slot, u32 queue, u32 features)
{
    u32 status = VIRTIO_STATUS_ACKNOWLEDGE | VIRTIO_STATUS_DRIVER | VIRTIO_STATUS_FEATURES_OK;

    add_register(slot, VIRTIO_MMIO_DRIVER_FEATURES_SEL, 0);
    add_register(slot, VIRTIO_MMIO_DRIVER_FEATURES, features >> 16);
    example[acts - 1].more = HIGH_HALF;
    add_register(slot, VIRTIO_MMIO_DRIVER_FEATURES_SEL, 1);
    add_register(slot, VIRTIO_MMIO_DRIVER_FEATURES, VIRTIO_F_VERSION_1 >> 32);
    add_register(slot, VIRTIO_MMIO_STATUS, status);
    add_register(slot, VIRTIO_MMIO_QUEUE_SEL, queue);
    add_register(slot, VIRTIO_MMIO_QUEUE_NUM, 8);
    add_place(slot, VIRTIO_MMIO_QUEUE_DESC_LOW, RING);
    add_place(slot, VIRTIO_MMIO_QUEUE_DRIVER_LOW, RING + 0x100);
    add_place(slot, VIRTIO_MMIO_QUEUE_DEVICE_LOW, RING + 0x200);
    add_register(slot, VIRTIO_MMIO_QUEUE_READY, 1);
    add_register(slot, VIRTIO_MMIO_STATUS, status | VIRTIO_STATUS_DRIVER_OK);
}

static void add_desc(u32 index, u32 at, u32 bytes, u32 flags, u32 next)
{
    u32 desc = RING + index * (u32)sizeof(struct virtq_desc);

    add(ADDRESS, 0, desc, at / UNIT);
    add(WORD32, 0, desc + 8, bytes);
    add(WORD16, 0, desc + 12, flags);
    add(WORD16, 0, desc + 14, next);
}

static void add_offer(u32 slot, u32 queue, u32 index, u32 head)
{
    add(WORD16, 0, RING + 0x104 + index % 8 * 2, head);
    add(WORD16, 0, RING + 0x102, index + 1);
    add_register(slot, VIRTIO_MMIO_QUEUE_NOTIFY, queue);
}

static void add_request(u32 index, u32 type, u32 sector, u32 bytes)
{
    u32 flags = type == VIRTIO_BLK_T_OUT ? 0 : VIRTQ_DESC_WRITE;

    add(WORD32, 0, REQUEST, type);
    add(WORD32, 0, REQUEST + 8, sector);
    add_desc(0, REQUEST, 16, VIRTQ_DESC_NEXT, 1);
    add_desc(1, BUFFER, bytes, VIRTQ_DESC_NEXT | flags, 2);
    add_desc(2, REQUEST + 16, 1, VIRTQ_DESC_WRITE, 0);
    add_offer(0, 0, index, 0);
}

static void give(void)
{
    fuzz_seed(example, acts * sizeof(example[0]));
    acts = 0;
}

FUZZ_SEEDS(vdev)
{
    static const u32 types[] = {VIRTIO_BLK_T_IN, VIRTIO_BLK_T_OUT, VIRTIO_BLK_T_FLUSH,
                                VIRTIO_BLK_T_GET_ID};

    for (u32 withheld = 0; withheld < 2; withheld++) {
        add_start(0, 0, withheld == 0 ? 0 : (u32)(VIRTIO_F_INDIRECT_DESC | VIRTIO_F_EVENT_IDX));
        add(WITHHOLD, 0, 0, withheld);
        for (u32 i = 0; i < ARRAY_LEN(types); i++)
            add_request(i, types[i], i, 8192);
        add_register(0, VIRTIO_MMIO_STATUS, 0);
        add(ANSWER, 0, 0, 1);
        add(ANSWER, 1, 0, 0);
        add(FORK, 0, 0, 0);
        add(SWITCH, 0, 0, 1);
        add_request(4, VIRTIO_BLK_T_OUT, 9, 4096);
        add(END, 0, 0, 0);
        add_register(0, VIRTIO_MMIO_INTERRUPT_ACK, 3);
        give();
    }
    add_start(6, 0, 0);
    add_desc(0, BUFFER, 5000, VIRTQ_DESC_WRITE, 0);
    add_offer(6, 0, 0, 0);
    add_offer(6, 0, 1, 0);
    give();
    for (u32 queue = 0; queue < 2; queue++) {
        add_start(7, queue, 0);
        add_desc(0, BUFFER, 300, queue == 0 ? VIRTQ_DESC_WRITE : 0, 0);
        add_offer(7, queue, 0, 0);
        add(INPUT, 0, 0, 0);
        add(FORK, 0, 0, 0);
        add(SWITCH, 0, 0, 1);
        add(INPUT, 0, 0, 0);
        add_offer(7, queue, 1, 0);
        give();
    }
    /* a table of one request, all of whose parts are in one page */
    add_start(0, 0, (u32)VIRTIO_F_INDIRECT_DESC);
    add_desc(0, RING + 0x300, 48, VIRTQ_DESC_INDIRECT, 0);
    add_desc(0x30, REQUEST, 16, VIRTQ_DESC_NEXT, 1);
    add_desc(0x31, REQUEST + 0x200, 512, VIRTQ_DESC_NEXT | VIRTQ_DESC_WRITE, 2);
    add_desc(0x32, REQUEST + 16, 1, VIRTQ_DESC_WRITE, 0);
    add_offer(0, 0, 0, 0);
    give();
    add(MEMORY, 0, 0, 0);
    add_start(0, 0, 0);
    add(MEMORY, 0, 0, 2);
    add_start(0, 0, 0);
    add_request(0, VIRTIO_BLK_T_IN, 0, 512);
    add(FORK, 0, 0, 0);
    add(ACCESS, 6, 0x100, 0);
    give();
}
