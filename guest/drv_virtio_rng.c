/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Component virtio_rng: a virtio entropy device, which is asked for a seed now and then, and waited
 * for.  It seeds random numbers (libc/random.c) where neither the hypervisor nor the FDT does.
 *
 * What it gives goes through a buffer: who asks may be gone before it answers.
 */
#include <string.h>

#include "lib/drv/virtio_rng.h"
#include "lib/kit/wipe.h"

#include "guest/entropy.h"
#include "guest/libc/seed.h"
#include "guest/pages.h"
#include "guest/spin.h"

#define PATIENCE     10000000 /* looks at the ring: about a second */
#define BUFFER_BYTES 64
#define PAGE         4096

struct rng {
    struct virtio_rng virtio;
    struct spin lock; /* guards all */
    u8 buffer[BUFFER_BYTES];
};

/* ERR_STATE, ERR_FORMAT: it is dead; what is in to[] is not to be used. */
static enum err read(const struct device *device, void *to, u32 bytes)
{
    struct rng *rng = device->state;
    enum err err = ERR_OK;
    u8 *at = to;

    while (err == ERR_OK && bytes > 0) {
        u32 now = bytes < BUFFER_BYTES ? bytes : BUFFER_BYTES;

        spin_lock(&rng->lock);
        err = virtio_rng_read(&rng->virtio, rng->buffer, now, PATIENCE);
        memcpy(at, rng->buffer, now);
        wipe(rng->buffer, sizeof(rng->buffer));
        spin_unlock(&rng->lock);
        at += now;
        bytes -= now;
    }
    return err;
}

/* libc/random.c asks. */
bool seed_from_device(u8 *key, size_t bytes)
{
    const struct device *device = device_get(DEVICE_ENTROPY, 0);

    return device && entropy_read(device, key, (u32)bytes) == ERR_OK;
}

static const struct entropy_ops ops = {.read = read};

static enum err bring_up(struct device *device)
{
    struct rng *rng = pages_alloc((sizeof(*rng) + PAGE - 1) / PAGE, 1);
    enum err err;

    if (!rng) {
        return ERR_NOMEM;
    }
    memset(rng, 0, sizeof(*rng));
    err = virtio_rng_open(&rng->virtio, (u64)device->registers);
    if (err) {
        pages_free(rng);
        return err;
    }
    device->state = rng;
    return ERR_OK;
}

static bool probe(const struct device *device)
{
    return virtio_mmio_device_id((u64)device->registers) == VIRTIO_DEVICE_ENTROPY;
}

static const struct driver DRIVER virtio_rng = {.name = "virtio_rng",
                                                .compatible = "virtio,mmio",
                                                .class = DEVICE_ENTROPY,
                                                .ops = &ops,
                                                .probe = probe,
                                                .start = bring_up};
