/* SPDX-License-Identifier: BSD-2-Clause */
/* Workers that are forked before there is work, and take it from one pipe. */
#include <stdio.h>
#include <sys/wait.h>
#include <unistd.h>

#include "payload/demo/demo.h"

#define WORKERS 4U
#define JOBS    12
#define STEP    100U
#define ROUNDS  100

struct answer {
    unsigned below, primes;
};

static unsigned count_primes(unsigned below)
{
    unsigned count = 0;

    for (unsigned n = 2; n < below; n++) {
        unsigned divisor = 2;

        while (divisor * divisor <= n && n % divisor != 0)
            divisor++;
        count += divisor * divisor > n;
    }
    return count;
}

static __noreturn void work(int jobs, int answers)
{
    struct answer answer;

    while (read(jobs, &answer.below, sizeof(answer.below)) == sizeof(answer.below)) {
        answer.primes = count_primes(answer.below);
        if (write(answers, &answer, sizeof(answer)) != sizeof(answer))
            _exit(1);
    }
    _exit(0);
}

static bool wait_for_all(void)
{
    bool good = true;
    int status;

    while (wait(&status) > 0)
        good = good && status == 0;
    return good;
}

/* All jobs are in the pipe before the first answer is read. */
static bool hand_out(int jobs)
{
    for (unsigned i = 1; i <= JOBS; i++) {
        unsigned below = i * STEP;

        if (write(jobs, &below, sizeof(below)) != sizeof(below))
            return false;
    }
    return true;
}

static bool collect(int answers)
{
    struct answer answer;
    unsigned count = 0, most = 0;

    while (read(answers, &answer, sizeof(answer)) == sizeof(answer)) {
        count++;
        most = answer.primes > most ? answer.primes : most;
    }
    printf("%u workers, forked before, have done %u jobs: there are %u primes below %u\n", WORKERS,
           count, most, JOBS * STEP);
    return count == JOBS && most == count_primes(JOBS * STEP);
}

bool pool_show(void)
{
    int jobs[2], answers[2];
    bool good;

    if (pipe(jobs) < 0 || pipe(answers) < 0)
        return false;
    for (unsigned i = 0; i < WORKERS; i++) {
        pid_t pid = fork();

        if (pid < 0)
            return false;
        if (pid == 0) {
            close(jobs[1]);
            close(answers[0]);
            work(jobs[0], answers[1]);
        }
    }
    close(jobs[0]);
    close(answers[1]);
    good = hand_out(jobs[1]);
    close(jobs[1]);
    good = collect(answers[0]) && good;
    close(answers[0]);
    return wait_for_all() && good;
}

static __noreturn void echo(int in, int out)
{
    char byte;

    while (read(in, &byte, 1) == 1 && write(out, &byte, 1) == 1) {
    }
    _exit(0);
}

bool pool_measure(u64 (*now)(void), u64 *round)
{
    int there[2], back[2];
    char byte = 'x';
    bool good = true;
    pid_t pid;

    if (pipe(there) < 0 || pipe(back) < 0)
        return false;
    pid = fork();
    if (pid < 0)
        return false;
    if (pid == 0) {
        close(there[1]);
        close(back[0]);
        echo(there[0], back[1]);
    }
    close(there[0]);
    close(back[1]);
    good = write(there[1], &byte, 1) == 1 && read(back[0], &byte, 1) == 1;
    *round = now();
    for (int i = 0; i < ROUNDS && good; i++)
        good = write(there[1], &byte, 1) == 1 && read(back[0], &byte, 1) == 1;
    *round = (now() - *round) / ROUNDS;
    close(there[1]);
    close(back[0]);
    return wait_for_all() && good;
}
