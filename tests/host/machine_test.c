/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Machines out of device trees: dts/virt.dts, variations of it made with libfdt, and the trees that
 * guests get.
 */
#include <libfdt.h>
#include <stdlib.h>
#include <string.h>

#include "lib/image.h"
#include "sbi/proc.h"

#include "dts/guest_fdt.h"
#include "dts/machine.h"

#include "tests/test.h"

extern const u8 virt_dtb[]; /* dts/virt.dts */

#define TREE_BYTES 16384
#define MIB        (1ULL << 20)

/* Virt's tree, to be changed. */
static _Alignas(8) u8 tree[TREE_BYTES];

static int tree_start(const char *path)
{
    int node;

    CHECK_EQ(fdt_open_into(virt_dtb, tree, sizeof(tree)), 0);
    node = fdt_path_offset(tree, path);
    CHECK(node >= 0);
    return node;
}

static void set_cells(int node, const char *name, const u32 *cells, u32 count)
{
    fdt32_t big[16];

    CHECK(count <= ARRAY_LEN(big));
    for (u32 i = 0; i < count; i++)
        big[i] = cpu_to_fdt32(cells[i]);
    CHECK_EQ(fdt_setprop(tree, node, name, big, (int)(count * sizeof(big[0]))), 0);
}
#define SET_CELLS(node, name, ...) \
    set_cells(node, name, (const u32[]){__VA_ARGS__}, ARRAY_LEN(((const u32[]){__VA_ARGS__})))

static void set_string(int node, const char *name, const char *value)
{
    CHECK_EQ(fdt_setprop(tree, node, name, value, (int)strlen(value) + 1), 0);
}

static int add_node(int parent, const char *name)
{
    int node = fdt_add_subnode(tree, parent, name);

    CHECK(node >= 0);
    return node;
}

/* A second hart, which becomes the first node of /cpus. */
static int add_cpu(u32 id, const char *isa)
{
    int node = add_node(tree_start("/cpus"), "cpu@1");

    set_string(node, "device_type", "cpu");
    SET_CELLS(node, "reg", id);
    set_string(node, "riscv,isa", isa);
    return node;
}

static struct machine read_tree(void)
{
    struct machine machine;
    const char *why;

    CHECK_EQ(machine_read(&machine, tree, &why), ERR_OK);
    return machine;
}

static void check_refused(const char *expected)
{
    struct machine machine;
    const char *why = "";

    CHECK_EQ(machine_read(&machine, tree, &why), ERR_FORMAT);
    CHECK_STR(why, expected);
}

TEST(machine_is_virt)
{
    struct machine machine;
    const char *why;

    CHECK_EQ(machine_read(&machine, virt_dtb, &why), ERR_OK);
    CHECK_EQ(machine.harts, 1);
    CHECK_EQ(machine.hart_id[0], 0);
    CHECK(machine.has_h && machine.has_sstc && !machine.has_zicboz);
    CHECK_STR(machine.isa, "rv64imafdch_zicsr_zifencei_zihintpause_zba_zbb_zbc_zbs_sstc");
    CHECK_STR(machine.mmu_type, "riscv,sv48");
    CHECK_EQ(machine.timebase_hz, 10000000);
    CHECK_EQ(machine.memory_ranges, 1);
    CHECK_EQ(machine.memory[0].base, 0x80000000);
    CHECK_EQ(machine.memory[0].bytes, 1024 * MIB);
    CHECK_EQ(machine.reserved_ranges, 0);
    CHECK_EQ(machine.uart.base, 0x10000000);
    CHECK_EQ(machine.uart_stride, 1);
    CHECK_EQ(machine.finisher.base, 0x100000);
    CHECK_EQ(machine.plic.base, 0xc000000);
    CHECK_EQ(machine.pflash.base, 0x22000000);
    CHECK_EQ(machine.pflash.bytes, 32 * MIB);
    CHECK_EQ(machine.initrd.bytes, 0);
    CHECK_STR(machine.bootargs, "fork=cow trace=off sstc=on");
    CHECK_EQ(machine.virtios, 8);
    for (u32 i = 0; i < machine.virtios; i++) {
        CHECK_EQ(machine.virtio[i].base, 0x10001000 + i * 0x1000);
        CHECK_EQ(machine.virtio_source[i], 1 + i);
    }
}

