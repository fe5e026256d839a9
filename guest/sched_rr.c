/* SPDX-License-Identifier: BSD-2-Clause */
/* Component rr: Round robin, for tasks.  See lib/sched/rr.c. */
#include "guest/core.h"

const struct policy_ops *const sched_policy = &sched_rr;
