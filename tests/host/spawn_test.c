/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * exec and spawn over real frames and address spaces, from a bundle and from a guest's memory: what
 * a new VM finds, that a failure changes nothing wherever memory runs out, and that nothing of it
 * is left in the end.  Scheduler, processes and devices are fakes.
 */
/* What vm.c has, under names of this file. */
#define vm_attach      spawn_vm_attach
#define vm_clone       spawn_vm_clone
#define vm_create      spawn_vm_create
#define vm_destroy     spawn_vm_destroy
#define vm_find_device spawn_vm_find_device
#define vm_free        spawn_vm_free
#define vm_prepare     spawn_vm_prepare
#define vm_reset       spawn_vm_reset

#include <libfdt.h>
#include <stdlib.h>
#include <string.h>

#include "hv/console.h"
#include "hv/disk.h"
#include "hv/frame.h"
#include "hv/load.h"
#include "hv/panic.h"
#include "hv/proc.h"
#include "hv/program.h"
#include "hv/random.h"
#include "hv/sched.h"
#include "hv/spawn.h"
#include "hv/vm.h"

#include "tests/host/fake_vcpu.h"
#include "tests/host/hv_world.h"
#include "tests/host/sample.h"
#include "tests/host/tlb_model.h"
#include "tests/test.h"

#define console_log         fake_console_log
#define disk_clone          fake_disk_clone
#define disk_open           fake_disk_open
#define load_attach_devices fake_attach_devices
#define load_guest          fake_load_guest
#define proc_cancel         fake_proc_cancel
#define proc_claim(...)     fake_proc_claim(__VA_ARGS__)
#define proc_enter          fake_proc_enter
#define proc_enter_alone    fake_proc_enter_alone
#define sched_resume_others fake_sched_resume_others
#define sched_stop_others   fake_sched_stop_others
#define vcpu_set_entry      fake_vcpu_set_entry
#define vtransport_end      fake_vtransport_end
#define vtransport_settle   fake_vtransport_settle

#define RAM       GUEST_RAM_BASE
#define RAM_BYTES (16UL << 20)
#define SHARED    (RAM + (10UL << 20))
#define STRINGS   (RAM + (11UL << 20)) /* name, then arguments */
#define FILE_AT   (RAM + (12UL << 20)) /* an image */
#define ARGS      "third\0a b\0\0X=1"  /* with the compiler's NUL */
#define PID       7U

static struct guest the_guest = {
    .name = "first", .ram_base = {RAM}, .mem_bytes = RAM_BYTES, .vcpus = 2};

static struct {
    u32 lines, stopped, claims;
    enum err enter; /* what proc_enter() answers */
    struct vm *child;
    gpa_t entry, fdt;
} world;

static __printf_like(1, 2) void fake_console_log(const char *format, ...)
{
    CHECK(format[0] != '\0');
    world.lines++;
}

static struct disk_view *fake_disk_open(struct disk *disk)
{
    FAIL("there is a disk: %p", (void *)disk);
}

static struct disk_view *fake_disk_clone(struct disk_view *view)
{
    FAIL("there is a disk: %p", (void *)view);
}

static void fake_attach_devices(struct vm *vm)
{
    CHECK(vm->guest == &the_guest);
}

static struct guest *fake_load_guest(u32 index)
{
    CHECK_EQ(index, 0);
    return &the_guest;
}

static enum err fake_proc_claim(struct vm *parent, struct proc_claim *claim)
{
    CHECK_EQ(parent->pid, PID);
    claim->is_new = false;
    world.claims++;
    return ERR_OK;
}

static void fake_proc_cancel(const struct proc_claim *claim)
{
    CHECK(claim->is_new);
    world.claims--;
}

static enum err fake_proc_enter(struct vm *child, struct vm *parent, struct vcpu *first,
                                const struct proc_claim *claim, u32 *pid)
{
    CHECK(claim->is_new && child->vcpu[0] == first && parent->pid == PID);
    if (world.enter != ERR_OK) {
        world.claims--;
        return world.enter;
    }
    world.child = child;
    *pid = PID + 1;
    return ERR_OK;
}

static enum err fake_proc_enter_alone(struct vm *vm, u32 *pid)
{
    CHECK(!vm->control);
    world.child = vm;
    *pid = PID + 2;
    return ERR_OK;
}

static bool fake_sched_stop_others(struct vm *vm, struct vcpu *self)
{
    CHECK(self->vm == vm);
    world.stopped++;
    return true;
}

