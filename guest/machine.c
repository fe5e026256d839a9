/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Reading the FDT in place, mostly by libfdt.  Nothing is copied or kept (but how much RAM is
 * taken): a question costs a walk of the tree.  An FDT without a node or property gives an empty
 * answer, never a fault.
 *
 * [DT "Base Device Node Types", "/cpus Node Properties"]
 */
#include "guest/machine.h"

#include <libfdt.h>
#include <stdio.h>
#include <string.h>

#include "lib/riscv/csr.h"
#include "sbi/proc.h"

#include "guest/guest.h"

#define MACHINE_PAGE 4096UL

static const void *fdt;

/* blob: where a1 pointed at entry.  One that is not an FDT is treated as none. */
void machine_init(const void *blob)
{
    fdt = blob && fdt_check_header(blob) == 0 ? blob : NULL;
}

/*
 * property - of a node below the root; NULL: there is none.
 *
 * Every payload asks for one.  libfdt, small and not fast, takes twenty times as long.
 *
 * [DT "Structure Block"]
 */
static const void *property(const char *node, const char *name, int *bytes)
{
    const char *blob = fdt;
    const fdt32_t *at = fdt ? (const fdt32_t *)(blob + fdt_off_dt_struct(fdt)) : NULL;
    int depth = 0;
    bool is_in = false;

    while (at) {
        switch (fdt32_to_cpu(*at++)) {
        case FDT_BEGIN_NODE:
            if (is_in) {
                return NULL;
            }
            is_in = ++depth == 2 && strcmp((const char *)at, node) == 0;
            at += strlen((const char *)at) / sizeof(*at) + 1;
            break;
        case FDT_END_NODE:
            if (is_in) {
                return NULL;
            }
            depth--;
            break;
        case FDT_PROP:
            *bytes = (int)fdt32_to_cpu(at[0]);
            if (is_in && strcmp(blob + fdt_off_dt_strings(fdt) + fdt32_to_cpu(at[1]), name) == 0) {
                return at + 2;
            }
            at += 2 + align_up((u64)*bytes, sizeof(*at)) / sizeof(*at);
            break;
        case FDT_NOP: break;
        default: return NULL;
        }
    }
    return NULL;
}

/* /chosen/bootargs, or an empty string. */
const char *machine_bootargs(void)
{
    int bytes = 0;
    const char *text = property("chosen", "bootargs", &bytes);

    return text && bytes > 0 && text[bytes - 1] == '\0' ? text : "";
}

/* What the program was started with by another one; NULL: by nobody. */
const char *machine_args(size_t *bytes)
{
    int length = 0;
    const char *args = property("chosen", PROC_ARGS_PROPERTY, &length);

    *bytes = args && length > 0 && args[length - 1] == '\0' ? (size_t)length : 0;
    return *bytes ? args : NULL;
}

static u64 cells_read(const fdt32_t *cells, int count)
{
    u64 value = 0;

    for (int i = 0; i < count; i++) {
        value = value << 32 | fdt32_to_cpu(cells[i]);
    }
    return value;
}

/* Entry `index` of a node's reg; false where it has none.  Below /cpus the range is empty. */
static bool node_range(int node, int index, struct range *range)
{
    int parent = fdt_parent_offset(fdt, node);
    int base_cells = fdt_address_cells(fdt, parent);
    int size_cells = fdt_size_cells(fdt, parent);
    int bytes = 0;
    const fdt32_t *reg = fdt_getprop(fdt, node, "reg", &bytes);

    if (!reg || base_cells < 1 || size_cells < 0 ||
        bytes < 4 * (index + 1) * (base_cells + size_cells)) {
        return false;
    }
    reg += index * (base_cells + size_cells);
    range->base = cells_read(reg, base_cells);
    range->end = range->base + cells_read(reg + base_cells, size_cells);
    return true;
}

/* The first entry; an empty range where there is none. */
static struct range node_reg(int node)
{
    struct range range = {0, 0};

    return node_range(node, 0, &range) ? range : (struct range){0, 0};
}

/* The first range of RAM. */
struct range machine_ram(void)
{
    int node =
        fdt ? fdt_node_offset_by_prop_value(fdt, -1, "device_type", "memory", sizeof("memory"))
            : -1;

    return node < 0 ? (struct range){0, 0} : node_reg(node);
}

/* One number of /chosen, of one or two cells; 0 if there is none. */
static u64 chosen_number(const char *name)
{
    int bytes = 0;
    const fdt32_t *cells = property("chosen", name, &bytes);

    return cells && (bytes == 4 || bytes == 8) ? cells_read(cells, bytes / 4) : 0;
}

/* What the boot loader has put into memory (INITRD=); empty if nothing. */
struct range machine_initrd(void)
{
    struct range initrd = {chosen_number("linux,initrd-start"), chosen_number("linux,initrd-end")};

