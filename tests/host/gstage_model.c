/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Random guests over hv's memory core, on the machine of tlb_model.c.
 *
 * Each VM has a plain copy of what its memory must hold, byte for byte.  A step is one act of one
 * hart: load or put a vCPU, an access, a guest's own change of tables, a fork, an end, a read or
 * write by hv.  After each, no hart that runs a guest may hold a translation that is not true; at
 * the end every frame is back.
 *
 * What the guests do comes from one stream of numbers, what the machine does (which fault comes
 * although it need not, who acts between two stores of hv) from another: so both modes of fork see
 * the same guests, and what these read must be the same.
 *
 * vcpu_load() and vcpu_put() here are what is left of hv's for this machine.
 *
 * Now and then hv takes away a VM's tables, which no guest notices.
 */
#include "tests/host/gstage_model.h"

#include <stdlib.h>
#include <string.h>

#include "lib/riscv/fence.h"
#include "lib/riscv/pgtable.h"

#include "hv/frame.h"
#include "hv/gcache.h"
#include "hv/hart.h"
#include "hv/reclaim.h"

#include "tests/host/hv_world.h"
#include "tests/test.h"

#define VMS                   6
#define VCPUS                 2
#define ASIDS                 2
#define NOBODY                UINT32_MAX
#define RAM_BASE              0x80000000UL
#define WINDOW                0x22000000UL
#define WINDOW_AT             0x1000000UL /* in the machine: nothing that hv may touch */
#define VSATP_OF(table, asid) (8UL << 60 | (u64)(asid) << 44 | (table))

struct model_vcpu {
    u32 hart; /* that has it loaded, or NOBODY */
    u64 vsatp;
    u64 fence_i_at; /* the guest's own last fence.i */
};

/* What a page must hold, in the VMs that share it, or in one. */
struct model_page {
    u32 vms;
    bool is_shared;
    u64 written_at[ICACHE_PARTS]; /* by guests */
    u8 bytes[PAGE_BYTES];
};

struct model_vm {
    bool live;
    struct gstage gs;
    struct model_page *page[TLB_PAGES];
    struct model_vcpu vcpu[VCPUS];
};

static const gpa_t gpas[TLB_PAGES] = {
    {RAM_BASE},
    {RAM_BASE + 0x1000},
    {RAM_BASE + 0x2000},
    {RAM_BASE + 0x1ff000},
    {RAM_BASE + 0x200000},
    {RAM_BASE + 0x201000},
    {RAM_BASE + 0x3ff000},
    {RAM_BASE + 0x40000000},
    {RAM_BASE + 0x40001000},
    {RAM_BASE + 0x40200000},
    {WINDOW + 0x5000},
    {WINDOW + 0x6000},
};

static bool in_window(u32 page)
{
    return gpas[page].v < RAM_BASE;
}

/* Two kinds of VM; what the one may touch, the other may not. */
static const struct {
    u64 base, bytes;
} shapes[] = {
    {RAM_BASE,          0x40201000},
    {RAM_BASE + 0x1000, 0x3ff000  }
};

static u8 file[3 * PAGE_BYTES];
static struct backing backing;

static struct model_vm vms[VMS];
static struct {
    struct model_vm *vm; /* NULL: idle */
    u32 vcpu;
} running[WORLD_HARTS];

static struct gstage_run *run;
static u64 guests_random, machine_random;
static u64 clock_now, digest;
static bool is_nested;

static u64 pick(u64 *random, u64 count)
{
    return test_random(random) % count;
}

/* ---- what memory holds at first ---- */

static void make_backing(void)
{
    u64 random = 1;

    for (size_t i = 0; i < sizeof(file); i++)
        file[i] = (u8)test_random(&random);
    /* a whole page and a bit, a range across two tables, two pieces of one page */
    backing = (struct backing){
        .window = {.gpa = {WINDOW},                              .bytes = 0x200000, .hpa = {WINDOW_AT}},
        .blank = gpas[5],
        .blank_bytes = gpas[7].v - gpas[5].v,
        .count = 4,
        .part = { {{gpas[0].v}, PAGE_BYTES + 100, file},
                   {{gpas[3].v + 0x800}, PAGE_BYTES, file + 77},
                   {{gpas[7].v + 8}, 16, file + 5},
                   {{gpas[7].v + 0xff0}, PAGE_BYTES, file + 9}},
    };
}

