/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Completes the template guest.dts, which is compiled and part of the program.  The template is
 * ours: what libfdt may fail with is that there is no room.
 *
 * Node offsets do not survive a change of the tree, so each step looks its node up again.  That
 * takes long, and what depends on the image is needed for each spawn: it is put in by writing the
 * tree once more, as three pieces that are copied and two that are new:
 *
 *     header | ... /chosen { stdout-path | bootargs ... | } | reserved-memory | ... | strings |
 * more copied                      new            copied  new          copied          new
 */
#include "dts/guest_fdt.h"

#include <libfdt.h>
#include <stdio.h>
#include <string.h>

#include "sbi/proc.h"

extern const u8 guest_dtb[]; /* dts/guest.dts */

#define ISA_BYTES      64
#define CPU_NAME_BYTES 16
#define CPU_PHANDLE    0x100      /* of hart 0's interrupt controller; the template's are below */
#define NO_INTERRUPT   UINT32_MAX /* of a context that there is not: M-mode's */
#define S_EXTERNAL     9          /* the interrupt of S-mode that the PLIC raises */

/* What guests really have: neither H nor V, and of the host's extensions those that are enabled for
 * them.  In the order that the specification asks for: Z before S. */
static void isa_string(char isa[ISA_BYTES], const struct guest_fdt *guest)
{
    snprintf(isa, ISA_BYTES, "rv64imafdc%s_zicsr_zifencei%s", guest->has_zicboz ? "_zicboz" : "",
             guest->has_sstc ? "_sstc" : "");
}

static int set_string(void *fdt, int node, const char *name, const char *value)
{
    return fdt_setprop(fdt, node, name, value, (int)strlen(value) + 1);
}

/* Appends to `parent` of fdt a copy of the template's node, with all below it. */
static int copy_node(void *fdt, int parent, int template, const char *name)
{
    int node = fdt_add_subnode(fdt, parent, name);
    int from, failure;

    if (node < 0)
        return node;
    fdt_for_each_property_offset(from, guest_dtb, template)
    {
        const char *property;
        int length;
        const void *value = fdt_getprop_by_offset(guest_dtb, from, &property, &length);

        failure = fdt_setprop(fdt, node, property, value, length);
        if (failure < 0)
            return failure;
    }
    fdt_for_each_subnode(from, guest_dtb, template) {
        failure = copy_node(fdt, node, from, fdt_get_name(guest_dtb, from, NULL));
        if (failure < 0)
            return failure;
    }
    return node;
}

static int add_cpu(void *fdt, u32 id, const char *isa, const char *mmu_type)
{
    int template = fdt_path_offset(guest_dtb, "/cpus/cpu@0");
    char name[CPU_NAME_BYTES];
    int node, failure;

    snprintf(name, sizeof(name), "cpu@%x", (unsigned)id);
    node = copy_node(fdt, fdt_path_offset(fdt, "/cpus"), template, name);
    if (node < 0)
        return node;
    failure = fdt_setprop_u32(fdt, node, "reg", id);
    if (failure == 0)
        failure = set_string(fdt, node, "riscv,isa", isa);
    if (failure == 0 && mmu_type[0] != '\0')
        failure = set_string(fdt, node, "mmu-type", mmu_type);
    if (failure == 0)
        failure = fdt_setprop_u32(fdt, fdt_subnode_offset(fdt, node, "interrupt-controller"),
                                  "phandle", CPU_PHANDLE + id);
    return failure;
}

static int set_cpus(void *fdt, const struct guest_fdt *guest)
{
    int node = fdt_path_offset(fdt, "/cpus");
    int failure = guest->timebase_hz <= UINT32_MAX
                      ? fdt_setprop_u32(fdt, node, "timebase-frequency", (u32)guest->timebase_hz)
                      : fdt_setprop_u64(fdt, node, "timebase-frequency", guest->timebase_hz);
    char isa[ISA_BYTES];

    isa_string(isa, guest);
    if (failure == 0)
        failure = fdt_del_node(fdt, fdt_path_offset(fdt, "/cpus/cpu@0"));
    /* a new node becomes the first one */
    for (u32 id = guest->vcpus; id > 0 && failure == 0; id--)
        failure = add_cpu(fdt, id - 1, isa, guest->mmu_type);
    return failure;
}