TEST(machine_has_all_memory)
{
    int node = add_node(tree_start("/"), "memory@100000000");

    set_string(node, "device_type", "memory");
    SET_CELLS(node, "reg", 1, 0, 0, 0x100000, 2, 0, 0, 0, 4, 0, 1, 0);
    CHECK_EQ(read_tree().memory_ranges, 3);
    CHECK_EQ(read_tree().memory[0].base, 0x100000000);
    CHECK_EQ(read_tree().memory[1].bytes, 0x100000000);
    set_string(node, "status", "disabled");
    CHECK_EQ(read_tree().memory_ranges, 1);
}

TEST(machine_addresses_are_as_long_as_the_tree_says)
{
    int root = tree_start("/");

    SET_CELLS(root, "#address-cells", 1);
    SET_CELLS(root, "#size-cells", 1);
    SET_CELLS(fdt_path_offset(tree, "/memory"), "reg", 0x80000000, 0x1000, 0x90000000, 0x2000);
    CHECK_EQ(read_tree().memory_ranges, 2);
    CHECK_EQ(read_tree().memory[1].bytes, 0x2000);
    /* the bus below still has two cells */
    CHECK_EQ(read_tree().uart.base, 0x10000000);
}

TEST(machine_translates_addresses_of_a_bus)
{
    int soc = tree_start("/soc");

    /* the lower half of the devices is 4 GiB up, the upper half is out of the CPU's reach */
    SET_CELLS(soc, "ranges", 0, 0x100000, 1, 0x100000, 0, 0xff00000);
    CHECK_EQ(read_tree().finisher.base, 0x100100000);
    CHECK_EQ(read_tree().plic.base, 0x10c000000);
    CHECK_EQ(read_tree().uart.bytes, 0);
    CHECK_EQ(fdt_delprop(tree, soc, "ranges"), 0);
    CHECK_EQ(read_tree().finisher.bytes, 0);
}

TEST(machine_uart_is_the_one_of_stdout_path)
{
    int uart = add_node(tree_start("/soc"), "serial@20000000");

    set_string(uart, "compatible", "ns16550a");
    SET_CELLS(uart, "reg", 0, 0x20000000, 0, 0x1000);
    SET_CELLS(uart, "reg-shift", 2);
    CHECK_EQ(read_tree().uart.base, 0x10000000);
    set_string(fdt_path_offset(tree, "/chosen"), "stdout-path", "/soc/serial@20000000:115200n8");
    CHECK_EQ(read_tree().uart.base, 0x20000000);
    CHECK_EQ(read_tree().uart_stride, 4);
    SET_CELLS(fdt_path_offset(tree, "/soc/serial@20000000"), "reg-shift", 9);
    check_refused("the uart's reg-shift");
}

TEST(machine_reserved_memory_of_both_kinds)
{
    int parent = add_node(tree_start("/"), "reserved-memory");

    SET_CELLS(parent, "#address-cells", 2);
    SET_CELLS(parent, "#size-cells", 2);
    add_node(parent, "wish");
    SET_CELLS(add_node(parent, "firmware@80000000"), "reg", 0, 0x80000000, 0, 0x80000);
    CHECK_EQ(read_tree().reserved_ranges, 1);
    CHECK_EQ(fdt_add_mem_rsv(tree, 0x82200000, 0x1000), 0);
    CHECK_EQ(read_tree().reserved_ranges, 2);
    CHECK_EQ(read_tree().reserved[0].base, 0x82200000);
    CHECK_EQ(read_tree().reserved[1].bytes, 0x80000);
    SET_CELLS(fdt_path_offset(tree, "/reserved-memory/wish"), "reg", 1);
    check_refused("/reserved-memory: a region's reg is not well-formed");
}

TEST(machine_initrd_of_32_and_64_bits)
{
    int chosen = tree_start("/chosen");

    SET_CELLS(chosen, "linux,initrd-start", 0x88000000);
    check_refused("/chosen: linux,initrd-start and -end are no range");
    SET_CELLS(chosen, "linux,initrd-end", 0, 0x88000123);
    CHECK_EQ(read_tree().initrd.base, 0x88000000);
    CHECK_EQ(read_tree().initrd.bytes, 0x123);
    SET_CELLS(chosen, "linux,initrd-end", 0x87ffffff);
    check_refused("/chosen: linux,initrd-start and -end are no range");
}