static u8 first_byte(u64 gpa)
{
    for (u32 i = 0; i < backing.count; i++) {
        if (gpa - backing.part[i].gpa.v < backing.part[i].bytes)
            return backing.part[i].from[gpa - backing.part[i].gpa.v];
    }
    return 0;
}

/* ---- tables ---- */

/* Where the walk to a page of the VM ends. */
static pte_t walk_to(const struct model_vm *vm, u32 page, u32 *level)
{
    *level = 2;
    if (vm->gs.root.v == 0)
        return (pte_t){0};
    return *pgtable_find(&sv39x4, vm->gs.root, gpas[page].v, level);
}

/* What the VM's space says of a page; NULL: nothing.  Those of the window are in no space. */
static const u64 *entry_of(const struct model_vm *vm, u32 page, bool *alone)
{
    u64 number = gstage_page(&vm->gs, gpas[page]);
    const u64 *line;

    if (in_window(page) || !gstage_is_ram(&vm->gs, gpas[page]))
        return NULL;
    line = space_line(&vm->gs.space, number, alone);
    return line == NULL ? NULL : &line[number % SPACE_LINE];
}

static u64 entry_at(const struct model_vm *vm, u32 page, bool *alone)
{
    const u64 *entry = entry_of(vm, page, alone);

    return entry == NULL ? 0 : *entry;
}

/* {0} if the page was never touched, or is a device's and so no frame. */
/* {0}: nobody has touched it, though if it is shared there may be a frame. */
static hpa_t frame_at(const struct model_vm *vm, u32 page)
{
    bool alone;
    hpa_t frame = {entry_at(vm, page, &alone) & ~SPACE_FLAGS};

    return frame.v != 0 && frame_is_blank(frame) ? (hpa_t){0} : frame;
}

static bool is_first(const u64 **seen, u32 count, const u64 *entry)
{
    for (u32 i = 0; i < count; i++) {
        if (seen[i] == entry)
            return false;
    }
    return true;
}

/* Lines that have the frame, of spaces that live. */
static u32 references_to(hpa_t frame)
{
    const u64 *seen[VMS];
    u32 count = 0;

    for (const struct model_vm *vm = vms; vm < vms + VMS; vm++) {
        for (u32 page = 0; vm->live && page < TLB_PAGES; page++) {
            bool alone;

            if (frame_at(vm, page).v == frame.v && count < VMS &&
                is_first(seen, count, entry_of(vm, page, &alone)))
                seen[count++] = entry_of(vm, page, &alone);
        }
    }
    return count;
}

/* Remembers what is mapped, and when: new frames have new contents. */
static u64 before_change(const struct model_vm *vm, hpa_t *frames)
{
    icache_observe();
    for (u32 page = 0; page < TLB_PAGES; page++)
        frames[page] = frame_at(vm, page);
    return icache_now();
}

static void after_change(const struct model_vm *vm, const hpa_t *frames, u64 since)
{
    icache_observe();
    for (u32 page = 0; page < TLB_PAGES; page++) {
        hpa_t frame = frame_at(vm, page);

        if (frame.v != 0 && frame.v != frames[page].v)
            icache_mapped(frame, since);
    }
}

/* ---- hv/vcpu.c for this machine ---- */

static void vcpu_load(struct model_vm *vm, u32 id)
{
    struct model_vcpu *vcpu = &vm->vcpu[id];

    vmid_load(&vm->gs.vmid[id], gstage_load(&vm->gs, id));
    tlb_set_vsatp(vcpu->vsatp);
    vcpu->hart = this_hart()->index;
    running[vcpu->hart].vm = vm;
    running[vcpu->hart].vcpu = id;
}

static void vcpu_put(struct model_vm *vm, u32 id)
{
    struct model_vcpu *vcpu = &vm->vcpu[id];

    running[vcpu->hart].vm = NULL;
    vcpu->hart = NOBODY;
    vmid_unload(&vm->gs.vmid[id]);
}

