/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Reads a flattened device tree into struct machine.  The hypervisor reads the machine's, a guest
 * reads the one that the hypervisor has made for it; both through this file.
 *
 * libfdt checks the tree as a whole first; what is done here is to take nothing in it for granted:
 * any property may be missing, of the wrong length, or name something that cannot be.
 *
 * Not done: interrupts but for a number, taken for a source of the PLIC, buses whose addresses are
 * not numbers of one or two cells (PCI), and devices that a driver of ours does not know.
 *
 * [DT "Devicetree Basics", "Device Node Requirements", "Flattened Devicetree (DTB) Format"]
 */
#include "dts/machine.h"

#include <libfdt.h>
#include <string.h>

#define CELL_BYTES        4
#define CELLS_MAX         2 /* of an address or a size that can be read */
#define BUS_DEPTH_MAX     8
#define UART_SHIFT_MAX    3
#define TIMEBASE_PROPERTY "timebase-frequency"
#define RNG_SEED_PROPERTY "rng-seed"

/* What all functions below share. */
struct reader {
    struct machine *machine;
    const void *fdt;
    int console; /* node that /chosen/stdout-path names, or negative */
    const char *why;
};

/* A node whose children have addresses, and how these become addresses of the CPU. */
struct bus {
    const struct bus *parent; /* NULL: addresses are the CPU's */
    int node;
    u32 depth;
    u32 address_cells, size_cells;
};

static enum err malformed(struct reader *reader, const char *why)
{
    reader->why = why;
    return ERR_FORMAT;
}

/* The number in `cells` cells, 0 to CELLS_MAX. */
static u64 take_cells(const fdt32_t *cell, u32 cells)
{
    u64 number = 0;

    for (u32 i = 0; i < cells; i++)
        number = number << 32 | fdt32_ld(cell + i);
    return number;
}

/* False: there is no such property, or it is not one number of 32 or 64 bits. */
static bool read_number(const void *fdt, int node, const char *name, u64 *number)
{
    int length;
    const fdt32_t *cell = fdt_getprop(fdt, node, name, &length);

    if (cell == NULL || (length != CELL_BYTES && length != 2 * CELL_BYTES))
        return false;
    *number = take_cells(cell, (u32)length / CELL_BYTES);
    return true;
}

/* NULL: there is no such property, or no string in it. */
static const char *read_string(const void *fdt, int node, const char *name)
{
    int length;
    const char *string = fdt_getprop(fdt, node, name, &length);

    if (string == NULL || length <= 0 || memchr(string, '\0', (size_t)length) == NULL)
        return NULL;
    return string;
}

static bool is_enabled(const void *fdt, int node)
{
    const char *status = read_string(fdt, node, "status");

    return status == NULL || strcmp(status, "okay") == 0 || strcmp(status, "ok") == 0;
}

static bool is_of_type(const void *fdt, int node, const char *type)
{
    const char *is = read_string(fdt, node, "device_type");

    return is != NULL && strcmp(is, type) == 0;
}

static bool is_compatible(const void *fdt, int node, const char *with)
{
    return fdt_node_check_compatible(fdt, node, with) == 0;
}

/* False: addresses or sizes below this node are not numbers that fit 64 bits. */
static bool bus_open(struct bus *bus, const void *fdt, int node, const struct bus *parent)
{
    int address_cells = fdt_address_cells(fdt, node);
    int size_cells = fdt_size_cells(fdt, node);

    if (address_cells < 1 || address_cells > CELLS_MAX || size_cells < 0 || size_cells > CELLS_MAX)
        return false;
    *bus = (struct bus){.parent = parent,
                        .node = node,
                        .depth = parent == NULL ? 0 : parent->depth + 1,
                        .address_cells = (u32)address_cells,
                        .size_cells = (u32)size_cells};
    return true;
}

/* One step towards the CPU: through the ranges of this bus.  Empty ranges change nothing. */
static bool translate_once(const struct bus *bus, const void *fdt, struct machine_range *range)
{
    u32 own = bus->address_cells, above = bus->parent->address_cells;
    u32 row = own + above + bus->size_cells;
    int length;
    const fdt32_t *cell = fdt_getprop(fdt, bus->node, "ranges", &length);

    if (cell == NULL)
        return false;
    for (u32 at = 0; (at + row) * CELL_BYTES <= (u32)length; at += row) {
        u64 from = take_cells(cell + at, own);
        u64 to = take_cells(cell + at + own, above);
        u64 bytes = take_cells(cell + at + own + above, bus->size_cells);

        if (range->base >= from && range->base - from < bytes &&
            range->bytes <= bytes - (range->base - from)) {
            range->base = range->base - from + to;
            return true;
        }
    }
    return length == 0;
}

