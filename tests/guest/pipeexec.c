/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Descriptors across exec and spawn.  This program executes itself: the first argument says what it
 * is then.
 *
 *     upper     from 0 to 1, in capitals
 *     sleep     nothing, for ever
 *     which     writes the numbers of all open descriptors to 1
 *     more      writes "more" to 3, and says where it stands there
 *
 * "disk": also with a file on a disk.
 */
#define _GNU_SOURCE /* pipe2 */
#include <ctype.h>
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <spawn.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "tests/guest/children.h"
#include "tests/guest/expect.h"

#define SELF    "pipeexec"
#define STREAM  300000
#define FDS_MAX 20

const char *expect_name = SELF;

static char bytes[4096];

/* ---- what it is when it is executed ---- */

static int upper(void)
{
    ssize_t now;

    while ((now = read(0, bytes, sizeof(bytes))) > 0) {
        for (int i = 0; i < now; i++) {
            bytes[i] = (char)toupper(bytes[i]);
        }
        EXPECT(write(1, bytes, (size_t)now) == now);
    }
    return now == 0 ? 0 : 1;
}

static int which(void)
{
    for (int fd = 0; fd < FDS_MAX; fd++) {
        if (fcntl(fd, F_GETFD) >= 0) {
            char text[8];

            EXPECT(write(1, text, (size_t)sprintf(text, "%d ", fd)) > 0);
        }
    }
    return 0;
}

static int more(void)
{
    EXPECT(lseek(3, 0, SEEK_CUR) == 4);
    EXPECT(fcntl(3, F_GETFL) == (O_RDWR | O_APPEND));
    EXPECT(write(3, "more", 4) == 4);
    return lseek(3, 0, SEEK_CUR) == 8 ? 0 : 1;
}

/* ---- the tests ---- */

/* A child that is this program, with these as 0 and 1; -1: the console. */
static pid_t start(const char *what, int in, int out)
{
    pid_t pid = fork();

    EXPECT(pid >= 0);
    if (pid == 0) {
        EXPECT(in < 0 || dup2(in, 0) == 0);
        EXPECT(out < 0 || dup2(out, 1) == 1);
        execlp(SELF, SELF, what, (char *)NULL);
        perror("exec");
        _exit(127);
    }
    return pid;
}

static void expect_text(int fd, const char *text)
{
    size_t done = 0;
    ssize_t now;

    while ((now = read(fd, bytes + done, sizeof(bytes) - done)) > 0) {
        done += (size_t)now;
    }
    EXPECT(now == 0 && done == strlen(text) && memcmp(bytes, text, done) == 0);
}

/* Three programs in a row, and this one at both ends. */
static void pipeline(void)
{
    int in[2], middle[2], out[2], at = 0;
    pid_t first, second, writer;
    ssize_t now;

    EXPECT(pipe2(in, O_CLOEXEC) == 0 && pipe2(middle, O_CLOEXEC) == 0);
    EXPECT(pipe2(out, O_CLOEXEC) == 0);
    first = start("upper", in[0], middle[1]);
    second = start("upper", middle[0], out[1]);
    writer = fork();
    if (writer == 0) {
        close(in[0]);
        for (int i = 0; i < STREAM; i++) {
            bytes[i % 1000] = (char)('a' + i % 26);
            if (i % 1000 == 999) {
                EXPECT(write(in[1], bytes, 1000) == 1000);
            }
        }
        _exit(0);
    }
    EXPECT(close(in[0]) == 0 && close(in[1]) == 0 && close(middle[0]) == 0);
    EXPECT(close(middle[1]) == 0 && close(out[1]) == 0);
    while ((now = read(out[0], bytes, sizeof(bytes))) > 0) {
        for (int i = 0; i < now; i++, at++) {
            EXPECT(bytes[i] == (char)('A' + at % 26));
        }
    }
    EXPECT(now == 0 && at == STREAM);
    EXPECT(close(out[0]) == 0);
    reap(first, 0);
    reap(second, 0);
    reap(writer, 0);
}

