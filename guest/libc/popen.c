/* SPDX-License-Identifier: BSD-2-Clause */
/* popen(): a stream from or to a command that the image `shell` runs.  It wants the components vfs
 * and channels. */
#include <errno.h>
#include <spawn.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "guest/spin.h"

struct command {
    struct command *next;
    FILE *stream;
    pid_t child;
};

static struct command *commands; /* guarded by lock */
static struct spin lock;

/* The command with the child's end of a pipe as its standard input or output; returns the error. */
static int start(pid_t *child, const char *text, const int ends[2], bool reads)
{
    char *argv[] = {(char *)(uintptr_t) "shell", (char *)(uintptr_t) "-c", (char *)(uintptr_t)text,
                    NULL};
    posix_spawn_file_actions_t actions;
    int error = posix_spawn_file_actions_init(&actions);

    if (error) {
        return error;
    }
    error = posix_spawn_file_actions_adddup2(&actions, ends[reads], reads ? 1 : 0);
    for (int i = 0; i < 2 && !error; i++) {
        error = posix_spawn_file_actions_addclose(&actions, ends[i]);
    }
    if (!error) {
        error = posix_spawn(child, "shell", &actions, NULL, argv, environ);
    }
    posix_spawn_file_actions_destroy(&actions);
    return error;
}

static void add(struct command *command)
{
    spin_lock(&lock);
    command->next = commands;
    commands = command;
    spin_unlock(&lock);
}

static struct command *take(const FILE *stream)
{
    struct command **at = &commands, *found;

    spin_lock(&lock);
    while (*at && (*at)->stream != stream) {
        at = &(*at)->next;
    }
    found = *at;
    if (found) {
        *at = found->next;
    }
    spin_unlock(&lock);
    return found;
}

/* NULL: EINVAL: mode is neither "r" nor "w"; errors of pipe(), fdopen() and posix_spawn(). */
FILE *popen(const char *text, const char *mode)
{
    bool reads = mode[0] == 'r';
    struct command *command;
    int ends[2], error;

    if ((!reads && mode[0] != 'w') || mode[1] != '\0') {
        errno = EINVAL;
        return NULL;
    }
    command = malloc(sizeof(*command));
    if (!command || pipe(ends) < 0) {
        free(command);
        return NULL;
    }
    command->stream = fdopen(ends[!reads], mode);
    error = command->stream ? start(&command->child, text, ends, reads) : errno;
    close(ends[reads]);
    if (!error) {
        add(command);
        return command->stream;
    }
    if (command->stream) {
        fclose(command->stream);
    } else {
        close(ends[!reads]);
    }
    free(command);
    errno = error;
    return NULL;
}

/* The command's status as waitpid() has it.  ECHILD: not a stream of popen(). */
int pclose(FILE *stream)
{
    struct command *command = take(stream);
    int status = -1;
    pid_t child;

    if (!command) {
        errno = ECHILD;
        return -1;
    }
    child = command->child;
    free(command);
    fclose(stream);
    while (waitpid(child, &status, 0) < 0) {
        if (errno != EINTR) {
            return -1;
        }
    }
    return status;
}
