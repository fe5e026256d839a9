/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The platform-level interrupt controller that QEMU's virt and most boards have, as one context
 * (the S-mode of one hart) uses it.
 *
 * Enabling and disabling read, change and write a word: callers that share a context serialise
 * themselves.  Claim and complete need no lock.
 *
 * [PLIC "Memory Map", "Interrupt Claim Process"]
 */
#include "lib/drv/plic.h"

#include "lib/drv/mmio.h"

#define WORD_SOURCES 32

static u64 enable_word(const struct plic *plic, u32 source)
{
    return plic->base + PLIC_ENABLE + plic->context * PLIC_ENABLE_BYTES +
           source / WORD_SOURCES * sizeof(u32);
}

static u64 context_register(const struct plic *plic, u64 which)
{
    return plic->base + PLIC_CONTEXT + plic->context * PLIC_CONTEXT_BYTES + which;
}

void plic_init(struct plic *plic, u64 base, u32 context, u32 sources)
{
    *plic = (struct plic){.base = base, .context = context};
    for (u32 source = 0; source <= sources; source += WORD_SOURCES)
        mmio_write32(enable_word(plic, source), 0);
    mmio_write32(context_register(plic, PLIC_THRESHOLD), 0);
}

void plic_set_priority(const struct plic *plic, u32 source, u32 priority)
{
    mmio_write32(plic->base + PLIC_PRIORITY + source * sizeof(u32), priority);
}

void plic_enable(const struct plic *plic, u32 source)
{
    u64 word = enable_word(plic, source);

    mmio_write32(word, mmio_read32(word) | 1U << source % WORD_SOURCES);
    /* QEMU 7.2 does not see that what is enabled pends already before something else changes. */
    mmio_write32(context_register(plic, PLIC_THRESHOLD), 0);
}

void plic_disable(const struct plic *plic, u32 source)
{
    u64 word = enable_word(plic, source);

    mmio_write32(word, mmio_read32(word) & ~(1U << source % WORD_SOURCES));
}

u32 plic_claim(const struct plic *plic)
{
    return mmio_read32(context_register(plic, PLIC_CLAIM));
}

void plic_complete(const struct plic *plic, u32 source)
{
    mmio_write32(context_register(plic, PLIC_CLAIM), source);
}
