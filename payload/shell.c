/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * A shell on the console: commands, files, and a person who types.
 *
 * Arguments are those of sh: CMDLINE="-c 'ls /'" runs one line, CMDLINE=/script a file; its exit
 * status is the payload's.
 */
#include "guest/shell/shell.h"

#include <stdio.h>
#include <unistd.h>

int main(int argc, char **argv)
{
    if (argc == 1 && isatty(STDIN_FILENO)) {
        static char *banner[] = {"shell", "-c", "uname -sm; mount", NULL};

        printf("A shell of forkvisor's library OS; help lists the commands.\n");
        fflush(stdout);
        shell_run(STDIN_FILENO, STDOUT_FILENO, STDERR_FILENO, 3, banner);
    }
    return shell_run(STDIN_FILENO, STDOUT_FILENO, STDERR_FILENO, argc, argv);
}
