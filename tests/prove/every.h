/* SPDX-License-Identifier: BSD-2-Clause */
#pragma once
/* Every run of a function that asks choose(n) what to do: each time another one, until all were. */
#include <stdio.h>
#include <stdlib.h>

#include "lib/kit/types.h"

#define CHOICES_MAX 64

static u32 choice[CHOICES_MAX], choice_width[CHOICES_MAX];
static u32 choices, choices_used;

/* 0 to n - 1; n is not 0. */
static u32 choose(u32 n)
{
    if (choices_used == choices) {
        choice[choices] = 0;
        choice_width[choices++] = n;
    }
    return choice[choices_used++];
}

static void run_every(void (*run)(void))
{
    u64 runs = 0;

    do {
        choices_used = 0;
        run();
        runs++;
        while (choices > 0 && ++choice[choices - 1] == choice_width[choices - 1])
            choices--;
    } while (choices > 0);
    printf("VERIFICATION SUCCESSFUL, %llu runs\n", (unsigned long long)runs);
}

static void must(bool holds, const char *what)
{
    if (holds)
        return;
    printf("VERIFICATION FAILED\n%s: FAILURE\nby choices", what);
    for (u32 i = 0; i < choices_used; i++)
        printf(" %u", choice[i]);
    printf("\n");
    exit(1);
}
