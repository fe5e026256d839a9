/* SPDX-License-Identifier: BSD-2-Clause */
#pragma once
/* Starting other programs: inside of exec.c, spawn.c and what belongs to them. */
#include "lib/kit/types.h"
#include "sbi/proc.h"

#include "guest/proc.h"

#define INHERIT_PREFIX "forkvisor."

/* Room for what sbi/proc.h calls args, and what is in it. */
struct inherit {
    char bytes[PROC_ARGS_BYTES_MAX];
    size_t used;
    bool full;
    bool is_child; /* a new process: spawn */
};

/* A program as proc_exec and proc_spawn want it. */
struct program {
    void *image; /* from the heap, or a name */
    size_t image_bytes;
    struct inherit args;
};

/* Returns the errno; what was taken is to be given back by program_close if it is 0. */
typedef int program_open_fn(struct program *program, bool is_child, const char *path,
                            char *const argv[], char *const environment[]);
program_open_fn program_open;
program_open_fn program_find; /* a name is looked for in PATH */
void program_close(struct program *program);
int program_error(long error);
struct proc_image program_image(const struct program *program);
/* Replaces this one; returns the errno. */
int program_exec(struct program *program);

/* Component vfs: a file's bytes, from the heap.  ENOENT: no such file, or no files. */
int program_load(const char *path, void **image, size_t *bytes);
