/* SPDX-License-Identifier: BSD-2-Clause */
/* Component cfs: Fair shares by weight, for tasks.  See lib/sched/cfs.c. */
#include "guest/core.h"

const struct policy_ops *const sched_policy = &sched_cfs;
