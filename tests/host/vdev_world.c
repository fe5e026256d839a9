/* SPDX-License-Identifier: BSD-2-Clause */
/* Guests with virtio devices; see vdev_world.h. */
/* What vm.c has, under names of this file. */
#define vm_attach      vdev_vm_attach
#define vm_clone       vdev_vm_clone
#define vm_create      vdev_vm_create
#define vm_destroy     vdev_vm_destroy
#define vm_find_device vdev_vm_find_device
#define vm_free        vdev_vm_free
#define vm_prepare     vdev_vm_prepare
#define vm_reset       vdev_vm_reset

#include "tests/host/vdev_world.h"

#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>

#include "hv/cell.h"
#include "hv/console.h"
#include "hv/frame.h"
#include "hv/load.h"
#include "hv/program.h"
#include "hv/random.h"
#include "hv/sched.h"
#include "hv/vmexit.h"

#include "tests/host/console_fake.h"
#include "tests/host/fake_vcpu.h"
#include "tests/host/fake_virtio.h"
#include "tests/host/hv_world.h"
#include "tests/host/tlb_model.h"
#include "tests/test.h"

static hpa_t real_frame_alloc(void)
{
    return frame_alloc();
}

static void *real_cell_take(enum cell_kind kind)
{
    return cell_take(kind);
}

#define cell_take           fake_cell_take
#define console_log         fake_console_log
#define disk_clone          fake_disk_clone
#define disk_close          fake_disk_close
#define disk_count          fake_disk_count
#define disk_info(disk)     fake_disk_info(disk)
#define disk_of_view        fake_disk_of_view
#define disk_open           fake_disk_open
#define disk_start          fake_disk_start
#define frame_alloc         fake_frame_alloc
#define gstage_create_from  fake_gstage_create_from
#define gstage_replace      fake_gstage_replace
#define load_attach_devices fake_attach_devices
#define program_again       fake_program_again
#define program_put         fake_program_put
#define sched_wake          fake_sched_wake
#define vcpu_set_entry      fake_vcpu_set_entry

struct vdev_world vdev_world;

/* ---- below the devices ---- */

/* The owner's is the disk; each other one a copy. */
struct disk_view {
    u8 bytes[VDEV_SECTORS * VIRTIO_BLK_SECTOR_BYTES];
    u32 pending;
};

static struct guest the_guest;
static struct program the_program = {.guest = &the_guest};
static const struct backing nothing;

/* Memory without anything in it. */
static enum err fake_gstage_create_from(struct gstage *gs, struct gstage *image_template,
                                        const struct backing *backing, u32 vcpus,
                                        struct gstage *keep)
{
    CHECK(image_template == &the_program.gs && backing == &the_program.backing && keep == NULL);
    return gstage_create(gs, the_guest.ram_base, the_guest.mem_bytes, backing, vcpus);
}

static void fake_gstage_replace(struct gstage *gs, struct gstage *by)
{
    gstage_destroy(gs);
    *gs = *by;
}

static enum err fake_program_again(struct program *program, struct program **again)
{
    *again = program;
    return ERR_OK;
}

static void fake_program_put(struct program *program)
{
    CHECK(program == &the_program);
}

static __printf_like(1, 2) void fake_console_log(const char *format, ...)
{
    CHECK(format[0] == 'p'); /* pid */
    vdev_world.lines++;
}

static hpa_t fake_frame_alloc(void)
{
    if (vdev_world.allocations == 0)
        return (hpa_t){0};
    vdev_world.allocations--;
    return real_frame_alloc();
}

static void *fake_cell_take(enum cell_kind kind)
{
    if (vdev_world.allocations == 0)
        return NULL;
    vdev_world.allocations--;
    return real_cell_take(kind);
}

static struct disk_info fake_disk_info(const struct disk *disk)
{
    CHECK(disk == the_guest.disk);
    return (struct disk_info){.sectors = vdev_world.sectors, .readonly = vdev_world.readonly};
}

static struct disk *fake_disk_of_view(const struct disk_view *view)
{
    CHECK(view != NULL);
    return the_guest.disk;
}

static struct disk_view *new_view(void)
{
    if (vdev_world.allocations == 0)
        return NULL;
    vdev_world.allocations--;
    vdev_world.views++;
    return calloc(1, sizeof(struct disk_view));
}