static bool translate(const struct bus *bus, const void *fdt, struct machine_range *range)
{
    for (; bus->parent != NULL; bus = bus->parent) {
        if (!translate_once(bus, fdt, range))
            return false;
    }
    return true;
}

/*
 * How many ranges `reg` of a child of bus has, 0 if it is not there or not well-formed.  Addresses
 * are the bus's own.
 */
static u32 reg_count(const struct bus *bus, const void *fdt, int node)
{
    u32 row = (bus->address_cells + bus->size_cells) * CELL_BYTES;
    int length;

    if (fdt_getprop(fdt, node, "reg", &length) == NULL || length <= 0 || (u32)length % row != 0)
        return 0;
    return (u32)length / row;
}

static struct machine_range reg_get(const struct bus *bus, const void *fdt, int node, u32 index)
{
    const fdt32_t *cell = fdt_getprop(fdt, node, "reg", NULL);

    cell += index * (bus->address_cells + bus->size_cells);
    return (struct machine_range){.base = take_cells(cell, bus->address_cells),
                                  .bytes = take_cells(cell + bus->address_cells, bus->size_cells)};
}

/* Appends range to list[], unless it is empty. */
static enum err add_range(struct reader *reader, struct machine_range *list, u32 *count, u32 max,
                          struct machine_range range)
{
    if (range.bytes == 0)
        return ERR_OK;
    if (range.bytes > UINT64_MAX - range.base)
        return malformed(reader, "a range of memory runs over the end of the address space");
    if (*count == max)
        return malformed(reader, "more ranges of memory than this program keeps");
    list[(*count)++] = range;
    return ERR_OK;
}

static enum err add_reserved(struct reader *reader, struct machine_range range)
{
    struct machine *machine = reader->machine;

    return add_range(reader, machine->reserved, &machine->reserved_ranges, MACHINE_RESERVED_MAX,
                     range);
}

/* ---- memory ---------------------------------------------------------------------------------- */

static enum err read_memory_node(struct reader *reader, const struct bus *root, int node)
{
    struct machine *machine = reader->machine;
    u32 count = reg_count(root, reader->fdt, node);
    enum err err = ERR_OK;

    if (count == 0)
        return malformed(reader, "a memory node has no well-formed reg");
    for (u32 i = 0; i < count && err == ERR_OK; i++)
        err = add_range(reader, machine->memory, &machine->memory_ranges, MACHINE_MEMORY_MAX,
                        reg_get(root, reader->fdt, node, i));
    return err;
}

static enum err read_memory(struct reader *reader, const struct bus *root)
{
    enum err err = ERR_OK;
    int node;

    fdt_for_each_subnode(node, reader->fdt, root->node) {
        if (is_of_type(reader->fdt, node, "memory") && is_enabled(reader->fdt, node))
            err = read_memory_node(reader, root, node);
        if (err != ERR_OK)
            return err;
    }
    return reader->machine->memory_ranges == 0 ? malformed(reader, "no memory node") : ERR_OK;
}

/* The regions of /reserved-memory that have a place; those that have only a size are wishes. */
static enum err read_reserved_nodes(struct reader *reader)
{
    int parent = fdt_path_offset(reader->fdt, "/reserved-memory");
    enum err err = ERR_OK;
    struct bus bus;
    int node;

    if (parent < 0)
        return ERR_OK;
    if (!bus_open(&bus, reader->fdt, parent, NULL))
        return malformed(reader, "/reserved-memory: #address-cells or #size-cells");
    fdt_for_each_subnode(node, reader->fdt, parent) {
        u32 count = reg_count(&bus, reader->fdt, node);

        if (!is_enabled(reader->fdt, node) || fdt_getprop(reader->fdt, node, "reg", NULL) == NULL)
            continue;
        if (count == 0)
            return malformed(reader, "/reserved-memory: a region's reg is not well-formed");
        for (u32 i = 0; i < count && err == ERR_OK; i++)
            err = add_reserved(reader, reg_get(&bus, reader->fdt, node, i));
        if (err != ERR_OK)
            return err;
    }
    return ERR_OK;
}

static enum err read_reserved(struct reader *reader)
{
    int count = fdt_num_mem_rsv(reader->fdt);
    enum err err = ERR_OK;

    for (int i = 0; i < count && err == ERR_OK; i++) {
        struct machine_range range;

        if (fdt_get_mem_rsv(reader->fdt, i, &range.base, &range.bytes) != 0)
            return malformed(reader, "the memory reservation block is cut");
        err = add_reserved(reader, range);
    }
    return err == ERR_OK ? read_reserved_nodes(reader) : err;
}

