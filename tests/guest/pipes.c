/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Pipes, poll, shared memory and semaphores as POSIX has them, between the threads of one program:
 * the same bare and in a VM.
 */
#define _GNU_SOURCE /* pipe2, dup3, ppoll */
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <poll.h>
#include <pthread.h>
#include <semaphore.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/select.h>
#include <sys/stat.h>
#include <sys/uio.h>
#include <time.h>
#include <unistd.h>

#include "tests/guest/expect.h"

#define RING        131072
#define ATOM        4096
#define STREAM      (4 << 20)
#define WRITERS     4
#define ATOMS       200
#define MANY        1000
#define MANY_FDS    1100
#define PATIENCE_MS 60000

const char *expect_name = "pipes";

static char bytes[2 * RING];
static volatile int signals;

static void count(int signal)
{
    signals += signal == SIGPIPE;
}

/* ---- one thread ---- */

static void basics(void)
{
    int fds[2];
    char to[16];
    struct stat stat;
    struct iovec pieces[2] = {
        {to,     2},
        {to + 8, 8}
    };

    EXPECT(pipe(fds) == 0);
    EXPECT(fds[0] == 3 && fds[1] == 4);
    EXPECT(write(fds[1], "hello", 5) == 5);
    EXPECT(write(fds[1], "", 0) == 0);
    EXPECT(read(fds[0], to, 0) == 0);
    EXPECT(readv(fds[0], pieces, 2) == 5);
    EXPECT(memcmp(to, "he", 2) == 0 && memcmp(to + 8, "llo", 3) == 0);
    EXPECT(fstat(fds[0], &stat) == 0 && S_ISFIFO(stat.st_mode));
    EXPECT(!isatty(fds[0]));
    FAILS(lseek(fds[0], 0, SEEK_CUR), ESPIPE);
    FAILS(pread(fds[0], to, 1, 0), ESPIPE);
    FAILS(pwrite(fds[1], to, 1, 0), ESPIPE);
    FAILS(ftruncate(fds[1], 0), EINVAL);
    FAILS(write(fds[0], to, 1), EBADF);
    FAILS(read(fds[1], to, 1), EBADF);
    FAILS(fsync(fds[1]), EINVAL);
    EXPECT(fcntl(fds[0], F_GETFL) == O_RDONLY && fcntl(fds[1], F_GETFL) == O_WRONLY);
    EXPECT(fcntl(fds[0], F_GETFD) == 0);
    EXPECT(close(fds[0]) == 0 && close(fds[1]) == 0);
    FAILS(close(fds[0]), EBADF);
    FAILS(pipe2(fds, O_APPEND), EINVAL);
    EXPECT(pipe2(fds, O_CLOEXEC | O_NONBLOCK) == 0);
    EXPECT(fcntl(fds[1], F_GETFD) == FD_CLOEXEC && (fcntl(fds[1], F_GETFL) & O_NONBLOCK));
    EXPECT(close(fds[0]) == 0 && close(fds[1]) == 0);
}

static void ends(void)
{
    int fds[2], copy;
    char to[8];

    EXPECT(pipe(fds) == 0);
    copy = dup(fds[1]);
    EXPECT(write(copy, "x", 1) == 1);
    EXPECT(close(fds[1]) == 0 && close(copy) == 0);
    EXPECT(read(fds[0], to, sizeof(to)) == 1); /* what was written is still there */
    EXPECT(read(fds[0], to, sizeof(to)) == 0);
    EXPECT(read(fds[0], to, sizeof(to)) == 0);
    EXPECT(close(fds[0]) == 0);

    signal(SIGPIPE, count);
    EXPECT(pipe(fds) == 0);
    EXPECT(close(fds[0]) == 0);
    FAILS(write(fds[1], "x", 1), EPIPE);
    EXPECT(signals == 1);
    signal(SIGPIPE, SIG_IGN);
    FAILS(write(fds[1], "x", 1), EPIPE);
    EXPECT(close(fds[1]) == 0);
}

