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

/* Whether the file is there and has exactly this text, of 200 bytes at most. */
bool file_holds(const char *path, const char *text);

/* The names in a directory, in order, each with a space behind. */
void list_names(const char *path, char *text);

/* A string of a result, for messages. */
const char *error_name(int error);
