/* SPDX-License-Identifier: BSD-2-Clause */
#pragma once
/* What every payload has: it defines main, and the start-up gives it these. */
#include "lib/kit/types.h"

int main(void);

__noreturn void guest_exit(int status);
void guest_main(u64 hart_id, const void *fdt);
u64 guest_hart_id(void);

void console_init(void);
void console_flush(void);

/* Bounds of the image in memory, and of the boot hart's stack in it: linker script and boot.S. */
extern char _start[], _data_start[], _bss_start[], _bss_end[], _image_end[];
extern char boot_stack[], boot_stack_top[];