/* The contexts of the PLIC: M-mode and S-mode of each hart. */
static int set_contexts(void *fdt, u32 vcpus)
{
    int failure = 0;

    for (u32 id = 0; id < vcpus && failure == 0; id++) {
        const u32 cells[] = {CPU_PHANDLE + id, NO_INTERRUPT, CPU_PHANDLE + id, S_EXTERNAL};
        int node = fdt_node_offset_by_compatible(fdt, -1, "riscv,plic0");

        for (u32 i = 0; i < ARRAY_LEN(cells) && failure == 0; i++)
            failure = fdt_appendprop_u32(fdt, node, "interrupts-extended", cells[i]);
    }
    return failure;
}

/* The template has the base of RAM, the guest its size. */
static int set_memory(void *fdt, const struct guest_fdt *guest)
{
    fdt64_t bytes = cpu_to_fdt64(guest->mem_bytes);

    return fdt_setprop_inplace_namelen_partial(fdt, fdt_path_offset(fdt, "/memory"), "reg",
                                               (int)strlen("reg"), sizeof(fdt64_t), &bytes,
                                               sizeof(bytes));
}

static int complete(void *fdt, const struct guest_fdt *guest)
{
    int failure = set_memory(fdt, guest);

    if (failure == 0 && !guest->has_pflash)
        failure = fdt_del_node(fdt, fdt_path_offset(fdt, "/flash"));
    if (failure == 0 && !guest->has_rtc)
        failure = fdt_del_node(fdt, fdt_path_offset(fdt, "/soc/rtc"));
    if (failure == 0)
        failure = set_cpus(fdt, guest);
    if (failure == 0)
        failure = set_contexts(fdt, guest->vcpus);
    return failure;
}

/* Where in a tree /chosen ends; it is the template's first node, and has no nodes in it. */
static size_t end_of_chosen(const void *fdt)
{
    int node = fdt_first_subnode(fdt, 0), at, next;

    fdt_next_tag(fdt, node, &at);
    while (fdt_next_tag(fdt, at, &next) == FDT_PROP)
        at = next;
    return fdt_off_dt_struct(fdt) + (size_t)at;
}

/* ERR_NOMEM: `to` has no meaning. */
enum err guest_fdt_make(void *to, size_t to_bytes, const struct guest_fdt *guest,
                        struct guest_fdt_made *made)
{
    if (fdt_open_into(guest_dtb, to, (int)to_bytes) != 0 || complete(to, guest) != 0 ||
        fdt_pack(to) != 0)
        return ERR_NOMEM;
    *made = (struct guest_fdt_made){
        .tree = to, .bytes = fdt_totalsize(to), .chosen_end = end_of_chosen(to)};
    return ERR_OK;
}

/* ---- what depends on the image --------------------------------------------------------------- */

/* A piece of the tree that is being written; once there is no room, nothing is. */
struct piece {
    u8 *at, *end;
    bool is_full;
};

static u8 *reserve(struct piece *piece, size_t bytes)
{
    u8 *at = piece->at;

    if (bytes > (size_t)(piece->end - at))
        piece->is_full = true;
    if (piece->is_full)
        return NULL;
    piece->at += bytes;
    return at;
}

static void put(struct piece *piece, const void *from, size_t bytes)
{
    u8 *at = reserve(piece, bytes);

    if (at != NULL && bytes != 0)
        memcpy(at, from, bytes);
}

static void put_cell(struct piece *piece, u32 cell)
{
    u8 *at = reserve(piece, sizeof(fdt32_t));

    if (at != NULL)
        *(fdt32_t *)(void *)at = cpu_to_fdt32(cell);
}

/* Names of properties that are new; they stand behind the other strings. */
#define NAMES(X)                   \
    X(bootargs, "bootargs")        \
    X(args, PROC_ARGS_PROPERTY)    \
    X(begin, "linux,initrd-start") \
    X(end, "linux,initrd-end")     \
    X(seed, "rng-seed")            \
    X(reg, "reg")                  \
    X(compatible, "compatible")    \
    X(ranges, "ranges")            \
    X(address, "#address-cells")   \
    X(size, "#size-cells")

