/* SPDX-License-Identifier: BSD-2-Clause */
/* What the program before this one has left, in /chosen of the FDT: it is looked for each time. */
#include "guest/libc/inherit.h"

#include <string.h>

#include "guest/libc/exec.h"
#include "guest/machine.h"

bool inherit_is(const char *variable)
{
    return strncmp(variable, INHERIT_PREFIX, strlen(INHERIT_PREFIX)) == 0 && strchr(variable, '=');
}

const char *inherit_find(const char *name)
{
    size_t bytes, length = strlen(name);
    const char *at = machine_args(&bytes), *end = at + bytes;

    for (; at < end; at += strlen(at) + 1) {
        const char *variable = at + strlen(INHERIT_PREFIX);

        if (inherit_is(at) && strncmp(variable, name, length) == 0 && variable[length] == '=') {
            return variable + length + 1;
        }
    }
    return NULL;
}
