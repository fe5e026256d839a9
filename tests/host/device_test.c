/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Every device that a guest can have: attached by the real vm_attach(), reset, cloned with its VM,
 * and what its registers do.  Below is a VM without memory: its address space is a fake.
 */
#include <stdlib.h>
#include <string.h>

#include "lib/drv/ns16550.h"

#include "hv/cell.h"
#include "hv/console.h"
#include "hv/disk.h"
#include "hv/fork.h"
#include "hv/load.h"
#include "hv/program.h"
#include "hv/rtc.h"
#include "hv/vm.h"

#include "tests/host/console_fake.h"
#include "tests/host/fake_vcpu.h"
#include "tests/test.h"

#define cell_give           fake_cell_give
#define cell_take           fake_cell_take
#define disk_clone          fake_disk_clone
#define disk_open           fake_disk_open
#define frame_alloc         fake_frame_alloc
#define frame_put           fake_frame_put
#define gstage_create_from  fake_gstage_create_from
#define gstage_clone        fake_gstage_clone
#define gstage_destroy      fake_gstage_destroy
#define gstage_replace      fake_gstage_replace
#define load_attach_devices fake_attach_devices
#define panic               fake_panic
#define program_again       fake_program_again
#define program_put         fake_program_put
#define vcpu_set_entry      fake_vcpu_set_entry

static void *fake_cell_take(enum cell_kind kind)
{
    return malloc(kind == CELL_VM ? CELL_VM_BYTES : CELL_VCPU_BYTES);
}

static void fake_cell_give(enum cell_kind kind, void *cell)
{
    (void)kind;
    free(cell);
}

static hpa_t fake_frame_alloc(void)
{
    return hpa_of(aligned_alloc(PAGE_BYTES, PAGE_BYTES));
}

static void fake_frame_put(hpa_t frame)
{
    free(hpa_ptr(frame));
}

static enum err fake_gstage_create_from(struct gstage *gs, struct gstage *image_template,
                                        const struct backing *backing, u32 vcpus,
                                        struct gstage *keep)
{
    CHECK(keep == NULL);
    *gs = (struct gstage){.ram_base = image_template->ram_base,
                          .ram_bytes = image_template->ram_bytes,
                          .backing = backing,
                          .vcpus = vcpus};
    return ERR_OK;
}

static enum err fake_gstage_clone(struct gstage *child, struct gstage *parent, enum clone_mode mode)
{
    (void)mode;
    return fake_gstage_create_from(child, parent, parent->backing, parent->vcpus, NULL);
}

static void fake_gstage_destroy(struct gstage *gs)
{
    (void)gs;
}

static void fake_gstage_replace(struct gstage *gs, struct gstage *by)
{
    *gs = *by;
}

static enum err fake_program_again(struct program *program, struct program **again);

static void fake_program_put(struct program *program)
{
    (void)program;
}

static struct disk_view *fake_disk_open(struct disk *disk)
{
    FAIL("there is a disk: %p", (void *)disk);
}

static struct disk_view *fake_disk_clone(struct disk_view *parent)
{
    FAIL("there is a disk: %p", (void *)parent);
}

static void fake_vcpu_set_entry(struct vcpu *vcpu, gpa_t pc, u64 a0, u64 a1)
{
    (void)vcpu;
    (void)pc;
    (void)a0;
    (void)a1;
}

static __noreturn void fake_panic(const char *format, ...)
{
    FAIL("panic: %s", format);
}

static const struct {
    const struct device_ops *ops;
    u64 base, bytes;
} everything[] = {
    {&word_ops,       0x40,       WORD_BYTES      },
    {&finisher_ops,   0x100000,   FINISHER_BYTES  },
    {&vuart_ops,      0x10000000, VUART_BYTES     },
    {&vtransport_ops, 0x10001000, VTRANSPORT_BYTES},
    {&doorbell_ops,   0x10020000, DOORBELL_BYTES  },
    {&pflash_ops,     0x22000000, PFLASH_BYTES    },
    {&vplic_ops,      0xc000000,  VPLIC_BYTES     },
    {&vrtc_ops,       0x101000,   PAGE_BYTES      },
};
#define WORD_IS 0x1122334455667788UL

static u64 machine_ns;

