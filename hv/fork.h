/* SPDX-License-Identifier: BSD-2-Clause */
#pragma once
/* Where the three doors of fork meet.  See fork.c. */
#include "hv/vmexit.h"

/* The guest says fork(flags), by an instruction of insn_bytes (2 or 4). */
enum verdict fork_serve(struct vcpu *vcpu, u64 flags, u64 insn_bytes, enum trace_door door);
