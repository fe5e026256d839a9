/* SPDX-License-Identifier: BSD-2-Clause */
#pragma once
/* Trap causes as an enum and as words, both from cause.def. */
enum cause {
#define CAUSE(number, identifier, words) CAUSE_##identifier = (number),
#include "lib/riscv/cause.def"
#undef CAUSE
    CAUSE_COUNT = 24
};

/* The specification's words for an exception number, or "reserved". */
static inline const char *cause_words(unsigned long cause)
{
    switch (cause) {
#define CAUSE(number, identifier, words) \
    case (number):                       \
        return (words);
#include "lib/riscv/cause.def"
#undef CAUSE
    default: return "reserved";
    }
}
