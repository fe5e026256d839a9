/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * POSIX's files, call by call: what each must give, and each errno.  Compiled for the host it says
 * the same on Linux (tests/qemu/files.sh does so), which is where the expectations come from.
 *
 *     files [DIR]     DIR: an empty directory to work in, / without it
 */
#define _GNU_SOURCE
#include <dirent.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "tests/guest/files/files.h"

static unsigned checks, failures;

char long_name[300], full_name[300], long_path[5000];

/* What a call gave, and its errno where that is -1. */
void want(const char *text, int line, long got, int error, long expected, int expected_error)
{
    checks++;
    if (got != expected || (expected_error && error != expected_error)) {
        printf("files: line %d: %s gave %ld (%s), not %ld (%s)\n", line, text, got,
               got == -1 ? strerror(error) : "no error", expected,
               expected_error ? strerror(expected_error) : "no error");
        failures++;
    }
}

void make(const char *path, const char *text)
{
    int fd = open(path, O_WRONLY | O_CREAT | O_TRUNC, 0666);

    TRUE(fd >= 0);
    GIVES((long)strlen(text), write(fd, text, strlen(text)));
    GIVES(0, close(fd));
}

bool holds(const char *path, const char *text)
{
    char bytes[256] = "";
    int fd = open(path, O_RDONLY);
    ssize_t got = fd < 0 ? -1 : read(fd, bytes, sizeof(bytes) - 1);

    if (fd >= 0) {
        close(fd);
    }
    return got == (ssize_t)strlen(text) && strcmp(bytes, text) == 0;
}

long size_of(const char *path)
{
    struct stat found;

    return stat(path, &found) < 0 ? -1 : (long)found.st_size;
}

unsigned entries(const char *path, const char *wanted, unsigned char *type)
{
    DIR *dir = opendir(path);
    struct dirent *entry;
    unsigned count = 0, hits = 0;

    TRUE(dir != NULL);
    while (dir && (entry = readdir(dir)) != NULL) {
        count++;
        if (wanted && strcmp(entry->d_name, wanted) == 0) {
            hits++;
            if (type) {
                *type = entry->d_type;
            }
        }
    }
    if (dir) {
        GIVES(0, closedir(dir));
    }
    if (wanted) {
        TRUE(hits == 1);
    }
    return count;
}

int main(int argc, char **argv)
{
    memset(long_name, 'n', 256);
    memset(full_name, 'n', 255);
    for (size_t i = 0; i < sizeof(long_path) - 1; i++) {
        long_path[i] = "./"[i % 2];
    }
    TRUE(chdir(argc > 1 ? argv[1] : "/") == 0);
    test_bytes();
    test_names();
    test_stdio();
    printf("files: %u checks, %u failed\n", checks, failures);
    return failures ? 1 : 0;
}