u64 rtc_ns(void)
{
    return machine_ns;
}

static void fake_attach_devices(struct vm *vm);

/* The unit under test, with the fakes below it. */
#include "hv/vm.c" // NOLINT(bugprone-suspicious-include)

static void fake_attach_devices(struct vm *vm)
{
    for (u32 i = 0; i < ARRAY_LEN(everything); i++)
        vm_attach(vm, everything[i].ops, (gpa_t){everything[i].base}, everything[i].bytes);
    vm->device[0].state[WORD_VALUE] = WORD_IS;
}

static const u8 pflash_file[] = {'p', 'f', 'l', 'd', 0, 0, 0, 1, 9};
static struct guest guest = {
    .vcpus = 2, .mem_bytes = 1 << 20, .pflash = pflash_file, .pflash_bytes = sizeof(pflash_file)};

static struct text text = {.gs = {.ram_bytes = 1 << 20}};
static struct program program = {.guest = &guest, .text = &text};

static enum err fake_program_again(struct program *before, struct program **again)
{
    *again = before;
    return ERR_OK;
}

static struct vm *make_vm(void)
{
    struct vm *vm = vm_create(&program, NULL);

    CHECK(vm != NULL);
    console_fake_reset("");
    return vm;
}

static void free_vm(struct vm *vm)
{
    vm_destroy(vm);
    vm_free(vm);
}

static struct device *find(struct vm *vm, const struct device_ops *ops)
{
    for (u32 i = 0; i < vm->devices; i++) {
        if (vm->device[i].ops == ops)
            return vm_find_device(vm, vm->device[i].base);
    }
    FAIL("%s is not attached", ops->name);
}

static u64 get(struct device *dev, u64 offset, u32 bytes)
{
    return dev->ops->read(dev, dev->vm->vcpu[0], offset, bytes);
}

static int put(struct device *dev, u64 offset, u32 bytes, u64 value)
{
    return dev->ops->write(dev, dev->vm->vcpu[0], offset, bytes, value);
}

/* Reset brings a device's first state back; a clone has the parent's state and its own VM. */
TEST(device_each_is_reset_and_cloned)
{
    struct vm *vm = make_vm(), *child;

    for (u32 i = 0; i < vm->devices; i++) {
        struct device *dev = &vm->device[i];
        u64 first[DEVICE_STATE_WORDS];

        memcpy(first, dev->state, sizeof(first));
        for (u64 offset = 0; offset < WORD_BYTES; offset++)
            put(dev, offset, 1, 0x70);
        dev->ops->reset(dev);
        CHECK_EQ(memcmp(first, dev->state, sizeof(first)), 0);
        for (u64 offset = 0; offset < WORD_BYTES; offset++)
            put(dev, offset, 1, 0x90);
    }
    child = vm_clone(vm, vm->vcpu[1], CLONE_COW);
    CHECK_EQ(child->devices, ARRAY_LEN(everything));
    for (u32 i = 0; i < child->devices; i++) {
        CHECK(child->device[i].vm == child);
        CHECK(child->device[i].ops == vm->device[i].ops);
        CHECK_EQ(child->device[i].base.v, everything[i].base);
        CHECK_EQ(memcmp(child->device[i].state, vm->device[i].state, sizeof(vm->device[i].state)),
                 0);
    }
    free_vm(child);
    free_vm(vm);
}

TEST(device_is_found_by_its_addresses_only)
{
    struct vm *vm = make_vm();

    CHECK(vm_find_device(vm, (gpa_t){0x3f}) == NULL);
    CHECK(vm_find_device(vm, (gpa_t){0x40}) == find(vm, &word_ops));
    CHECK(vm_find_device(vm, (gpa_t){0x47}) == find(vm, &word_ops));
    CHECK(vm_find_device(vm, (gpa_t){0x48}) == NULL);
    CHECK(vm_find_device(vm, (gpa_t){0x22000000 + PFLASH_BYTES - 1}) == find(vm, &pflash_ops));
    CHECK(vm_find_device(vm, (gpa_t){UINT64_MAX}) == NULL);
    free_vm(vm);
}