static void fake_sched_resume_others(struct vm *vm)
{
    CHECK_EQ(vm->pid, PID);
    world.stopped--;
}

static void fake_vcpu_set_entry(struct vcpu *vcpu, gpa_t pc, u64 a0, u64 a1)
{
    CHECK(vcpu->id == 0 && a0 == 0);
    world.entry = pc;
    world.fdt.v = a1;
}

static void fake_vtransport_end(struct vm *vm)
{
    (void)vm;
}

static bool fake_vtransport_settle(struct vm *vm)
{
    CHECK_EQ(vm->pid, PID);
    return true;
}

/* The units under test, with the fakes below them. */
#include "hv/program.c" // NOLINT(bugprone-suspicious-include)
#include "hv/spawn.c"   // NOLINT(bugprone-suspicious-include)
#include "hv/vm.c"      // NOLINT(bugprone-suspicious-include)

static const gpa_t gpas[TLB_PAGES] = {
    {RAM},          {RAM + 0x1000}, {SHARED},       {STRINGS},      {FILE_AT},
    {RAM + 0x2000}, {RAM + 0x3000}, {RAM + 0x4000}, {RAM + 0x5000}, {RAM + 0x6000}};

static _Alignas(u64) u8 file[SAMPLE_BUNDLE_BYTES];
static struct vm *parent;

static void put(u64 gpa, const void *from, u64 bytes)
{
    CHECK_EQ(gstage_write(&parent->gs, (gpa_t){gpa}, from, bytes), ERR_OK);
}

/* A guest that has its image in memory once more, a name and arguments, and shares a page. */
static void boot(void)
{
    static _Alignas(u64) u8 tree[16384];
    static u8 seed[RANDOM_SEED_BYTES] = {1};
    const struct guest_fdt kind = {.mem_bytes = RAM_BYTES, .vcpus = 2, .mmu_type = ""};
    const struct program_who who = {.verb = "guest", .name = "first"};
    struct sample_elf elf;
    struct bundle bundle;
    struct bundle_guest entry;

    world_boot(1, 600);
    vmid_init(1);
    tlb_start(gpas);
    random_seed(seed);
    CHECK_EQ(guest_fdt_make(tree, sizeof(tree), &kind, &the_guest.tree), ERR_OK);
    CHECK_EQ(bundle_open(&bundle, file, sample_bundle(file)), REFUSED_NOTHING);
    CHECK_EQ(bundle_image(&bundle, 0, RAM_BYTES, &entry), REFUSED_NOTHING);
    program_use_bundle(&bundle);
    CHECK_EQ(program_of_guest(&the_guest, &entry, &who, &the_guest.program), ERR_OK);
    parent = vm_create(the_guest.program, NULL);
    CHECK(parent != NULL);
    parent->pid = PID;
    sample_elf(&elf);
    put(FILE_AT, &elf, sizeof(elf));
    put(STRINGS, "third", sizeof("third"));
    put(STRINGS + 64, ARGS, sizeof(ARGS));
    CHECK_EQ(gstage_share(&parent->gs, (gpa_t){SHARED}, PAGE_BYTES), ERR_OK);
    put(SHARED, "shared", sizeof("shared"));
}

static void free_vm(struct vm *vm)
{
    vm_destroy(vm);
    vm_free(vm);
}

/* All that is not the parent's, or its program's, is free. */
static u64 free_frames(void)
{
    program_forget();
    return world_free_frames();
}

static void expect_bytes(struct vm *vm, u64 gpa, const void *expected, u64 bytes)
{
    u8 found[64];

    CHECK_EQ(gstage_read(&vm->gs, (gpa_t){gpa}, found, bytes), ERR_OK);
    CHECK(memcmp(found, expected, bytes) == 0);
}

