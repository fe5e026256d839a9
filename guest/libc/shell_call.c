/* SPDX-License-Identifier: BSD-2-Clause */
/* system(): a command by the image `shell`. */
#include <errno.h>
#include <signal.h>
#include <spawn.h>
#include <stdlib.h>
#include <sys/wait.h>
#include <unistd.h>

#include "guest/proc.h"

/* The status as waitpid() has it; of NULL: whether there can be a shell. */
int system(const char *command)
{
    char *argv[] = {(char *)(uintptr_t) "shell", (char *)(uintptr_t) "-c",
                    (char *)(uintptr_t)command, NULL};
    _sig_func_ptr interrupt, quit;
    sigset_t child_signal = 1UL << SIGCHLD, blocked;
    int status = -1, error;
    pid_t child;

    if (!command) {
        return proc_available();
    }
    error = posix_spawn(&child, "shell", NULL, NULL, argv, environ);
    if (error) {
        errno = error;
        return -1;
    }
    interrupt = signal(SIGINT, SIG_IGN);
    quit = signal(SIGQUIT, SIG_IGN);
    sigprocmask(SIG_BLOCK, &child_signal, &blocked);
    while (waitpid(child, &status, 0) < 0 && errno == EINTR) {
    }
    sigprocmask(SIG_SETMASK, &blocked, NULL);
    signal(SIGINT, interrupt);
    signal(SIGQUIT, quit);
    return status;
}