static void put_on_its_hart(struct model_vm *vm, u32 id)
{
    u32 here = this_hart()->index;

    if (vm->vcpu[id].hart == NOBODY)
        return;
    world_on(vm->vcpu[id].hart);
    vcpu_put(vm, id);
    world_on(here);
}

/* ---- VMs ---- */

static u32 guest_table(const struct model_vm *vm, u32 id, u32 asid)
{
    return (u32)(((vm - vms) * VCPUS + id) * ASIDS + asid + 1);
}

static void start_vcpus(struct model_vm *vm)
{
    for (u32 id = 0; id < VCPUS; id++) {
        for (u32 asid = 0; asid < ASIDS; asid++)
            tlb_guest_changes(VSATP_OF(guest_table(vm, id, asid), asid));
        vm->vcpu[id] = (struct model_vcpu){.hart = NOBODY,
                                           .vsatp = VSATP_OF(guest_table(vm, id, 0), 0),
                                           .fence_i_at = vm->vcpu[id].fence_i_at};
    }
    vm->live = true;
}

static struct model_page *new_page(void)
{
    struct model_page *page = calloc(1, sizeof(*page));

    page->vms = 1;
    return page;
}

static void put_page(struct model_page *page)
{
    if (--page->vms == 0)
        free(page);
}

static void create(struct model_vm *vm)
{
    u32 shape = (u32)pick(&guests_random, ARRAY_LEN(shapes));

    CHECK_EQ(
        gstage_create(&vm->gs, (gpa_t){shapes[shape].base}, shapes[shape].bytes, &backing, VCPUS),
        ERR_OK);
    for (u32 page = 0; page < TLB_PAGES; page++) {
        vm->page[page] = new_page();
        for (u64 i = 0; i < PAGE_BYTES; i++)
            vm->page[page]->bytes[i] = first_byte(gpas[page].v + i);
    }
    for (u32 id = 0; id < VCPUS; id++)
        vm->vcpu[id].fence_i_at = 0;
    start_vcpus(vm);
}

/* Every page that is there holds what it must. */
static void check_memory(struct model_vm *vm)
{
    for (u32 page = 0; page < TLB_PAGES; page++) {
        hpa_t frame = frame_at(vm, page);

        if (frame.v != 0 && memcmp(hpa_ptr(frame), vm->page[page]->bytes, PAGE_BYTES) != 0)
            FAIL("VM %td holds something else at GPA %#lx", vm - vms, gpas[page].v);
    }
}

static void end(struct model_vm *vm)
{
    for (u32 id = 0; id < VCPUS; id++)
        put_on_its_hart(vm, id);
    gstage_destroy(&vm->gs);
    vm->live = false;
    for (u32 page = 0; page < TLB_PAGES; page++)
        put_page(vm->page[page]);
    if (pick(&machine_random, 2))
        reclaim_all();
}

static void destroy(struct model_vm *vm)
{
    check_memory(vm);
    end(vm);
}

static struct model_page *fork_page(struct model_page *page)
{
    struct model_page *copy;

    if (page->is_shared) {
        page->vms++;
        return page;
    }
    copy = new_page();
    memcpy(copy->written_at, page->written_at, sizeof(page->written_at));
    memcpy(copy->bytes, page->bytes, PAGE_BYTES);
    return copy;
}

/* NULL: no child came of it. */
static struct model_vm *fork_vm(struct model_vm *vm, u32 id)
{
    struct model_vm *child = vms;
    u64 free_before, since;
    hpa_t not_new[TLB_PAGES] = {0};

    while (child < vms + VMS && child->live)
        child++;
    if (child == vms + VMS)
        return NULL;
    for (u32 other = 0; other < VCPUS; other++) {
        if (other != id)
            put_on_its_hart(vm, other);
    }
    icache_observe();
    since = icache_now();
    free_before = world_free_frames();
    if (gstage_clone(&child->gs, &vm->gs, run->mode) != ERR_OK) {
        CHECK(world_free_frames() >= free_before); /* what could be evicted was, before it failed */
        return NULL;
    }
    for (u32 page = 0; page < TLB_PAGES; page++) {
        child->page[page] = fork_page(vm->page[page]);
        if (vm->page[page]->is_shared)
            not_new[page] = frame_at(vm, page);
    }
    for (u32 i = 0; i < VCPUS; i++)
        child->vcpu[i].fence_i_at = vm->vcpu[i].fence_i_at;
    start_vcpus(child);
    if (run->mode == CLONE_COPY)
        after_change(child, not_new, since);
    return child;
}

