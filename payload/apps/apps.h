/* SPDX-License-Identifier: BSD-2-Clause */
#pragma once
/* The applications of this payload, a file each; true if all was as it should be. */
#include <stdbool.h>

bool ordered_map_ok(void);
bool sort_ok(void);
