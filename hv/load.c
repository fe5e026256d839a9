/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Guests out of the initrd: the machines, that is their memory, disks and devices.  What begins in
 * them is program.c's.
 *
 * Invariant: a guest's devices do not overlap, so nothing that a bundle contains can fail later.
 * The initrd's memory is reserved for as long as there are guests.
 *
 * Where devices are is read from guest.dts, once.
 */
#include "hv/load.h"

#include <stdio.h>
#include <string.h>

#include "lib/bundle.h"
#include "lib/riscv/pgtable.h"

#include "dts/guest_fdt.h"

#include "hv/console.h"
#include "hv/disk.h"
#include "hv/frame.h"
#include "hv/panic.h"
#include "hv/program.h"
#include "hv/rtc.h"
#include "hv/timer.h"
#include "hv/vm.h"

#define GROUP_BYTES  (4 * PAGE_BYTES)
#define BUNDLE_ALIGN 8
#define WINDOW_ALIGN (PAGE_BYTES * TABLE_ENTRIES) /* what a leaf table maps */

_Static_assert(BUNDLE_VCPUS_MAX <= VCPUS_MAX, "what a bundle may ask for, a VM can have");
_Static_assert(MACHINE_WORDS_MAX <= ARRAY_LEN(((struct guest *)0)->word), "likewise");
_Static_assert(BUNDLE_NAME_BYTES <= sizeof(((struct guest *)0)->name), "likewise");

#define PFLASH_COMPATIBLE "cfi-flash"

static struct guest guests[GUESTS_MAX];
static u32 guest_count;

/* A line for each kind of device that is in guest.dts; the sooner, the faster it is found. */
static struct kind {
    const struct device_ops *ops;
    const char *compatible;
    u32 more;                   /* such nodes behind the first one, each one's length further */
    struct machine_range range; /* filled from guest.dts */
} kinds[] = {
    {&vtransport_ops, "virtio,mmio",            VTRANSPORT_SLOTS - 1, {0}},
    {&vuart_ops,      "ns16550a",               0,                    {0}},
    {&doorbell_ops,   PROC_DOORBELL_COMPATIBLE, 0,                    {0}},
    {&vplic_ops,      "riscv,plic0",            0,                    {0}},
    {&vrtc_ops,       "google,goldfish-rtc",    0,                    {0}},
    {&pflash_ops,     PFLASH_COMPATIBLE,        0,                    {0}},
    {&finisher_ops,   "sifive,test0",           0,                    {0}},
};
#define KIND_COUNT ARRAY_LEN(kinds)

_Static_assert(KIND_COUNT + MACHINE_WORDS_MAX <= DEVICES_MAX, "a VM has room for all of them");

static bool is_emulated(const struct guest *guest, const struct kind *kind)
{
    if (kind->ops == &vrtc_ops)
        return rtc_is_there();
    return kind->ops != &pflash_ops || guest->pflash != NULL;
}

static bool guest_has(const struct guest *guest, const struct kind *kind)
{
    return is_emulated(guest, kind) || guest->backing.window.bytes > 0;
}

/* ---- disk and devices -------------------------------------------------------------------------
 */

/* One for all guests that have these bytes. */
static struct disk *disk_in_memory(const void *bytes, u64 count)
{
    static struct {
        const void *bytes;
        struct disk *disk;
    } known[GUESTS_MAX];
    u32 i = 0;

    while (known[i].disk != NULL && known[i].bytes != bytes)
        i++;
    if (known[i].disk == NULL) {
        known[i].bytes = bytes;
        known[i].disk = disk_of_memory((void *)(uintptr_t)bytes, count);
    }
    return known[i].disk;
}

static enum err add_disk(struct guest *guest, const struct bundle_guest *entry)
{
    if (entry->machine_disk != BUNDLE_NO_DISK) {
        guest->disk = disk_of_machine(entry->machine_disk);
        if (guest->disk == NULL) {
            console_log("guest %s: the machine has no disk %u in its virtio slots; start QEMU with "
                        "more of them (-device virtio-blk-device)",
                        guest->name, (unsigned)entry->machine_disk);
            return ERR_NOENT;
        }
    } else if (entry->disk_bytes > 0) {
        guest->disk = disk_in_memory(entry->disk, entry->disk_bytes);
        if (guest->disk == NULL) {
            console_log("guest %s: no memory for its disk; give the machine more (HOSTMEM)",
                        guest->name);
            return ERR_NOMEM;
        }
    }
    return ERR_OK;
}

/* The flash of guest.dts is the machine's own. */
static enum err pass_pflash_through(struct guest *guest, const struct machine *machine)
{
    struct machine_range here = guest_fdt_device(PFLASH_COMPATIBLE);

