/* SPDX-License-Identifier: BSD-2-Clause */
#pragma once
/*
 * When components come up: `static GUEST_INIT(INIT_HEAP) void bring_up(void)`.  In the order of
 * these numbers, on the first hart, with interrupts off; a program's own constructors come after
 * all of them.
 */
#define INIT_PAGES   101 /* free RAM is handed out from here on */
#define INIT_PAGING  102
#define INIT_HEAP    103
#define INIT_TASK    104 /* from here on there is a current task, that of main */
#define INIT_IRQ     105
#define INIT_PLIC    106 /* before other harts, which look for it when they start */
#define INIT_SMP     107
#define INIT_LIBC    108
#define INIT_DEVICES 109 /* drivers have interrupts to connect to */

#define INIT_INTERRUPTS 120 /* component irq: interrupts are on from here on */
#define INIT_SIGNALS    121 /* component signals: they are the library's from here on */
#define INIT_FILES      122 /* component vfs: there is a root, and descriptors 0, 1 and 2 */
#define INIT_MOUNTS     123 /* what is mounted in it */

#define INIT_DESCRIPTORS 124 /* component channels: those that another program has left */

#define GUEST_INIT(order) __attribute__((constructor(order)))
