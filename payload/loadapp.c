/* SPDX-License-Identifier: BSD-2-Clause */
/* Reads a program from the disk, and a task shows how it begins. */
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "guest/task.h"

#define SHOWN 8

static const char path[] = "/sbin/origin.bin";
static unsigned char code[4096];

static int show(void *unused)
{
    (void)unused;
    printf("loadapp: %s begins with", path);
    for (int i = 0; i < SHOWN; i++) {
        printf(" %02x", code[i]);
    }
    printf("\n");
    return 0;
}

int main(void)
{
    int fd = open(path, O_RDONLY);
    struct task *task;
    int status;
    ssize_t bytes;

    if (fd < 0) {
        perror(path); /* without DISK= there is no such file */
        return 1;
    }
    bytes = read(fd, code, sizeof(code));
    if (bytes < SHOWN || close(fd) < 0) {
        fprintf(stderr, "%s: has %ld bytes\n", path, (long)bytes);
        return 1;
    }
    printf("loadapp: read %ld bytes\n", (long)bytes);
    task = task_spawn(show, NULL, NULL);
    return task && task_join(task, &status) == ERR_OK ? status : 1;
}
