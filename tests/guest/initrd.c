/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Prints what the machine was given as INITRD, takes all memory that there is and writes to it, and
 * prints it again; "fork": and so does a child.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "guest/args.h"
#include "guest/machine.h"
#include "guest/proc.h"

static void print_initrd(void)
{
    struct range initrd = machine_initrd();

    printf("initrd: %lu bytes at %lu of a page\n", (unsigned long)(initrd.end - initrd.base),
           (unsigned long)(initrd.base % 4096));
    fwrite((const void *)initrd.base, 1, initrd.end - initrd.base, stdout);
}

static void *volatile last_block; /* so that the compiler does not know better */

static void fill_memory(void)
{
    for (size_t bytes = 64UL << 20; bytes >= 64; bytes /= 2) {
        while ((last_block = malloc(bytes)) != NULL) {
            memset(last_block, 0xa5, bytes);
        }
    }
}

int main(void)
{
    unsigned status;
    long child;

    print_initrd();
    fill_memory();
    print_initrd();
    if (args_has("fork")) {
        child = proc_fork(PROC_DOOR_ECALL, 0);
        if (child == 0) {
            print_initrd();
            proc_exit(0);
        }
        return child > 0 && proc_wait(child, 0, &status) == child ? 0 : 1;
    }
    return 0;
}