/* ---- harts ----------------------------------------------------------------------------------- */

/* Extensions of several letters begin with one of these. */
static bool is_long_extension(char first)
{
    return first == 's' || first == 'x' || first == 'z';
}

/* Whether an ISA string, "rv64imafdch_zicsr_sstc", has an extension.  A version may follow it. */
static bool isa_string_has(const char *isa, const char *name)
{
    size_t bytes = strlen(name);
    const char *at = isa + strspn(isa, "rv0123456789");

    for (; *at != '\0' && *at != '_' && !is_long_extension(*at); at++) {
        if (bytes == 1 && *at == name[0])
            return true;
    }
    while (*at != '\0') {
        at += strspn(at, "_");
        if (strncmp(at, name, bytes) == 0 && strchr("_0123456789", at[bytes]) != NULL)
            return true;
        at += strcspn(at, "_");
    }
    return false;
}

/* The newer property wins: it is a list of names, which need not be parsed. */
static bool hart_has(const void *fdt, int cpu, const char *name)
{
    int length;
    const char *list = fdt_getprop(fdt, cpu, "riscv,isa-extensions", &length);
    const char *isa = read_string(fdt, cpu, "riscv,isa");

    if (list != NULL)
        return fdt_stringlist_contains(list, length, name) != 0;
    return isa != NULL && isa_string_has(isa, name);
}

static enum err copy_string(struct reader *reader, char *to, size_t bytes, const char *from,
                            const char *why)
{
    if (from == NULL)
        from = "";
    if (strlen(from) >= bytes)
        return malformed(reader, why);
    strcpy(to, from);
    return ERR_OK;
}

static enum err read_first_hart(struct reader *reader, int cpu)
{
    struct machine *machine = reader->machine;
    const char *isa = read_string(reader->fdt, cpu, "riscv,isa");
    const char *mmu_type = read_string(reader->fdt, cpu, "mmu-type");
    enum err err;

    if (isa == NULL)
        isa = read_string(reader->fdt, cpu, "riscv,isa-base");
    if (isa == NULL)
        return malformed(reader, "a cpu has neither riscv,isa nor riscv,isa-base");
    err =
        copy_string(reader, machine->isa, sizeof(machine->isa), isa, "a cpu's ISA string is long");
    if (err == ERR_OK)
        err = copy_string(reader, machine->mmu_type, sizeof(machine->mmu_type), mmu_type,
                          "a cpu's mmu-type is long");
    machine->has_h = machine->has_sstc = machine->has_zicboz = true;
    return err;
}

static enum err read_hart(struct reader *reader, const struct bus *cpus, int cpu)
{
    struct machine *machine = reader->machine;
    enum err err = ERR_OK;
    u64 id;

    if (reg_count(cpus, reader->fdt, cpu) != 1)
        return malformed(reader, "a cpu's reg is not one hart id");
    id = reg_get(cpus, reader->fdt, cpu, 0).base;
    for (u32 i = 0; i < machine->harts; i++) {
        if (machine->hart_id[i] == id)
            return malformed(reader, "two cpus have the same hart id");
    }
    if (machine->harts == 0)
        err = read_first_hart(reader, cpu);
    machine->hart_id[machine->harts++] = id;
    machine->has_h &= hart_has(reader->fdt, cpu, "h");
    machine->has_sstc &= hart_has(reader->fdt, cpu, "sstc");
    machine->has_zicboz &= hart_has(reader->fdt, cpu, "zicboz");
    return err;
}

/* The timebase belongs to /cpus, but may stand in each cpu where all are equal. */
static enum err read_timebase(struct reader *reader, int cpus, int first_cpu)
{
    u64 *hz = &reader->machine->timebase_hz;

    if (!read_number(reader->fdt, cpus, TIMEBASE_PROPERTY, hz) &&
        !read_number(reader->fdt, first_cpu, TIMEBASE_PROPERTY, hz))
        return malformed(reader, "/cpus has no " TIMEBASE_PROPERTY);
    return *hz == 0 ? malformed(reader, TIMEBASE_PROPERTY " is 0") : ERR_OK;
}

static enum err read_harts(struct reader *reader)
{
    int parent = fdt_path_offset(reader->fdt, "/cpus");
    int first_cpu = -1;
    struct bus cpus;
    int cpu;

