/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Disks against a model: forks, writes, parts of blocks, reads and ends of up to 50 views at
 * random, over a device that answers in any order, late, or with an error, and with memory that
 * runs out.
 *
 * The model knows for each view what each sector holds, as a tag.  A failed write leaves its
 * sectors unknown to its own view, and to no other.  Requests of a view that are under way together
 * touch different sectors, but often the same blocks.
 */
#include <stdlib.h>
#include <string.h>

#include "hv/frame.h"

#include "tests/host/disk_world.h"
#include "tests/host/hv_world.h"
#include "tests/test.h"

#define SECTOR 512U

/* Blocks on both sides of a border between leaf nodes; the last one is short. */
#define DISK_SECTORS  (526 * 8 + 3)
#define SECOND_FIRST  (505 * 8)
#define FIRST_SECTORS 120
#define TOLD_SECTORS  (FIRST_SECTORS + DISK_SECTORS - SECOND_FIRST)

#define VIEWS        50
#define REQUESTS     64
#define REQUEST_MAX  96 /* sectors */
#define GUARD_BYTES  16
#define BUFFER_BYTES (REQUEST_MAX * SECTOR + DISK_PIECES_MAX * GUARD_BYTES)
#define DISK         1 /* of the machine */

struct scene {
    const char *name;
    u64 steps;                 /* in the quick tier */
    u64 io_fails, alloc_fails; /* one of so many; 0: none */
    u32 pieces_max, room;
    bool is_image, has_interrupts;
};

struct contents {
    u64 tag[TOLD_SECTORS];
    bool is_unknown[TOLD_SECTORS];
};

struct view {
    struct disk_view *view; /* NULL: not open */
    u32 pending;
    struct contents contents;
    u8 writes[TOLD_SECTORS], reads[TOLD_SECTORS]; /* requests under way */
};

struct request {
    struct disk_io io;
    struct view *view;
    u64 tag; /* what it writes */
    u8 buffer[BUFFER_BYTES];
    bool is_used;
};

static const struct scene *scene;
static struct disk *disk;
static u8 *image;
static struct view views[VIEWS];
static struct view *owner;
static struct contents on_disk; /* while there is no owner */
static struct request *requests;
static u64 random_state, next_tag, done_count, failed_count;

static u64 pick(u64 count)
{
    return test_random(&random_state) % count;
}

static u32 told(u64 sector)
{
    return (u32)(sector < FIRST_SECTORS ? sector : sector - SECOND_FIRST + FIRST_SECTORS);
}

/* ---- what sectors hold ---- */

static u64 word_of(u64 tag, u64 sector)
{
    return (tag << 16 | sector) * 0x9e3779b97f4a7c15ULL;
}

static void fill(u8 *at, u64 sector, u64 tag)
{
    u64 word = word_of(tag, sector);

    memcpy(at, &word, sizeof(word));
    memcpy(at + 200, &word, sizeof(word));
    memcpy(at + SECTOR - sizeof(word), &word, sizeof(word));
}

static void check_sector(const u8 *at, u64 sector, u64 tag)
{
    u64 word = word_of(tag, sector), is[3];

    memcpy(&is[0], at, sizeof(word));
    memcpy(&is[1], at + 200, sizeof(word));
    memcpy(&is[2], at + SECTOR - sizeof(word), sizeof(word));
    if (is[0] != word || is[1] != word || is[2] != word)
        FAIL("%s: sector %llu is not %llu", scene->name, (unsigned long long)sector,
             (unsigned long long)tag);
}

/* To or from the pieces, which lie apart. */
static void move(struct request *request, u8 *linear, bool out)
{
    for (u32 i = 1; i <= request->io.pieces; i++) {
        u8 *piece = (u8 *)request->io.piece[i].addr;
        u32 bytes = request->io.piece[i].len;

        memcpy(out ? linear : piece, out ? piece : linear, bytes);
        linear += bytes;
    }
}

/* ---- requests ---- */

static void mark(struct request *request, int by)
{
    u8 *under_way = request->io.op == DISK_WRITE ? request->view->writes : request->view->reads;

    for (u64 i = 0; i < request->io.bytes / SECTOR; i++)
        under_way[told(request->io.sector + i)] =
            (u8)(under_way[told(request->io.sector + i)] + by);
}

static void done(struct disk_io *io)
{
    struct request *request = container_of(io, struct request, io);
    struct contents *contents = &request->view->contents;
    static u8 linear[REQUEST_MAX * SECTOR];

    CHECK(request->is_used);
    if (io->op != DISK_FLUSH)
        mark(request, -1);
    if (io->op == DISK_READ && !io->failed)
        move(request, linear, true);
    for (u64 i = 0; i < io->bytes / SECTOR && io->op != DISK_FLUSH; i++) {
        u32 at = told(io->sector + i);

        if (io->op == DISK_WRITE) {
            contents->tag[at] = request->tag;
            contents->is_unknown[at] = io->failed;
        } else if (!io->failed && !contents->is_unknown[at]) {
            check_sector(linear + i * SECTOR, io->sector + i, contents->tag[at]);
        }
    }
    done_count++;
    failed_count += io->failed;
    request->is_used = false;
    request->view->pending--;
}

