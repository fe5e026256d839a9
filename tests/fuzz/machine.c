/* SPDX-License-Identifier: BSD-2-Clause */
/* Device trees: any bytes as the machine's, and any wishes for a guest's. */
#include "dts/machine.h"

#include <libfdt.h>
#include <stdlib.h>
#include <string.h>

#include "lib/bundle.h"

#include "dts/guest_fdt.h"

#include "tests/test.h"

extern const u8 virt_dtb[], virt_dtb_end[], guest_dtb[], guest_dtb_end[];

/* The header says how much may be read; that it does so truly is what a boot loader vouches for. */
FUZZ(machine)
{
    struct machine machine;
    const char *why = NULL;

    if (size < sizeof(struct fdt_header) || fdt_totalsize(bytes) > size)
        return 0;
    if (machine_read(&machine, bytes, &why) != ERR_OK) {
        CHECK(why != NULL);
        return 0;
    }
    CHECK(machine.memory_ranges > 0 && machine.memory_ranges <= MACHINE_MEMORY_MAX);
    CHECK(machine.harts > 0 && machine.harts <= MACHINE_HARTS_MAX);
    CHECK(machine.reserved_ranges <= MACHINE_RESERVED_MAX && machine.timebase_hz > 0);
    for (u32 i = 0; i < machine.memory_ranges; i++)
        CHECK(machine.memory[i].bytes > 0 &&
              machine.memory[i].base + machine.memory[i].bytes > machine.memory[i].base);
    for (u32 i = 1; i < machine.virtios; i++)
        CHECK(machine.virtio[i - 1].base <= machine.virtio[i].base);
    return 0;
}

FUZZ_SEEDS(machine)
{
    fuzz_seed(virt_dtb, (size_t)(virt_dtb_end - virt_dtb));
    fuzz_seed(guest_dtb, (size_t)(guest_dtb_end - guest_dtb));
}

/* What comes from outside: from the bundle the command line and figures, from the host's tree the
 * rest. */
struct wishes {
    u64 mem_bytes, timebase_hz;
    u16 room;
    u8 vcpus, flags;
    char mmu_type[12];
};

FUZZ(guest_fdt)
{
    struct wishes wishes;
    char *bootargs;
    static _Alignas(u64) u8 made[1 << 16];
    void *to;
    struct guest_fdt_places places;
    struct guest_fdt_made kept;
    struct machine machine;
    const char *why;

    if (size < sizeof(wishes))
        return 0;
    memcpy(&wishes, bytes, sizeof(wishes));
    wishes.mmu_type[sizeof(wishes.mmu_type) - 1] = '\0';
    bootargs = strndup((const char *)bytes + sizeof(wishes), size - sizeof(wishes));
    to = malloc(wishes.room);
    CHECK(bootargs != NULL && to != NULL);
    if (guest_fdt_make(made, wishes.flags & 16 ? wishes.room : sizeof(made),
                       &(struct guest_fdt){.mem_bytes = wishes.mem_bytes,
                                           .vcpus = 1 + wishes.vcpus % BUNDLE_VCPUS_MAX,
                                           .has_sstc = wishes.flags & 1,
                                           .has_zicboz = wishes.flags & 2,
                                           .has_pflash = wishes.flags & 4,
                                           .mmu_type = wishes.mmu_type,
                                           .timebase_hz = wishes.timebase_hz},
                       &kept) == ERR_OK &&
        guest_fdt_start(
            to, wishes.room, &kept,
            &(struct guest_fdt_start){.bootargs = bootargs, .initrd_bytes = wishes.flags & 8},
            &places) == ERR_OK) {
        CHECK(places.bytes <= wishes.room);
        CHECK_EQ(fdt_check_full(to, places.bytes), 0);
        if (machine_read(&machine, to, &why) == ERR_OK)
            CHECK_STR(machine.bootargs, bootargs);
    }
    free(to);
    free(bootargs);
    return 0;
}

FUZZ_SEEDS(guest_fdt)
{
    struct {
        struct wishes wishes;
        char bootargs[16];
    } example = {
        {.mem_bytes = 128 << 20,
         .timebase_hz = 10000000,
         .room = 16384,
         .vcpus = 1,
         .flags = 1,
         .mmu_type = "riscv,sv48"},
        "depth=3 width=3"
    };

    fuzz_seed(&example, sizeof(example));
    example.wishes.vcpus = 8;
    example.wishes.room = 3000;
    fuzz_seed(&example, sizeof(example));
}