    return initrd.base < initrd.end ? initrd : (struct range){0, 0};
}

/* Of range and *lowest the one that begins lower, if it ends above `from`. */
static void take_lower(struct range range, u64 from, struct range *lowest)
{
    if (range.end > from && range.base < lowest->base) {
        *lowest = range;
    }
}

/* The lowest that something is in and that ends above `from`: the FDT, the initrd, what is
 * reserved; an empty one at the end of all addresses if there is none. */
static struct range taken_from(u64 from)
{
    struct range lowest = {UINT64_MAX, UINT64_MAX}, range;
    int node, parent = fdt ? fdt_path_offset(fdt, "/reserved-memory") : -1;

    take_lower(machine_initrd(), from, &lowest);
    if (fdt) {
        take_lower((struct range){(u64)fdt, (u64)fdt + fdt_totalsize(fdt)}, from, &lowest);
    }
    if (parent < 0) {
        return lowest;
    }
    fdt_for_each_subnode(node, fdt, parent) {
        for (int i = 0; node_range(node, i, &range); i++) {
            take_lower(range, from, &lowest);
        }
    }
    return lowest;
}

/*
 * machine_free - the first piece of RAM from an address on that nothing is in.
 *
 * It is above the image, page-aligned and not empty.  False: there is none.
 */
bool machine_free(u64 from, struct range *piece)
{
    u64 end = machine_ram().end, base = from;
    struct range taken;

    if (base < (u64)_image_end) {
        base = (u64)_image_end;
    }
    base = align_up(base, MACHINE_PAGE);
    for (taken = taken_from(base); align_down(taken.base, MACHINE_PAGE) <= base && base < end;
         taken = taken_from(base)) {
        base = align_up(taken.end, MACHINE_PAGE);
    }
    if (base >= end) {
        return false;
    }
    *piece = (struct range){base, align_down(taken.base < end ? taken.base : end, MACHINE_PAGE)};
    return piece->base < piece->end;
}

/*
 * machine_take - free RAM, page-aligned, untouched by us, never given back.  Not beside the
 * component pages, which has all of it.
 *
 * Ends the payload with a message and status 2 if there is not that much.
 */
void *machine_take(u64 bytes)
{
    static struct range left;
    u64 base;

    if (!left.base) {
        struct range piece;

        for (u64 from = 0; machine_free(from, &piece); from = piece.end) {
            if (piece.end - piece.base > left.end - left.base) {
                left = piece;
            }
        }
    }
    base = left.base;
    if (bytes > left.end - base) {
        printf("not enough memory: %lu KiB wanted, %lu KiB free\n", (unsigned long)(bytes >> 10),
               (unsigned long)((left.end - base) >> 10));
        guest_exit(2);
    }
    left.base = align_up(base + bytes, MACHINE_PAGE);
    return (void *)base;
}

/* Range `index` of those that all devices with this compatible string have; false: there are not so
 * many. */
bool machine_device_range(const char *compatible, size_t index, struct range *range)
{
    int node = fdt ? fdt_node_offset_by_compatible(fdt, -1, compatible) : -1;

    for (; node >= 0; node = fdt_node_offset_by_compatible(fdt, node, compatible)) {
        for (int i = 0; node_range(node, i, range); i++) {
            if (index-- == 0) {
                return true;
            }
        }
    }
    return false;
}

static u32 node_u32(int node, const char *name, u32 fallback)
{
    int bytes = 0;
    const fdt32_t *value = fdt_getprop(fdt, node, name, &bytes);

    return value && bytes >= 4 ? fdt32_to_cpu(*value) : fallback;
}

static int plic_node(void)
{
    return fdt ? fdt_node_offset_by_compatible(fdt, -1, "riscv,plic0") : -1;
}

/* The number at the PLIC of a node's first interrupt; 0: it has none there.  The interrupt parent
 * is the node's own or that of the next node above it that has one.
 * [DT "Properties for Interrupt Generating Devices"] */
static u32 node_interrupt(int node)
{
    int plic = plic_node();
    u32 number = node_u32(node, "interrupts", 0), parent = 0;

    for (; number != 0 && parent == 0 && node >= 0; node = fdt_parent_offset(fdt, node)) {
        parent = node_u32(node, "interrupt-parent", 0);
    }
    return plic >= 0 && parent != 0 && parent == fdt_get_phandle(fdt, plic) ? number : 0;
}

/* Of all those ranges the lowest that begins at `from` or above, and its device's interrupt at the
 * PLIC (0: none); false: there is none.  So they come in the order of their addresses. */
