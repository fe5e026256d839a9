/* SPDX-License-Identifier: BSD-2-Clause */
#pragma once
/*
 * Host unit tests.  A file of tests is one line in tests/tests.mk; its cases register themselves:
 *
 *     TEST(frame_is_freed_by_the_last_put)
 *     {
 *         CHECK_EQ(frame_count(), 0);
 *     }
 *
 * A CHECK that fails prints where and what, and ends its test; the others still run.  Operands are
 * evaluated once.  Memory errors, leaks and undefined behaviour end the runner through the
 * sanitizers.
 *
 * Untrusted inputs have a harness, which must survive any bytes, and seeds that it starts from:
 *
 *     FUZZ(elf)                   a function of (const u8 *bytes, size_t size)
 *     {
 *         ...
 *     }
 *     FUZZ_SEEDS(elf)             calls fuzz_seed(bytes, size) for each well-formed example
 *     {
 *         ...
 *     }
 *
 * Each harness is also a short test, fuzz_elf.  The bytes stand alone in a heap block aligned to
 * 16, so that the sanitizers see a read beyond them.
 */
#include "lib/kit/types.h"

struct test {
    const char *name;
    const char *file;
    int line;
    void (*run)(void);
    struct test *next;
};

struct fuzz {
    const char *name;
    int (*run)(const u8 *bytes, size_t size);
    void (*seeds)(void);
    struct fuzz *next;
};

/* Called before main. */
void test_register(struct test *test);
void fuzz_register(struct fuzz *fuzz);

/* Ends the running test as failed. */
__noreturn __printf_like(3, 4) void test_fail(const char *file, int line, const char *format, ...);

/*
 * Runs run(argument) in a process of its own, so that what it leaves in static variables is gone
 * afterwards.  True if it passed; otherwise `why` is what it printed, sanitizers included.
 */
bool test_in_child(void (*run)(void *argument), void *argument, char *why, size_t why_bytes);
/* The same as a part of the running test, which fails if it does. */
void test_must_pass(void (*run)(void *argument), void *argument);

/* A deterministic stream of numbers, the same in every run of a test. */
u64 test_random(u64 *state);

/* Within FUZZ_SEEDS: copies one example. */
void fuzz_seed(const void *bytes, size_t size);

/* What `make test` does with a harness: a fixed number of inputs from a fixed seed. */
void fuzz_run_shortly(const struct fuzz *fuzz);

#define TEST(id)                                                                \
    static void test_##id(void);                                                \
    __attribute__((constructor)) static void test_register_##id(void)           \
    {                                                                           \
        static struct test test = {                                             \
            .name = #id, .file = __FILE__, .line = __LINE__, .run = test_##id}; \
        test_register(&test);                                                   \
    }                                                                           \
    static void test_##id(void)

#define FUZZ(id)                                                                                 \
    static int fuzz_##id(const u8 *bytes, size_t size);                                          \
    static void fuzz_seeds_##id(void);                                                           \
    static struct fuzz fuzz_of_##id = {.name = #id, .run = fuzz_##id, .seeds = fuzz_seeds_##id}; \
    __attribute__((constructor)) static void fuzz_register_##id(void)                            \
    {                                                                                            \
        fuzz_register(&fuzz_of_##id);                                                            \
    }                                                                                            \
    TEST(fuzz_##id)                                                                              \
    {                                                                                            \
        fuzz_run_shortly(&fuzz_of_##id);                                                         \
    }                                                                                            \
    static int fuzz_##id(const u8 *bytes, size_t size)

#define FUZZ_SEEDS(id) static void fuzz_seeds_##id(void)

#define FAIL(...) test_fail(__FILE__, __LINE__, __VA_ARGS__)

#define CHECK(condition)                     \
    do {                                     \
        if (!(condition))                    \
            FAIL("%s is false", #condition); \
    } while (0)

/* For integers, compared and printed as u64. */
#define CHECK_EQ(actual, expected)                                                             \
    do {                                                                                       \
        u64 actual_ = (u64)(actual), expected_ = (u64)(expected);                              \
        if (actual_ != expected_)                                                              \
            FAIL("%s is %#llx (%lld), not %#llx (%lld)", #actual, (unsigned long long)actual_, \
                 (long long)actual_, (unsigned long long)expected_, (long long)expected_);     \
    } while (0)

#define CHECK_STR(actual, expected)                                        \
    do {                                                                   \
        const char *actual_ = (actual), *expected_ = (expected);           \
        if (__builtin_strcmp(actual_, expected_) != 0)                     \
            FAIL("%s is \"%s\", not \"%s\"", #actual, actual_, expected_); \
    } while (0)
