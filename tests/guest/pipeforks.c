/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Pipes, shared memory and semaphores between processes: what a child inherits, and what becomes
 * of the others when one of them ends or is killed, at whatever moment.
 */
#define _GNU_SOURCE /* pipe2 */
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <semaphore.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/select.h>
#include <sys/wait.h>
#include <unistd.h>

#include "tests/guest/children.h"
#include "tests/guest/expect.h"

#define RING    131072
#define ATOM    4096
#define STREAM  (2 << 20)
#define WRITERS 4
#define ATOMS   100
#define TURNS   200
#define KILLS   40
#define MANY    1000

const char *expect_name = "pipeforks";

static char bytes[RING];

static void kill_and_reap(pid_t pid)
{
    EXPECT(kill(pid, SIGKILL) == 0);
    reap(pid, SIGKILL);
}

static void close_both(const int fds[2])
{
    EXPECT(close(fds[0]) == 0 && close(fds[1]) == 0);
}

/* ---- who talks to whom ---- */

/* The grandchild writes, the child waits for it, the parent reads to the end. */
static void grandchild(void)
{
    int fds[2];
    pid_t child;

    EXPECT(pipe(fds) == 0);
    child = child_of();
    if (child == 0) {
        pid_t grandchild = child_of();

        if (grandchild == 0) {
            EXPECT(write(fds[1], "from afar", 9) == 9);
            _exit(7);
        }
        reap(grandchild, 7 << 8);
        _exit(0);
    }
    EXPECT(close(fds[1]) == 0);
    EXPECT(read(fds[0], bytes, 9) == 9 && memcmp(bytes, "from afar", 9) == 0);
    EXPECT(read(fds[0], bytes, 1) == 0);
    EXPECT(close(fds[0]) == 0);
    reap(child, 0);
}

static void turns(void)
{
    int there[2], back[2];
    pid_t child;
    char c = 0;

    EXPECT(pipe(there) == 0 && pipe(back) == 0);
    child = child_of();
    if (child == 0) {
        EXPECT(close(there[1]) == 0);
        while (read(there[0], &c, 1) == 1) {
            c++;
            EXPECT(write(back[1], &c, 1) == 1);
        }
        _exit(0);
    }
    for (int i = 0; i < TURNS; i++) {
        char before = c;

        EXPECT(write(there[1], &c, 1) == 1);
        EXPECT(read(back[0], &c, 1) == 1);
        EXPECT(c == (char)(before + 1));
    }
    close_both(there);
    reap(child, 0);
    close_both(back);
}

static char pattern(int at)
{
    return (char)(at * 7 + (at >> 8));
}

static void streaming(void)
{
    int fds[2], at = 0;
    pid_t child;
    ssize_t now;

    EXPECT(pipe(fds) == 0);
    child = child_of();
    if (child == 0) {
        while (at < STREAM) {
            for (int i = 0; i < RING; i++) {
                bytes[i] = pattern(at + i);
            }
            EXPECT(write(fds[1], bytes, RING) == RING);
            at += RING;
        }
        _exit(0);
    }
    EXPECT(close(fds[1]) == 0);
    while ((now = read(fds[0], bytes, 1 + (size_t)at % RING)) > 0) {
        for (int i = 0; i < now; i++, at++) {
            EXPECT(bytes[i] == pattern(at));
        }
    }
    EXPECT(now == 0 && at == STREAM);
    EXPECT(close(fds[0]) == 0);
    reap(child, 0);
}

/* Several processes write, several read: each piece is whole, and none is lost. */
static void atoms(void)
{
    int fds[2];
    pid_t writers[WRITERS];
    char atom[ATOM];

    EXPECT(pipe(fds) == 0);
    for (int i = 0; i < WRITERS; i++) {
        writers[i] = child_of();
        if (writers[i] == 0) {
            memset(atom, 'a' + i, sizeof(atom));
            for (int j = 0; j < ATOMS; j++) {
                EXPECT(write(fds[1], atom, sizeof(atom)) == sizeof(atom));
            }
            _exit(0);
        }
    }
    EXPECT(close(fds[1]) == 0);
    for (int i = 0; i < WRITERS * ATOMS; i++) {
        for (size_t done = 0; done < ATOM;) {
            ssize_t now = read(fds[0], atom + done, ATOM - done);

            EXPECT(now > 0);
            done += (size_t)now;
        }
        for (int j = 1; j < ATOM; j++) {
            EXPECT(atom[j] == atom[0]);
        }
    }
    EXPECT(read(fds[0], atom, 1) == 0);
    EXPECT(close(fds[0]) == 0);
    for (int i = 0; i < WRITERS; i++) {
        reap(writers[i], 0);
    }
}

/* ---- ends ---- */

static void wait_in_read(const int fds[2])
{
    char c;

    EXPECT(close(fds[1]) == 0);
    EXPECT(read(fds[0], &c, 1) == 0);
    _exit(0);
}

