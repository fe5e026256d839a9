/* SPDX-License-Identifier: BSD-2-Clause */
#pragma once
/* Traps in HS-mode, and reads that may fault.  See trap.c. */
#include "lib/kit/types.h"

/*
 * Reads the instruction at a GVA as a fetch of the loaded guest would; the upper half is zero if it
 * is compressed.  False: the translation failed.
 */
__must_check bool guest_fetch(u64 gva, u32 *word);

/* True if this hart has stimecmp, and the firmware lets us use it. */
__must_check bool probe_stimecmp(void);
