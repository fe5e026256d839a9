/* SPDX-License-Identifier: BSD-2-Clause */
#pragma once
/* The platform-level interrupt controller: one context's view, and the layout of its registers for
 * whoever emulates one.  See plic.c. */
#include "lib/kit/types.h"

/* Where 32-bit registers are. */
#define PLIC_PRIORITY      0x0UL      /* one for each source */
#define PLIC_PENDING       0x1000UL   /* a bit for each source */
#define PLIC_ENABLE        0x2000UL   /* for each context: a bit for each source */
#define PLIC_ENABLE_BYTES  0x80UL     /* from context to context */
#define PLIC_CONTEXT       0x200000UL /* for each context: threshold, claim and complete */
#define PLIC_CONTEXT_BYTES 0x1000UL   /* from context to context */
#define PLIC_THRESHOLD     0x0UL
#define PLIC_CLAIM         0x4UL
#define PLIC_VIRT_SOURCES  95U /* QEMU's virt has the sources 1 to 95 */
#define PLIC_VIRT_UART     10U

/* On QEMU's virt each hart has two contexts: M-mode's, then S-mode's. */
#define PLIC_VIRT_S_CONTEXT(hart) (2 * (hart) + 1)

struct plic {
    u64 base;
    u32 context;
};

/* The context's threshold is 0 and none of the sources 1 to `sources` is enabled. */
void plic_init(struct plic *plic, u64 base, u32 context, u32 sources);
/* 0 is never, higher is sooner; the same for all contexts. */
void plic_set_priority(const struct plic *plic, u32 source, u32 priority);
/* The threshold is 0 again. */
void plic_enable(const struct plic *plic, u32 source);
void plic_disable(const struct plic *plic, u32 source);
/* The most urgent pending source, which is in service from now on; 0: none. */
u32 plic_claim(const struct plic *plic);
/* The source may interrupt again. */
void plic_complete(const struct plic *plic, u32 source);
