/* SPDX-License-Identifier: BSD-2-Clause */
/* What commands read: files by name, or the standard input where there is no name, or -. */
#include "guest/shell/input.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define SLICE_MS 50

/* What is read when somebody else writes it: who waits there is to see what there is by now, and ^C
 * is to end it, also where the pipe's other end does not.  False: it did. */
static bool wait_for_bytes(struct input *input)
{
    struct pollfd pipe = {.fd = input->fd, .events = POLLIN};

    if (lseek(input->fd, 0, SEEK_CUR) >= 0) {
        return true;
    }
    out_flush(input->call);
    while (!isatty(input->fd) && poll(&pipe, 1, SLICE_MS) == 0) {
        if (call_stopped(input->call)) {
            return false;
        }
    }
    return true;
}

/* The next bytes are in input->bytes from `at` on; false: there are none. */
bool input_fill(struct input *input)
{
    ssize_t count;

    if (input->at < input->used) {
        return true;
    }
    if (call_stopped(input->call) || !wait_for_bytes(input)) {
        input->stopped = true;
        return false;
    }
    do {
        count = read(input->fd, input->bytes, INPUT_BYTES);
        input->stopped = count < 0 && errno == EINTR && call_stopped(input->call);
    } while (count < 0 && errno == EINTR && !input->stopped);
    if (count < 0 && !input->stopped && !input->failed) {
        input->failed = true;
        call_fail(input->call, input->name);
    }
    input->at = 0;
    input->used = count > 0 ? (size_t)count : 0;
    return count > 0;
}

/* True: it is more than is kept of a file.  That has been said, and ends the reading. */
bool input_is_too_much(struct input *input, const struct buffer *text)
{
    if (text->used <= INPUT_MOST) {
        return false;
    }
    if (!input->failed) {
        input->failed = true;
        call_complain(input->call, "%s: more than 4 MiB would have to be kept", input->name);
    }
    return true;
}

/* A line without its end; *ended: it has one.  False: there is none. */
bool input_line(struct input *input, struct buffer *line, bool *ended)
{
    buffer_cut(line, 0);
    *ended = false;
    while (!input_is_too_much(input, line) && input_fill(input)) {
        const char *from = input->bytes + input->at;
        size_t left = input->used - input->at;
        const char *end = memchr(from, '\n', left);
        size_t bytes = end ? (size_t)(end - from) : left;

        buffer_add(line, from, bytes);
        input->at += bytes + (end ? 1 : 0);
        if (end) {
            *ended = true;
            return true;
        }
    }
    return line->used > 0 && !input->failed;
}

/* One after the other, also behind one that cannot be read; state is input->state.  Returns all
 * statuses or-ed. */
int input_each(struct call *call, int first, int (*each)(struct call *call, struct input *input),
               void *state)
{
    static char *standard[] = {"-"};
    char **names = first < call->argc ? call->argv + first : standard;
    int count = first < call->argc ? call->argc - first : 1, status = 0;
    char *bytes = memory_get(INPUT_BYTES);

    for (int i = 0; i < count && !call_stopped(call); i++) {
        bool is_standard = strcmp(names[i], "-") == 0;
        struct input input = {.call = call, .state = state, .name = names[i], .bytes = bytes};

        input.fd = is_standard ? call->io.in : open(names[i], O_RDONLY);
        if (input.fd < 0) {
            status |= call_fail(call, names[i]);
            continue;
        }
        status |= each(call, &input);
        status |= input.failed ? 1 : 0;
        if (!is_standard) {
            close(input.fd);
        }
    }
    free(bytes);
    return status;
}
