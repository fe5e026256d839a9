/* SPDX-License-Identifier: BSD-2-Clause */
/* The heap by two-level segregated fit. */
#include "lib/mem/tlsf.h"

#include "guest/heap.h"

struct heap_backend heap_backend(void)
{
    static struct tlsf tlsf;

    return (struct heap_backend){.allocator = tlsf_init(&tlsf), .grows = true};
}