/* The image's first and last bytes, zeros behind them, what is shared, and the arguments. */
static void expect_begun(struct vm *vm, bool has_args)
{
    static const u8 text[] = {0x13, 0x13}, zeros[16];
    static _Alignas(u64) u8 tree[2 * PAGE_BYTES];
    const char *args;
    int length;

    expect_bytes(vm, SAMPLE_TEXT_AT, text, sizeof(text));
    expect_bytes(vm, SAMPLE_TEXT_AT + SAMPLE_TEXT_BYTES - 2, text, sizeof(text));
    expect_bytes(vm, SAMPLE_TEXT_AT + SAMPLE_TEXT_BYTES, zeros, sizeof(zeros));
    expect_bytes(vm, STRINGS, zeros, sizeof(zeros));
    expect_bytes(vm, SHARED, "shared", sizeof("shared"));
    CHECK_EQ(vm->program->entry.v, SAMPLE_TEXT_AT + 4);
    CHECK_EQ(gstage_read(&vm->gs, vm->program->fdt, tree, PAGE_BYTES), ERR_OK);
    CHECK_EQ(fdt_check_full(tree, sizeof(tree)), 0);
    CHECK(fdt_path_offset(tree, "/reserved-memory/shared@80a00000") > 0);
    CHECK(fdt_getprop(tree, fdt_path_offset(tree, "/chosen"), "rng-seed", NULL) == NULL);
    for (u64 i = fdt_totalsize(tree); i < PAGE_BYTES; i++)
        CHECK_EQ(tree[i], 0);
    args = fdt_getprop(tree, fdt_path_offset(tree, "/chosen"), PROC_ARGS_PROPERTY, &length);
    CHECK_EQ(args != NULL, has_args);
    if (has_args)
        CHECK(length == sizeof(ARGS) && memcmp(args, ARGS, sizeof(ARGS)) == 0);
}

static const struct spawn_args ways[] = {
    {{STRINGS}, 0,                         {0},            0           },
    {{STRINGS}, 0,                         {STRINGS + 64}, sizeof(ARGS)},
    {{FILE_AT}, sizeof(struct sample_elf), {STRINGS + 64}, sizeof(ARGS)},
};

/* True: there was memory for it. */
static bool spawn_once(const struct spawn_args *args)
{
    u32 pid = 0, lines = world.lines;
    enum err err = spawn_child(parent->vcpu[0], args, &pid);

    CHECK_EQ(world.stopped, 0);
    if (err != ERR_OK) {
        CHECK_EQ(err, ERR_NOMEM);
        CHECK_EQ(world.claims, 0);
        CHECK(world.lines <= lines + 1);
        return false;
    }
    CHECK_EQ(pid, PID + 1);
    CHECK_EQ(world.claims, 1);
    world.claims = 0;
    return true;
}

static void run_spawn(void *argument)
{
    const struct spawn_args *args = argument;
    u64 before, at_start;
    bool is_done = false;

    boot();
    at_start = free_frames();
    for (u64 n = 0; !is_done; n++) {
        world_leave_free(n);
        is_done = spawn_once(args);
        world_give_back();
        if (is_done) {
            expect_begun(world.child, args->args_bytes != 0);
            free_vm(world.child);
        }
        CHECK_EQ(free_frames(), at_start);
        expect_bytes(parent, SHARED, "shared", sizeof("shared"));
        CHECK(n < 500);
    }
    /* what the second one takes is not the image again */
    CHECK(spawn_once(&ways[0]));
    free_vm(world.child);
    before = world_free_frames();
    CHECK(spawn_once(args));
    CHECK(before - world_free_frames() <= (args->image_bytes == 0 ? 8 : 16));
    free_vm(world.child);

    world.enter = ERR_STATE;
    CHECK_EQ(spawn_child(parent->vcpu[0], args, &(u32){0}), ERR_STATE);
    CHECK_EQ(world.claims, 0);
    CHECK_EQ(free_frames(), at_start);
}

TEST(spawn_fails_as_a_whole_or_not_at_all)
{
    for (size_t i = 0; i < ARRAY_LEN(ways); i++)
        test_must_pass(run_spawn, (void *)&ways[i]);
}

