/* SPDX-License-Identifier: BSD-2-Clause */
#pragma once
#include "guest/fs/fs.h"

/* Whether it is /dev/console or /dev/tty: what isatty may be true for. */
bool devfs_is_console(const struct node *node);