TEST(machine_harts)
{
    int cpu = add_cpu(7, "rv64imafdc_sstc");

    CHECK_EQ(read_tree().harts, 2);
    CHECK_EQ(read_tree().hart_id[0], 7);
    CHECK(!read_tree().has_h && read_tree().has_sstc);
    set_string(cpu, "status", "disabled");
    CHECK_EQ(read_tree().harts, 1);
    CHECK(read_tree().has_h);
    add_cpu(0, "rv64imafdch");
    check_refused("two cpus have the same hart id");
}

TEST(machine_isa_strings)
{
    static const struct {
        const char *isa;
        bool has_h, has_sstc, has_zicboz;
    } cases[] = {
        {"rv64imafdch_zicboz_sstc",            true,  true,  true },
        {"rv64i",                              false, false, false},
        {"rv64imafdcv",                        false, false, false},
        {"rv64i2p1m2p0h1p0_zicboz1p0_sstc1p0", true,  true,  true },
        {"rv64imafdc_zhinx_xh_sstcx_zicbozz",  false, false, false},
        {"rv64imacsstc",                       false, true,  false},
        {"rv64imaczicboz_svh",                 false, false, true },
        {"",                                   false, false, false},
        {"___",                                false, false, false},
    };

    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        set_string(tree_start("/cpus/cpu@0"), "riscv,isa", cases[i].isa);
        CHECK_EQ(read_tree().has_h, cases[i].has_h);
        CHECK_EQ(read_tree().has_sstc, cases[i].has_sstc);
        CHECK_EQ(read_tree().has_zicboz, cases[i].has_zicboz);
    }
}

TEST(machine_isa_extensions)
{
    static const char list[] = "i\0m\0h\0zicboz";
    int cpu = tree_start("/cpus/cpu@0");

    CHECK_EQ(fdt_delprop(tree, cpu, "riscv,isa"), 0);
    check_refused("a cpu has neither riscv,isa nor riscv,isa-base");
    set_string(cpu, "riscv,isa-base", "rv64i");
    CHECK_EQ(fdt_setprop(tree, cpu, "riscv,isa-extensions", list, sizeof(list)), 0);
    CHECK(read_tree().has_h && !read_tree().has_sstc && read_tree().has_zicboz);
}

TEST(machine_that_lacks_something)
{
    CHECK_EQ(fdt_del_node(tree, tree_start("/memory")), 0);
    check_refused("no memory node");
    CHECK_EQ(fdt_del_node(tree, tree_start("/cpus")), 0);
    check_refused("no /cpus");
    CHECK_EQ(fdt_del_node(tree, tree_start("/cpus/cpu@0")), 0);
    check_refused("no cpu that is enabled");
    CHECK_EQ(fdt_delprop(tree, tree_start("/cpus"), "timebase-frequency"), 0);
    check_refused("/cpus has no timebase-frequency");
    SET_CELLS(tree_start("/cpus"), "timebase-frequency", 0);
    check_refused("timebase-frequency is 0");
    SET_CELLS(tree_start("/cpus"), "#address-cells", 3);
    check_refused("/cpus: #address-cells or #size-cells");
    SET_CELLS(tree_start("/memory"), "reg", 0, 0x80000000, 0);
    check_refused("a memory node has no well-formed reg");
    SET_CELLS(tree_start("/memory"), "reg", 0xffffffff, 0xfffff000, 0, 0x2000);
    check_refused("a range of memory runs over the end of the address space");
    CHECK_EQ(fdt_del_node(tree, tree_start("/chosen")), 0);
    CHECK_STR(read_tree().bootargs, "");
}

TEST(machine_command_line_that_is_long)
{
    char text[600];

    memset(text, 'x', sizeof(text));
    text[511] = '\0';
    set_string(tree_start("/chosen"), "bootargs", text);
    CHECK_STR(read_tree().bootargs, text);
    text[511] = 'x';
    text[512] = '\0';
    set_string(tree_start("/chosen"), "bootargs", text);
    check_refused("/chosen: bootargs longer than 511 characters");
}

TEST(machine_of_no_tree)
{
    tree_start("/");
    tree[0] ^= 1;
    check_refused("not a flattened device tree");
    tree_start("/");
    fdt_set_totalsize(tree, 64);
    check_refused("not a flattened device tree");
}

