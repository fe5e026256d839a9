/* SPDX-License-Identifier: BSD-2-Clause */
#pragma once
/* Traps in HS-mode, and reads that may fault.  See trap.c. */
#include "lib/kit/types.h"

/*
 * Reads a parcel of 16 bits at a GVA as an instruction fetch of the loaded guest would.
 * False: the translation failed.
 */
__must_check bool guest_fetch16(u64 gva, u16 *parcel);

/* True if this hart has stimecmp, and the firmware lets us use it. */
__must_check bool probe_stimecmp(void);