static void nonblocking(void)
{
    int fds[2];

    EXPECT(pipe2(fds, O_NONBLOCK) == 0);
    FAILS(read(fds[0], bytes, 1), EAGAIN);
    EXPECT(write(fds[1], bytes, 2 * RING) == RING); /* part of it */
    FAILS(write(fds[1], bytes, 2 * RING), EAGAIN);
    EXPECT(read(fds[0], bytes, 10) == 10);
    FAILS(write(fds[1], bytes, 11), EAGAIN); /* up to PIPE_BUF whole or not at all */
    EXPECT(write(fds[1], bytes, 10) == 10);
    EXPECT(read(fds[0], bytes, sizeof(bytes)) == RING);
    EXPECT(fcntl(fds[1], F_SETFL, 0) == 0);
    EXPECT(!(fcntl(fds[1], F_GETFL) & O_NONBLOCK) && (fcntl(fds[0], F_GETFL) & O_NONBLOCK));
    EXPECT(close(fds[1]) == 0);
    EXPECT(read(fds[0], bytes, 1) == 0);
    EXPECT(close(fds[0]) == 0);
}

static void streams(void)
{
    int fds[2];
    FILE *in, *out;
    char line[80];

    EXPECT(pipe(fds) == 0);
    in = fdopen(fds[0], "r");
    out = fdopen(fds[1], "w");
    EXPECT(in && out);
    fprintf(out, "one %d\ntwo\n", 1);
    EXPECT(fclose(out) == 0);
    EXPECT(fgets(line, sizeof(line), in) && strcmp(line, "one 1\n") == 0);
    EXPECT(fgets(line, sizeof(line), in) && strcmp(line, "two\n") == 0);
    EXPECT(!fgets(line, sizeof(line), in) && feof(in) && !ferror(in));
    EXPECT(fclose(in) == 0);
}

/* Nothing stays behind: neither memory nor, in a VM, what the hypervisor counts. */
static void many(void)
{
    static int all[MANY_FDS];
    int fds[2], used = 0;

    for (int i = 0; i < MANY; i++) {
        EXPECT(pipe(fds) == 0);
        EXPECT(write(fds[1], "x", 1) == 1);
        EXPECT(close(fds[i % 2]) == 0 && close(fds[1 - i % 2]) == 0);
    }
    while (pipe(all + used) == 0) {
        used += 2;
        EXPECT(used < MANY_FDS);
    }
    EXPECT(errno == EMFILE || errno == ENFILE || errno == ENOMEM);
    EXPECT(used >= 200);
    for (int i = 0; i < used; i++) {
        EXPECT(close(all[i]) == 0);
    }
    EXPECT(pipe(fds) == 0 && fds[0] == 3);
    EXPECT(close(fds[0]) == 0 && close(fds[1]) == 0);
}