/* What is taken is nowhere in the tree any more. */
TEST(machine_rng_seed_is_taken_once)
{
    u8 given[48], seed[32];

    for (size_t i = 0; i < sizeof(given); i++)
        given[i] = (u8)(0xc0 + i);
    for (int bytes = 32; bytes <= 48; bytes += 16) {
        memset(seed, 0xee, sizeof(seed));
        CHECK_EQ(fdt_setprop(tree, tree_start("/chosen"), "rng-seed", given, bytes), 0);
        CHECK(machine_take_rng_seed(tree, seed, sizeof(seed)));
        CHECK(memcmp(seed, given, sizeof(seed)) == 0);
        for (size_t at = 0; at + 4 <= sizeof(tree); at++)
            CHECK(memcmp(tree + at, given + bytes - 4, 4) != 0 && memcmp(tree + at, given, 4) != 0);
        CHECK_STR(read_tree().bootargs, "fork=cow trace=off sstc=on");
        CHECK(!machine_take_rng_seed(tree, seed, sizeof(seed)));
        CHECK(memcmp(seed, given, sizeof(seed)) == 0);
    }
}

TEST(machine_without_rng_seed)
{
    u8 seed[32] = {1};

    tree_start("/");
    CHECK(!machine_take_rng_seed(tree, seed, sizeof(seed)));
    CHECK_EQ(fdt_del_node(tree, fdt_path_offset(tree, "/chosen")), 0);
    CHECK(!machine_take_rng_seed(tree, seed, sizeof(seed)));
    /* too short: not used, and not left */
    CHECK_EQ(
        fdt_setprop(tree, tree_start("/chosen"), "rng-seed", "0123456789abcdefghijklmnopqrstu", 31),
        0);
    CHECK(!machine_take_rng_seed(tree, seed, sizeof(seed)));
    CHECK(fdt_getprop(tree, fdt_path_offset(tree, "/chosen"), "rng-seed", NULL) == NULL);
    CHECK_EQ(seed[0], 1);
}

static const struct guest_fdt guest = {
    .mem_bytes = 128 * MIB,
    .vcpus = 8,
    .has_sstc = true,
    .mmu_type = "riscv,sv57",
    .timebase_hz = 10000000,
};

static const struct guest_fdt_start begins = {.bootargs = "depth=3 width=3"};

/* Both steps into `tree`. */
static struct guest_fdt_places make_tree(const struct guest_fdt *kind,
                                         const struct guest_fdt_start *start)
{
    static _Alignas(u64) u8 made[TREE_BYTES];
    struct guest_fdt_places places;
    struct guest_fdt_made kept;

    CHECK_EQ(guest_fdt_make(made, sizeof(made), kind, &kept), ERR_OK);
    CHECK_EQ(fdt_check_full(made, kept.bytes), 0);
    CHECK_EQ(guest_fdt_start(tree, sizeof(tree), &kept, start, &places), ERR_OK);
    CHECK_EQ(fdt_check_full(tree, places.bytes), 0);
    return places;
}

/* The PLIC has for each hart no context of M-mode, and one of S-mode. */
static void check_contexts(u32 harts)
{
    int plic = fdt_node_offset_by_compatible(tree, -1, "sifive,plic-1.0.0"), length;
    const fdt32_t *cells = fdt_getprop(tree, plic, "interrupts-extended", &length);

    CHECK_EQ(length, harts * 4 * sizeof(*cells));
    for (u32 i = 0; i < harts; i++, cells += 4) {
        int cpu = fdt_parent_offset(tree, fdt_node_offset_by_phandle(tree, fdt32_ld(cells)));

        CHECK_EQ(fdt32_ld(fdt_getprop(tree, cpu, "reg", NULL)), i);
        CHECK_EQ(fdt32_ld(cells + 1), UINT32_MAX);
        CHECK_EQ(fdt32_ld(cells + 2), fdt32_ld(cells));
        CHECK_EQ(fdt32_ld(cells + 3), 9);
    }
}