    if (parent < 0)
        return malformed(reader, "no /cpus");
    if (!bus_open(&cpus, reader->fdt, parent, NULL) || cpus.size_cells != 0)
        return malformed(reader, "/cpus: #address-cells or #size-cells");
    fdt_for_each_subnode(cpu, reader->fdt, parent) {
        enum err err;

        if (!is_of_type(reader->fdt, cpu, "cpu") || !is_enabled(reader->fdt, cpu) ||
            reader->machine->harts == MACHINE_HARTS_MAX)
            continue;
        if (first_cpu < 0)
            first_cpu = cpu;
        err = read_hart(reader, &cpus, cpu);
        if (err != ERR_OK)
            return err;
    }
    if (first_cpu < 0)
        return malformed(reader, "no cpu that is enabled");
    return read_timebase(reader, parent, first_cpu);
}

/* ---- devices --------------------------------------------------------------------------------- */

/* Its interrupt at the PLIC, or 0. */
static u32 read_source(const void *fdt, int node)
{
    u64 source;

    if (!read_number(fdt, node, "interrupts", &source) || source > UINT32_MAX)
        return 0;
    return (u32)source;
}

static enum err add_uart(struct reader *reader, struct machine_range range, int node)
{
    struct machine *machine = reader->machine;
    u64 shift = 0;

    if (machine->uart.bytes != 0 && node != reader->console)
        return ERR_OK;
    if (fdt_getprop(reader->fdt, node, "reg-shift", NULL) != NULL &&
        (!read_number(reader->fdt, node, "reg-shift", &shift) || shift > UART_SHIFT_MAX))
        return malformed(reader, "the uart's reg-shift");
    machine->uart = range;
    machine->uart_source = read_source(reader->fdt, node);
    machine->uart_stride = 1U << shift;
    return ERR_OK;
}

/* Keeps virtio[] in address order: that is the order of slots, and trees often have the reverse. */
static enum err add_virtio(struct reader *reader, struct machine_range range, int node)
{
    struct machine *machine = reader->machine;
    u32 at = machine->virtios;

    if (at == MACHINE_VIRTIO_MAX)
        return malformed(reader, "more virtio,mmio devices than this program keeps");
    for (; at > 0 && machine->virtio[at - 1].base > range.base; at--) {
        machine->virtio[at] = machine->virtio[at - 1];
        machine->virtio_source[at] = machine->virtio_source[at - 1];
    }
    machine->virtio[at] = range;
    machine->virtio_source[at] = read_source(reader->fdt, node);
    machine->virtios++;
    return ERR_OK;
}

/* Each of its ranges is a bank. */
static void read_pflash(struct reader *reader, const struct bus *bus, int node)
{
    struct machine_range bank =
        reg_get(bus, reader->fdt, node, reg_count(bus, reader->fdt, node) - 1);

    if (translate(bus, reader->fdt, &bank) && bank.bytes <= UINT64_MAX - bank.base)
        reader->machine->pflash = bank;
}

/* A device that is not for us, or that has no registers, is passed over. */
static enum err read_device(struct reader *reader, const struct bus *bus, int node)
{
    struct machine *machine = reader->machine;
    const void *fdt = reader->fdt;
    struct machine_range range;

    if (reg_count(bus, fdt, node) == 0)
        return ERR_OK;
    range = reg_get(bus, fdt, node, 0);
    if (!translate(bus, fdt, &range) || range.bytes == 0 || range.bytes > UINT64_MAX - range.base)
        return ERR_OK;
    if (is_compatible(fdt, node, "ns16550a"))
        return add_uart(reader, range, node);
    if (is_compatible(fdt, node, "cfi-flash"))
        read_pflash(reader, bus, node);
    if (is_compatible(fdt, node, "virtio,mmio"))
        return add_virtio(reader, range, node);
    if (is_compatible(fdt, node, "sifive,test0"))
        machine->finisher = range;
    else if (is_compatible(fdt, node, "google,goldfish-rtc"))
        machine->rtc = range;
    else if (is_compatible(fdt, node, "sifive,plic-1.0.0") ||
             is_compatible(fdt, node, "riscv,plic0"))
        machine->plic = range;
    return ERR_OK;
}

/* A node with ranges is a bus: its children's addresses can be those of the CPU. */
static enum err read_devices(struct reader *reader, const struct bus *bus)
{
    enum err err = ERR_OK;
    int node;

    fdt_for_each_subnode(node, reader->fdt, bus->node) {
        struct bus below;

        if (!is_enabled(reader->fdt, node))
            continue;
        if (fdt_getprop(reader->fdt, node, "ranges", NULL) == NULL)
            err = read_device(reader, bus, node);
        else if (bus->depth < BUS_DEPTH_MAX && bus_open(&below, reader->fdt, node, bus))
            err = read_devices(reader, &below);
        if (err != ERR_OK)
            return err;
    }
    return ERR_OK;
}