static void memory(void)
{
    const int both = PROT_READ | PROT_WRITE;
    char *shared = mmap(NULL, 10000, both, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    char *private = mmap(NULL, 1, both, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

    EXPECT(shared != MAP_FAILED && private != MAP_FAILED && shared != private);
    for (int i = 0; i < 12288; i++) {
        EXPECT(shared[i] == 0);
    }
    memset(shared, 1, 12288);
    memset(private, 2, ATOM);
    EXPECT(shared[12287] == 1 && private[0] == 2);
    FAILS(munmap(shared, ATOM), EINVAL);
    EXPECT(munmap(shared, 10000) == 0 && munmap(private, 1) == 0);
    FAILS(munmap(shared, 10000), EINVAL);
    EXPECT(mmap(NULL, 0, both, MAP_SHARED | MAP_ANONYMOUS, -1, 0) == MAP_FAILED && errno == EINVAL);
    EXPECT(mmap(NULL, 1, both, MAP_ANONYMOUS, -1, 0) == MAP_FAILED && errno == EINVAL);
    EXPECT(mmap(NULL, 1, both, MAP_SHARED, 0, 0) == MAP_FAILED && errno == ENODEV);
    EXPECT(mmap(NULL, 1UL << 40, both, MAP_SHARED | MAP_ANONYMOUS, -1, 0) == MAP_FAILED &&
           errno == ENOMEM);
    FAILS(mprotect(private, 1, PROT_READ), ENOSYS);
}

static long ms_since(const struct timespec *begin)
{
    struct timespec now;

    clock_gettime(CLOCK_MONOTONIC, &now);
    return (now.tv_sec - begin->tv_sec) * 1000 + (now.tv_nsec - begin->tv_nsec) / 1000000;
}

static void polling(void)
{
    int fds[2];
    struct timespec begin;
    struct timeval tv = {0, 20000};
    fd_set reads, writes;

    EXPECT(pipe(fds) == 0);
    struct pollfd polls[] = {
        {.fd = fds[0], .events = POLLIN          },
        {.fd = fds[1], .events = POLLIN | POLLOUT},
        {.fd = -1,     .events = POLLIN          },
        {.fd = 99,     .events = POLLIN          },
    };
    EXPECT(poll(polls, 3, 0) == 1 && polls[0].revents == 0 && polls[1].revents == POLLOUT);
    EXPECT(poll(polls, 4, -1) == 2 && polls[3].revents == POLLNVAL);
    EXPECT(write(fds[1], "x", 1) == 1);
    EXPECT(poll(polls, 1, -1) == 1 && polls[0].revents == POLLIN);
    EXPECT(read(fds[0], bytes, 1) == 1);
    clock_gettime(CLOCK_MONOTONIC, &begin);
    EXPECT(poll(polls, 1, 30) == 0 && ms_since(&begin) >= 30);
    EXPECT(write(fds[1], bytes, RING - ATOM + 1) == RING - ATOM + 1);
    EXPECT(poll(polls, 2, 0) == 1 && polls[1].revents == 0);
    FD_ZERO(&reads);
    FD_ZERO(&writes);
    FD_SET(fds[0], &reads);
    FD_SET(fds[1], &writes);
    EXPECT(select(fds[1] + 1, &reads, &writes, NULL, NULL) == 1);
    EXPECT(FD_ISSET(fds[0], &reads) && !FD_ISSET(fds[1], &writes));
    EXPECT(read(fds[0], bytes, RING) == RING - ATOM + 1);
    EXPECT(select(fds[1] + 1, &reads, NULL, NULL, &tv) == 0 && !FD_ISSET(fds[0], &reads));
    EXPECT(close(fds[1]) == 0);
    EXPECT(poll(polls, 1, -1) == 1 && polls[0].revents == POLLHUP);
    EXPECT(close(fds[0]) == 0);
    EXPECT(pipe(fds) == 0 && close(fds[0]) == 0);
    polls[1].fd = fds[1];
    EXPECT(poll(polls + 1, 1, -1) == 1 && polls[1].revents == (POLLOUT | POLLERR));
    EXPECT(close(fds[1]) == 0);
    FAILS(poll(polls, 5000, 0), EINVAL);
}

/* ---- several threads ---- */

static char pattern(int at)
{
    return (char)(at * 7 + (at >> 8));
}

static void *write_stream(void *arg)
{
    static char from[10000];
    int fd = *(int *)arg, at = 0;

    while (at < STREAM) {
        int size = 1 + at % (int)sizeof(from);

        size = size < STREAM - at ? size : STREAM - at;
        for (int i = 0; i < size; i++) {
            from[i] = pattern(at + i);
        }
        EXPECT(write(fd, from, (size_t)size) == size);
        at += size;
    }
    EXPECT(close(fd) == 0);
    return NULL;
}

static void streaming(void)
{
    pthread_t writer;
    int fds[2], at = 0;
    ssize_t now;

    EXPECT(pipe(fds) == 0);
    EXPECT(pthread_create(&writer, NULL, write_stream, &fds[1]) == 0);
    while ((now = read(fds[0], bytes, 1 + (size_t)at % 20000)) > 0) {
        for (int i = 0; i < now; i++, at++) {
            EXPECT(bytes[i] == pattern(at));
        }
    }
    EXPECT(now == 0 && at == STREAM);
    EXPECT(pthread_join(writer, NULL) == 0);
    EXPECT(close(fds[0]) == 0);
}

static int shared_fds[2];

static void *write_atoms(void *arg)
{
    char atom[ATOM];

    memset(atom, *(char *)arg, sizeof(atom));
    for (int i = 0; i < ATOMS; i++) {
        EXPECT(write(shared_fds[1], atom, sizeof(atom)) == sizeof(atom));
    }
    return NULL;
}

/* Several writers: each of their pieces is whole. */
static void atoms(void)
{
    static char names[WRITERS] = "abcd";
    pthread_t writers[WRITERS];
    char atom[ATOM];

    EXPECT(pipe(shared_fds) == 0);
    for (int i = 0; i < WRITERS; i++) {
        EXPECT(pthread_create(&writers[i], NULL, write_atoms, &names[i]) == 0);
    }
    for (int i = 0; i < WRITERS * ATOMS; i++) {
        for (size_t done = 0; done < ATOM;) {
            ssize_t now = read(shared_fds[0], atom + done, ATOM - done);

            EXPECT(now > 0);
            done += (size_t)now;
        }
        for (int j = 1; j < ATOM; j++) {
            EXPECT(atom[j] == atom[0]);
        }
    }
    for (int i = 0; i < WRITERS; i++) {
        EXPECT(pthread_join(writers[i], NULL) == 0);
    }
    EXPECT(close(shared_fds[0]) == 0 && close(shared_fds[1]) == 0);
}

static void *write_later(void *arg)
{
    usleep(20000);
    EXPECT(write(*(int *)arg, "x", 1) == 1);
    return NULL;
}

static void poll_sleeps(void)
{
    pthread_t writer;
    int one[2], two[2];

    EXPECT(pipe(one) == 0 && pipe(two) == 0);
    struct pollfd polls[] = {
        {.fd = one[0], .events = POLLIN},
        {.fd = two[0], .events = POLLIN}
    };
    EXPECT(pthread_create(&writer, NULL, write_later, &two[1]) == 0);
    EXPECT(poll(polls, 2, PATIENCE_MS) == 1);
    EXPECT(polls[0].revents == 0 && polls[1].revents == POLLIN);
    EXPECT(pthread_join(writer, NULL) == 0);
    EXPECT(close(one[0]) == 0 && close(one[1]) == 0 && close(two[0]) == 0 && close(two[1]) == 0);
}

static void *post_later(void *arg)
{
    usleep(20000);
    EXPECT(sem_post(arg) == 0);
    return NULL;
}

static void semaphores(void)
{
    struct timespec past = {1, 0};
    pthread_t poster;
    sem_t semaphore;
    int value;

    EXPECT(sem_init(&semaphore, 1, 2) == 0);
    EXPECT(sem_wait(&semaphore) == 0 && sem_trywait(&semaphore) == 0);
    FAILS(sem_trywait(&semaphore), EAGAIN);
    FAILS(sem_timedwait(&semaphore, &past), ETIMEDOUT);
    EXPECT(pthread_create(&poster, NULL, post_later, &semaphore) == 0);
    EXPECT(sem_wait(&semaphore) == 0);
    EXPECT(pthread_join(poster, NULL) == 0);
    EXPECT(sem_getvalue(&semaphore, &value) == 0 && value == 0);
    EXPECT(sem_destroy(&semaphore) == 0);
}

int main(void)
{
    basics();
    ends();
    nonblocking();
    streams();
    many();
    memory();
    polling();
    streaming();
    atoms();
    poll_sleeps();
    semaphores();
    printf("pipes: ok\n");
    return 0;
}
