/* SPDX-License-Identifier: BSD-2-Clause */
#pragma once
/*
 * Why an input from outside was refused, as an enum and as words, both from refusal.def.  Whoever
 * reads such input (ELF, images, bundles, options) returns one of these; 0 is: accepted.
 */
enum refusal {
#define REFUSAL(identifier, words) REFUSED_##identifier,
#include "lib/refusal.def"
#undef REFUSAL
    REFUSED_COUNT
};

static inline const char *refusal_words(enum refusal refusal)
{
    static const char *const words_of[] = {
#define REFUSAL(identifier, words) [REFUSED_##identifier] = (words),
#include "lib/refusal.def"
#undef REFUSAL
    };

    return words_of[refusal];
}