/* ---- accesses ---- */

static enum err fault_once(struct model_vm *vm, gpa_t gpa, enum access access)
{
    hpa_t frames[TLB_PAGES];
    u64 since = before_change(vm, frames);
    enum trace_did did;
    enum err err = gpa.v < RAM_BASE ? gstage_fault_window(&vm->gs, gpa, access, &did)
                                    : gstage_fault(&vm->gs, gpa, access, &did);

    after_change(vm, frames, since);
    tlb_observe();
    return err;
}

static enum err sweep_page(struct model_vm *vm, gpa_t gpa, enum access access)
{
    enum trace_did did;

    for (u32 page = 0; page < TLB_PAGES; page++) {
        if (gpas[page].v == gpa.v)
            return fault_once(vm, gpa, access);
    }
    return gstage_fault(&vm->gs, gpa, access, &did);
}

/* Not so if it was loaded while the VM had none, and a sibling has brought one meanwhile. */
static bool has_the_root(const struct model_vm *vm)
{
    return (hgatp_read() & HGATP_PPN) == vm->gs.root.v >> PAGE_SHIFT;
}

/*
 * True if the guest has the page now; false if memory has run out: then it is gone, sooner or
 * later.  A PTE that was cached while there was no table may cost a second fault, nothing a third.
 */
static bool fault(struct model_vm *vm, gpa_t gpa, enum access access)
{
    enum err err = fault_once(vm, gpa, access);

    if (err == ERR_OK && has_the_root(vm) && tlb_leaf_may_refuse(gpa, access))
        FAIL("hart %u faults again at GPA %#lx", this_hart()->index, gpa.v);
    if (err == ERR_OK && tlb_may_refuse(gpa, access))
        err = fault_once(vm, gpa, access);
    if (err == ERR_NOMEM) {
        if (!is_nested)
            destroy(vm);
        return false;
    }
    CHECK_EQ(err, ERR_OK);
    if (tlb_may_refuse(gpa, access))
        FAIL("hart %u faults for ever at GPA %#lx", this_hart()->index, gpa.v);
    return true;
}

/* What tlb_check() has found to be the only translation: where the page is. */
static u8 *translate(const struct model_vm *vm, u32 page, enum access access)
{
    u32 level;
    pte_t leaf = walk_to(vm, page, &level);

    CHECK((leaf.v & PTE_V) && (leaf.v & access));
    return hpa_ptr(frame_at(vm, page));
}

/* Only loads; and what a fork has left out comes again. */
static void read_window(struct model_vm *vm, u32 page, gpa_t gpa, enum access access)
{
    enum trace_did did;
    u32 level;
    pte_t leaf;

    if (access != ACCESS_READ) {
        CHECK_EQ(gstage_fault_window(&vm->gs, gpa, access, &did), ERR_PERM);
        return;
    }
    if (tlb_may_refuse(gpa, access) && !fault(vm, gpa, access))
        return;
    tlb_check();
    leaf = walk_to(vm, page, &level);
    CHECK_EQ(leaf.v & (PTE_V | PTE_RWX), PTE_V | PTE_R);
    CHECK_EQ(pte_hpa(leaf).v - WINDOW_AT, gpas[page].v - WINDOW);
}

