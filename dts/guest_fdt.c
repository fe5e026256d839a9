/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Completes the template guest.dts, which is compiled and part of the program, for one guest.  The
 * template is ours: what libfdt may fail with is that there is no room.
 *
 * Node offsets do not survive a change of the tree, so each step looks its node up again.
 */
#include "dts/guest_fdt.h"

#include <libfdt.h>
#include <stdio.h>
#include <string.h>

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

static int set_chosen(void *fdt, const struct guest_fdt *guest)
{
    static const u8 zeros[GUEST_FDT_SEED_BYTES];
    int node = fdt_path_offset(fdt, "/chosen");
    int failure = set_string(fdt, node, "bootargs", guest->bootargs);

    if (failure == 0 && guest->initrd_bytes != 0)
        failure = fdt_setprop_u64(fdt, node, "linux,initrd-start", guest->initrd);
    if (failure == 0 && guest->initrd_bytes != 0)
        failure =
            fdt_setprop_u64(fdt, node, "linux,initrd-end", guest->initrd + guest->initrd_bytes);
    if (failure == 0 && guest->has_rng_seed)
        failure = fdt_setprop(fdt, node, "rng-seed", zeros, sizeof(zeros));
    return failure;
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
    if (failure == 0)
        failure = set_chosen(fdt, guest);
    return failure;
}

/* ERR_NOMEM: `to` has no meaning. */
enum err guest_fdt_make(void *to, size_t to_bytes, const struct guest_fdt *guest, size_t *bytes)
{
    if (fdt_open_into(guest_dtb, to, (int)to_bytes) != 0 || complete(to, guest) != 0 ||
        fdt_pack(to) != 0)
        return ERR_NOMEM;
    *bytes = fdt_totalsize(to);
    return ERR_OK;
}

size_t guest_fdt_rng_seed(const void *fdt)
{
    const u8 *seed = fdt_getprop(fdt, fdt_path_offset(fdt, "/chosen"), "rng-seed", NULL);

    return (size_t)(seed - (const u8 *)fdt);
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
