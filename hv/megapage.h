/* SPDX-License-Identifier: BSD-2-Clause */
#pragma once
/* Leaves of 2 MiB: 512 pages become one, and one becomes 512 again.  See megapage.c. */
#include "lib/riscv/pgtable.h"

#include "hv/gstage.h"

/* The leaf table below *above, all of whose leaves have W, becomes a leaf, if that can be. */
void megapage_join(struct gstage *gs, pte_t *above);
/* *leaf becomes a table of 512 leaves; ERR_NOMEM: nothing changed. */
__must_check enum err megapage_split(struct gstage *gs, pte_t *leaf);

/* True if no other leaf, of either size, maps any page of this one. */
bool megapage_is_alone(pte_t leaf);
void megapage_count(pte_t leaf, struct gstage_census *census);

/* W goes on both sides. */
void megapage_share(pte_t *to, pte_t *from);
/* False: there are no 2 MiB in one piece; nothing changed. */
__must_check bool megapage_copy(pte_t *to, pte_t from);
