/* SPDX-License-Identifier: BSD-2-Clause */
#pragma once
/*
 * Instructions that the machine executed, from the clock: under QEMU's "-icount shift=0" an
 * instruction takes 1 ns, and a tick 100 of them.  Results are lines as of the payload bench.
 */
#include <stddef.h>

#define INSNS_PER_TICK 100UL
#define MIB            (1UL << 20)
#define PAGE           4096UL
#define EVENTS_MAX     64

static inline unsigned long ticks(void)
{
    unsigned long now;

    __asm__ volatile("rdtime %0" : "=r"(now)::"memory");
    return now;
}

/* Single events; the line has their median. */
struct events {
    size_t n;
    unsigned long ticks[EVENTS_MAX];
};

void events_add(struct events *events, unsigned long ticks);
void events_print(const char *name, struct events *events);
/* ... as NAME_64m, NAME_4g and so on, with `suffix` behind it. */
void events_print_size(const char *name, size_t mib, const char *suffix, struct events *events);
/* A loop of n; the line has the mean. */
void mean_print(const char *name, unsigned long ticks, size_t n);
void mean_print_size(const char *name, size_t mib, unsigned long ticks, size_t n);

/* Says what failed, and ends the program. */
void check(int good, const char *what);

/* bytes of private memory from a boundary of 2 MiB, in pages of 4 KiB or transparent huge ones. */
char *memory_map(size_t bytes, int is_huge);
/* A byte in each page. */
void memory_touch(char *memory, size_t bytes);
/* Memory that children share. */
void *memory_shared(void);
/* Bytes that nobody has. */
unsigned long memory_free(void);

/* What a program can measure; "WORD=MIB" on its command line asks for it. */
struct bench {
    const char *word;
    void (*run)(size_t mib);
};
/* Runs what the words say; the program's exit status. */
int run_words(const struct bench *benches, size_t count, int argc, char *argv[]);
