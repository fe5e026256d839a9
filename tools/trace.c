/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The trace decoder: makes text, a histogram or a Perfetto file of the binary records that hv
 * wrote.
 *
 *     trace text IN.bin OUT.log         one line per VM exit; prints how many
 *     trace histogram IN.bin            VM exits by cause and by handler
 *     trace perfetto IN.bin OUT.json    for ui.perfetto.dev and chrome://tracing
 *     trace check-filter TEXT           whether TEXT is a value of TRACE
 *
 * Exit status 0: done; 1: the input is not whole (what is whole was decoded) or not a trace, or
 * something cannot be read or written; 2: wrong arguments.
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "lib/tracefilter.h"

#include "tools/trace/print.h"
#include "tools/trace/stream.h"

static int complain(const char *name, const char *what)
{
    fprintf(stderr, "trace: %s: %s\n", name, what);
    return EXIT_FAILURE;
}

/* The whole file as allocated bytes; NULL with errno set otherwise. */
static void *read_file(const char *name, size_t *length)
{
    FILE *in = fopen(name, "rb");
    size_t room = 1 << 16;
    u8 *bytes = NULL;

    *length = 0;
    while (in != NULL) {
        u8 *grown = realloc(bytes, room);

        if (grown == NULL) {
            break;
        }
        bytes = grown;
        *length += fread(bytes + *length, 1, room - *length, in);
        if (ferror(in)) {
            break;
        }
        if (*length < room) {
            fclose(in);
            return bytes;
        }
        room *= 2;
    }
    if (in != NULL) {
        int error = errno;

        fclose(in);
        errno = error;
    }
    free(bytes);
    return NULL;
}

static int run_text(const struct trace_stream *stream, FILE *out, const char *name)
{
    size_t lines = trace_print_text(stream, out);

    printf("%s: %zu VM exits\n", name, lines);
    return EXIT_SUCCESS;
}

static int run_histogram(const struct trace_stream *stream, FILE *out, const char *name)
{
    return trace_print_histogram(stream, out) ? complain(name, "out of memory") : EXIT_SUCCESS;
}

static int run_perfetto(const struct trace_stream *stream, FILE *out, const char *name)
{
    return trace_print_perfetto(stream, out) ? complain(name, "out of memory") : EXIT_SUCCESS;
}

static const struct command {
    const char *name;
    int (*run)(const struct trace_stream *stream, FILE *out, const char *out_name);
    bool to_file; /* the third argument names it; else to stdout */
} commands[] = {
    {"text",      run_text,      true },
    {"histogram", run_histogram, false},
    {"perfetto",  run_perfetto,  true },
};

/* Decodes to a file or stdout; a file that could not be written whole is an error. */
static int write_out(const struct command *command, const struct trace_stream *stream,
                     const char *out_name)
{
    FILE *out = command->to_file ? fopen(out_name, "w") : stdout;
    int status;
    bool failed;

    if (out == NULL) {
        return complain(out_name, strerror(errno));
    }
    status = command->run(stream, out, out_name);
    failed = fflush(out) != 0 || ferror(out);
    failed |= out != stdout && fclose(out) != 0;
    return failed ? complain(out_name, "cannot be written whole") : status;
}

static int decode(const struct command *command, const char *in_name, const char *out_name)
{
    char message[TRACE_MESSAGE_BYTES];
    struct trace_stream stream;
    size_t length;
    void *bytes = read_file(in_name, &length);
    enum err err;
    int status;

    if (bytes == NULL) {
        return complain(in_name, strerror(errno));
    }
    err = trace_stream_read(&stream, bytes, length, message);
    free(bytes);
    if (err) {
        return complain(in_name, message);
    }
    status = write_out(command, &stream, out_name);
    if (!trace_stream_whole(&stream, message)) {
        status = complain(in_name, message);
    }
    trace_stream_free(&stream);
    return status;
}

/* A whole value of TRACE, prefix included. */
static int check_filter(const char *text)
{
    const char *list = strncmp(text, "exits:", 6) == 0 ? text + 6 : "";
    struct trace_filter filter;
    char why[256];

    if (*list == '\0' && strcmp(text, "off") != 0 && strcmp(text, "exits") != 0) {
        fprintf(stderr, "TRACE=%s: must be off, exits or exits:FILTER\n", text);
        return EXIT_FAILURE;
    }
    if (tracefilter_parse(&filter, list, why, sizeof(why))) {
        fprintf(stderr, "TRACE=%s: %s\n", text, why);
        return EXIT_FAILURE;
    }
    return EXIT_SUCCESS;
}

int main(int argc, char **argv)
{
    if (argc == 3 && strcmp(argv[1], "check-filter") == 0) {
        return check_filter(argv[2]);
    }
    for (size_t i = 0; i < ARRAY_LEN(commands); i++) {
        if (argc == (commands[i].to_file ? 4 : 3) && strcmp(argv[1], commands[i].name) == 0) {
            return decode(&commands[i], argv[2], commands[i].to_file ? argv[3] : "stdout");
        }
    }
    fprintf(stderr, "usage: trace text IN.bin OUT.log | trace histogram IN.bin |\n"
                    "       trace perfetto IN.bin OUT.json | trace check-filter TEXT\n");
    return 2;
}