static void cut_into_pieces(struct request *request)
{
    struct disk_io *io = &request->io;
    u8 *at = request->buffer;
    u32 unit = pick(2) == 0 ? 128 : PAGE_BYTES;

    io->pieces = 0;
    for (u32 left = io->bytes; left > 0;) {
        u32 bytes = unit * (1 + (u32)pick(8));

        if (bytes > left || io->pieces == DISK_PIECES_MAX - 1)
            bytes = left;
        io->piece[++io->pieces] = (struct virtq_desc){.addr = (u64)at, .len = bytes};
        memset(at + bytes, 0xcd, GUARD_BYTES);
        at += bytes + GUARD_BYTES;
        left -= bytes;
    }
}

static void check_guards(const struct request *request)
{
    for (u32 i = 1; i <= request->io.pieces; i++) {
        const u8 *guard = (const u8 *)request->io.piece[i].addr + request->io.piece[i].len;

        for (u32 k = 0; k < GUARD_BYTES; k++)
            CHECK_EQ(guard[k], 0xcd);
    }
}

/* Whether no other request of the view is in its way. */
static bool is_alone(const struct view *view, enum disk_op op, u64 sector, u64 count)
{
    for (u64 i = 0; i < count; i++) {
        u32 at = told(sector + i);

        if (view->writes[at] != 0 || (op == DISK_WRITE && view->reads[at] != 0))
            return false;
    }
    return true;
}

static void start(struct view *view)
{
    struct request *request = &requests[pick(REQUESTS)];
    bool is_second = pick(2) == 0;
    u64 first = is_second ? SECOND_FIRST : 0;
    u64 end = is_second ? DISK_SECTORS : FIRST_SECTORS;
    u64 sector = first + pick(end - first);
    u64 count = 1 + pick(pick(4) == 0 ? REQUEST_MAX : 12);
    enum disk_op op = pick(100) == 0 ? DISK_FLUSH : pick(2) == 0 ? DISK_READ : DISK_WRITE;
    static u8 linear[REQUEST_MAX * SECTOR];

    if (count > end - sector)
        count = end - sector;
    if (op == DISK_FLUSH)
        count = 0;
    if (request->is_used || !is_alone(view, op, sector, count))
        return;
    check_guards(request);
    request->view = view;
    request->tag = ++next_tag;
    request->is_used = true;
    request->io.view = view->view;
    request->io.done = done;
    request->io.op = op;
    request->io.sector = sector;
    request->io.bytes = (u32)count * SECTOR;
    cut_into_pieces(request);
    for (u64 i = 0; i < count && op == DISK_WRITE; i++)
        fill(linear + i * SECTOR, sector + i, request->tag);
    if (op == DISK_WRITE)
        move(request, linear, false);
    if (op != DISK_FLUSH)
        mark(request, 1);
    view->pending++;
    disk_start(&request->io);
}

/* ---- the device and time ---- */

static void look_at_clock(void)
{
    if (world_time >= disk_next_deadline())
        disk_expire(world_time);
}

static void work(void)
{
    u32 waiting = fake_disk_waiting(DISK), carried_out = fake_disk_carried_out(DISK);

    world_time += pick(1000);
    world_on((u32)pick(WORLD_HARTS));
    if (waiting > 0 && pick(2) == 0)
        fake_disk_carry_out(DISK, (u32)pick(waiting),
                            scene->io_fails != 0 && pick(scene->io_fails) == 0);
    else if (carried_out > 0)
        fake_disk_give_back(DISK, (u32)pick(carried_out));
    look_at_clock();
}

/* Until the view has no request that is not done. */
static void settle(const struct view *view)
{
    for (u64 i = 0; view->pending > 0; i++) {
        work();
        if (i > 100000)
            FAIL("%s: a request is never done", scene->name);
    }
}

/* ---- views ---- */

static struct view *free_view(void)
{
    struct view *view = &views[pick(VIEWS)];

    return view->view == NULL ? view : NULL;
}

static void open_view(struct view *view, struct disk_view *as, const struct contents *contents)
{
    if (as == NULL) {
        CHECK(scene->alloc_fails != 0);
        return;
    }
    view->view = as;
    view->contents = *contents;
}

static void fork_view(struct view *parent)
{
    struct view *child = free_view();

    if (child == NULL)
        return;
    settle(parent);
    open_view(child, disk_clone(parent->view), &parent->contents);
}

/* The owner's, or if there is one, the disk as it is now. */
static void open_disk(void)
{
    struct view *view = free_view();

    if (view == NULL)
        return;
    if (owner != NULL)
        settle(owner);
    open_view(view, disk_open(disk), owner != NULL ? &owner->contents : &on_disk);
    if (owner == NULL && view->view != NULL)
        owner = view;
}

