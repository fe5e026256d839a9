/* SPDX-License-Identifier: BSD-2-Clause */
#pragma once
/*
 * Waiting for 32-bit words that other tasks, or other processes, change: what channels are made of.
 * See word.c.
 *
 *     for (;;) {
 *         value = load(&word);
 *         if (what is waited for is there) break;
 *         error = word_wait(&(struct word_at){&word, value}, 1, PAUSE_FOR_EVER, "a byte",
 * WORD_RESTARTS);
 *     }
 *
 * Who changes what is waited for changes the word afterwards, and then wakes.
 */
#include "lib/kit/types.h"

struct word_at {
    const u32 *word;
    u32 value; /* it is waited while the word is this */
};

/* What signals do to who waits: nothing; they end it; they end it, but not those of SA_RESTART. */
enum word_signals { WORD_DEAF, WORD_ENDS, WORD_RESTARTS };

/* 0: one of the words differs; ETIMEDOUT (a time of timer.h's clock), EINTR. */
__must_check int word_wait(const struct word_at *at, size_t count, u64 deadline, const char *what,
                           enum word_signals signals);
/* All who wait for the word look again.  elsewhere: there may be some in other processes. */
void word_wake(const u32 *word, bool elsewhere);
/* All of this process who wait for any word look again: also for interrupt handlers. */
void word_look(void);
