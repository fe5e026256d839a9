/* SPDX-License-Identifier: BSD-2-Clause */
#pragma once
/* Component shell: a shell in the program's own task.  See shell.c. */

/*
 * Runs until the input ends or exit.  Descriptors: where input comes from, and where output and
 * messages go to; they stay open.  Arguments are those of sh:
 *
 *     NAME                    commands of the input; a prompt and line editing if it is a terminal
 *     NAME FILE [WORD...]     a script
 *     NAME -c TEXT [NAME [WORD...]]
 *
 * Returns the exit status.
 */
int shell_run(int in, int out, int err, int argc, char **argv);