static void act_as_guest(struct model_vm *vm, u32 id, u32 page, enum access access, u64 offset,
                         u64 value)
{
    gpa_t gpa = {gpas[page].v + offset};
    struct model_vcpu *vcpu = &vm->vcpu[id];
    struct model_page *is = vm->page[page];
    u8 *at;

    tlb_observe();
    if (!gstage_is_ram(&vm->gs, gpa)) {
        enum trace_did did;

        CHECK_EQ(gstage_fault(&vm->gs, gpa, access, &did), ERR_NOENT);
        if (in_window(page))
            read_window(vm, page, gpa, access);
        return;
    }
    if (tlb_may_refuse(gpa, access) && !fault(vm, gpa, access))
        return;
    tlb_check();
    at = translate(vm, page, access) + offset;
    switch (access) {
    case ACCESS_EXEC:
        if (vcpu->fence_i_at <= is->written_at[ICACHE_PART(offset)]) {
            vcpu->fence_i_at = ++clock_now;
            icache_guest_fence_i();
        }
        if (icache_is_stale(hpa_of(at)))
            FAIL("hart %u executes what it prefetched of another page at GPA %#lx",
                 this_hart()->index, gpa.v);
        break;
    case ACCESS_WRITE:
        memcpy(at, &value, sizeof(value));
        memcpy(is->bytes + offset, &value, sizeof(value));
        is->written_at[ICACHE_PART(offset)] = ++clock_now;
        icache_changed(hpa_of(at));
        break;
    case ACCESS_READ: break;
    }
    if (memcmp(at, is->bytes + offset, sizeof(value)) != 0)
        FAIL("VM %td reads %#lx at GPA %#lx", vm - vms, *(u64 *)at, gpa.v);
    if (!is_nested)
        digest = digest * 31 + *(u64 *)at;
}

static void touch_page(struct model_vm *vm, u32 id)
{
    static const enum access accesses[] = {ACCESS_READ, ACCESS_WRITE, ACCESS_EXEC};
    u32 page = (u32)pick(&guests_random, TLB_PAGES);
    enum access access = accesses[pick(&guests_random, ARRAY_LEN(accesses))];
    u64 offset = pick(&guests_random, 3) == 0 ? 0 : pick(&guests_random, PAGE_BYTES / 8) * 8;

    act_as_guest(vm, id, page, access, offset, test_random(&guests_random));
}

/*
 * The guest goes through 2 MiB from somewhere on, and perhaps not to the end.  Then, perhaps, it
 * forks, and the child may be gone before it does anything.
 */
static void sweep(struct model_vm *vm, u32 id)
{
    struct model_vm *child;

    u64 base = RAM_BASE + pick(&guests_random, 2) * CHUNK_BYTES;
    u64 from = pick(&guests_random, CHUNK_FRAMES);
    u64 count = pick(&guests_random, 3) == 0 ? pick(&guests_random, CHUNK_FRAMES) : CHUNK_FRAMES;
    enum access access = pick(&guests_random, 2) ? ACCESS_READ : ACCESS_WRITE;

    for (u64 i = 0; i < count; i++) {
        gpa_t gpa = {base + (from + i) % CHUNK_FRAMES * PAGE_BYTES};
        enum err err = gstage_is_ram(&vm->gs, gpa) ? sweep_page(vm, gpa, access) : ERR_OK;

        if (err == ERR_NOMEM) {
            destroy(vm);
            return;
        }
        CHECK_EQ(err, ERR_OK);
    }
    if (pick(&guests_random, 3) != 0)
        return;
    child = fork_vm(vm, id);
    if (pick(&guests_random, 2) == 0 && child != NULL)
        end(child);
}

/* hv reads or writes guest memory. */
static void transfer(struct model_vm *vm)
{
    u32 page = (u32)pick(&guests_random, TLB_PAGES);
    u64 offset = pick(&guests_random, PAGE_BYTES), bytes = pick(&guests_random, 200);
    u8 *expected = vm->page[page]->bytes + offset, buffer[200];
    gpa_t gpa = {gpas[page].v + offset};
    bool is_write = pick(&guests_random, 2), is_ram;
    hpa_t frames[TLB_PAGES];
    u64 since;
    enum err err;

    bytes = bytes < PAGE_BYTES - offset ? bytes : PAGE_BYTES - offset;
    is_ram = bytes == 0 || gstage_is_ram(&vm->gs, gpa);
    for (u64 i = 0; i < bytes; i++)
        buffer[i] = (u8)test_random(&guests_random);
    since = before_change(vm, frames);
    err = is_write ? gstage_write(&vm->gs, gpa, buffer, bytes)
                   : gstage_read(&vm->gs, gpa, buffer, bytes);
    after_change(vm, frames, since);
    if (err == ERR_NOMEM) {
        end(vm);
        return;
    }
    CHECK_EQ(err, is_ram ? ERR_OK : ERR_FAULT);
    if (!is_ram)
        return;
    if (is_write) {
        memcpy(expected, buffer, bytes);
        clock_now++;
        for (u64 i = offset; i < offset + bytes; i++)
            vm->page[page]->written_at[ICACHE_PART(i)] = clock_now;
    }
    CHECK(memcmp(buffer, expected, bytes) == 0);
}