    assert(here.base % WINDOW_ALIGN == 0 && here.bytes % WINDOW_ALIGN == 0 &&
           here.base + here.bytes <= GUEST_RAM_BASE);
    if (machine->pflash.bytes < here.bytes || machine->pflash.base % PAGE_BYTES != 0) {
        console_log("guest %s: the machine has no pflash of %lu MiB to pass through; leave out "
                    "PFLASH_MODE",
                    guest->name, here.bytes >> 20);
        return ERR_NOENT;
    }
    guest->backing.window.gpa.v = here.base;
    guest->backing.window.bytes = here.bytes;
    guest->backing.window.hpa.v = machine->pflash.base;
    return ERR_OK;
}

static enum err add_machine_options(struct guest *guest, const struct machine_opts *opts)
{
    guest->has_mhartid = opts->has_mhartid;
    guest->mhartid = opts->mhartid;
    for (u32 i = 0; i < opts->word_count; i++) {
        u64 gpa = opts->words[i].gpa;

        for (u32 k = 0; k < KIND_COUNT; k++) {
            const struct machine_range *range = &kinds[k].range;

            if (guest_has(guest, &kinds[k]) && gpa < range->base + range->bytes &&
                gpa + WORD_BYTES > range->base) {
                console_log("guest %s: machine option word@0x%lx is where its %s is; move it",
                            guest->name, gpa, kinds[k].ops->name);
                return ERR_INVAL;
            }
        }
        guest->word[i].gpa = (gpa_t){gpa};
        guest->word[i].value = opts->words[i].value;
    }
    guest->words = opts->word_count;
    return ERR_OK;
}

/* ---- device tree ------------------------------------------------------------------------------
 */

/* The tree of the machine, without what depends on what begins in it, goes into frames that are
 * never given back. */
static enum err make_tree(struct guest *guest, const struct machine *machine)
{
    const struct guest_fdt open = {.mem_bytes = guest->mem_bytes,
                                   .vcpus = guest->vcpus,
                                   .has_sstc = timer_guest_has_sstc(),
                                   .has_zicboz = machine->has_zicboz,
                                   .mmu_type = machine->mmu_type,
                                   .timebase_hz = machine->timebase_hz,
                                   .has_pflash =
                                       guest->pflash != NULL || guest->backing.window.bytes > 0,
                                   .has_rtc = rtc_is_there()};
    hpa_t frames = frame_alloc_group();

    if (frames.v == 0) {
        console_log("guest %s: no memory for its device tree; give the machine more (HOSTMEM)",
                    guest->name);
        return ERR_NOMEM;
    }
    /* At most 8 vCPUs: there is room. */
    return guest_fdt_make(hpa_ptr(frames), GROUP_BYTES, &open, &guest->tree);
}

/* ---- guests ---------------------------------------------------------------------------------- */

static enum err set_up_guest(struct guest *guest, const struct bundle_guest *entry,
                             const struct machine *machine)
{
    u64 host_bytes = frame_total_count() * PAGE_BYTES;
    const struct program_who who = {.verb = "guest", .name = guest->name};
    enum err err = ERR_OK;

    *guest = (struct guest){
        .ram_base = {GUEST_RAM_BASE},
        .mem_bytes = entry->mem_bytes,
        .vcpus = entry->vcpus,
        .control = entry->has_control,
        .pflash = entry->pflash_bytes > 0 ? entry->pflash : NULL,
        .pflash_bytes = entry->pflash_bytes,
        .initrd = entry->initrd,
        .initrd_bytes = entry->initrd_bytes,
        .family.tree.procs_max = entry->procs == 0          ? PROCS_DEFAULT
                                 : entry->procs >= PIDS_MAX ? PIDS_MAX - 1
                                                            : entry->procs,
        .family.tree.frames_max = QUOTA_NO_LIMIT,
    };
    memcpy(guest->name, entry->name, sizeof(entry->name));
    if (entry->mem_bytes > host_bytes) {
        console_log("guest %s: its memory, %lu MiB, is more than the machine's, %lu MiB; lower MEM "
                    "or raise HOSTMEM",
                    guest->name, entry->mem_bytes >> 20, host_bytes >> 20);
        return ERR_NOMEM;
    }
    if (entry->passthrough)
        err = pass_pflash_through(guest, machine);
    if (err == ERR_OK)
        err = add_machine_options(guest, &entry->machine);
    if (err == ERR_OK)
        err = add_disk(guest, entry);
    if (err == ERR_OK)
        err = make_tree(guest, machine);
    if (err != ERR_OK)
        return err;
    return program_of_guest(guest, entry, &who, &guest->program);
}

