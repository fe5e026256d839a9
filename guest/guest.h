/* SPDX-License-Identifier: BSD-2-Clause */
#pragma once
/* What every payload has: it defines main, and the start-up gives it these. */
#include "lib/kit/types.h"

__noreturn void guest_exit(int status);
__noreturn void guest_power_off(int status);
void guest_main(u64 hart_id, const void *fdt);
__noreturn void guest_run(void);
u64 guest_hart_id(void);

/* timer_now() at the first instruction. */
extern u64 guest_started;

void console_putc(char c);
void console_flush(void);
int console_getc(void);

/* Bounds of the image in memory, its parts, and the boot hart's stack in it: guest.ld. */
extern char _start[], _text_start[], _text_end[], _rodata_start[], _data_start[], _bss_start[],
    _bss_end[], _image_end[];
extern char boot_guard[], boot_stack[], boot_stack_top[], boot_trap_guard[];
