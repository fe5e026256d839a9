/* SPDX-License-Identifier: BSD-2-Clause */
/* What the programs have in common that measure Linux and its KVM by the clock. */
#define _GNU_SOURCE
#include "tools/linux/ticks.h"

#include <errno.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <unistd.h>

#define HUGE_BYTES (2 * MIB)

void check(int good, const char *what)
{
    if (good)
        return;
    printf("failed: %s: %s\n", what, strerror(errno));
    fflush(stdout);
    _exit(1);
}

void events_add(struct events *events, unsigned long ticks)
{
    if (events->n < EVENTS_MAX)
        events->ticks[events->n++] = ticks;
}

static int by_value(const void *a, const void *b)
{
    unsigned long x = *(const unsigned long *)a, y = *(const unsigned long *)b;

    return (x > y) - (x < y);
}

void events_print(const char *name, struct events *events)
{
    check(events->n > 0, name);
    qsort(events->ticks, events->n, sizeof(events->ticks[0]), by_value);
    printf("bench %s %lu insn n=%zu\n", name, events->ticks[events->n / 2] * INSNS_PER_TICK,
           events->n);
    fflush(stdout);
}

/* "NAME_64mSUFFIX" or "NAME_4gSUFFIX"; the next call overwrites it. */
static const char *name_of(const char *name, size_t mib, const char *suffix)
{
    static char whole[80];

    if (mib >= 1024)
        snprintf(whole, sizeof(whole), "%s_%zug%s", name, mib / 1024, suffix);
    else
        snprintf(whole, sizeof(whole), "%s_%zum%s", name, mib, suffix);
    return whole;
}

void events_print_size(const char *name, size_t mib, const char *suffix, struct events *events)
{
    events_print(name_of(name, mib, suffix), events);
}

void mean_print_size(const char *name, size_t mib, unsigned long ticks, size_t n)
{
    mean_print(name_of(name, mib, ""), ticks, n);
}

void mean_print(const char *name, unsigned long ticks, size_t n)
{
    printf("bench %s %.1f insn n=%zu\n", name, (double)(ticks * INSNS_PER_TICK) / (double)n, n);
    fflush(stdout);
}

char *memory_map(size_t bytes, int is_huge)
{
    uintptr_t begin, aligned;
    char *memory = mmap(NULL, bytes + HUGE_BYTES, PROT_READ | PROT_WRITE,
                        MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);

    check(memory != MAP_FAILED, "mmap");
    check(prctl(PR_SET_THP_DISABLE, !is_huge, 0, 0, 0) == 0, "prctl");
    begin = (uintptr_t)memory;
    aligned = (begin + HUGE_BYTES - 1) & ~(HUGE_BYTES - 1);
    if (aligned > begin)
        munmap(memory, aligned - begin);
    munmap((char *)aligned + bytes, HUGE_BYTES - (aligned - begin));
    madvise((char *)aligned, bytes, is_huge ? MADV_HUGEPAGE : MADV_NOHUGEPAGE);
    return (char *)aligned;
}

void memory_touch(char *memory, size_t bytes)
{
    for (size_t at = 0; at < bytes; at += PAGE)
        *(volatile char *)(memory + at) = 1;
}

void *memory_shared(void)
{
    void *memory = mmap(NULL, PAGE, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);

    check(memory != MAP_FAILED, "mmap");
    return memory;
}

unsigned long memory_free(void)
{
    unsigned long kib = 0;
    char line[128];
    FILE *file = fopen("/proc/meminfo", "r");

    check(file != NULL, "/proc/meminfo");
    while (fgets(line, sizeof(line), file) && sscanf(line, "MemFree: %lu kB", &kib) != 1)
        ;
    fclose(file);
    return kib * 1024;
}

int run_words(const struct bench *benches, size_t count, int argc, char *argv[])
{
    for (int i = 1; i < argc; i++) {
        char *number = strchr(argv[i], '=');
        size_t mib = number ? strtoul(number + 1, NULL, 10) : 0, at = 0;

        if (number)
            *number = '\0';
        while (at < count && strcmp(argv[i], benches[at].word) != 0)
            at++;
        if (at == count) {
            printf("%s: what is %s?\n", argv[0], argv[i]);
            return 2;
        }
        benches[at].run(mib);
    }
    return 0;
}
