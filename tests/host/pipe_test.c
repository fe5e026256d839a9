/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The ring of a pipe: against a model that knows only lists of bytes, with both sides at work in
 * two threads, and with places that somebody has overwritten.
 */
#include <pthread.h>
#include <sched.h>
#include <stdlib.h>
#include <string.h>

#include "guest/libc/pipe_ring.h"

#include "tests/test.h"

#define STEPS        20000
#define STREAM_BYTES (8U << 20)
#define PIECE_MAX    9000

static struct pipe pipe_;
static u8 model[PIPE_RING_BYTES];
static u32 model_used;

static void begin(u32 at)
{
    memset(&pipe_, 0, sizeof(pipe_));
    pipe_.reader.at = pipe_.writer.at = at;
    model_used = 0;
}

static void put(u64 *seed, u32 bytes)
{
    u8 from[PIECE_MAX];
    u32 room = PIPE_RING_BYTES - model_used, expected;

    for (u32 i = 0; i < bytes; i++) {
        from[i] = (u8)test_random(seed);
    }
    expected = bytes <= room ? bytes : bytes <= PIPE_WHOLE ? 0 : room;
    CHECK_EQ(pipe_put(&pipe_, from, bytes), expected);
    memcpy(model + model_used, from, expected);
    model_used += expected;
}

static void get(u32 bytes)
{
    u8 to[PIECE_MAX];
    u32 expected = bytes < model_used ? bytes : model_used;

    CHECK_EQ(pipe_get(&pipe_, to, bytes), expected);
    CHECK(memcmp(to, model, expected) == 0);
    model_used -= expected;
    memmove(model, model + expected, model_used);
}

/* Also where the counts of bytes run over. */
TEST(pipe_ring_is_a_list_of_bytes)
{
    u64 seed = 1;

    begin(UINT32_MAX - 3 * PIPE_RING_BYTES - 7);
    for (u32 step = 0; step < STEPS; step++) {
        u32 bytes = (u32)(test_random(&seed) % PIECE_MAX);

        /* full at times, empty at times */
        if (test_random(&seed) % 100 < (step / 500 % 2 ? 70 : 30)) {
            put(&seed, bytes);
        } else {
            get(bytes);
        }
        CHECK_EQ(pipe_used(&pipe_), model_used);
    }
}

TEST(pipe_ring_takes_small_writes_whole)
{
    u8 bytes[PIPE_WHOLE + 1] = {0};

    begin(0);
    pipe_.writer.at = PIPE_RING_BYTES - PIPE_WHOLE + 1;
    CHECK_EQ(pipe_put(&pipe_, bytes, PIPE_WHOLE), 0);
    CHECK_EQ(pipe_put(&pipe_, bytes, PIPE_WHOLE + 1), PIPE_WHOLE - 1);
    CHECK_EQ(pipe_put(&pipe_, bytes, PIPE_WHOLE + 1), 0);
    CHECK_EQ(pipe_used(&pipe_), PIPE_RING_BYTES);
}

/* Whatever another process writes there: nothing beyond the ring is read or written. */
TEST(pipe_ring_bears_any_places)
{
    u64 seed = 7;
    u8 bytes[PIECE_MAX];

    begin(0);
    memset(bytes, 0, sizeof(bytes));
    for (u32 step = 0; step < STEPS; step++) {
        pipe_.reader.at = (u32)test_random(&seed);
        pipe_.writer.at = (u32)test_random(&seed);
        CHECK(pipe_used(&pipe_) <= PIPE_RING_BYTES);
        CHECK(pipe_get(&pipe_, bytes, PIECE_MAX) <= PIECE_MAX);
        CHECK(pipe_put(&pipe_, bytes, PIECE_MAX) <= PIECE_MAX);
    }
}

static u8 stream_byte(u32 at)
{
    return (u8)(at * 31 + (at >> 9));
}

/* Waiting as pipe.c does it, with a spin for the wait: if a side is not told, nobody ends. */
static void wait_for_bell(const struct pipe_side *other, u32 bell)
{
    while (__atomic_load_n(&other->hold.bell, __ATOMIC_ACQUIRE) == bell) {
        sched_yield();
    }
}

static void ring_bell(struct pipe_side *side, struct pipe_side *other)
{
    if (pipe_side_waits(other)) {
        __atomic_fetch_add(&side->hold.bell, 1, __ATOMIC_RELEASE);
    }
}

static void *write_stream(void *unused)
{
    u8 from[PIECE_MAX];
    u64 seed = 3;
    u32 at = 0;

    while (at < STREAM_BYTES) {
        u32 bell = __atomic_load_n(&pipe_.reader.hold.bell, __ATOMIC_ACQUIRE);
        u32 bytes = 1 + (u32)(test_random(&seed) % PIECE_MAX), done;

        bytes = bytes < STREAM_BYTES - at ? bytes : STREAM_BYTES - at;
        for (u32 i = 0; i < bytes; i++) {
            from[i] = stream_byte(at + i);
        }
        done = pipe_put(&pipe_, from, bytes);
        at += done;
        if (done > 0) {
            ring_bell(&pipe_.writer, &pipe_.reader);
            continue;
        }
        pipe_side_will_wait(&pipe_.writer);
        if (PIPE_RING_BYTES - pipe_used(&pipe_) < PIPE_WHOLE) {
            wait_for_bell(&pipe_.reader, bell);
        }
    }
    return unused;
}

/* Ends with the first byte that is wrong. */
static u32 read_stream(void)
{
    u8 to[PIECE_MAX];
    u64 seed = 5;
    u32 at = 0;

    while (at < STREAM_BYTES) {
        u32 bell = __atomic_load_n(&pipe_.writer.hold.bell, __ATOMIC_ACQUIRE);
        u32 done = pipe_get(&pipe_, to, 1 + (u32)(test_random(&seed) % PIECE_MAX));

        for (u32 i = 0; i < done; i++, at++) {
            if (to[i] != stream_byte(at)) {
                return at;
            }
        }
        if (done > 0) {
            if (PIPE_RING_BYTES - pipe_used(&pipe_) >= PIPE_WHOLE) {
                ring_bell(&pipe_.reader, &pipe_.writer);
            }
            continue;
        }
        pipe_side_will_wait(&pipe_.reader);
        if (pipe_used(&pipe_) == 0) {
            wait_for_bell(&pipe_.writer, bell);
        }
    }
    return at;
}

TEST(pipe_ring_between_two_threads)
{
    pthread_t writer;
    u32 read;

    begin(UINT32_MAX - 12345);
    CHECK_EQ(pthread_create(&writer, NULL, write_stream, NULL), 0);
    read = read_stream();
    CHECK_EQ(pthread_join(writer, NULL), 0);
    CHECK_EQ(read, STREAM_BYTES);
    CHECK_EQ(pipe_used(&pipe_), 0);
}
