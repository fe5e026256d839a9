/* SPDX-License-Identifier: BSD-2-Clause */
/* Writing to the console, at once and as it is. */
#include "guest/libc/output.h"

#include "guest/guest.h"

void output_write(const char *from, size_t bytes)
{
    for (size_t i = 0; i < bytes; i++) {
        console_putc(from[i]);
    }
    console_flush();
}