/* The new image, and after a reset the same one, which shares nothing then. */
static void run_exec(void *argument)
{
    const struct spawn_args *args = argument;
    u64 at_start;
    enum err err = ERR_NOMEM;

    boot();
    at_start = free_frames();
    for (u64 n = 0; err != ERR_OK; n++) {
        world_leave_free(n);
        err = spawn_exec(parent->vcpu[1], args);
        world_give_back();
        if (err != ERR_OK) {
            CHECK_EQ(err, ERR_NOMEM);
            CHECK_EQ(world.stopped, 0);
            CHECK(parent->next == NULL);
            CHECK_EQ(free_frames(), at_start);
            expect_bytes(parent, STRINGS, "third", sizeof("third"));
        }
        CHECK(n < 500);
    }
    CHECK_EQ(world.stopped, 1);
    world.entry.v = 0;
    parent->vcpu[1]->run_ticks = 11;
    parent->vcpu[1]->vmexits[CAUSE_ECALL_VS] = 12;
    CHECK_EQ(vm_reset(parent), ERR_OK);
    CHECK_EQ(parent->vcpu[1]->run_ticks, 11);
    CHECK_EQ(parent->vcpu[1]->vmexits[CAUSE_ECALL_VS], 12);
    CHECK_EQ(world.entry.v, SAMPLE_TEXT_AT + 4);
    CHECK_STR(parent->name, "third");
    expect_begun(parent, args->args_bytes != 0);

    CHECK_EQ(vm_reset(parent), ERR_OK);
    CHECK_STR(parent->name, "third");
    expect_bytes(parent, SHARED, "\0\0\0\0\0\0", sizeof("shared"));
    CHECK(!parent->program->has_ranges && parent->program->args_bytes == args->args_bytes);
    free_vm(parent);
    program_put(the_guest.program);
    CHECK_EQ(programs.texts->next == NULL, true);
    free_frames();
    CHECK(programs.texts == NULL);
}

TEST(exec_fails_as_a_whole_or_not_at_all)
{
    for (size_t i = 0; i < ARRAY_LEN(ways); i++)
        test_must_pass(run_exec, (void *)&ways[i]);
}

/* A VM that is killed between exec's preparation and the new image gives both back. */
static void run_killed(void *argument)
{
    u64 at_start;
    struct vm *vm;

    (void)argument;
    boot();
    vm = parent;
    at_start = free_frames();
    CHECK_EQ(spawn_exec(vm->vcpu[0], &ways[2]), ERR_OK);
    free_vm(vm);
    CHECK(free_frames() > at_start);
    program_put(the_guest.program);
    free_frames();
    CHECK(programs.texts == NULL);
}

TEST(exec_that_is_killed_leaves_nothing)
{
    test_must_pass(run_killed, NULL);
}

static void run_alone(void *argument)
{
    u64 at_start;
    u32 pid = 0;

    (void)argument;
    boot();
    at_start = free_frames();
    CHECK_EQ(spawn_guest("nothing", ARGS, sizeof(ARGS), &pid), ERR_NOENT);
    CHECK_EQ(spawn_guest("third", "a", 1, &pid), ERR_INVAL);
    CHECK_EQ(spawn_guest("third", ARGS, sizeof(ARGS), &pid), ERR_OK);
    CHECK_EQ(pid, PID + 2);
    CHECK_EQ(world.child->program->args_bytes, sizeof(ARGS));
    free_vm(world.child);
    CHECK_EQ(free_frames(), at_start);
}

static void run_strings(void *argument)
{
    u64 end = RAM + RAM_BYTES;
    char text[PROC_NAME_BYTES_MAX + 1], found[PROC_NAME_BYTES_MAX];

    (void)argument;
    boot();
    memset(text, 'x', sizeof(text));
    put(STRINGS + PAGE_BYTES - 3, "third", sizeof("third"));
    CHECK_EQ(gstage_read_string(&parent->gs, (gpa_t){STRINGS + PAGE_BYTES - 3}, found, 6), ERR_OK);
    CHECK_STR(found, "third");
    CHECK_EQ(gstage_read_string(&parent->gs, (gpa_t){STRINGS + PAGE_BYTES - 3}, found, 5),
             ERR_INVAL);
    put(end - 3, "xx", sizeof("xx"));
    CHECK_EQ(gstage_read_string(&parent->gs, (gpa_t){end - 3}, found, sizeof(found)), ERR_OK);
    CHECK_STR(found, "xx");
    put(end - sizeof(text), text, sizeof(text));
    CHECK_EQ(gstage_read_string(&parent->gs, (gpa_t){end - 2}, found, sizeof(found)), ERR_FAULT);
    CHECK_EQ(gstage_read_string(&parent->gs, (gpa_t){end - sizeof(text)}, found, sizeof(found)),
             ERR_INVAL);
    CHECK_EQ(gstage_read_string(&parent->gs, (gpa_t){end}, found, sizeof(found)), ERR_FAULT);
    CHECK_EQ(gstage_read_string(&parent->gs, (gpa_t){-1UL}, found, sizeof(found)), ERR_FAULT);
}

TEST(spawn_reads_a_name_to_its_end)
{
    test_must_pass(run_strings, NULL);
}

TEST(spawn_by_the_operator)
{
    test_must_pass(run_alone, NULL);
}