/* ---- what the boot loader says --------------------------------------------------------------- */

static enum err read_initrd(struct reader *reader, int chosen)
{
    struct machine_range *initrd = &reader->machine->initrd;
    u64 end;
    bool has_start = read_number(reader->fdt, chosen, "linux,initrd-start", &initrd->base);
    bool has_end = read_number(reader->fdt, chosen, "linux,initrd-end", &end);

    if (!has_start && !has_end)
        return ERR_OK;
    if (!has_start || !has_end || end < initrd->base)
        return malformed(reader, "/chosen: linux,initrd-start and -end are no range");
    initrd->bytes = end - initrd->base;
    return ERR_OK;
}

/* The node of stdout-path, "path-or-alias:options". */
static int find_console(const void *fdt, int chosen)
{
    const char *path = read_string(fdt, chosen, "stdout-path");

    if (path == NULL)
        return -FDT_ERR_NOTFOUND;
    return fdt_path_offset_namelen(fdt, path, (int)strcspn(path, ":"));
}

static enum err read_chosen(struct reader *reader)
{
    struct machine *machine = reader->machine;
    int chosen = fdt_path_offset(reader->fdt, "/chosen");
    enum err err;

    if (chosen < 0)
        return ERR_OK;
    reader->console = find_console(reader->fdt, chosen);
    err = copy_string(reader, machine->bootargs, sizeof(machine->bootargs),
                      read_string(reader->fdt, chosen, "bootargs"),
                      "/chosen: bootargs longer than 511 characters");
    return err == ERR_OK ? read_initrd(reader, chosen) : err;
}

static enum err read_tree(struct reader *reader)
{
    struct bus root;
    enum err err;

    if (!bus_open(&root, reader->fdt, 0, NULL))
        return malformed(reader, "/: #address-cells or #size-cells");
    err = read_chosen(reader);
    if (err == ERR_OK)
        err = read_devices(reader, &root);
    if (err == ERR_OK)
        err = read_memory(reader, &root);
    if (err == ERR_OK)
        err = read_reserved(reader);
    return err == ERR_OK ? read_harts(reader) : err;
}

/* libfdt checks everything but that its blocks are aligned, which accesses to them rely on. */
static bool is_tree(const void *fdt)
{
    return fdt_check_header(fdt) == 0 && fdt_off_mem_rsvmap(fdt) % sizeof(fdt64_t) == 0 &&
           fdt_off_dt_struct(fdt) % sizeof(fdt32_t) == 0 &&
           fdt_check_full(fdt, fdt_totalsize(fdt)) == 0;
}

/*
 * machine_read - what the tree at fdt says.
 *
 * fdt is aligned to 8 bytes and readable for as long as its header says.  It is kept in *machine,
 * but all else there is a copy.  Devices are optional; memory, a hart and the timebase are not.
 *
 * ERR_FORMAT: *why is a sentence's end; of *machine only the devices count, if they are there: they
 * are read early, so that a caller can say what is wrong and end with a status.
 */
enum err machine_read(struct machine *machine, const void *fdt, const char **why)
{
    struct reader reader = {.machine = machine, .fdt = fdt, .console = -FDT_ERR_NOTFOUND};
    enum err err;

    *machine = (struct machine){.fdt = fdt};
    if (!is_tree(fdt)) {
        *why = "not a flattened device tree";
        return ERR_FORMAT;
    }
    machine->fdt_bytes = fdt_totalsize(fdt);
    err = read_tree(&reader);
    *why = reader.why;
    return err;
}

/*
 * machine_take_rng_seed - the boot loader's random numbers, for one use.
 *
 * fdt is a tree that machine_read() took.  A seed that is longer than bytes is cut; a shorter one
 * is too easy to guess, and counts as none.  Either is overwritten in the tree, which has no such
 * property afterwards.
 *
 * [DT "/chosen Node Properties"]
 */
bool machine_take_rng_seed(void *fdt, u8 *seed, size_t bytes)
{
    int chosen = fdt_path_offset(fdt, "/chosen"), length;
    const void *from = fdt_getprop(fdt, chosen, RNG_SEED_PROPERTY, &length);
    bool is_enough = from != NULL && (size_t)length >= bytes;

    if (is_enough)
        memcpy(seed, from, bytes);
    if (from != NULL)
        fdt_nop_property(fdt, chosen, RNG_SEED_PROPERTY);
    return is_enough;
}
