/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The fuzzer: takes a well-formed example, damages it in a few places, and gives it to a harness
 * that runs under the sanitizers.  No coverage guides it; the examples reach deep, and the formats
 * are small.
 *
 * Invariant: an input depends on nothing but the harness's examples and one number, its round,
 * which is printed when the harness does not survive it.
 */
#include "tests/fuzz/fuzz.h"

#include <fnmatch.h>
#include <sanitizer/common_interface_defs.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "tests/test.h"

#define SHORT_ROUNDS 5000
#define BATCH_ROUNDS 1000
#define EXAMPLES_MAX 64
#define DAMAGES_MAX  6
#define GROWTH_MAX   64 /* bytes that one damage may add */

struct example {
    u8 *bytes;
    size_t size;
};

/* An input in the making. */
struct draft {
    u8 *bytes;
    size_t size;
    size_t capacity;
    u64 random; /* state of test_random() */
};

static struct fuzz *harnesses;
static struct example examples[EXAMPLES_MAX];
static size_t example_count;
static const struct fuzz *running; /* NULL outside harnesses */
static u64 running_round;

void fuzz_register(struct fuzz *fuzz)
{
    fuzz->next = harnesses;
    harnesses = fuzz;
}

void fuzz_report_input(void)
{
    if (running == NULL)
        return;
    fprintf(stderr, "fuzz: %s in round %llu; repeat: build/host/tests --fuzz 0 %llu %s\n",
            running->name, (unsigned long long)running_round, (unsigned long long)running_round,
            running->name);
    running = NULL;
}

void fuzz_seed(const void *bytes, size_t size)
{
    struct example *example = &examples[example_count];

    CHECK(example_count < EXAMPLES_MAX);
    example->bytes = malloc(size + 1); /* malloc(0) may be NULL */
    CHECK(example->bytes != NULL);
    memcpy(example->bytes, bytes, size);
    example->size = size;
    example_count++;
}

static void forget_examples(void)
{
    while (example_count != 0)
        free(examples[--example_count].bytes);
}

/* ---- damages: each leaves size at most capacity ---- */

static size_t pick(struct draft *draft, size_t count)
{
    return count == 0 ? 0 : test_random(&draft->random) % count;
}

/* Headers are where the decisions are: half of all places are near the start. */
static size_t pick_place(struct draft *draft)
{
    size_t near = draft->size < 256 ? draft->size : 256;

    return pick(draft, pick(draft, 2) == 0 ? near : draft->size);
}

static void flip_bit(struct draft *draft)
{
    if (draft->size != 0)
        draft->bytes[pick_place(draft)] ^= (u8)(1U << pick(draft, 8));
}

static void set_byte(struct draft *draft)
{
    if (draft->size != 0)
        draft->bytes[pick_place(draft)] = (u8)pick(draft, 256);
}

/* A number of the kind that breaks range checks, of 1 to 8 bytes at a multiple of its width. */
static void set_number(struct draft *draft)
{
    const u64 numbers[] = {0,          1,           draft->size,        draft->size - 1,
                           UINT64_MAX, INT64_MAX,   (u64)INT64_MAX + 1, UINT64_MAX - draft->size,
                           4096,       0x7fffffffU, 0x80000000U,        pick(draft, 64)};
    u64 number = numbers[pick(draft, ARRAY_LEN(numbers))];
    size_t width = (size_t)1 << pick(draft, 4);
    size_t at = align_down(pick_place(draft), width);

    if (at + width <= draft->size)
        memcpy(draft->bytes + at, &number, width);
}

static void cut(struct draft *draft)
{
    draft->size = pick(draft, draft->size + 1);
}

static void grow(struct draft *draft)
{
    size_t added = pick(draft, GROWTH_MAX);

    if (added > draft->capacity - draft->size)
        return;
    for (size_t i = 0; i < added; i++)
        draft->bytes[draft->size++] = (u8)pick(draft, 256);
}

/* A piece of one place over another. */
static void copy(struct draft *draft)
{
    size_t from = pick_place(draft), to = pick_place(draft);
    size_t room = draft->size - (from > to ? from : to);

    memmove(draft->bytes + to, draft->bytes + from, pick(draft, room + 1));
}

/* A piece less, so that all behind it moves. */
static void drop(struct draft *draft)
{
    size_t at = pick_place(draft);
    size_t bytes = pick(draft, (draft->size - at) % GROWTH_MAX + 1);

    memmove(draft->bytes + at, draft->bytes + at + bytes, draft->size - at - bytes);
    draft->size -= bytes;
}

static void (*const damages[])(struct draft *) = {
    flip_bit, set_byte, set_number, set_number, cut, grow, copy, drop,
};

/* ---- running ---- */

static void run_round(const struct fuzz *fuzz, u64 round)
{
    struct draft draft = {.random = round};
    const struct example *example = &examples[pick(&draft, example_count)];
    void *input;

    draft.capacity = example->size + (size_t)DAMAGES_MAX * GROWTH_MAX;
    draft.size = example->size;
    draft.bytes = malloc(draft.capacity);
    CHECK(draft.bytes != NULL);
    memcpy(draft.bytes, example->bytes, example->size);
    for (size_t i = pick(&draft, DAMAGES_MAX + 1); i != 0; i--)
        damages[pick(&draft, ARRAY_LEN(damages))](&draft);

    input = malloc(draft.size);
    CHECK(input != NULL);
    memcpy(input, draft.bytes, draft.size);
    running_round = round;
    running = fuzz;
    fuzz->run(input, draft.size);
    running = NULL;
    free(input);
    free(draft.bytes);
}

static void run_rounds(const struct fuzz *fuzz, u64 round, u64 count)
{
    __sanitizer_set_death_callback(fuzz_report_input);
    forget_examples(); /* those of a harness that failed */
    fuzz->seeds();
    CHECK(example_count != 0);
    for (u64 i = 0; i < count; i++)
        run_round(fuzz, round + i);
    forget_examples();
}

void fuzz_run_shortly(const struct fuzz *fuzz)
{
    run_rounds(fuzz, 0, SHORT_ROUNDS);
}

unsigned fuzz_run_long(const char *pattern, u64 seconds, u64 round)
{
    time_t end = time(NULL) + (time_t)seconds;
    unsigned matching;
    u64 rounds = 0;

    do {
        matching = 0;
        for (const struct fuzz *fuzz = harnesses; fuzz != NULL; fuzz = fuzz->next) {
            if (fnmatch(pattern, fuzz->name, 0) != 0)
                continue;
            run_rounds(fuzz, round + rounds, BATCH_ROUNDS);
            matching++;
        }
        rounds += BATCH_ROUNDS;
    } while (matching != 0 && time(NULL) < end);
    printf("fuzz: %u harnesses survived the rounds %llu to %llu\n", matching,
           (unsigned long long)round, (unsigned long long)(round + rounds - 1));
    return matching;
}