/* The guest shares some of its pages, or has them for itself again. */
static void share(struct model_vm *vm)
{
    u32 first = (u32)pick(&guests_random, TLB_PAGES), count = 1;
    bool is_share = pick(&guests_random, 2);
    hpa_t frames[TLB_PAGES];
    u64 since;
    enum err err;

    while (count < 3 && first + count < TLB_PAGES &&
           gpas[first + count].v == gpas[first].v + count * PAGE_BYTES)
        count++;
    since = before_change(vm, frames);
    err = (is_share ? gstage_share : gstage_unshare)(&vm->gs, gpas[first], count * PAGE_BYTES);
    after_change(vm, frames, since);
    if (!gstage_is_ram(&vm->gs, gpas[first]) || !gstage_is_ram(&vm->gs, gpas[first + count - 1])) {
        CHECK_EQ(err, ERR_FAULT);
        return;
    }
    if (err == ERR_NOMEM)
        return;
    CHECK_EQ(err, ERR_OK);
    for (u32 page = first; page < first + count; page++) {
        if (!is_share) {
            put_page(vm->page[page]);
            vm->page[page] = new_page();
        }
        vm->page[page]->is_shared = is_share;
    }
}

/* ---- steps ---- */

/* A frame that a stale translation leads to must still be held for it: see own() in gstage.c. */
static void check_held(hpa_t frame)
{
    if (frame.v - WINDOW_AT < backing.window.bytes)
        return;
    for (u32 page = 0; page < TLB_PAGES; page++) {
        if (frame_at(running[this_hart()->index].vm, page).v == frame.v)
            return;
    }
    if (frame_refs(frame) <= references_to(frame))
        FAIL("a frame was let go while a hart can still reach it");
}

/* hv is about to fence: what stays reachable until then must not have another owner yet. */
static void at_fence(void)
{
    u32 here = this_hart()->index;

    for (u32 hart = 0; hart < run->harts; hart++) {
        world_on(hart);
        if (running[hart].vm != NULL)
            tlb_each_stale_frame(check_held);
    }
    world_on(here);
}

/* hv is switching guests: siblings on other harts run, and fault. */
static void at_switch(void)
{
    u32 here = this_hart()->index, there = (u32)pick(&machine_random, run->harts);

    if (is_nested || there == here || running[there].vm == NULL || pick(&machine_random, 4) != 0)
        return;
    is_nested = true;
    world_on(there);
    act_as_guest(running[there].vm, running[there].vcpu, (u32)pick(&machine_random, TLB_PAGES),
                 pick(&machine_random, 2) ? ACCESS_READ : ACCESS_EXEC, 0, 0);
    world_on(here);
    is_nested = false;
}

static void step_idle(void)
{
    struct model_vm *vm = &vms[pick(&guests_random, VMS)];
    u32 id = (u32)pick(&guests_random, VCPUS);

    if (!vm->live) {
        if (pick(&guests_random, 8) == 0)
            create(vm);
        if (run->sweeps > 0 && vm->live) {
            vcpu_load(vm, id);
            sweep(vm, id);
        }
    } else if (vm->vcpu[id].hart == NOBODY) {
        vcpu_load(vm, id);
    } else if (pick(&guests_random, 4) == 0) {
        transfer(vm);
    }
}

static void change_tables(struct model_vm *vm, u32 id)
{
    u32 asid = (u32)pick(&guests_random, ASIDS);

    vm->vcpu[id].vsatp = VSATP_OF(guest_table(vm, id, asid), asid);
    tlb_set_vsatp(vm->vcpu[id].vsatp);
    if (pick(&guests_random, 2) == 0) {
        tlb_guest_changes(vsatp_read());
        tlb_guest_sfence();
        tlb_observe();
    }
}

