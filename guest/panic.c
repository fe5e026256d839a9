/* SPDX-License-Identifier: BSD-2-Clause */
/* Says why the payload cannot go on, as printf would, and ends it with status 1. */
#include "guest/panic.h"

#include <stdarg.h>
#include <stdio.h>

#include "guest/guest.h"

void panic(const char *format, ...)
{
    va_list arguments;

    va_start(arguments, format);
    vprintf(format, arguments);
    va_end(arguments);
    putchar('\n');
    guest_exit(1);
}
