/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * poll() and select(): until one of several descriptors would not keep its caller waiting.
 *
 * A file says what it would not wait for, and which word changes when that does (struct fs_ready);
 * all words are waited for at once.  Where it is a device that cannot say (the console without the
 * components plic and task), it is asked a thousand times a second.
 */
#define _GNU_SOURCE /* ppoll */
#include <errno.h>
#include <poll.h>
#include <stdlib.h>
#include <sys/select.h>
#include <sys/time.h>

#include "guest/libc/descriptor.h"
#include "guest/libc/pause.h"
#include "guest/libc/signal.h"
#include "guest/timer.h"
#include "guest/word.h"

#define ASK_NS    1000000
#define FEW       16 /* words, for which no memory is asked for */
#define NS_PER_S  1000000000L
#define NS_PER_MS 1000000L
#define NS_PER_US 1000L
#define MS_PER_S  1000

struct words {
    struct word_at few[FEW];
    struct word_at *at; /* [room] */
    size_t room, count;
    bool asks; /* there is one that will not tell */
};

static short look_at(struct pollfd *poll, struct words *words)
{
    struct file *file = descriptor_get(poll->fd);
    struct fs_ready ready;
    int events = 0, mode;

    if (!file) {
        return POLLNVAL;
    }
    file_ready(file, &ready);
    mode = file_flags(file) & O_ACCMODE;
    file_put(file);
    if (mode != O_WRONLY && (ready.what & FS_READABLE)) {
        events |= POLLIN;
    }
    if (mode != O_RDONLY && (ready.what & FS_WRITABLE)) {
        events |= POLLOUT;
    }
    events &= poll->events;
    if (ready.what & FS_ENDED) {
        events |= mode == O_WRONLY ? POLLERR : POLLHUP;
    }
    if (!ready.word) {
        words->asks = true;
    } else if (words->count < words->room) {
        words->at[words->count++] = (struct word_at){ready.word, ready.value};
    }
    return (short)events;
}

/* How many have something to tell. */
static int look(struct pollfd *fds, nfds_t count, struct words *words)
{
    int found = 0;

    words->count = 0;
    words->asks = false;
    for (nfds_t i = 0; i < count; i++) {
        fds[i].revents = fds[i].fd < 0 ? 0 : look_at(&fds[i], words);
        found += fds[i].revents != 0;
    }
    return found;
}

static int wait(struct pollfd *fds, nfds_t count, struct words *words, u64 deadline)
{
    int before = errno, found, error = 0;

    for (;;) {
        u64 until = deadline;

        found = look(fds, count, words);
        if (found > 0 || error == ETIMEDOUT) {
            errno = before; /* of descriptors that are not open */
            return found;
        }
        if (words->asks && pause_deadline(ASK_NS) < until) {
            until = pause_deadline(ASK_NS);
        }
        error = word_wait(words->at, words->count, until, "a descriptor", WORD_ENDS);
        if (error == EINTR) {
            return files_result(EINTR);
        }
        if (until < deadline) {
            error = 0;
        }
    }
}

/* EINVAL: more than there can be. */
static int poll_until(struct pollfd *fds, nfds_t count, u64 deadline, const sigset_t *mask)
{
    struct words words = {.room = FEW};
    int found;

    if (count > DESCRIPTORS) {
        return files_result(EINVAL);
    }
    words.at = words.few;
    if (count > FEW) {
        words.room = count;
        words.at = calloc(count, sizeof(*words.at));
        if (!words.at) {
            return files_result(ENOMEM);
        }
    }
    if (mask) {
        signal_mask_begin(*mask);
    }
    found = wait(fds, count, &words, deadline);
    if (mask) {
        signal_mask_end();
    }
    if (count > FEW) {
        free(words.at);
    }
    return found;
}

static u64 deadline_in(const struct timespec *time)
{
    u64 ticks = pause_ticks((u64)time->tv_sec, (u64)time->tv_nsec), now = timer_now();

    return ticks < PAUSE_FOR_EVER - now ? now + ticks : PAUSE_FOR_EVER;
}

static bool is_time(const struct timespec *time)
{
    return time->tv_sec >= 0 && time->tv_nsec >= 0 && time->tv_nsec < NS_PER_S;
}

/* EINTR also after handlers with SA_RESTART. */
int ppoll(struct pollfd *fds, nfds_t count, const struct timespec *time, const sigset_t *mask)
{
    if (time && !is_time(time)) {
        return files_result(EINVAL);
    }
    return poll_until(fds, count, time ? deadline_in(time) : PAUSE_FOR_EVER, mask);
}

int poll(struct pollfd *fds, nfds_t count, int milliseconds)
{
    struct timespec time = {milliseconds / MS_PER_S, milliseconds % MS_PER_S * NS_PER_MS};

    return ppoll(fds, count, milliseconds < 0 ? NULL : &time, NULL);
}

/* ---- select ---- */

static bool has(const fd_set *set, int fd)
{
    return set && FD_ISSET(fd, set);
}

/* Those of the set whose poll has one of these events; how many. */
static int answer(fd_set *set, const struct pollfd *fds, int count, int events)
{
    int found = 0;

    for (int i = 0; i < count && set; i++) {
        if (!FD_ISSET(fds[i].fd, set)) {
            continue;
        }
        if (fds[i].revents & events) {
            found++;
        } else {
            FD_CLR(fds[i].fd, set);
        }
    }
    return found;
}

/* No descriptor is ever exceptional. */
int pselect(int count, fd_set *reads, fd_set *writes, fd_set *excepts, const struct timespec *time,
            const sigset_t *mask)
{
    struct pollfd fds[FD_SETSIZE];
    int used = 0, found;

    if (count < 0 || count > FD_SETSIZE || (time && !is_time(time))) {
        return files_result(EINVAL);
    }
    for (int fd = 0; fd < count; fd++) {
        short events = (short)((has(reads, fd) ? POLLIN : 0) | (has(writes, fd) ? POLLOUT : 0));

        if (events || has(excepts, fd)) {
            fds[used++] = (struct pollfd){.fd = fd, .events = events};
        }
    }
    found = poll_until(fds, (nfds_t)used, time ? deadline_in(time) : PAUSE_FOR_EVER, mask);
    for (int i = 0; i < used && found > 0; i++) {
        if (fds[i].revents & POLLNVAL) {
            return files_result(EBADF);
        }
    }
    if (found < 0) {
        return found;
    }
    return answer(reads, fds, used, POLLIN | POLLHUP | POLLERR) +
           answer(writes, fds, used, POLLOUT | POLLERR) + answer(excepts, fds, used, 0);
}

int select(int count, fd_set *reads, fd_set *writes, fd_set *excepts, struct timeval *time)
{
    struct timespec limit = {0, 0};

    if (time) {
        limit = (struct timespec){time->tv_sec, time->tv_usec * NS_PER_US};
    }
    return pselect(count, reads, writes, excepts, time ? &limit : NULL, NULL);
}
