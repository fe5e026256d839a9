/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Runs the tests that registered themselves, in the order of files and lines whatever the linker
 * made of it, and closes with "N passed, N failed".  With --fuzz it goes on with one harness or all
 * of them for a time instead.
 *
 * Exit status: 0 all passed, 1 a test failed, 2 it was not understood what to run.
 */
#include <fnmatch.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "tests/fuzz/fuzz.h"
#include "tests/test.h"

static struct test *tests;
static jmp_buf after_failure;

void test_register(struct test *test)
{
    test->next = tests;
    tests = test;
}

void test_fail(const char *file, int line, const char *format, ...)
{
    va_list args;

    printf("%s:%d: ", file, line);
    va_start(args, format);
    vprintf(format, args);
    va_end(args);
    putchar('\n');
    longjmp(after_failure, 1);
}

static void run_and_exit(void (*run)(void *argument), void *argument)
{
    if (setjmp(after_failure) != 0) {
        fflush(stdout);
        _exit(1);
    }
    run(argument);
    fflush(stdout);
    _exit(0);
}

/* Reads to the end; keeps what fits. */
static void read_all(int fd, char *text, size_t bytes)
{
    char chunk[512];
    size_t length = 0;
    ssize_t got;

    while ((got = read(fd, chunk, sizeof(chunk))) > 0) {
        size_t kept = (size_t)got < bytes - 1 - length ? (size_t)got : bytes - 1 - length;

        memcpy(text + length, chunk, kept);
        length += kept;
    }
    text[length] = '\0';
}

bool test_in_child(void (*run)(void *argument), void *argument, char *why, size_t why_bytes)
{
    int fd[2], status;
    pid_t pid;

    fflush(stdout);
    CHECK(pipe(fd) == 0);
    pid = fork();
    CHECK(pid >= 0);
    if (pid == 0) {
        dup2(fd[1], STDOUT_FILENO);
        dup2(fd[1], STDERR_FILENO);
        run_and_exit(run, argument);
    }
    close(fd[1]);
    read_all(fd[0], why, why_bytes);
    close(fd[0]);
    CHECK(waitpid(pid, &status, 0) == pid);
    return status == 0;
}

void test_must_pass(void (*run)(void *argument), void *argument)
{
    static char why[4096];

    if (!test_in_child(run, argument, why, sizeof(why)))
        FAIL("%s", why);
}

/* SplitMix64. */
u64 test_random(u64 *state)
{
    u64 z = *state += 0x9e3779b97f4a7c15;

    z = (z ^ z >> 30) * 0xbf58476d1ce4e5b9;
    z = (z ^ z >> 27) * 0x94d049bb133111eb;
    return z ^ z >> 31;
}

static bool comes_before(const struct test *a, const struct test *b)
{
    int order = strcmp(a->file, b->file);

    return order != 0 ? order < 0 : a->line < b->line;
}

static void sort(void)
{
    struct test *sorted = NULL;

    while (tests != NULL) {
        struct test *test = tests, **place = &sorted;

        tests = test->next;
        while (*place != NULL && comes_before(*place, test))
            place = &(*place)->next;
        test->next = *place;
        *place = test;
    }
    tests = sorted;
}

static bool is_selected(const char *name, char *const patterns[], int count)
{
    for (int i = 0; i < count; i++) {
        if (fnmatch(patterns[i], name, 0) == 0)
            return true;
    }
    return count == 0;
}

static bool passes(const struct test *test, bool is_verbose)
{
    clock_t start = clock();

    if (setjmp(after_failure) != 0) {
        fuzz_report_input();
        printf("FAILED %s (repeat: build/host/tests %s)\n", test->name, test->name);
        return false;
    }
    test->run();
    if (is_verbose)
        printf("ok %s %.3f s\n", test->name, (double)(clock() - start) / CLOCKS_PER_SEC);
    return true;
}

static int run_selected(char *const patterns[], int count, bool is_verbose)
{
    unsigned passed = 0, failed = 0;

    for (const struct test *test = tests; test != NULL; test = test->next) {
        if (!is_selected(test->name, patterns, count))
            continue;
        if (passes(test, is_verbose))
            passed++;
        else
            failed++;
    }
    printf("%u passed, %u failed\n", passed, failed);
    if (passed + failed == 0)
        fprintf(stderr, "tests: no test has such a name; --list shows them\n");
    return passed + failed == 0 ? 2 : failed != 0;
}

static int list(void)
{
    for (const struct test *test = tests; test != NULL; test = test->next)
        printf("%s (%s:%d)\n", test->name, test->file, test->line);
    return 0;
}

static int usage(void)
{
    fprintf(stderr, "usage: tests [-v] [NAME...]   names may have * and ?\n"
                    "       tests --list\n"
                    "       tests --fuzz SECONDS [SEED [HARNESS]]\n");
    return 2;
}

static int fuzz_from_arguments(int argc, char *argv[])
{
    u64 seconds = strtoull(argv[2], NULL, 0);
    u64 seed = argc > 3 ? strtoull(argv[3], NULL, 0) : (u64)time(NULL);

    if (setjmp(after_failure) != 0) {
        fuzz_report_input();
        return 1;
    }
    return fuzz_run_long(argc > 4 ? argv[4] : "*", seconds, seed) == 0 ? usage() : 0;
}

int main(int argc, char *argv[])
{
    bool is_verbose = argc > 1 && strcmp(argv[1], "-v") == 0;

    setvbuf(stdout, NULL, _IOLBF, 0);
    sort();
    if (argc == 2 && strcmp(argv[1], "--list") == 0)
        return list();
    if (argc > 2 && argc < 6 && strcmp(argv[1], "--fuzz") == 0)
        return fuzz_from_arguments(argc, argv);
    if (!is_verbose && argc > 1 && argv[1][0] == '-')
        return usage();
    return run_selected(argv + 1 + is_verbose, argc - 1 - is_verbose, is_verbose);
}
