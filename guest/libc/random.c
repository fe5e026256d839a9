/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Random numbers that cannot be guessed.
 *
 * Invariants: what is found in memory does not tell what was drawn before (chacha20.c); and no two
 * processes draw from the same key: a forked child takes a new one before its first number.
 *
 * The key comes from the hypervisor (sbi/proc.h, entropy), or bare from /chosen/rng-seed of the
 * FDT, which is erased there, or, with component virtio_rng, from an entropy device.  Where none
 * is, there are no random numbers, and the console says so once: pid and time are no seed.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>

#include "lib/kit/chacha20.h"
#include "lib/kit/wipe.h"
#include "sbi/call.h"

#include "guest/libc/seed.h"
#include "guest/machine.h"
#include "guest/proc.h"
#include "guest/report.h"
#include "guest/spin.h"

#define GETENTROPY_MAX 256
#define CHUNK_BYTES    1024 /* at most so long nobody else runs */

static struct {
    struct spin lock;
    bool seeded;
    u32 forks; /* proc_forks when the key was taken */
    u8 key[CHACHA20_KEY_BYTES];
} generator;

__attribute__((weak)) bool seed_from_device(u8 *key, size_t bytes)
{
    (void)key;
    (void)bytes;
    return false;
}

/* The lock is held. */
static bool seed(void)
{
    if (generator.seeded && generator.forks == proc_forks) {
        return true;
    }
    generator.forks = proc_forks;
    generator.seeded =
        proc_entropy(generator.key, sizeof(generator.key)) == 0 ||
        (proc_forks == 0 && machine_take_seed(generator.key, sizeof(generator.key))) ||
        seed_from_device(generator.key, sizeof(generator.key));
    return generator.seeded;
}

static void say_once(void)
{
    static bool said;

    if (!said) {
        said = true;
        report_text("random: no seed: the machine's FDT has no /chosen/rng-seed of 32 bytes\n");
    }
}

/* Never waits, never gives less.  False: nothing was written. */
static bool draw(u8 *to, size_t bytes)
{
    do {
        size_t now = bytes < CHUNK_BYTES ? bytes : CHUNK_BYTES;
        bool seeded;

        spin_lock(&generator.lock);
        seeded = seed();
        if (seeded) {
            chacha20_draw(generator.key, to, now);
        }
        spin_unlock(&generator.lock);
        if (!seeded) {
            say_once();
            return false;
        }
        to += now;
        bytes -= now;
    } while (bytes > 0);
    return true;
}

/* ENOSYS: there is no seed.  EINVAL: unknown flags.  The known ones change nothing. */
ssize_t getrandom(void *to, size_t bytes, unsigned flags)
{
    if (flags & ~(unsigned)(GRND_NONBLOCK | GRND_RANDOM)) {
        errno = EINVAL;
        return -1;
    }
    if (!draw(to, bytes)) {
        errno = ENOSYS;
        return -1;
    }
    return (ssize_t)bytes;
}

int getentropy(void *to, size_t bytes)
{
    if (bytes > GETENTROPY_MAX) {
        errno = EIO;
        return -1;
    }
    return getrandom(to, bytes, 0) < 0 ? -1 : 0;
}

/* It has no way to fail: without a seed the program ends. */
void arc4random_buf(void *to, size_t bytes)
{
    if (!draw(to, bytes)) {
        abort();
    }
}

u32 arc4random(void)
{
    u32 number;

    arc4random_buf(&number, sizeof(number));
    return number;
}
