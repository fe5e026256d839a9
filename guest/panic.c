/* SPDX-License-Identifier: BSD-2-Clause */
/* Says why the payload cannot go on, as printf would, and from where; ends it with status 1. */
#include "guest/panic.h"

#include <stdarg.h>
#include <stdio.h>

#include "guest/guest.h"
#include "guest/report.h"

#define TEXT_BYTES 256 /* longer ones are cut */

__noreturn void panic_report(const struct trap *t, const char *format, va_list arguments);

/* Called by panic.S. */
void panic_report(const struct trap *t, const char *format, va_list arguments)
{
    char text[TEXT_BYTES];

    vsnprintf(text, sizeof(text), format, arguments);
    report_panic(t, text);
    guest_exit(CRASH_STATUS);
}