/* Those without FD_CLOEXEC, and no others; the pipe that is not passed ends with the exec. */
static void what_is_kept(void)
{
    int out[2], gone[2];
    pid_t pid;

    EXPECT(pipe2(gone, O_CLOEXEC) == 0 && pipe2(out, O_CLOEXEC) == 0);
    pid = fork();
    if (pid == 0) {
        EXPECT(dup2(out[1], 1) == 1 && dup2(out[0], 9) == 9);
        EXPECT(dup2(gone[1], 7) == 7 && fcntl(7, F_SETFD, FD_CLOEXEC) == 0);
        EXPECT(close(2) == 0);
        execlp(SELF, SELF, "which", (char *)NULL);
        _exit(127);
    }
    EXPECT(close(out[1]) == 0 && close(gone[1]) == 0);
    EXPECT(read(gone[0], bytes, 1) == 0);
    expect_text(out[0], "0 1 9 ");
    reap(pid, 0);
    EXPECT(close(out[0]) == 0 && close(gone[0]) == 0);
}

static void killed(void)
{
    int out[2];
    pid_t pid;

    EXPECT(pipe2(out, O_CLOEXEC) == 0);
    pid = start("sleep", -1, out[1]);
    EXPECT(close(out[1]) == 0);
    usleep(50000);
    struct pollfd poll_out = {.fd = out[0], .events = POLLIN};
    EXPECT(poll(&poll_out, 1, 0) == 0); /* an exec is no end of the writer */
    EXPECT(kill(pid, SIGKILL) == 0);
    EXPECT(read(out[0], bytes, 1) == 0);
    reap(pid, SIGKILL);
    EXPECT(close(out[0]) == 0);
}

/* An exec that fails has changed nothing. */
static void failing(void)
{
    int fds[2];

    EXPECT(pipe2(fds, O_CLOEXEC) == 0);
    EXPECT(execlp("nothing_of_that_name", "x", (char *)NULL) == -1 && errno == ENOENT);
    EXPECT(write(fds[1], "x", 1) == 1 && read(fds[0], bytes, 2) == 1);
    EXPECT(close(fds[0]) == 0 && close(fds[1]) == 0);
}

/* At once, and with actions. */
static void spawned(void)
{
    char *argv[] = {SELF, "which", NULL};
    posix_spawn_file_actions_t actions;
    int out[2], saved = dup(1);
    pid_t pid;

    EXPECT(pipe2(out, O_CLOEXEC) == 0 && dup2(out[1], 1) == 1);
    EXPECT(fcntl(saved, F_SETFD, FD_CLOEXEC) == 0);
    EXPECT(posix_spawnp(&pid, SELF, NULL, NULL, argv, NULL) == 0);
    EXPECT(dup2(saved, 1) == 1 && close(saved) == 0 && close(out[1]) == 0);
    expect_text(out[0], "0 1 2 ");
    reap(pid, 0);
    EXPECT(close(out[0]) == 0);

    EXPECT(pipe2(out, O_CLOEXEC) == 0);
    EXPECT(posix_spawn_file_actions_init(&actions) == 0);
    EXPECT(posix_spawn_file_actions_adddup2(&actions, out[1], 1) == 0);
    EXPECT(posix_spawn_file_actions_addclose(&actions, 0) == 0);
    EXPECT(posix_spawnp(&pid, SELF, &actions, NULL, argv, NULL) == 0);
    EXPECT(posix_spawn_file_actions_destroy(&actions) == 0);
    EXPECT(close(out[1]) == 0);
    expect_text(out[0], "1 2 ");
    reap(pid, 0);
    EXPECT(close(out[0]) == 0);
}

/* A file on a disk is opened again, and stands where it stood, for parent and child. */
static void on_disk(void)
{
    int fd = open("/file.txt", O_RDWR | O_CREAT | O_TRUNC | O_APPEND, 0644);
    pid_t pid;

    EXPECT(fd == 3 && write(fd, "some", 4) == 4 && fsync(fd) == 0);
    pid = start("more", -1, -1);
    reap(pid, 0);
    EXPECT(lseek(fd, 0, SEEK_CUR) == 8);
    EXPECT(lseek(fd, 0, SEEK_END) == 4); /* what the child wrote is in its own view */
    EXPECT(close(fd) == 0);
}

int main(int argc, char **argv)
{
    const char *what = argc > 1 ? argv[1] : "";

    if (strcmp(what, "upper") == 0) {
        return upper();
    }
    if (strcmp(what, "which") == 0) {
        return which();
    }
    if (strcmp(what, "more") == 0) {
        return more();
    }
    while (strcmp(what, "sleep") == 0) {
        sleep(1000);
    }
    if (strcmp(what, "disk") == 0) {
        on_disk();
    }
    pipeline();
    what_is_kept();
    killed();
    failing();
    spawned();
    printf("pipeexec: ok\n");
    return 0;
}
