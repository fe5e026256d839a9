/* SPDX-License-Identifier: BSD-2-Clause */
#pragma once
/* What the FDT says about the machine, asked for where it is needed. */
#include "lib/kit/types.h"

struct range {
    u64 base;
    u64 end;
};

void machine_init(const void *fdt);
const char *machine_bootargs(void);
const char *machine_args(size_t *bytes);
struct range machine_ram(void);
struct range machine_initrd(void);
bool machine_free(u64 from, struct range *piece);
void *machine_take(u64 bytes);
bool machine_device_range(const char *compatible, size_t index, struct range *range);
bool machine_device_from(const char *compatible, u64 from, struct range *range, u32 *interrupt);
u64 machine_device(const char *compatible);
u64 machine_device_last(const char *compatible);
void machine_ranges(void (*visit)(struct range range));
u64 machine_timebase(void);
bool machine_take_seed(u8 *seed, u64 bytes);
bool machine_isa_has(const char *extension);
size_t machine_harts(u64 *ids, size_t max);
bool machine_plic_context(u64 hart, u32 *context);
