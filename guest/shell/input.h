/* SPDX-License-Identifier: BSD-2-Clause */
#pragma once
/* What commands read: files by name, or the standard input.  See input.c. */
#include "guest/shell/command.h"
#include "guest/shell/memory.h"

#define INPUT_BYTES 4096
#define INPUT_MOST  (4 << 20) /* of a file's bytes that are in memory at once */

struct input {
    struct call *call;
    void *state; /* the command's own */
    const char *name;
    int fd;
    bool failed;  /* said already */
    bool stopped; /* the command is to end */
    size_t at, used;
    char *bytes; /* [INPUT_BYTES] */
};

int input_each(struct call *call, int first, int (*each)(struct call *call, struct input *input),
               void *state);
bool input_fill(struct input *input);
bool input_is_too_much(struct input *input, const struct buffer *text);
bool input_line(struct input *input, struct buffer *line, bool *ended);
