/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * What the library OS costs, measured inside, bare or in a VM: "what=NAME heap=NAME".  A result is
 * a line as of the payload bench, and counted the same way.  One image has one allocator and one
 * policy, so there are several of this program, with other components (payload.mk).
 *
 *     yield    to the other of two tasks, and back
 *     mutex    lock and unlock of one that nobody holds
 *     malloc   malloc and free of 64 bytes (malloc_NAME); and the same beside 500 other blocks of
 *              many sizes with a hole behind each (malloc_NAME_holes)
 *     tick     what each timer interrupt takes from a loop that it interrupts 100 times a second;
 *              and what the loop takes with them, tick_loop
 *     compute  a fixed piece of work: 300,000 numbers sorted, 64 x 64 matrices multiplied, bytes
 *              copied and summed
 *     walk     ns for a step of a random walk over 512 MiB, without -icount; and in a VM, by how
 * many leaves of each size the hypervisor maps it then
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "guest/args.h"
#include "guest/guest.h"
#include "guest/machine.h"
#include "guest/pages.h"
#include "guest/proc.h"
#include "guest/sync.h"
#include "guest/task.h"
#include "guest/timer.h"

#define LOOPS   10000UL
#define NUMBERS 300000UL
#define MATRIX  64
#define WALK    (512UL << 20)
#define STEPS   4000000UL

static bool cycle_readable;

static inline u64 now(void)
{
    return cycle_readable ? timer_cycle() : timer_now() * 100;
}

static void print_tenths(const char *name, u64 tenths, const char *unit, u64 n)
{
    printf("bench %s %lu.%lu %s n=%lu\n", name, (unsigned long)(tenths / 10),
           (unsigned long)(tenths % 10), unit, (unsigned long)n);
}

static void print_mean(const char *name, u64 sum, u64 n)
{
    print_tenths(name, (sum * 10 + n / 2) / n, "insn", n);
}

static volatile bool over;

static int yielder(void *arg)
{
    (void)arg;
    while (!over) {
        task_yield();
    }
    return 0;
}

static void bench_yield(void)
{
    struct task *other = task_spawn(yielder, NULL, NULL);
    u64 begin;

    if (!other) {
        printf("osbench: no memory for a task\n");
        guest_exit(2);
    }
    task_yield();
    begin = now();
    for (u64 i = 0; i < LOOPS; i++) {
        task_yield();
    }
    print_mean("yield", now() - begin, LOOPS);
    over = true;
    if (task_join(other, NULL) != ERR_OK) {
        printf("osbench: the other task is lost\n");
        guest_exit(1);
    }
}

static void bench_mutex(void)
{
    static struct mutex mutex;
    u64 begin = now();

    for (u64 i = 0; i < LOOPS; i++) {
        mutex_lock(&mutex);
        mutex_unlock(&mutex);
    }
    print_mean("mutex", now() - begin, LOOPS);
}

/* Room for picolibc's malloc, in an image without the component heap. */
char __heap_start[1 << 20];
__asm__(".globl __heap_end\n.set __heap_end, __heap_start + (1 << 20)");

static void malloc_loop(const char *name)
{
    u64 begin = now();

    for (u64 i = 0; i < LOOPS; i++) {
        void *volatile block = malloc(64);

        free(block);
    }
    print_mean(name, now() - begin, LOOPS);
}

static void bench_malloc(void)
{
    static void *others[1000];
    char name[32] = "malloc_", heap[16] = "none";

    args_word("heap", heap, sizeof(heap));
    strcat(name, heap);
    free(malloc(64)); /* memory is there from now on */
    malloc_loop(name);
    for (size_t i = 0; i < ARRAY_LEN(others); i++) {
        others[i] = malloc(16 + i * 7 % 1000);
    }
    for (size_t i = 0; i < ARRAY_LEN(others); i += 2) {
        free(others[i]);
    }
    strcat(name, "_holes");
    malloc_loop(name);
}

/* Some instructions, always the same number. */
static void spin(u64 loops)
{
    __asm__ volatile("1: addi %0, %0, -1\n"
                     "bnez %0, 1b"
                     : "+r"(loops));
}

