/* SPDX-License-Identifier: BSD-2-Clause */
#pragma once
/* Execute one instruction, whatever it is, and see what it does. */
#ifndef __ASSEMBLER__

#    include "lib/kit/types.h"

#    include "guest/trap.h"

enum probe_mode { PROBE_USER, PROBE_SUPERVISOR };

struct probe {
    u64 x[32];        /* registers before it; x[0] is ignored */
    struct trap trap; /* registers and CSRs at the trap that ended it */
    u64 offset;       /* of that trap's pc from the instruction */
    bool legal;       /* it was executed: the trap is the breakpoint after it */
};

void probe_run(struct probe *probe, u32 insn, enum probe_mode mode);

#endif
