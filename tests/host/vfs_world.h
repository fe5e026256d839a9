/* SPDX-License-Identifier: BSD-2-Clause */
#pragma once
/* What the VFS is tested in: its locks, which tell who takes them in which order, and a console. */
#include "guest/fs/vfs.h"

/* How many locks are held now; the most at a time. */
extern int locks_held;

/* What was written to the console, and what it will read. */
extern char console_said[256];
extern const char *console_types;

/* Mounts a ramfs; a failure ends the test. */
void mount_ramfs(const char *path);

/* A string of a result, for messages. */
const char *error_name(int error);
