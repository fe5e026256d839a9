/* SPDX-License-Identifier: BSD-2-Clause */
#pragma once
/* What is mounted before main: guest/libc/files_boot.c. */
#include "guest/fs/fs.h"

/* The root; NULL: nobody has one, and it is in memory.  A component overrides this, and says itself
 * what went wrong. */
struct fs *files_root(const char **source);

/* Mounts fs, unless there is an error already; or says why it is not there.  path need not exist.
 */
void files_mount(const char *path, const char *source, int error, struct fs *fs);