static const _Alignas(u64) struct names {
#define NAME(field, text) char field[sizeof(text)];
    NAMES(NAME)
#undef NAME
} names = {
#define NAME(field, text) .field = text,
    NAMES(NAME)
#undef NAME
};

#define NAME_OF(field) ((u32)offsetof(struct names, field))

#define PROPERTY_BYTES (3 * sizeof(fdt32_t)) /* what is before a value */

/* Room for a value, with zeros behind it up to a cell; NULL: there is none. */
static u8 *put_property(struct piece *piece, u32 strings, u32 name, size_t bytes)
{
    size_t padded = align_up(bytes, sizeof(fdt32_t));
    u8 *value;

    put_cell(piece, FDT_PROP);
    put_cell(piece, (u32)bytes);
    put_cell(piece, strings + name);
    value = reserve(piece, padded);
    if (value != NULL && padded > bytes)
        memset(value + bytes, 0, padded - bytes);
    return value;
}

static void put_value(struct piece *piece, u32 strings, u32 name, const void *from, size_t bytes)
{
    u8 *value = put_property(piece, strings, name, bytes);

    if (value != NULL && bytes != 0)
        memcpy(value, from, bytes);
}

static void put_number(struct piece *piece, u32 strings, u32 name, u64 number)
{
    fdt64_t big = cpu_to_fdt64(number);

    put_value(piece, strings, name, &big, sizeof(big));
}

static void put_u32(struct piece *piece, u32 strings, u32 name, u32 number)
{
    fdt32_t big = cpu_to_fdt32(number);

    put_value(piece, strings, name, &big, sizeof(big));
}

/* The arguments from the second one on, separated by blanks.  They end with an empty string. */
static void put_bootargs_of(struct piece *piece, u32 strings, const char *args)
{
    size_t first = strlen(args) + 1, bytes = 0;
    u8 *value;

    if (first > 1) {
        while (args[first + bytes] != '\0')
            bytes += strlen(args + first + bytes) + 1;
    }
    value = put_property(piece, strings, NAME_OF(bootargs), bytes + (bytes == 0));
    if (value == NULL)
        return;
    memcpy(value, args + first, bytes);
    for (size_t i = 0; i + 1 < bytes; i++) {
        if (value[i] == '\0')
            value[i] = ' ';
    }
    value[bytes - (bytes != 0)] = '\0';
}

/* Notes in *places what is where, from `to` on. */
static void put_chosen(struct piece *piece, u32 strings, const struct guest_fdt_start *start,
                       const u8 *to, struct guest_fdt_places *places)
{
    u8 *seed;

    if (start->args_bytes != 0) {
        put_bootargs_of(piece, strings, start->args);
        places->args_at = (size_t)(piece->at - to) + PROPERTY_BYTES;
        put_value(piece, strings, NAME_OF(args), start->args, start->args_bytes);
    } else {
        put_value(piece, strings, NAME_OF(bootargs), start->bootargs, strlen(start->bootargs) + 1);
    }
    if (start->initrd_bytes != 0) {
        put_number(piece, strings, NAME_OF(begin), start->initrd);
        put_number(piece, strings, NAME_OF(end), start->initrd + start->initrd_bytes);
    }
    if (start->has_rng_seed) {
        if (((size_t)(piece->at - to) + PROPERTY_BYTES) % sizeof(u64) != 0)
            put_cell(piece, FDT_NOP); /* whole words are copied faster */
        places->seed_at = (size_t)(piece->at - to) + PROPERTY_BYTES;
        seed = put_property(piece, strings, NAME_OF(seed), GUEST_FDT_SEED_BYTES);
        if (seed != NULL)
            memset(seed, 0, GUEST_FDT_SEED_BYTES);
    }
}

