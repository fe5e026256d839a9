/* SPDX-License-Identifier: BSD-2-Clause */
#pragma once
/* Pipes, for descriptors that change hands.  Component channels; see pipe.c. */
#include "guest/fs/vfs.h"

struct pipe;

enum pipe_end { PIPE_READER, PIPE_WRITER };

/* One end of a pipe that this process got with its shared memory; its first file.  NULL: none. */
struct file *pipe_adopt(struct pipe *pipe, enum pipe_end end);
/* Which pipe the file is an end of, and which; NULL: none. */
struct pipe *pipe_of(const struct file *file, enum pipe_end *end);
/* Whether the process stays counted if it executes another image, or for one that it spawns. */
void pipe_keep(struct file *file, bool kept);
