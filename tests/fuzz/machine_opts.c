/* SPDX-License-Identifier: BSD-2-Clause */
/* Machine options: any string. */
#include "lib/machine_opts.h"

#include <stdlib.h>
#include <string.h>

#include "lib/image.h"

#include "tests/test.h"

FUZZ(machine_opts)
{
    struct machine_opts opts;
    char *text = malloc(size + 1);

    CHECK(text != NULL);
    memcpy(text, bytes, size);
    text[size] = '\0';
    if (machine_opts_parse(&opts, text) == REFUSED_NOTHING) {
        CHECK(opts.word_count <= MACHINE_WORDS_MAX);
        for (u32 i = 0; i < opts.word_count; i++)
            CHECK(opts.words[i].gpa % 8 == 0 && opts.words[i].gpa < GUEST_RAM_BASE);
    }
    free(text);
    return 0;
}

FUZZ_SEEDS(machine_opts)
{
    static const char *const examples[] = {
        "mhartid=0x1234 word@0x40=0x6688",
        "word@8=1 word@16=18446744073709551615 word@24=3 word@0x20=0xffffffffffffffff",
        " \tmhartid=0\n",
        "",
    };

    for (size_t i = 0; i < ARRAY_LEN(examples); i++)
        fuzz_seed(examples[i], strlen(examples[i]));
}