static void close_view(struct view *view)
{
    settle(view);
    disk_close(view->view);
    view->view = NULL;
    if (view == owner) {
        on_disk = view->contents;
        owner = NULL;
    }
}

static void check_counts(const struct view *view)
{
    u64 owned, shared;

    disk_count(view->view, &owned, &shared);
    CHECK(owned + shared <= world_frames());
    CHECK(view != owner || owned + shared == 0);
}

static void step(void)
{
    struct view *view = &views[pick(VIEWS)];
    u64 act = pick(1000);

    if (view->view == NULL || act < 2)
        view = owner;
    if (view == NULL) {
        open_disk();
    } else if (act < 500) {
        start(view);
    } else if (act < 980) {
        work();
    } else if (act < 990) {
        fork_view(view);
    } else if (act < 991) {
        open_disk();
    } else if (act < 992) {
        check_counts(view);
    } else if (view != owner || act < 993) {
        close_view(view);
    }
}

/* ---- runs ---- */

static void fill_disk(u8 *at)
{
    for (u64 sector = 0; sector < DISK_SECTORS; sector++)
        fill(at + sector * SECTOR, sector, 0);
}

static void boot(void)
{
    fake_disks[DISK].sectors = scene->is_image ? 0 : DISK_SECTORS;
    fake_disks[DISK].pieces_max = scene->pieces_max;
    fake_disks[DISK].piece_bytes_max = scene->pieces_max < 10 ? 8192 : UINT32_MAX;
    fake_disks[DISK].room = scene->room;
    fill_disk(fake_disks[DISK].bytes);
    world_has_interrupts = scene->has_interrupts;
    disk_world_boot(8192, 9999);
    if (scene->is_image) {
        image = malloc(DISK_SECTORS * SECTOR);
        CHECK(image != NULL);
        fill_disk(image);
        disk = disk_of_memory(image, DISK_SECTORS * SECTOR + 100);
    } else {
        disk = disk_of_machine(0);
    }
    CHECK(disk != NULL);
    CHECK_EQ(disk_info(disk).sectors, DISK_SECTORS);
    requests = aligned_alloc(PAGE_BYTES, align_up(REQUESTS * sizeof(*requests), PAGE_BYTES));
    CHECK(requests != NULL);
    memset(requests, 0, REQUESTS * sizeof(*requests));
}

/* What is on the disk in the end is what the last owner saw. */
static void check_disk(void)
{
    const u8 *at = scene->is_image ? image : fake_disks[DISK].bytes;

    for (u64 sector = 0; sector < DISK_SECTORS; sector++) {
        bool is_told = sector < FIRST_SECTORS || sector >= SECOND_FIRST;

        if (!is_told)
            check_sector(at + sector * SECTOR, sector, 0);
        else if (!on_disk.is_unknown[told(sector)])
            check_sector(at + sector * SECTOR, sector, on_disk.tag[told(sector)]);
    }
}

static void run(void *argument)
{
    u64 free_frames;

    scene = argument;
    random_state = 7 + scene->steps;
    boot();
    free_frames = frame_free_count();
    world_alloc_fails = scene->alloc_fails;
    for (u64 i = 0; i < world_times(scene->steps); i++)
        step();
    for (u32 i = 0; i < VIEWS; i++) {
        if (views[i].view != NULL)
            close_view(&views[i]);
    }
    CHECK_EQ(frame_free_count(), free_frames);
    check_disk();
    CHECK(done_count > scene->steps / 4);
    if (scene->io_fails == 0 && scene->alloc_fails == 0)
        CHECK_EQ(failed_count, 0);
    else
        CHECK(failed_count > 0 && failed_count < done_count / 2);
    free(requests);
    free(image);
}

TEST(disk_model_views_are_private)
{
    static const struct scene scenes[] = {
        {.name = "machine",      .steps = 300000, .pieces_max = 126, .room = 20, .has_interrupts = true},
        {.name = "small parts",
         .steps = 150000,
         .pieces_max = 6,
         .room = 3,
         .has_interrupts = true},
        {.name = "polled", .steps = 50000,                .pieces_max = 126,                  .room = 128             },
        {.name = "errors",
         .steps = 150000,
         .io_fails = 30,
         .pieces_max = 60,
         .room = 20,
         .has_interrupts = true},
        {.name = "no memory",
         .steps = 150000,
         .alloc_fails = 100,
         .pieces_max = 60,
         .room = 20,
         .has_interrupts = true},
        {.name = "image",        .steps = 150000,                      .is_image = true                                          },
        {.name = "image, no memory",                      .steps = 50000,                       .alloc_fails = 100,                  .is_image = true                                                            },
    };

    for (u32 i = 0; i < ARRAY_LEN(scenes); i++) {
        struct scene one = scenes[i];

        test_must_pass(run, &one);
    }
}