/* The guest changes what a sibling uses, and asks hv to tell it [SBI "RFENCE Extension"]. */
static void tell_siblings(struct model_vm *vm, u32 id)
{
    bool code = pick(&guests_random, 2);

    /* until hv has told them, the others may use what was; and it borrows a VMID to tell */
    tlb.at_fence = NULL;
    tlb.at_switch = NULL;
    for (u32 other = 0; other < VCPUS; other++) {
        struct model_vcpu *vcpu = &vm->vcpu[other];
        u32 asid = (u32)pick(&guests_random, ASIDS);

        if (other == id && pick(&guests_random, 2) == 0)
            continue;
        if (code) {
            vmid_fence_code(&vm->gs.vmid[other]);
            vcpu->fence_i_at = ++clock_now;
        } else {
            tlb_guest_changes(VSATP_OF(guest_table(vm, other, asid), asid));
            vmid_fence_vs(&vm->gs.vmid[other]);
        }
    }
    tlb.at_fence = at_fence;
    tlb.at_switch = at_switch;
}

static void step_running(struct model_vm *vm, u32 id)
{
    u64 what = pick(&guests_random, 100);

    if (what < run->sweeps)
        sweep(vm, id);
    else if (what < 70)
        touch_page(vm, id);
    else if (what < 76)
        change_tables(vm, id);
    else if (what < 79)
        tell_siblings(vm, id);
    else if (what < 83)
        transfer(vm);
    else if (what < 85)
        share(vm);
    else if (what < 92)
        vcpu_put(vm, id);
    else if (what < 97)
        fork_vm(vm, id);
    else
        destroy(vm);
}

/*
 * hv forgets the number of a vCPU so that its next load fences.  That is a fence too: here it can
 * be left out, by giving the numbers back.
 */
static void remember_numbers(struct vmid numbers[VMS][VCPUS])
{
    memset(numbers, 0, sizeof(struct vmid[VMS][VCPUS]));
    for (u32 vm = 0; vm < VMS; vm++) {
        if (vms[vm].live)
            memcpy(numbers[vm], vms[vm].gs.vmid, sizeof(numbers[vm]));
    }
}

static void give_back_numbers(struct vmid numbers[VMS][VCPUS])
{
    for (u32 vm = 0; vm < VMS; vm++) {
        for (u32 id = 0; id < VCPUS; id++) {
            struct vmid *vmid = &vms[vm].gs.vmid[id];
            const struct vmid *was = &numbers[vm][id];

            if (vms[vm].live && vmid->generation == 0 && was->generation != 0 &&
                vmid->number == was->number && vmid->hart == was->hart &&
                tlb_left_out("generation = 0"))
                vmid->generation = was->generation;
        }
    }
}

static void check_all_harts(void)
{
    tlb_observe();
    for (u32 hart = 0; hart < run->harts; hart++) {
        world_on(hart);
        if (running[hart].vm == NULL)
            continue;
        tlb_check();
        CHECK_EQ(vsatp_read(), running[hart].vm->vcpu[running[hart].vcpu].vsatp);
    }
}

static u32 count_owned(hpa_t table)
{
    const pte_t *entry = hpa_ptr(table);
    u32 count = 0;

    for (u32 i = 0; i < TABLE_ENTRIES; i++)
        count += (entry[i].v & (PTE_W | PTE_SHARED)) == PTE_W;
    return count;
}

static u64 bits_of(hpa_t table, bool (*is)(pte_t entry))
{
    const pte_t *entry = hpa_ptr(table);
    u64 bits = 0;

    for (u32 i = 0; i < TABLE_ENTRIES; i++) {
        if (is(entry[i]))
            bits |= line_bit(&entry[i]);
    }
    return bits;
}

static bool is_used(pte_t entry)
{
    return entry.v != 0;
}

static bool is_written(pte_t entry)
{
    return pte_leaf(entry) ? (entry.v & (PTE_W | PTE_SHARED)) == PTE_W
                           : pte_valid(entry) && frame_of(pte_hpa(entry))->writes != 0;
}

/*
 * The sets of a table have each line that they have to have; a leaf table counts its leaves with W,
 * and has not got all of them in their places.
 */