/* A writer is killed: whoever reads comes to the end, parent or sibling. */
static void writer_killed(void)
{
    int fds[2];
    pid_t writer, reader;
    char c;

    EXPECT(pipe(fds) == 0);
    writer = child_of();
    if (writer == 0) {
        for (;;) {
            pause();
        }
    }
    reader = child_of();
    if (reader == 0) {
        wait_in_read(fds);
    }
    EXPECT(close(fds[1]) == 0);
    usleep(20000);
    kill_and_reap(writer);
    EXPECT(read(fds[0], &c, 1) == 0);
    EXPECT(close(fds[0]) == 0);
    reap(reader, 0);
}

/* The reader is killed while the pipe is full. */
static void reader_killed(void)
{
    int fds[2];
    pid_t reader;

    signal(SIGPIPE, SIG_IGN);
    EXPECT(pipe(fds) == 0);
    reader = child_of();
    if (reader == 0) {
        for (;;) {
            pause();
        }
    }
    EXPECT(close(fds[0]) == 0);
    EXPECT(write(fds[1], bytes, RING) == RING);
    EXPECT(kill(reader, SIGKILL) == 0);
    FAILS(write(fds[1], bytes, RING), EPIPE);
    reap(reader, SIGKILL);
    EXPECT(close(fds[1]) == 0);
    signal(SIGPIPE, SIG_DFL);
}

static void sigpipe(void)
{
    int fds[2];
    pid_t child;

    EXPECT(pipe(fds) == 0);
    EXPECT(close(fds[0]) == 0);
    child = child_of();
    if (child == 0) {
        write(fds[1], "x", 1);
        _exit(1);
    }
    reap(child, SIGPIPE);
    EXPECT(close(fds[1]) == 0);
}

/* Killed at any moment, also with the pipe's lock: the others go on. */
static void killed_at_work(void)
{
    for (int i = 0; i < KILLS; i++) {
        int fds[2];
        pid_t victim, other;
        long total = 0;
        ssize_t now;

        EXPECT(pipe(fds) == 0);
        victim = child_of();
        if (victim == 0) {
            for (;;) {
                EXPECT(write(fds[1], bytes, ATOM) == ATOM);
            }
        }
        other = child_of();
        if (other == 0) {
            for (int j = 0; j < 50; j++) {
                EXPECT(write(fds[1], bytes, ATOM) == ATOM);
            }
            _exit(0);
        }
        EXPECT(close(fds[1]) == 0);
        for (int j = 0; j < 3 + i; j++) {
            now = read(fds[0], bytes, 3000);
            EXPECT(now > 0);
            total += now;
        }
        EXPECT(kill(victim, SIGKILL) == 0);
        while ((now = read(fds[0], bytes, RING)) > 0) {
            total += now;
        }
        EXPECT(now == 0 && total % ATOM == 0 && total >= 50 * ATOM);
        reap(victim, SIGKILL);
        reap(other, 0);
        EXPECT(close(fds[0]) == 0);
    }
}

/* Readers and writers that are killed on both sides, and nothing stays behind. */
static void many(void)
{
    for (int i = 0; i < MANY; i++) {
        int fds[2];

        EXPECT(pipe(fds) == 0);
        if (i % 50 == 0) {
            pid_t child = child_of();

            if (child == 0) {
                _exit(read(fds[0], bytes, 1) == 1 ? 0 : 1);
            }
            EXPECT(write(fds[1], "x", 1) == 1);
            reap(child, 0);
        }
        close_both(fds);
    }
}

/* ---- polling ---- */

static void polling(void)
{
    int one[2], two[2], go[2];
    pid_t child;

    EXPECT(pipe(one) == 0 && pipe(two) == 0 && pipe(go) == 0);
    child = child_of();
    if (child == 0) {
        EXPECT(close(go[1]) == 0);
        usleep(20000);
        EXPECT(write(two[1], "x", 1) == 1);
        EXPECT(read(go[0], bytes, 1) == 0);
        _exit(0);
    }
    EXPECT(close(one[1]) == 0 && close(two[1]) == 0 && close(go[0]) == 0);
    struct pollfd polls[] = {
        {.fd = one[0], .events = POLLIN},
        {.fd = two[0], .events = POLLIN}
    };
    EXPECT(poll(polls, 2, -1) == 1 && polls[0].revents == 0 && polls[1].revents == POLLIN);
    EXPECT(read(two[0], bytes, 10) == 1);
    EXPECT(close(go[1]) == 0);
    EXPECT(poll(polls, 1, -1) == 1 && polls[0].revents == POLLHUP);
    EXPECT(close(one[0]) == 0 && close(two[0]) == 0);
    reap(child, 0);
}

static volatile int usr1s;

static void raise_once_more(int signal)
{
    if (++usr1s < 20) {
        raise(signal);
    }
}

/* A signal that pends ends them at once, and is blocked again before its handler's end; one that
 * comes from elsewhere does, too. */
