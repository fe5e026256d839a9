/* SPDX-License-Identifier: BSD-2-Clause */
#pragma once
/* The applications of this payload, a file each; true if all was as it should be. */
#include <stdbool.h>

#include "guest/task.h"

bool faults_ok(void);
bool ordered_map_ok(void);
bool pipe_ok(void);
bool priority_ok(void);
bool sleep_ok(void);
bool sort_ok(void);
bool timeout_ok(void);
bool yield_ok(void);

struct task *start(int (*fn)(void *arg), void *arg, int nice);
bool join_all(struct task **tasks, unsigned count);