static struct disk_view *fake_disk_open(struct disk *disk)
{
    struct disk_view *view = new_view();

    CHECK(disk == the_guest.disk);
    for (u64 i = 0; view != NULL && i < sizeof(view->bytes); i++)
        view->bytes[i] = (u8)(i / VIRTIO_BLK_SECTOR_BYTES + i % 7);
    return view;
}

static struct disk_view *fake_disk_clone(struct disk_view *parent)
{
    struct disk_view *view = new_view();

    CHECK_EQ(parent->pending, 0);
    if (view != NULL)
        *view = *parent;
    return view;
}

static void fake_disk_close(struct disk_view *view)
{
    CHECK_EQ(view->pending, 0);
    vdev_world.views--;
    free(view);
}

static void fake_disk_count(const struct disk_view *view, u64 *owned, u64 *shared)
{
    CHECK(view != NULL);
    *owned += 10;
    *shared += 20;
}

/* All of a request's memory is the guest's, and none of it is shared. */
static void check_pieces(const struct disk_io *io)
{
    u64 bytes = 0;

    CHECK(io->pieces <= DISK_PIECES_MAX);
    for (u32 i = 1; i <= io->pieces; i++) {
        hpa_t at = {io->piece[i].addr};

        CHECK(io->piece[i].len > 0);
        CHECK(at.v >= world_ram().v);
        CHECK(at.v + io->piece[i].len <= world_ram().v + world_frames() * PAGE_BYTES);
        for (u64 page = align_down(at.v, PAGE_BYTES); page < at.v + io->piece[i].len;
             page += PAGE_BYTES)
            CHECK_EQ(frame_refs((hpa_t){page}), 1);
        bytes += io->piece[i].len;
    }
    CHECK_EQ(bytes, io->bytes);
    CHECK_EQ(bytes % VIRTIO_BLK_SECTOR_BYTES, 0);
    CHECK(io->sector * VIRTIO_BLK_SECTOR_BYTES + bytes <= sizeof(io->view->bytes));
}

static void fake_disk_start(struct disk_io *io)
{
    CHECK(vdev_world.started < VDEV_STARTED);
    check_pieces(io);
    io->view->pending++;
    vdev_world.io[vdev_world.started++] = io;
    if (!vdev_world.withholds)
        vdev_finish(vdev_world.started - 1, vdev_world.fails);
}

static void carry_out(struct disk_io *io)
{
    u8 *at = io->view->bytes + io->sector * VIRTIO_BLK_SECTOR_BYTES;

    check_pieces(io);
    vdev_world.flushes += io->op == DISK_FLUSH;
    for (u32 i = 1; i <= io->pieces; i++) {
        if (io->op == DISK_READ)
            memcpy((void *)io->piece[i].addr, at, io->piece[i].len);
        else
            memcpy(at, (void *)io->piece[i].addr, io->piece[i].len);
        at += io->piece[i].len;
    }
}

void vdev_finish(u32 index, bool failed)
{
    struct disk_io *io = vdev_world.io[index];

    CHECK(index < vdev_world.started);
    vdev_world.started--;
    memmove(&vdev_world.io[index], &vdev_world.io[index + 1],
            (vdev_world.started - index) * sizeof(io));
    if (!failed)
        carry_out(io);
    io->failed = failed;
    io->view->pending--;
    io->done(io);
}

static void fake_sched_wake(struct vcpu *vcpu)
{
    CHECK(vcpu->vm != NULL);
    vdev_world.wake_ups++;
}

static void fake_vcpu_set_entry(struct vcpu *vcpu, gpa_t pc, u64 a0, u64 a1)
{
    (void)vcpu;
    (void)pc;
    (void)a0;
    (void)a1;
}

void vcpu_pend_input(struct vcpu *vcpu)
{
    vcpu->pend |= VCPU_PEND_INPUT;
}

static void fake_attach_devices(struct vm *vm);

/* The units under test, with the fakes below them. */
#include "hv/dev/vblk.c"       // NOLINT(bugprone-suspicious-include)
#include "hv/dev/vtransport.c" // NOLINT(bugprone-suspicious-include)
#include "hv/vm.c"             // NOLINT(bugprone-suspicious-include)

