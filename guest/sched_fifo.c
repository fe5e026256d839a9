/* SPDX-License-Identifier: BSD-2-Clause */
/* Component fifo: First in, first out, for tasks.  See lib/sched/fifo.c. */
#include "guest/core.h"

const struct policy_ops *const sched_policy = &sched_fifo;