TEST(word_reads_at_every_width)
{
    struct vm *vm = make_vm();
    struct device *word = find(vm, &word_ops);

    CHECK_EQ(get(word, 0, 8), WORD_IS);
    CHECK_EQ(get(word, 4, 4), 0x11223344);
    CHECK_EQ(get(word, 2, 2), 0x5566);
    CHECK_EQ(get(word, 7, 1), 0x11);
    CHECK_EQ(put(word, 0, 8, 0), VERDICT_SKIP);
    CHECK_EQ(get(word, 0, 8), WORD_IS);
    free_vm(vm);
}

TEST(finisher_ends_the_vm)
{
    struct vm *vm = make_vm();
    struct device *finisher = find(vm, &finisher_ops);
    struct vcpu *vcpu = vm->vcpu[0];

    CHECK_EQ(put(finisher, 0, 4, 0x5555), VERDICT_END);
    CHECK_EQ(vcpu->end.reason, END_EXIT);
    CHECK_EQ(vcpu->end.status, 0);
    CHECK_EQ(put(finisher, 0, 4, 0x1033333), VERDICT_END);
    CHECK_EQ(vcpu->end.status, PROC_STATUS_EXITED(3));
    CHECK_EQ(put(finisher, 0, 4, 0x7777), VERDICT_END);
    CHECK_EQ(vcpu->end.reason, END_RESET);
    CHECK_EQ(put(finisher, 0, 4, 0x1234), VERDICT_SKIP);
    CHECK_EQ(put(finisher, 4, 4, 0x5555), VERDICT_SKIP);
    CHECK_EQ(get(finisher, 0, 4), 0);
    free_vm(vm);
}

/* The halves of one moment; what a guest sets is its own, and its child's. */
TEST(rtc_is_the_machines_until_it_is_set)
{
    struct vm *vm = make_vm(), *child;
    struct device *rtc = find(vm, &vrtc_ops);

    machine_ns = 0x1234567ffffffff;
    CHECK_EQ(get(rtc, 0, 4), 0xffffffff);
    machine_ns += 2;
    CHECK_EQ(get(rtc, 4, 4), 0x1234567);
    CHECK_EQ(get(rtc, 0, 4), 1);
    CHECK_EQ(get(rtc, 4, 4), 0x1234568);
    CHECK_EQ(get(rtc, 0, 8), 0);
    CHECK_EQ(get(rtc, 8, 4), 0);
    put(rtc, 4, 4, 7);
    put(rtc, 0, 4, 0xfffffff0);
    put(rtc, 0, 2, 5);
    put(rtc, 8, 4, 5);
    machine_ns += 0x20;
    CHECK_EQ(get(rtc, 0, 4), 0x10);
    CHECK_EQ(get(rtc, 4, 4), 8);
    child = vm_clone(vm, vm->vcpu[1], CLONE_COW);
    CHECK_EQ(get(find(child, &vrtc_ops), 0, 4), 0x10);
    rtc->ops->reset(rtc);
    CHECK_EQ(get(rtc, 0, 4), 0x21);
    CHECK_EQ(get(rtc, 4, 4), 0x1234568);
    CHECK_EQ(get(find(child, &vrtc_ops), 0, 4), 0x10);
    free_vm(child);
    free_vm(vm);
}

TEST(doorbell_asks_for_all_registers)
{
    struct vm *vm = make_vm();
    struct device *doorbell = find(vm, &doorbell_ops);

    CHECK_EQ(put(doorbell, 0, 4, 0), VERDICT_FULL);
    CHECK_EQ(put(doorbell, 0, 8, 0), VERDICT_SKIP);
    CHECK_EQ(put(doorbell, 0, 2, 0), VERDICT_SKIP);
    CHECK_EQ(put(doorbell, 4, 4, 0), VERDICT_SKIP);
    CHECK_EQ(get(doorbell, 0, 4), 0);
    free_vm(vm);
}

TEST(pflash_reads_the_file_and_then_zeros)
{
    struct vm *vm = make_vm();
    struct device *flash = find(vm, &pflash_ops);

    CHECK_EQ(get(flash, 0, 4), 0x646c6670);
    CHECK_EQ(get(flash, 6, 2), 0x100);
    CHECK_EQ(get(flash, 8, 8), 9);
    CHECK_EQ(get(flash, PFLASH_BYTES - 8, 8), 0);
    free_vm(vm);
}

