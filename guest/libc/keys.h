/* SPDX-License-Identifier: BSD-2-Clause */
#pragma once
/* Thread-specific data: what happens to it when its task ends.  keys.c. */
void keys_destroy(void);
