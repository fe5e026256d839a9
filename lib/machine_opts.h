/* SPDX-License-Identifier: BSD-2-Clause */
#pragma once
/*
 * Machine options: what a guest finds in its machine beyond the usual, as a string such as
 * "mhartid=0x1234 word@0x40=0x6688".  Separated by blanks; an empty string is no option.
 */
#include "lib/kit/types.h"
#include "lib/refusal.h"

#define MACHINE_WORDS_MAX 4

struct machine_word {
    u64 gpa; /* multiple of 8, below guest RAM */
    u64 value;
};

struct machine_opts {
    bool has_mhartid;
    u64 mhartid; /* what a read of the CSR gives, which is otherwise an illegal instruction */
    u32 word_count;
    struct machine_word words[MACHINE_WORDS_MAX]; /* read-only devices of 8 bytes */
};

__must_check enum refusal machine_opts_parse(struct machine_opts *opts, const char *text);