TEST(pflash_answers_commands_and_stays_as_it_is)
{
    struct vm *vm = make_vm();
    struct device *flash = find(vm, &pflash_ops);

    put(flash, 0x55 * 4, 4, 0x980098);
    CHECK_EQ(get(flash, 0x10 * 4, 4), 'Q' | 'Q' << 16);
    CHECK_EQ(get(flash, 0x11 * 4, 1), 'R');
    CHECK_EQ(get(flash, 0x11 * 4 + 2, 2), 'R');
    CHECK_EQ(get(flash, 0x27 * 4, 1), 24);
    CHECK_EQ(get(flash, 0x1000, 4), 0);
    put(flash, 0, 4, 0x700070);
    CHECK_EQ(get(flash, 0, 4), 0x800080);
    put(flash, 0, 4, 0x400040);
    put(flash, 0, 4, 0xff00ff); /* what to program, not a command */
    CHECK_EQ(get(flash, 0, 4) & 0x820082, 0x820082);
    put(flash, 0, 4, 0x500050);
    CHECK_EQ(get(flash, 0, 4), 0x800080);
    put(flash, 0, 4, 0xff00ff);
    CHECK_EQ(get(flash, 0, 4), 0x646c6670);
    free_vm(vm);
}

TEST(vuart_transmits_to_the_console)
{
    struct vm *vm = make_vm();
    struct device *uart = find(vm, &vuart_ops);

    put(uart, NS16550_RBR, 1, 'a');
    put(uart, NS16550_RBR, 4, 'b');
    put(uart, NS16550_LCR, 1, NS16550_LCR_DLAB | NS16550_LCR_8N1);
    put(uart, NS16550_RBR, 1, 3);
    put(uart, NS16550_IER, 1, 0x55);
    CHECK_EQ(get(uart, NS16550_RBR, 1), 3);
    CHECK_EQ(get(uart, NS16550_IER, 1), 0x55);
    put(uart, NS16550_LCR, 1, NS16550_LCR_8N1);
    CHECK_EQ(get(uart, NS16550_IER, 1), 0);
    put(uart, NS16550_MCR, 1, NS16550_MCR_LOOP);
    put(uart, NS16550_RBR, 1, 'c');
    CHECK_STR(console_fake_output(), "ab");
    free_vm(vm);
}

TEST(vuart_receives_by_polling)
{
    struct vm *vm = make_vm();
    struct device *uart = find(vm, &vuart_ops);

    vm->pid = 1;
    console_fake_reset("x");
    put(uart, NS16550_IER, 1, NS16550_IER_RDI);
    CHECK_EQ(get(uart, NS16550_IIR, 1), NS16550_IIR_RDI);
    CHECK(get(uart, NS16550_LSR, 1) & NS16550_LSR_DR);
    CHECK_EQ(get(uart, NS16550_RBR, 1), 'x');
    CHECK_EQ(get(uart, NS16550_LSR, 1), NS16550_LSR_THRE | NS16550_LSR_TEMT);
    CHECK_EQ(get(uart, NS16550_RBR, 1), 0);
    CHECK_EQ(get(uart, NS16550_IIR, 1), NS16550_IIR_NO_INT);
    free_vm(vm);
}

static bool is_pending(const struct vm *vm)
{
    return vm->plic_use.begun && (vm->plic.pending[0] >> VUART_SOURCE & 1) != 0;
}

static bool is_raised(const struct vm *vm)
{
    return vm->plic_use.begun && (vm->plic.level[0] >> VUART_SOURCE & 1) != 0;
}

