/* SPDX-License-Identifier: BSD-2-Clause */
/* Files and directories get other names, in a file system that is mounted: what is in them stays.
 */
#include <errno.h>
#include <fcntl.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define TRY(call)      \
    if ((call) < 0) {  \
        perror(#call); \
        return false;  \
    }

static bool write_file(const char *path, const char *text)
{
    int fd = open(path, O_WRONLY | O_CREAT | O_TRUNC, 0644);

    TRY(fd);
    TRY(write(fd, text, strlen(text)));
    TRY(close(fd));
    return true;
}

static bool show_file(const char *path)
{
    char text[64];
    int fd = open(path, O_RDONLY);
    ssize_t bytes;

    TRY(fd);
    bytes = read(fd, text, sizeof(text));
    TRY(bytes);
    TRY(close(fd));
    printf("fstest: %s: %.*s\n", path, (int)bytes, text);
    return true;
}

static bool is_gone(const char *path)
{
    if (access(path, F_OK) == 0 || errno != ENOENT) {
        printf("fstest: %s is still there\n", path);
        return false;
    }
    return true;
}

static bool rename_all(void)
{
    if (!write_file("/tmp/f1", "hello")) {
        return false;
    }
    TRY(rename("/tmp/f1", "/tmp/f2"));
    if (!is_gone("/tmp/f1") || !show_file("/tmp/f2")) {
        return false;
    }
    TRY(mkdir("/tmp/dira", 0755));
    TRY(rename("/tmp/dira", "/tmp/dirb"));
    TRY(rename("/tmp/f2", "/tmp/dirb/f2")); /* as mv does */
    if (!is_gone("/tmp/dira") || !is_gone("/tmp/f2") || !show_file("/tmp/dirb/f2")) {
        return false;
    }
    TRY(unlink("/tmp/dirb/f2"));
    TRY(rmdir("/tmp/dirb"));
    return true;
}

int main(void)
{
    if (!rename_all()) {
        return 1;
    }
    printf("fstest: ok\n");
    return 0;
}