/* In the order of load.c: the interrupt controller comes last. */
static void fake_attach_devices(struct vm *vm)
{
    vm_attach(vm, &vtransport_ops, (gpa_t){VDEV_BASE}, VTRANSPORT_BYTES);
    vm_attach(vm, &vplic_ops, (gpa_t){0xc000000}, VPLIC_BYTES);
}

/* ---- guests ---- */

static struct vm *current;

u64 vdev_read(u64 addr, u32 bytes)
{
    struct device *dev = vm_find_device(current, (gpa_t){addr});

    CHECK(dev != NULL);
    return dev->ops->read(dev, current->vcpu[0], addr - dev->base.v, bytes);
}

/* The guest repeats the store as long as it is told to; or does something else at last. */
#define PATIENCE 10000
int vdev_write(u64 addr, u32 bytes, u64 value)
{
    struct device *dev = vm_find_device(current, (gpa_t){addr});

    CHECK(dev != NULL);
    vdev_world.stores = 0;
    do {
        vdev_world.verdict =
            dev->ops->write(dev, current->vcpu[0], addr - dev->base.v, bytes, value);
        vdev_world.stores++;
    } while (vdev_world.verdict == VERDICT_RESUME && vdev_world.stores < PATIENCE);
    return vdev_world.verdict;
}

static u32 bus_read(u64 addr)
{
    return (u32)vdev_read(addr, 4);
}

static void bus_write(u64 addr, u32 value)
{
    vdev_write(addr, 4, value);
}

void vdev_boot(u32 frames)
{
    static const gpa_t gpas[TLB_PAGES] = {{VDEV_RAM}};
    static const struct fake_bus bus = {.read = bus_read, .write = bus_write};
    static struct disk *const some_disk = (struct disk *)&the_guest;
    u8 seed[RANDOM_SEED_BYTES] = {1};

    world_share_ram();
    world_boot(1, frames);
    vmid_init(2);
    tlb_start(gpas);
    tlb.knows_no_code = true;
    random_seed(seed);
    console_fake_reset("");
    fake_virtio_use(&bus);
    the_guest = (struct guest){.ram_base = {VDEV_RAM},
                               .mem_bytes = VDEV_PAGES * PAGE_BYTES,
                               .vcpus = VDEV_VCPUS,
                               .backing = nothing,
                               .disk = some_disk};
    vdev_world = (struct vdev_world){.sectors = VDEV_SECTORS, .allocations = VDEV_NO_LIMITS};
}

struct vm *vdev_create(bool has_disk)
{
    struct disk *disk = the_guest.disk;
    struct vm *vm;

    if (!has_disk)
        the_guest.disk = NULL;
    vm = vm_create(&the_program, NULL);
    the_guest.disk = disk;
    return vm;
}

/* As proc_fork() does it. */
struct vm *vdev_fork(struct vm *parent)
{
    CHECK(vtransport_settle(parent));
    return vm_clone(parent, parent->vcpu[0], CLONE_COW);
}

void vdev_destroy(struct vm *vm)
{
    CHECK(vtransport_settle(vm));
    console_flush(vm);
    vm_destroy(vm);
    vm_free(vm);
    if (current == vm)
        current = NULL;
}

void vdev_use(struct vm *vm)
{
    current = vm;
}

/* Each page is the guest's own, as by a store, and lies at its GPA. */
void vdev_enter(struct vm *vm)
{
    vdev_use(vm);
    for (u64 page = 0; page < VDEV_PAGES; page++) {
        gpa_t gpa = {VDEV_RAM + page * PAGE_BYTES};
        u64 run;
        hpa_t at = gstage_pin(&vm->gs, gpa, &run);

        CHECK(at.v != 0);
        CHECK(mmap((void *)gpa.v, PAGE_BYTES, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_FIXED,
                   world_ram_fd(), (off_t)(at.v - world_ram().v)) == (void *)gpa.v);
    }
}

bool vdev_is_raised(const struct vm *vm, u32 slot)
{
    return vm->plic_use.begun && (vm->plic.level[0] >> (VTRANSPORT_SOURCE + slot) & 1) != 0;
}

u8 *vdev_sector(const struct vm *vm, u64 sector)
{
    return vm->disk->bytes + sector * VIRTIO_BLK_SECTOR_BYTES;
}