static void check_table(hpa_t table, u32 level)
{
    const struct frame *frame = frame_of(table);
    const pte_t *entry = hpa_ptr(table);

    CHECK_EQ(bits_of(table, is_used) & ~frame->lines, 0);
    CHECK_EQ(bits_of(table, is_written) & ~frame->writes, 0);
    if (level == 0)
        CHECK_EQ(frame->home & HOME_OWNED, count_owned(table));
    for (u32 i = 0; level > 0 && i < TABLE_ENTRIES; i++) {
        if (entry[i].v != 0 && !pte_leaf(entry[i]))
            check_table(pte_hpa(entry[i]), level - 1);
    }
}

static void check_root(hpa_t root)
{
    for (u64 i = 0; i < ROOT_FRAMES; i++)
        check_table((hpa_t){root.v + i * PAGE_BYTES}, 2);
}

/* The tables say what the space says, and never allow more. */
static void check_cached(const struct model_vm *vm, u32 page)
{
    bool alone = false;
    u64 entry = entry_at(vm, page, &alone);
    u32 level;
    pte_t pte = walk_to(vm, page, &level);
    hpa_t frame = {entry & ~SPACE_FLAGS};

    if (!pte_valid(pte) || in_window(page))
        return;
    CHECK_EQ(pte_hpa(pte).v + gpas[page].v % pgtable_entry_bytes(level), frame.v);
    if ((pte.v & PTE_W) && !(entry & SPACE_SHARED))
        CHECK(alone && frame_refs(frame) == 1);
}

/* Every count is the number of lines that have the frame. */
static void census(void)
{
    reclaim_all();
    for (const struct model_vm *vm = vms; vm < vms + VMS; vm++) {
        if (vm->live && vm->gs.root.v != 0)
            check_root(vm->gs.root);
        for (u32 page = 0; vm->live && page < TLB_PAGES; page++) {
            hpa_t frame = frame_at(vm, page);

            if (frame.v != 0)
                CHECK_EQ(frame_refs(frame), references_to(frame));
        }
    }
}

static void check_all_caches(void)
{
    for (const struct model_vm *vm = vms; vm < vms + VMS; vm++) {
        for (u32 page = 0; vm->live && page < TLB_PAGES; page++)
            check_cached(vm, page);
    }
}

/* hv needs memory: not that of VMs that are on a hart. */
static void evict(void)
{
    struct model_vm *vm = &vms[pick(&machine_random, VMS)];
    bool is_loaded = false, has_tables = vm->gs.root.v != 0;

    if (pick(&machine_random, 32) != 0 || !vm->live)
        return;
    for (u32 id = 0; id < VCPUS; id++)
        is_loaded |= vm->vcpu[id].hart != NOBODY;
    if (pick(&machine_random, 8) == 0)
        (void)gcache_evict_some();
    else
        CHECK_EQ(gstage_evict(&vm->gs), has_tables && !is_loaded);
}

static void start(void)
{
    make_backing();
    vmid_init(run->vmid_bits);
    tlb_start(gpas);
    tlb.at_fence = at_fence;
    tlb.at_switch = at_switch;
    tlb.without = run->without;
    tlb.knows_no_code = run->sweeps > 0;
    guests_random = run->seed;
    machine_random = ~run->seed;
}

void gstage_model_run(void *argument)
{
    u64 free_at_start;

    run = argument;
    world_boot(run->harts, run->frames);
    start();
    free_at_start = world_free_frames();
    for (u64 step = 0; step < run->steps; step++) {
        u32 hart = (u32)pick(&guests_random, run->harts);
        struct vmid numbers[VMS][VCPUS];

        remember_numbers(numbers);
        world_on(hart);
        if (running[hart].vm == NULL)
            step_idle();
        else
            step_running(running[hart].vm, running[hart].vcpu);
        evict();
        give_back_numbers(numbers);
        check_all_harts();
        check_all_caches();
        if (step % 1024 == 0)
            census();
    }
    for (struct model_vm *vm = vms; vm < vms + VMS; vm++) {
        if (vm->live)
            destroy(vm);
    }
    CHECK_EQ(world_free_frames(), free_at_start);
    if (run->digest != NULL)
        *run->digest = digest;
}
