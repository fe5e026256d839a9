/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * What a pipe between two processes costs.  The same source is a program for Linux
 * (tools/bench_linux.sh) and a payload.
 *
 *     roundtrip    a byte to the child, and one back
 *     stream       64 MiB to the child, 64 KiB a call, until it has read all of them
 *     create       a pipe made, and both of its ends closed
 *
 * Each is between two marks, which tools/insns.c counts, and followed by a line "marked NAME n=N
 * waited=0": what to divide by.  A failure ends the program with status 1.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "lib/riscv/mark.h"

#define CHUNK   65536
#define CHUNKS  1024 /* 64 MiB */
#define WARM_UP 100
#define LOOPS   1000

static char chunk[CHUNK];

static void check(int good, const char *what)
{
    if (!good) {
        perror(what);
        exit(1);
    }
}

/* Ends 0 and 1 are the reading and the writing one, of the way there and of the way back. */
static void make_pipes(int there[2], int back[2])
{
    check(pipe(there) == 0 && pipe(back) == 0, "pipe");
}

static void reap(pid_t pid)
{
    int status = 1;

    check(waitpid(pid, &status, 0) == pid && status == 0, "waitpid");
}

static void exchange(int to, int from, int n)
{
    for (int i = 0; i < n; i++) {
        check(write(to, chunk, 1) == 1, "write");
        check(read(from, chunk, 1) == 1, "read");
    }
}

static void roundtrip(void)
{
    int there[2], back[2];
    pid_t pid;

    make_pipes(there, back);
    pid = fork();
    check(pid >= 0, "fork");
    if (pid == 0) {
        close(there[1]);
        while (read(there[0], chunk, 1) == 1)
            check(write(back[1], chunk, 1) == 1, "write");
        _exit(0);
    }
    exchange(there[1], back[0], WARM_UP);
    MARK_BEGIN();
    exchange(there[1], back[0], LOOPS);
    MARK_END();
    printf("marked pipe_roundtrip n=%d waited=0\n", LOOPS);
    close(there[0]);
    close(there[1]);
    reap(pid);
}

static void write_all(int to, int chunks)
{
    for (int i = 0; i < chunks; i++) {
        for (size_t done = 0; done < CHUNK;) {
            ssize_t n = write(to, chunk + done, CHUNK - done);

            check(n > 0, "write");
            done += (size_t)n;
        }
    }
}

static void read_all(int from, size_t bytes)
{
    while (bytes > 0) {
        ssize_t n = read(from, chunk, bytes < CHUNK ? bytes : CHUNK);

        check(n > 0, "read");
        bytes -= (size_t)n;
    }
}

/* The child answers with a byte when it has read some first chunks, and then all. */
static void stream(void)
{
    int there[2], back[2];
    pid_t pid;

    make_pipes(there, back);
    memset(chunk, 'p', sizeof(chunk));
    pid = fork();
    check(pid >= 0, "fork");
    if (pid == 0) {
        for (int turn = 0; turn < 2; turn++) {
            read_all(there[0], (size_t)CHUNK * (turn == 0 ? WARM_UP : CHUNKS));
            check(write(back[1], chunk, 1) == 1, "write");
        }
        _exit(0);
    }
    write_all(there[1], WARM_UP);
    check(read(back[0], chunk, 1) == 1, "read");
    MARK_BEGIN();
    write_all(there[1], CHUNKS);
    check(read(back[0], chunk, 1) == 1, "read");
    MARK_END();
    printf("marked pipe_stream n=%d waited=0\n", CHUNKS * CHUNK);
    reap(pid);
}

static void create_some(int n)
{
    for (int i = 0; i < n; i++) {
        int fds[2];

        check(pipe(fds) == 0, "pipe");
        close(fds[0]);
        close(fds[1]);
    }
}

static void create(void)
{
    create_some(WARM_UP);
    MARK_BEGIN();
    create_some(LOOPS);
    MARK_END();
    printf("marked pipe_create n=%d waited=0\n", LOOPS);
}

int main(int argc, char *argv[])
{
    for (int i = 1; i < argc; i++) {
        if (strcmp(argv[i], "roundtrip") == 0) {
            roundtrip();
        } else if (strcmp(argv[i], "stream") == 0) {
            stream();
        } else if (strcmp(argv[i], "create") == 0) {
            create();
        } else {
            printf("pipebench: roundtrip, stream or create, not %s\n", argv[i]);
            return 2;
        }
    }
    return 0;
}
