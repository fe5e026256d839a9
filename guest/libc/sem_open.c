/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Semaphores with names: for a process, those that it forks, and theirs.  The names are in a table
 * in shared pages, which are there before main, so that a name which a child makes is there for
 * its parent.  What such a process executes or spawns begins with a table of its own.
 *
 * How many processes have a semaphore open the hypervisor counts (PROC_HOLD), so that it goes when
 * it has no name any more and the last of them has closed it or ended, however.
 *
 * The table's lock (guest/owner.h) is free again when its process is killed.  The table is right
 * then: each change of it is one store, of a place's state.
 *
 * At most SEM_NAMES_MAX names at a time (ENOSPC), of NAME_BYTES - 1 bytes (ENAMETOOLONG).  Modes
 * are ignored: there are no users.
 */
#include <errno.h>
#include <fcntl.h>
#include <semaphore.h>
#include <stdarg.h>
#include <string.h>

#include "guest/init.h"
#include "guest/libc/pause.h"
#include "guest/libc/signal.h"
#include "guest/owner.h"
#include "guest/proc.h"
#include "guest/shared.h"

#define TABLE_PAGES   2
#define SEM_NAMES_MAX 63
#define NAME_BYTES    64

enum { FREE, NAMED, NAMELESS };

struct table {
    struct proc_hold lock;
    u8 unused[112];
    struct place {
        struct proc_hold hold; /* who has it open */
        sem_t semaphore;
        u32 state;
        char name[NAME_BYTES]; /* with its NUL */
    } __attribute__((aligned(128))) place[SEM_NAMES_MAX];
};
_Static_assert(sizeof(struct table) <= TABLE_PAGES * 4096, "it is in its pages");

static struct table *table;       /* NULL: there was no memory */
static u32 opened[SEM_NAMES_MAX]; /* how often this process has each open */

static void lock(void)
{
    signal_hold();
    while (!owner_try(&table->lock.owner)) {
        (void)!owner_wait(&table->lock.owner, PAUSE_FOR_EVER, "names of semaphores", WORD_DEAF);
    }
}

static void unlock(void)
{
    owner_release(&table->lock.owner);
    signal_release();
}

/* 0, or what errno is to be. */
static int name_error(const char *name)
{
    size_t length = strnlen(name, NAME_BYTES);

    if (!table) {
        return ENOMEM;
    }
    if (length == NAME_BYTES) {
        return ENAMETOOLONG;
    }
    return length < 2 || name[0] != '/' || strchr(name + 1, '/') ? EINVAL : 0;
}

/* ---- places; the lock is held ---- */

static struct place *find(const char *name)
{
    for (u32 i = 0; i < SEM_NAMES_MAX; i++) {
        struct place *place = &table->place[i];

        if (place->state == NAMED && strncmp(place->name, name, NAME_BYTES) == 0) {
            return place;
        }
    }
    return NULL;
}

static struct place *find_free(void)
{
    for (u32 i = 0; i < SEM_NAMES_MAX; i++) {
        struct place *place = &table->place[i];

        if (place->state == FREE ||
            (place->state == NAMELESS &&
             __atomic_load_n(&place->hold.holders, __ATOMIC_ACQUIRE) == 0)) {
            return place;
        }
    }
    return NULL;
}

static u32 index_of(const struct place *place)
{
    return (u32)(place - table->place);
}

/* ENFILE: the process holds too much.  ENOMEM. */
static int hold(struct place *place)
{
    long error = 0;

    if (opened[index_of(place)] > 0) {
        return 0;
    }
    if (proc_available()) {
        error = proc_hold(&place->hold, PROC_HOLD_HERE);
    } else {
        place->hold.holders = 1;
    }
    return error == 0 ? 0 : error == PROC_ERR_QUOTA ? ENFILE : ENOMEM;
}

static void let_go(struct place *place)
{
    if (proc_available()) {
        (void)proc_hold(&place->hold, PROC_HOLD_NONE);
    } else {
        place->hold.holders = 0;
    }
}

static int make(const char *name, unsigned value, struct place **made)
{
    struct place *place = find_free();

    if (!place) {
        return ENOSPC;
    }
    if (sem_init(&place->semaphore, 1, value) != 0) {
        return EINVAL;
    }
    strcpy(place->name, name);
    __atomic_store_n(&place->state, NAMED, __ATOMIC_RELEASE);
    *made = place;
    return 0;
}

static int open_place(const char *name, int flags, unsigned value, struct place **found)
{
    bool is_new = false;
    int error = 0;

    *found = find(name);
    if (*found && (flags & O_CREAT) && (flags & O_EXCL)) {
        return EEXIST;
    }
    if (!*found) {
        if (!(flags & O_CREAT)) {
            return ENOENT;
        }
        error = make(name, value, found);
        is_new = true;
    }
    if (!error) {
        error = hold(*found);
        if (error && is_new) {
            (*found)->state = FREE;
        }
    }
    if (!error) {
        opened[index_of(*found)]++;
    }
    return error;
}

/* ---- the calls ---- */

/* ENOENT, EEXIST, EINVAL, ENAMETOOLONG, ENOSPC, ENFILE, ENOMEM. */
sem_t *sem_open(const char *name, int flags, ...)
{
    struct place *place = NULL;
    unsigned value = 0;
    int error = name_error(name);
    va_list args;

    if (flags & O_CREAT) {
        va_start(args, flags);
        (void)va_arg(args, int);
        value = va_arg(args, unsigned);
        va_end(args);
    }
    if (!error) {
        lock();
        error = open_place(name, flags, value, &place);
        unlock();
    }
    if (error) {
        errno = error;
        return SEM_FAILED;
    }
    return &place->semaphore;
}

/* EINVAL: this process has no such semaphore open. */
int sem_close(sem_t *semaphore)
{
    for (u32 i = 0; table && i < SEM_NAMES_MAX; i++) {
        struct place *place = &table->place[i];

        if (semaphore != &place->semaphore) {
            continue;
        }
        lock();
        if (opened[i] > 0) {
            if (--opened[i] == 0) {
                let_go(place);
            }
            unlock();
            return 0;
        }
        unlock();
    }
    errno = EINVAL;
    return -1;
}

/* Who has it open keeps it.  ENOENT, EINVAL, ENAMETOOLONG. */
int sem_unlink(const char *name)
{
    int error = name_error(name);
    struct place *place;

    if (!error) {
        lock();
        place = find(name);
        if (place) {
            __atomic_store_n(&place->state, NAMELESS, __ATOMIC_RELEASE);
        }
        error = place ? 0 : ENOENT;
        unlock();
    }
    errno = error ? error : errno;
    return error ? -1 : 0;
}

static GUEST_INIT(INIT_LIBC) void bring_up(void)
{
    table = shared_alloc(TABLE_PAGES);
    if (!table) {
        return;
    }
    memset(table, 0, sizeof(*table));
    if (proc_available() && proc_hold(&table->lock, PROC_HOLD_HERE) != 0) {
        shared_free(table, TABLE_PAGES);
        table = NULL;
    }
}
