/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * A pipeline of unikernels: each part is this image, begun anew in a VM of its own, with pipes as
 * its standard input and output.
 */
#include <stdio.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "payload/demo/demo.h"

#define NUMBERS 100U
#define SUM     338350U /* of the squares of 1 to 100 */

static const char *const names[] = {"count", "square", "sum"};

/* ---- in a part ---- */

static bool put(unsigned number)
{
    return write(STDOUT_FILENO, &number, sizeof(number)) == sizeof(number);
}

int stage_main(const char *name)
{
    unsigned number, sum = 0;
    bool good = true;

    if (strcmp(name, "count") == 0) {
        for (number = 1; number <= NUMBERS && good; number++)
            good = put(number);
        return good ? 0 : 1;
    }
    while (good && read(STDIN_FILENO, &number, sizeof(number)) == sizeof(number)) {
        if (strcmp(name, "square") == 0)
            good = put(number * number);
        else
            sum += number;
    }
    if (strcmp(name, "sum") == 0)
        good = put(sum);
    return good ? 0 : 1;
}

/* ---- in the first process ---- */

/* The pipe's reading end becomes *in.  False: it cannot be. */
static bool start(const char *name, int *in)
{
    char *argv[] = {"demo", "stage", (char *)(uintptr_t)name, NULL};
    int ends[2];
    pid_t pid;

    if (pipe(ends) < 0)
        return false;
    pid = fork();
    if (pid == 0) {
        dup2(*in, STDIN_FILENO);
        dup2(ends[1], STDOUT_FILENO);
        close(*in);
        close(ends[0]);
        close(ends[1]);
        execv("demo", argv);
        _exit(1);
    }
    if (*in != STDIN_FILENO)
        close(*in);
    close(ends[1]);
    *in = ends[0];
    return pid > 0;
}

bool stages_show(void)
{
    unsigned sum = 0;
    int in = STDIN_FILENO, status;
    bool good = true;

    for (size_t i = 0; i < ARRAY_LEN(names); i++)
        good = good && start(names[i], &in);
    good = good && read(in, &sum, sizeof(sum)) == sizeof(sum);
    close(in);
    while (wait(&status) > 0)
        good = good && status == 0;
    printf("count | square | sum, three unikernels: the squares of 1 to %u make %u\n", NUMBERS,
           sum);
    return good && sum == SUM;
}