static void polling_with_mask(void)
{
    struct timespec never = {1000, 0}, now = {0, 0};
    sigset_t block = 1UL << SIGUSR1, none = 0, set;
    struct pollfd poll;
    fd_set reads;
    int fds[2], status;
    pid_t child;

    EXPECT(pipe(fds) == 0);
    poll = (struct pollfd){.fd = fds[0], .events = POLLIN};
    signal(SIGUSR1, raise_once_more);
    EXPECT(sigprocmask(SIG_SETMASK, &block, NULL) == 0 && raise(SIGUSR1) == 0);
    for (int i = 1; i < 20; i += 2) {
        FAILS(ppoll(&poll, 1, &never, &none), EINTR);
        EXPECT(usr1s == i && sigpending(&set) == 0 && set == block);
        FD_ZERO(&reads);
        FD_SET(fds[0], &reads);
        FAILS(pselect(fds[0] + 1, &reads, NULL, NULL, &never, &none), EINTR);
        EXPECT(usr1s == i + 1 && sigprocmask(0, NULL, &set) == 0 && set == block);
        EXPECT(ppoll(&poll, 1, &now, &block) == 0 && usr1s == i + 1);
    }
    child = child_of();
    if (child == 0) {
        for (int i = 21; i < 40; i++) {
            FAILS(ppoll(&poll, 1, NULL, &none), EINTR);
            EXPECT(usr1s == i);
        }
        _exit(0);
    }
    while (waitpid(child, &status, WNOHANG) == 0) {
        EXPECT(kill(child, SIGUSR1) == 0);
        usleep(500);
    }
    EXPECT(WIFEXITED(status) && WEXITSTATUS(status) == 0);
    /* what there is to read comes first */
    EXPECT(write(fds[1], "x", 1) == 1 && raise(SIGUSR1) == 0);
    EXPECT(ppoll(&poll, 1, NULL, &none) == 1 && usr1s == 20);
    close_both(fds);
    EXPECT(sigprocmask(SIG_SETMASK, &none, NULL) == 0 && usr1s == 21);
    signal(SIGUSR1, SIG_DFL);
}

/* ---- what else is shared ---- */

static void offsets(void)
{
    int fd = open("/tmp/f", O_RDWR | O_CREAT | O_TRUNC, 0644);
    int own = open("/tmp/f", O_RDONLY);
    pid_t child;

    EXPECT(fd >= 0 && own >= 0);
    EXPECT(write(fd, "0123456789", 10) == 10 && lseek(fd, 2, SEEK_SET) == 2);
    child = child_of();
    if (child == 0) {
        EXPECT(read(fd, bytes, 3) == 3 && memcmp(bytes, "234", 3) == 0);
        EXPECT(fcntl(fd, F_SETFL, O_APPEND) == 0);
        EXPECT(close(own) == 0);
        _exit(0);
    }
    reap(child, 0);
    EXPECT(lseek(fd, 0, SEEK_CUR) == 5 && fcntl(fd, F_GETFL) == (O_RDWR | O_APPEND));
    EXPECT(lseek(own, 0, SEEK_CUR) == 0);
    for (int i = 0; i < 3; i++) { /* later forks need no further page, and later files another */
        int more = open("/tmp/f", O_RDONLY);

        EXPECT(more >= 0);
        child = child_of();
        if (child == 0) {
            EXPECT(lseek(more, 1, SEEK_CUR) == 1 && lseek(fd, 1, SEEK_CUR) == 6 + i);
            _exit(0);
        }
        reap(child, 0);
        EXPECT(lseek(more, 0, SEEK_CUR) == 1 && close(more) == 0);
    }
    EXPECT(close(fd) == 0 && close(own) == 0 && unlink("/tmp/f") == 0);
}

struct common {
    sem_t ping, pong;
    int count;
};

static void semaphores(void)
{
    struct common *common =
        mmap(NULL, sizeof(*common), PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    int *own = mmap(NULL, sizeof(*own), PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    pid_t child;

    EXPECT(common != MAP_FAILED && own != MAP_FAILED);
    EXPECT(sem_init(&common->ping, 1, 0) == 0 && sem_init(&common->pong, 1, 0) == 0);
    child = child_of();
    if (child == 0) {
        for (int i = 0; i < TURNS; i++) {
            EXPECT(sem_wait(&common->ping) == 0);
            EXPECT(common->count++ == 2 * i);
            EXPECT(sem_post(&common->pong) == 0);
        }
        *own = 1;
        _exit(0);
    }
    for (int i = 0; i < TURNS; i++) {
        EXPECT(sem_post(&common->ping) == 0);
        EXPECT(sem_wait(&common->pong) == 0);
        EXPECT(common->count++ == 2 * i + 1);
    }
    reap(child, 0);
    EXPECT(*own == 0);
    EXPECT(munmap(common, sizeof(*common)) == 0 && munmap(own, sizeof(*own)) == 0);
}

int main(void)
{
    grandchild();
    turns();
    streaming();
    atoms();
    writer_killed();
    reader_killed();
    killed_at_work();
    many();
    polling();
    polling_with_mask();
    offsets();
    semaphores();
    sigpipe();
    printf("pipeforks: ok\n");
    return 0;
}