static void put_node(struct piece *piece, const char *name)
{
    size_t bytes = strlen(name) + 1, padded = align_up(bytes, sizeof(fdt32_t));
    u8 *at;

    put_cell(piece, FDT_BEGIN_NODE);
    at = reserve(piece, padded);
    if (at == NULL)
        return;
    memset(at, 0, padded);
    memcpy(at, name, bytes);
}

#define RANGE_NAME_BYTES 32

static void put_reserved(struct piece *piece, u32 strings, const struct guest_fdt_start *start)
{
    char name[RANGE_NAME_BYTES];

    put_node(piece, "reserved-memory");
    put_u32(piece, strings, NAME_OF(address), 2);
    put_u32(piece, strings, NAME_OF(size), 2);
    put_value(piece, strings, NAME_OF(ranges), NULL, 0);
    for (u32 i = 0; i < start->ranges; i++) {
        const struct machine_range *range = &start->range[i];
        fdt64_t reg[] = {cpu_to_fdt64(range->base), cpu_to_fdt64(range->bytes)};

        snprintf(name, sizeof(name), "shared@%lx", (unsigned long)range->base);
        put_node(piece, name);
        put_value(piece, strings, NAME_OF(compatible), PROC_SHARED_COMPATIBLE,
                  sizeof(PROC_SHARED_COMPATIBLE));
        put_value(piece, strings, NAME_OF(reg), reg, sizeof(reg));
        put_cell(piece, FDT_END_NODE);
    }
    put_cell(piece, FDT_END_NODE);
}

/*
 * guest_fdt_start - the tree of one start of an image.
 *
 * args, if any, are well-formed: they end with a NUL, and an empty string is among them.
 *
 * ERR_NOMEM: `to` has no meaning.
 */
enum err guest_fdt_start(void *to, size_t to_bytes, const struct guest_fdt_made *made,
                         const struct guest_fdt_start *start, struct guest_fdt_places *places)
{
    struct piece piece = {.at = to, .end = (u8 *)to + to_bytes};
    const u8 *from = made->tree;
    size_t chosen_end = made->chosen_end, strings_at = fdt_off_dt_strings(from);
    size_t strings_bytes = fdt_size_dt_strings(from);
    size_t strings_end = align_up(strings_at + strings_bytes, sizeof(u64));
    u32 strings = (u32)(strings_end - strings_at);
    size_t behind = chosen_end + sizeof(fdt32_t), added;

    *places = (struct guest_fdt_places){.bytes = 0};
    put(&piece, from, chosen_end);
    put_chosen(&piece, strings, start, to, places);
    put_cell(&piece, FDT_END_NODE);
    if (start->ranges != 0)
        put_reserved(&piece, strings, start);
    /* likewise */
    if ((size_t)(piece.at - (u8 *)to) % sizeof(u64) != behind % sizeof(u64))
        put_cell(&piece, FDT_NOP);
    put(&piece, from + behind, strings_at - behind);
    added = (size_t)(piece.at - (u8 *)to) - strings_at;
    put(&piece, from + strings_at, strings_bytes);
    put(&piece, (const u8[sizeof(u64)]){0}, strings - strings_bytes);
    put(&piece, &names, sizeof(names));
    if (piece.is_full)
        return ERR_NOMEM;
    places->bytes = (size_t)(piece.at - (u8 *)to);
    fdt_set_totalsize(to, (u32)places->bytes);
    fdt_set_off_dt_strings(to, (u32)(strings_at + added));
    fdt_set_size_dt_struct(to, (u32)(fdt_size_dt_struct(from) + added));
    fdt_set_size_dt_strings(to, (u32)(strings + sizeof(names)));
    return ERR_OK;
}

/* The template's root and its one bus have addresses and sizes of two cells, and no translation. */
struct machine_range guest_fdt_device(const char *compatible)
{
    int node = fdt_node_offset_by_compatible(guest_dtb, -1, compatible);
    int length;
    const fdt64_t *reg = fdt_getprop(guest_dtb, node, "reg", &length);

    if (reg == NULL || length != 2 * sizeof(fdt64_t))
        return (struct machine_range){0};
    return (struct machine_range){.base = fdt64_ld(reg), .bytes = fdt64_ld(reg + 1)};
}