static void bench_tick(void)
{
    u64 loops = 1000000000, begin, all, ticks;

    begin = timer_now();
    all = now();
    spin(loops);
    all = now() - all;
    ticks = (timer_now() - begin) * 100 / machine_timebase();
    print_mean("tick", all - 2 * loops, ticks ? ticks : 1);
    print_mean("tick_loop", all, 1);
}

static u64 seed = 88172645463325252;

static u64 random_u64(void)
{
    seed ^= seed << 13;
    seed ^= seed >> 7;
    seed ^= seed << 17;
    return seed;
}

static int by_value(const void *a, const void *b)
{
    u64 left = *(const u64 *)a, right = *(const u64 *)b;

    return left < right ? -1 : left > right;
}

static double multiply(void)
{
    static double a[MATRIX][MATRIX], b[MATRIX][MATRIX], c[MATRIX][MATRIX];

    for (size_t i = 0; i < MATRIX; i++) {
        for (size_t j = 0; j < MATRIX; j++) {
            a[i][j] = (double)(i + j);
            b[i][j] = (double)i - (double)j;
        }
    }
    for (size_t i = 0; i < MATRIX; i++) {
        for (size_t j = 0; j < MATRIX; j++) {
            for (size_t k = 0; k < MATRIX; k++) {
                c[i][j] += a[i][k] * b[k][j];
            }
        }
    }
    return c[3][5];
}

static void bench_compute(void)
{
    u64 begin = now(), sum = 0;
    u64 *numbers = malloc(NUMBERS * sizeof(u64)), *copy = malloc(NUMBERS * sizeof(u64));

    if (!numbers || !copy) {
        printf("osbench: no memory for numbers\n");
        guest_exit(2);
    }
    for (u64 i = 0; i < NUMBERS; i++) {
        numbers[i] = random_u64();
    }
    qsort(numbers, NUMBERS, sizeof(u64), by_value);
    for (u64 round = 0; round < 40; round++) {
        memcpy(copy, numbers, NUMBERS * sizeof(u64));
        for (u64 i = 0; i < NUMBERS; i++) {
            sum += copy[i] ^ round;
        }
        sum += (u64)multiply();
    }
    if (sum == 0) {
        printf("osbench: a sum of nothing\n");
    }
    print_mean("compute", now() - begin, 1);
}

/* How the hypervisor maps this VM. */
static void print_leaves(void)
{
    struct proc_record record;

    if (proc_available() && proc_inspect(proc_getpid(), &record) >= 0) {
        printf("bench walk_leaves_4k %lu leaves n=1\n", (unsigned long)record.leaves_4k);
        printf("bench walk_leaves_2m %lu leaves n=1\n", (unsigned long)record.leaves_2m);
    }
}

/* Each step depends on the one before. */
static void bench_walk(void)
{
    u64 count = WALK / sizeof(u64), at = 0, begin;
    volatile u64 end;
    u64 *memory = pages_alloc(WALK / 4096, 512);

    if (!memory) {
        printf("osbench: no memory to walk over: MEM=600M\n");
        guest_exit(2);
    }
    for (u64 i = 0; i < count; i++) {
        memory[i] = random_u64();
    }
    begin = timer_now();
    for (u64 i = 0; i < STEPS; i++) {
        at = (memory[at] + i) % count;
    }
    end = at;
    (void)end;
    print_tenths("walk", (timer_now() - begin) * (10000000000 / machine_timebase()) / STEPS, "ns",
                 STEPS);
    print_leaves();
}

static const struct {
    const char *name;
    void (*run)(void);
} benches[] = {
    {"yield",   bench_yield  },
    {"mutex",   bench_mutex  },
    {"malloc",  bench_malloc },
    {"tick",    bench_tick   },
    {"compute", bench_compute},
    {"walk",    bench_walk   },
};

int main(void)
{
    cycle_readable = timer_cycle_readable();
    for (size_t i = 0; i < ARRAY_LEN(benches); i++) {
        if (args_is("what", benches[i].name)) {
            benches[i].run();
            return 0;
        }
    }
    printf("osbench: what=yield|mutex|malloc|tick|compute|walk heap=NAME\n");
    return 2;
}