bool machine_device_from(const char *compatible, u64 from, struct range *range, u32 *interrupt)
{
    int node = fdt ? fdt_node_offset_by_compatible(fdt, -1, compatible) : -1;
    bool found = false;

    for (; node >= 0; node = fdt_node_offset_by_compatible(fdt, node, compatible)) {
        struct range candidate;

        for (int i = 0; node_range(node, i, &candidate); i++) {
            if (candidate.base >= from && (!found || candidate.base < range->base)) {
                *range = candidate;
                *interrupt = node_interrupt(node);
                found = true;
            }
        }
    }
    return found;
}

/* Base address of the first one; 0 if there is none. */
u64 machine_device(const char *compatible)
{
    struct range range;

    return machine_device_range(compatible, 0, &range) ? range.base : 0;
}

/* Of the last one: QEMU's virt has two banks of flash, and what is ours is the second one. */
u64 machine_device_last(const char *compatible)
{
    struct range range = {0, 0};

    for (size_t i = 0; machine_device_range(compatible, i, &range); i++) {
    }
    return range.base;
}

/* Shows `visit` each range of addresses that the FDT gives anything: devices, and RAM too. */
void machine_ranges(void (*visit)(struct range range))
{
    int depth = 0;

    for (int node = fdt ? fdt_next_node(fdt, -1, &depth) : -1; node >= 0;
         node = fdt_next_node(fdt, node, &depth)) {
        struct range range;

        for (int i = 0; node_range(node, i, &range); i++) {
            visit(range);
        }
    }
}

/* Ticks of time in a second; 0 if the FDT does not say. */
u64 machine_timebase(void)
{
    int bytes = 0;
    const fdt32_t *hz = property("cpus", "timebase-frequency", &bytes);

    return hz && bytes == 4 ? fdt32_to_cpu(*hz) : 0;
}

/*
 * machine_take_seed - the boot loader's random numbers, for one use.
 *
 * They are overwritten in the FDT.  False: there are not so many; seed[] is as before.
 *
 * [DT "/chosen Node Properties"]
 */
bool machine_take_seed(u8 *seed, u64 bytes)
{
    int length = 0;
    const u8 *from = property("chosen", "rng-seed", &length);
    bool is_enough = from && (u64)length >= bytes;

    if (is_enough) {
        memcpy(seed, from, bytes);
    }
    if (from) {
        fdt_nop_property((void *)(uintptr_t)fdt, fdt_path_offset(fdt, "/chosen"), "rng-seed");
    }
    return is_enough;
}

/* Whether the first CPU's riscv,isa names a multi-letter extension.
 * [UNPRIV "ISA Extension Naming Conventions"] */
bool machine_isa_has(const char *extension)
{
    size_t length = strlen(extension);
    int bytes = 0;
    int node =
        fdt ? fdt_node_offset_by_prop_value(fdt, -1, "device_type", "cpu", sizeof("cpu")) : -1;
    const char *p = node < 0 ? NULL : fdt_getprop(fdt, node, "riscv,isa", &bytes);

    if (!p || bytes < 1 || p[bytes - 1] != '\0') {
        return false;
    }
    while ((p = strchr(p, '_'))) {
        p++;
        if (strncmp(p, extension, length) == 0 && (p[length] == '_' || p[length] == '\0')) {
            return true;
        }
    }
    return false;
}

/* Fill ids with the first max hart ids; returns how many harts there are. */
size_t machine_harts(u64 *ids, size_t max)
{
    size_t count = 0;
    int cpus = fdt ? fdt_path_offset(fdt, "/cpus") : -1;
    int node;

    if (cpus < 0) {
        return 0;
    }
    fdt_for_each_subnode(node, fdt, cpus) {
        const char *type = fdt_getprop(fdt, node, "device_type", NULL);

        if (type && strcmp(type, "cpu") == 0) {
            if (count < max) {
                ids[count] = node_reg(node).base;
            }
            count++;
        }
    }
    return count;
}

/* The context of a hart's S-mode at the PLIC: contexts are numbered as the PLIC's list says, of
 * pairs of an interrupt controller inside of a CPU and a cause.  False: it has none.
 * [DT "Properties for Interrupt Generating Devices"] */
bool machine_plic_context(u64 hart, u32 *context)
{
    int bytes = 0, plic = plic_node();
    const fdt32_t *pairs = fdt ? fdt_getprop(fdt, plic, "interrupts-extended", &bytes) : NULL;

    for (int i = 0; pairs && i < bytes / 8; i++) {
        u32 cause = fdt32_to_cpu(pairs[2 * i + 1]);
        int controller = fdt_node_offset_by_phandle(fdt, fdt32_to_cpu(pairs[2 * i]));

        if (cause == IRQ_SEXT && controller >= 0 &&
            node_reg(fdt_parent_offset(fdt, controller)).base == hart) {
            *context = (u32)i;
            return true;
        }
    }
    return false;
}
