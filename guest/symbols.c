/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Names of functions, for reports.  tools/ukcc links an image with this component twice: the second
 * time with the table that it made of the first one's names, sorted by address.  The table lies
 * behind all code, so that it moves none.
 */
#include "guest/guest.h"
#include "guest/report.h"

struct symbol {
    u32 offset; /* of the function, in the image */
    u32 name;   /* of its name, in the table */
};

/* Empty in the first link, which is never run. */
extern const struct symbol symbols[], symbols_end[];

/* The last function that begins at or before address, if that is in the image's code at all. */
const char *symbol_find(u64 address, u64 *offset)
{
    u64 low = 0, high = (u64)(symbols_end - symbols), at = address - (u64)_text_start;

    if (address < (u64)_text_start || address >= (u64)_text_end) {
        return NULL;
    }
    while (low < high) {
        u64 middle = low + (high - low) / 2;

        if (symbols[middle].offset <= at) {
            low = middle + 1;
        } else {
            high = middle;
        }
    }
    if (low == 0) {
        return NULL;
    }
    *offset = at - symbols[low - 1].offset;
    return (const char *)symbols + symbols[low - 1].name;
}