/* A guest that was refused for anything but its name has a good one. */
static void tell_refusal(const struct bundle *bundle, u32 index, enum refusal refusal)
{
    struct bundle_entry entry = {.name = BUNDLE_PLAIN_NAME};

    if (!bundle->is_plain)
        memcpy(&entry, bundle->file + sizeof(struct bundle_header) + (u64)index * sizeof(entry),
               sizeof(entry));
    if (refusal == REFUSED_GUEST_NAME)
        snprintf(entry.name, sizeof(entry.name), "%u", (unsigned)index + 1);
    console_log("guest %s: %s", entry.name, refusal_words(refusal));
}

static enum err load_entry(const struct bundle *bundle, u32 index, const struct machine *machine)
{
    struct bundle_guest entry;
    enum refusal refusal = bundle_guest(bundle, index, &entry);

    if (refusal != REFUSED_NOTHING) {
        tell_refusal(bundle, index, refusal);
        return ERR_FORMAT;
    }
    if (guest_count == GUESTS_MAX) {
        console_log("guest %s: there are %u guests before it, which is the limit; start fewer",
                    entry.name, (unsigned)GUESTS_MAX);
        return ERR_QUOTA;
    }
    return set_up_guest(&guests[guest_count++], &entry, machine);
}

static bool is_in_memory(const struct machine *machine, struct machine_range range)
{
    for (u32 i = 0; i < machine->memory_ranges; i++) {
        const struct machine_range *memory = &machine->memory[i];

        if (range.base >= memory->base && range.base - memory->base <= memory->bytes &&
            range.bytes <= memory->bytes - (range.base - memory->base))
            return true;
    }
    return false;
}

static enum err open_initrd(struct bundle *bundle, const struct machine *machine)
{
    enum refusal refusal;

    if (machine->initrd.bytes == 0) {
        console_log("no guests: start QEMU with -initrd FILE, a bundle or an image");
        return ERR_NOENT;
    }
    if (!is_in_memory(machine, machine->initrd) || machine->initrd.base % BUNDLE_ALIGN != 0) {
        console_log("the initrd, %lu bytes at 0x%lx, is not in memory or not aligned to %d bytes",
                    machine->initrd.bytes, machine->initrd.base, BUNDLE_ALIGN);
        return ERR_FORMAT;
    }
    refusal = bundle_open(bundle, hpa_ptr((hpa_t){machine->initrd.base}), machine->initrd.bytes);
    if (refusal == REFUSED_NOTHING)
        return ERR_OK;
    console_log("the initrd: %s", refusal_words(refusal));
    return ERR_FORMAT;
}

/* guest.dts is ours: so is the mistake if its devices overlap. */
static void find_devices(void)
{
    for (u32 k = 0; k < KIND_COUNT; k++) {
        struct machine_range *range = &kinds[k].range;

        *range = guest_fdt_device(kinds[k].compatible);
        range->bytes *= 1 + kinds[k].more;
        for (u32 i = 0; i < k; i++) {
            const struct machine_range *other = &kinds[i].range;

            assert(range->base + range->bytes <= other->base ||
                   other->base + other->bytes <= range->base);
        }
    }
}

/*
 * load_guests - every guest of the command line, ready for vm_create().
 *
 * Once, after frame_init(), which has left out the initrd, and timer_init().
 *
 * Any error: the console says what and what to do about it.  The guests so far stay as they are,
 * but there is nothing to do for a caller but to end.
 */
enum err load_guests(const struct machine *machine)
{
    struct bundle bundle;
    enum err err = open_initrd(&bundle, machine);

    if (err != ERR_OK)
        return err;
    find_devices();
    program_use_bundle(&bundle);
    for (u32 i = 0; i < bundle.guests; i++) {
        err = load_entry(&bundle, i, machine);
        if (err != ERR_OK)
            return err;
    }
    return ERR_OK;
}

u32 load_guest_count(void)
{
    return guest_count;
}

/* index is below load_guest_count(). */
struct guest *load_guest(u32 index)
{
    return &guests[index];
}

/*
 * load_attach_devices - what guest.dts announces, and the guest's machine options.
 *
 * vm->guest is set.
 */
void load_attach_devices(struct vm *vm)
{
    const struct guest *guest = vm->guest;

    for (u32 k = 0; k < KIND_COUNT; k++) {
        if (is_emulated(guest, &kinds[k]))
            vm_attach(vm, kinds[k].ops, (gpa_t){kinds[k].range.base}, kinds[k].range.bytes);
    }
    for (u32 i = 0; i < guest->words; i++)
        vm_attach(vm, &word_ops, guest->word[i].gpa, WORD_BYTES)->state[WORD_VALUE] =
            guest->word[i].value;
}
