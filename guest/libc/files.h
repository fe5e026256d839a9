/* SPDX-License-Identifier: BSD-2-Clause */
#pragma once
/* What the base has weak, and the component vfs of its own: files_boot.c. */

/* The end of the program. */
void files_end(void);

/* sysconf(_SC_OPEN_MAX) */
extern const long descriptors_max;