TEST(vuart_interrupts_for_input)
{
    struct vm *vm = make_vm();
    struct device *uart = find(vm, &vuart_ops);

    vm->pid = 1;
    console_fake_type("a");
    CHECK(!is_raised(vm));
    put(uart, NS16550_IER, 1, NS16550_IER_RDI);
    CHECK(is_raised(vm) && is_pending(vm));
    CHECK_EQ(get(uart, NS16550_RBR, 1), 'a');
    CHECK(!is_raised(vm) && is_pending(vm));
    vm->plic.pending[0] = 0;
    console_fake_type("b");
    CHECK(is_raised(vm) && is_pending(vm));
    CHECK_EQ(get(uart, NS16550_IIR, 1), NS16550_IIR_RDI);
    CHECK_EQ(get(uart, NS16550_RBR, 1), 'b');
    put(uart, NS16550_IER, 1, 0);
    console_fake_type("c");
    CHECK(!is_raised(vm));
    put(uart, NS16550_IER, 1, NS16550_IER_THRI);
    CHECK(is_raised(vm));
    CHECK_EQ(get(uart, NS16550_IIR, 1), NS16550_IIR_THRI);
    CHECK(!is_raised(vm));
    put(uart, NS16550_RBR, 1, 'x');
    CHECK(is_raised(vm));
    free_vm(vm);
}

/* A child is told the end of input, and not again when it has read it; a VM that is gone is not
 * told anything. */
TEST(vuart_interrupts_a_child_once)
{
    struct vm *vm = make_vm(), *child;
    struct device *uart = find(vm, &vuart_ops);

    vm->pid = 1;
    put(uart, NS16550_IER, 1, NS16550_IER_RDI);
    CHECK(!is_raised(vm));
    child = vm_clone(vm, vm->vcpu[0], CLONE_COW);
    CHECK(is_raised(child) && !is_raised(vm));
    uart = find(child, &vuart_ops);
    CHECK(get(uart, NS16550_LSR, 1) & NS16550_LSR_DR);
    CHECK_EQ(get(uart, NS16550_RBR, 1), 4);
    CHECK(!is_raised(child));
    CHECK_EQ(get(uart, NS16550_LSR, 1) & NS16550_LSR_DR, 0);
    CHECK(!is_raised(child));
    free_vm(child);
    console_flush(vm);
    free_vm(vm);
    console_fake_type("nobody reads this");
}

/* What Linux does to find out that there is a chip. */
TEST(vuart_is_detected)
{
    struct vm *vm = make_vm();
    struct device *uart = find(vm, &vuart_ops);

    put(uart, NS16550_MCR, 1, NS16550_MCR_LOOP | NS16550_MCR_RTS | NS16550_MCR_OUT2);
    CHECK_EQ(get(uart, NS16550_MSR, 1), NS16550_MSR_DCD | NS16550_MSR_CTS);
    put(uart, NS16550_IIR, 1, NS16550_FCR_ENABLE);
    CHECK_EQ(get(uart, NS16550_IIR, 1), NS16550_IIR_FIFO | NS16550_IIR_NO_INT);
    put(uart, NS16550_SCR, 1, 0xa5);
    CHECK_EQ(get(uart, NS16550_SCR, 1), 0xa5);
    put(uart, NS16550_IER, 1, NS16550_IER_THRI);
    CHECK_EQ(get(uart, NS16550_IIR, 1), NS16550_IIR_FIFO | NS16550_IIR_THRI);
    CHECK_EQ(get(uart, NS16550_IIR, 1), NS16550_IIR_FIFO | NS16550_IIR_NO_INT);
    CHECK_EQ(get(uart, 8, 1), 0);
    free_vm(vm);
}

/* Any sequence of accesses, as mmio.c lets them through: within the device, and aligned. */
FUZZ(device)
{
    struct vm *vm = make_vm();

    console_fake_reset("input");
    for (; size >= 8; bytes += 8, size -= 8) {
        struct device *dev = &vm->device[bytes[0] % vm->devices];
        u32 width = 1U << (bytes[1] & 3), offset;

        memcpy(&offset, bytes + 2, sizeof(offset));
        offset = offset % (u32)dev->bytes / width * width;
        if (bytes[1] & 4)
            put(dev, offset, width, bytes[6]);
        else
            CHECK(width == 8 || get(dev, offset, width) >> 8 * width == 0);
    }
    free_vm(vm);
    return 0;
}

FUZZ_SEEDS(device)
{
    static const u8 status_of_uart[] = {2, 0, NS16550_LSR, 0, 0, 0, 0, 0};
    static const u8 flash_query[] = {4, 6, 0, 0, 0, 0, 0x98, 0, 4, 2, 0x40, 0, 0, 0, 0, 0};

    fuzz_seed(status_of_uart, sizeof(status_of_uart));
    fuzz_seed(flash_query, sizeof(flash_query));
}