/* A guest reads its tree with machine_read(), too. */
TEST(guest_tree_is_a_machine)
{
    struct guest_fdt all;
    struct guest_fdt_start start;
    struct machine machine;
    size_t seed_at;
    const u8 *seed;
    size_t bytes;
    int length;

    bytes = make_tree(&guest, &begins).bytes;
    machine = read_tree();
    CHECK_EQ(machine.fdt_bytes, bytes);
    CHECK_EQ(machine.memory_ranges, 1);
    CHECK_EQ(machine.memory[0].base, GUEST_RAM_BASE);
    CHECK_EQ(machine.memory[0].bytes, 128 * MIB);
    CHECK_EQ(machine.harts, 8);
    for (u32 i = 0; i < machine.harts; i++)
        CHECK_EQ(machine.hart_id[i], i);
    CHECK_STR(machine.isa, "rv64imafdc_zicsr_zifencei_sstc");
    CHECK_STR(machine.mmu_type, "riscv,sv57");
    CHECK_EQ(machine.timebase_hz, 10000000);
    CHECK_STR(machine.bootargs, "depth=3 width=3");
    CHECK_EQ(machine.uart.base, 0x10000000);
    CHECK_EQ(machine.finisher.base, 0x100000);
    CHECK_EQ(machine.rtc.bytes, 0);
    CHECK_EQ(machine.virtios, 8);
    for (u32 i = 0; i < machine.virtios; i++) {
        CHECK_EQ(machine.virtio[i].base, 0x10001000 + i * 0x1000);
        CHECK_EQ(machine.virtio[i].bytes, 0x1000);
        CHECK_EQ(machine.virtio_source[i], 1 + i);
    }
    CHECK_EQ(machine.initrd.bytes, 0);
    CHECK_EQ(machine.plic.base, 0xc000000);
    CHECK_EQ(machine.uart_source, 10);
    check_contexts(machine.harts);
    CHECK(fdt_node_offset_by_compatible(tree, -1, PROC_DOORBELL_COMPATIBLE) > 0);
    CHECK(fdt_node_offset_by_compatible(tree, -1, "cfi-flash") < 0);
    CHECK(fdt_getprop(tree, fdt_path_offset(tree, "/chosen"), "rng-seed", NULL) == NULL);

    all = (struct guest_fdt){.mem_bytes = 4096,
                             .vcpus = 1,
                             .has_zicboz = true,
                             .has_pflash = true,
                             .has_rtc = true,
                             .mmu_type = "",
                             .timebase_hz = 1ULL << 33};
    start = (struct guest_fdt_start){
        .bootargs = "", .initrd = GUEST_RAM_BASE, .initrd_bytes = 77, .has_rng_seed = true};
    seed_at = make_tree(&all, &start).seed_at;
    machine = read_tree();
    CHECK_EQ(machine.pflash.base, 0x22000000);
    CHECK_EQ(machine.initrd.base, GUEST_RAM_BASE);
    CHECK_EQ(machine.initrd.bytes, 77);
    CHECK_EQ(machine.rtc.base, 0x101000);
    CHECK_STR(machine.isa, "rv64imafdc_zicboz_zicsr_zifencei");
    CHECK_STR(machine.mmu_type, "riscv,sv39");
    CHECK_EQ(machine.timebase_hz, 1ULL << 33);
    CHECK(fdt_node_offset_by_compatible(tree, -1, "cfi-flash") > 0);
    memset(tree + seed_at, 0x5a, GUEST_FDT_SEED_BYTES);
    seed = fdt_getprop(tree, fdt_path_offset(tree, "/chosen"), "rng-seed", &length);
    CHECK_EQ(length, GUEST_FDT_SEED_BYTES);
    CHECK(seed[0] == 0x5a && seed[length - 1] == 0x5a);
    CHECK_EQ(read_tree().timebase_hz, 1ULL << 33);
}

/* What exec and spawn put in, as it is and as words for who reads bootargs. */
TEST(guest_tree_has_arguments)
{
    static const struct {
        const char *args;
        u32 bytes;
        const char *bootargs;
    } rows[] = {
        {"cat\0-n\0file\0\0HOME=/\0", 20, "-n file"},
        {"cat\0\0",                   5,  ""       },
        {"\0A=1\0",                   5,  ""       },
        {"\0",                        1,  ""       },
        {"a\0b\0\0",                  5,  "b"      },
    };

    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        struct guest_fdt_start start = {
            .bootargs = "no", .args = rows[i].args, .args_bytes = rows[i].bytes};
        struct guest_fdt_places places = make_tree(&guest, &start);
        const char *args;
        int length;

        CHECK_EQ(places.seed_at, 0);
        CHECK_STR(read_tree().bootargs, rows[i].bootargs);
        args = fdt_getprop(tree, fdt_path_offset(tree, "/chosen"), PROC_ARGS_PROPERTY, &length);
        CHECK_EQ(length, rows[i].bytes);
        CHECK(memcmp(args, rows[i].args, rows[i].bytes) == 0);
        CHECK(args == (const char *)tree + places.args_at);
        CHECK(fdt_path_offset(tree, "/reserved-memory") < 0);
        CHECK(fdt_getprop(tree, fdt_path_offset(tree, "/chosen"), "stdout-path", NULL) != NULL);
    }
}

