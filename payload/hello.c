/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The first payload to try: one line and the end.  "color" on the command line colours it; the text
 * without escape sequences stays the same.  Its image has no allocator.
 */
#include <stdio.h>

#include "guest/args.h"
#include "guest/guest.h"

#define GREEN "\033[32m"
#define PLAIN "\033[m"

int main(void)
{
    bool color = args_has("color");

    puts(color ? GREEN "Hello, forkvisor!" PLAIN : "Hello, forkvisor!");
    return 0;
}
