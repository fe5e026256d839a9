/* SPDX-License-Identifier: BSD-2-Clause */
#pragma once
/* Reading directories: guest/libc/dirent.c. */
#include <sys/types.h>

#define DT_UNKNOWN 0
#define DT_FIFO    1
#define DT_CHR     2
#define DT_DIR     4
#define DT_BLK     6
#define DT_REG     8
#define DT_LNK     10
#define DT_SOCK    12

#define DIRENT_NAME_MAX_ 255

struct dirent {
    ino_t d_ino;
    off_t d_off; /* what telldir gives behind this one */
    unsigned char d_type;
    char d_name[DIRENT_NAME_MAX_ + 1];
};

typedef struct dir_stream DIR;

#ifdef __cplusplus
extern "C" {
#endif

DIR *opendir(const char *path);
DIR *fdopendir(int fd);
int closedir(DIR *dir);
struct dirent *readdir(DIR *dir);
void rewinddir(DIR *dir);
void seekdir(DIR *dir, long place);
long telldir(DIR *dir);
int dirfd(DIR *dir);
int scandir(const char *path, struct dirent ***list, int (*choose)(const struct dirent *),
            int (*compare)(const struct dirent **, const struct dirent **));
int alphasort(const struct dirent **a, const struct dirent **b);

#ifdef __cplusplus
}
#endif