TEST(guest_tree_names_shared_memory)
{
    static const struct machine_range ranges[] = {
        {GUEST_RAM_BASE + 0x400000, 0x3000 },
        {1ULL << 40,                1 << 30},
    };
    struct guest_fdt_start start = {.bootargs = "", .ranges = 2, .range = ranges};
    u32 count = 0;
    int node = -1;

    make_tree(&guest, &start);
    while ((node = fdt_node_offset_by_compatible(tree, node, PROC_SHARED_COMPATIBLE)) >= 0) {
        const fdt64_t *reg = fdt_getprop(tree, node, "reg", NULL);

        CHECK_EQ(fdt64_ld(reg), ranges[count].base);
        CHECK_EQ(fdt64_ld(reg + 1), ranges[count++].bytes);
    }
    CHECK_EQ(count, 2);
    CHECK(fdt_path_offset(tree, "/reserved-memory/shared@80400000") > 0);
    CHECK_EQ(fdt_address_cells(tree, fdt_path_offset(tree, "/reserved-memory")), 2);
    CHECK_EQ(fdt_size_cells(tree, fdt_path_offset(tree, "/reserved-memory")), 2);
    CHECK_EQ(read_tree().harts, 8);
}

/* However little room there is, it is refused, and not a byte behind it is written. */
TEST(guest_start_in_too_little_room)
{
    static const struct machine_range range = {GUEST_RAM_BASE, 0x1000};
    const struct guest_fdt_start start = {.args = "a\0bc\0\0",
                                          .args_bytes = 6,
                                          .has_rng_seed = true,
                                          .initrd_bytes = 5,
                                          .ranges = 1,
                                          .range = &range};
    struct guest_fdt_places places;
    struct guest_fdt_made made;
    size_t room = 0;
    enum err err = ERR_NOMEM;

    CHECK_EQ(guest_fdt_make(tree, sizeof(tree), &guest, &made), ERR_OK);
    for (; err != ERR_OK; room++) {
        void *to = malloc(room);

        err = guest_fdt_start(to, room, &made, &start, &places);
        CHECK(err == ERR_OK || err == ERR_NOMEM);
        CHECK(room < TREE_BYTES);
        free(to);
    }
    CHECK_EQ(places.bytes, room - 1);
}

TEST(guest_tree_in_too_little_room)
{
    struct guest_fdt_made made = {.bytes = 0};
    size_t room = 0;
    enum err err = ERR_NOMEM;

    for (; err != ERR_OK; room++) {
        void *to = malloc(room);

        err = guest_fdt_make(to, room, &guest, &made);
        CHECK(err == ERR_OK || err == ERR_NOMEM);
        CHECK(room < TREE_BYTES);
        free(to);
    }
    CHECK(made.bytes < room);
}

TEST(guest_devices_are_where_virt_has_them)
{
    static const char *const names[] = {"sifive,test0", "ns16550a", "riscv,plic0",
                                        "google,goldfish-rtc"};

    for (size_t i = 0; i < ARRAY_LEN(names); i++) {
        int node = fdt_node_offset_by_compatible(virt_dtb, -1, names[i]);
        const fdt64_t *reg = fdt_getprop(virt_dtb, node, "reg", NULL);

        CHECK_EQ(guest_fdt_device(names[i]).base, fdt64_ld(reg));
        CHECK_EQ(guest_fdt_device(names[i]).bytes, fdt64_ld(reg + 1));
    }
    CHECK_EQ(guest_fdt_device("cfi-flash").base, 0x22000000);
    CHECK_EQ(guest_fdt_device("cfi-flash").bytes, 32 * MIB);
    CHECK_EQ(guest_fdt_device(PROC_DOORBELL_COMPATIBLE).bytes, 4096);
    CHECK_EQ(guest_fdt_device("virtio,mmio").base, 0x10001000);
    CHECK_EQ(guest_fdt_device("virtio,mmio").bytes, 0x1000); /* the first one of eight */
}
