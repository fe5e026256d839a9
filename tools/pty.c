/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Types for a test what a person would: runs a command on a terminal of its own, and does to it
 * what the standard input says, line by line.
 *
 *     pty SECONDS COMMAND [ARGUMENT...]
 *
 *     = TEXT    wait until TEXT is written, behind what the last such line has found
 *     ! TEXT    TEXT must not come before what the next = waits for
 *     < TEXT    type TEXT, in which ^C is the control character
 *     # ...     a remark
 *
 * In texts \r \n \t \\ are as in C, and \e is Escape.
 *
 * What the command writes goes to the standard output.  Behind the last line it must end; its
 * status is that of pty, or 1 if something did not come in time: SECONDS for each line.
 */
#include <errno.h>
#include <poll.h>
#include <pty.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "lib/kit/types.h"

#define SEEN_BYTES (1 << 20)
#define LINE_BYTES 4096
#define MS         1000

static int terminal;
static pid_t child;
static char seen[SEEN_BYTES + 1];
static size_t seen_bytes, found; /* up to where the last = has looked */
static bool ended;
static unsigned line_number;

static __noreturn __printf_like(1, 2) void fail(const char *format, ...)
{
    va_list arguments;

    va_start(arguments, format);
    printf("\npty: line %u: ", line_number);
    vprintf(format, arguments);
    printf("\n");
    va_end(arguments);
    kill(child, SIGKILL);
    exit(1);
}

static long now_ms(void)
{
    struct timespec time;

    clock_gettime(CLOCK_MONOTONIC, &time);
    return time.tv_sec * MS + time.tv_nsec / 1000000;
}

/* What the command has written, waiting until the time for some. */
static void listen_until(long end_ms)
{
    struct pollfd poll_fd = {.fd = terminal, .events = POLLIN};
    long left = end_ms - now_ms();
    ssize_t count;

    if (poll(&poll_fd, 1, left > 0 ? (int)left : 0) <= 0) {
        return;
    }
    count = read(terminal, seen + seen_bytes, SEEN_BYTES - seen_bytes);
    if (count <= 0) {
        ended = true; /* EIO: nobody has the terminal any more */
        return;
    }
    for (ssize_t i = 0; i < count; i++) { /* so that texts can be looked for in it */
        if (seen[seen_bytes + (size_t)i] == '\0') {
            seen[seen_bytes + (size_t)i] = '?';
        }
    }
    fwrite(seen + seen_bytes, 1, (size_t)count, stdout);
    fflush(stdout);
    seen_bytes += (size_t)count;
    seen[seen_bytes] = '\0';
}

/* Takes the escapes out, in place; a ^ is one if there are controls. */
static size_t unescape(char *text, bool controls)
{
    static const char letters[] = "rnte\\", bytes[] = "\r\n\t\033\\";
    char *to = text;

    for (const char *p = text; *p; p++) {
        if (*p == '\\' && p[1] && strchr(letters, p[1])) {
            *to++ = bytes[strchr(letters, *++p) - letters];
        } else if (controls && *p == '^' && p[1]) {
            *to++ = (char)(*++p & 0x1f);
        } else {
            *to++ = *p;
        }
    }
    *to = '\0';
    return (size_t)(to - text);
}

static void want(char *text, char *unwanted, int seconds)
{
    long end_ms = now_ms() + seconds * MS;
    const char *at;

    unescape(text, false);
    unescape(unwanted, false);
    while ((at = strstr(seen + found, text)) == NULL) {
        if (ended || now_ms() >= end_ms) {
            fail("%s without: %s", ended ? "it ended" : "time is up", text);
        }
        listen_until(end_ms);
    }
    if (*unwanted) {
        const char *bad = strstr(seen + found, unwanted);

        if (bad && bad < at) {
            fail("this must not come: %s", unwanted);
        }
    }
    found = (size_t)(at - seen) + strlen(text);
}

static void type(char *text)
{
    size_t bytes = unescape(text, true);

    while (bytes > 0) {
        ssize_t written = write(terminal, text, bytes);

        if (written < 0) {
            fail("cannot type: %s", strerror(errno));
        }
        text += written;
        bytes -= (size_t)written;
    }
}

static int end(int seconds)
{
    long end_ms = now_ms() + seconds * MS;
    int status;

    while (!ended) {
        if (now_ms() >= end_ms) {
            fail("it does not end");
        }
        listen_until(end_ms);
    }
    waitpid(child, &status, 0);
    return WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
}

int main(int argc, char **argv)
{
    static char line[LINE_BYTES], unwanted[LINE_BYTES];
    struct winsize size = {.ws_row = 24, .ws_col = 80};
    int seconds = argc > 2 ? atoi(argv[1]) : 0;

    if (seconds <= 0) {
        fprintf(stderr, "usage: pty SECONDS COMMAND [ARGUMENT...]\n");
        return 2;
    }
    child = forkpty(&terminal, NULL, NULL, &size);
    if (child == 0) {
        execvp(argv[2], argv + 2);
        _exit(127);
    }
    while (child > 0 && fgets(line, sizeof(line), stdin)) {
        line_number++;
        line[strcspn(line, "\n")] = '\0';
        if (strncmp(line, "= ", 2) == 0) {
            want(line + 2, unwanted, seconds);
            unwanted[0] = '\0';
        } else if (strncmp(line, "! ", 2) == 0) {
            strcpy(unwanted, line + 2);
        } else if (strncmp(line, "< ", 2) == 0) {
            type(line + 2);
        } else if (line[0] != '#' && line[0] != '\0') {
            fail("not understood: %s", line);
        }
    }
    return child > 0 ? end(seconds) : 1;
}
