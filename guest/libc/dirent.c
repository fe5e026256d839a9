/* SPDX-License-Identifier: BSD-2-Clause */
/* Directories, read entry by entry.  A stream is a descriptor and room for one entry. */
#include <dirent.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "guest/libc/descriptor.h"

struct dir_stream {
    int fd;
    struct dirent entry;
};

/* EBADF, ENOTDIR, ENOMEM: fd stays the caller's. */
DIR *fdopendir(int fd)
{
    struct file *file = descriptor_get(fd);
    DIR *dir = NULL;

    if (!file) {
        return NULL;
    }
    if (file_node(file)->type != NODE_DIRECTORY) {
        errno = ENOTDIR;
    } else {
        dir = calloc(1, sizeof(*dir));
    }
    file_put(file);
    if (dir) {
        dir->fd = fd;
    }
    return dir;
}

DIR *opendir(const char *path)
{
    int fd = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    DIR *dir;

    if (fd < 0) {
        return NULL;
    }
    dir = fdopendir(fd);
    if (!dir) {
        (void)close(fd);
        errno = ENOMEM;
    }
    return dir;
}

/* NULL at the end, errno unchanged; NULL with errno: it cannot be read.  The entry is the stream's,
 * until the next call. */
struct dirent *readdir(DIR *dir)
{
    static const unsigned char types[] = {
        [NODE_FILE] = DT_REG, [NODE_DIRECTORY] = DT_DIR, [NODE_DEVICE] = DT_CHR};
    struct file *file = descriptor_get(dir->fd);
    struct fs_entry entry;
    int error;

    if (!file) {
        return NULL;
    }
    error = file_list(file, &entry);
    if (!error) {
        dir->entry.d_ino = (ino_t)entry.id;
        dir->entry.d_off = (off_t)file_seek(file, 0, SEEK_CUR);
        dir->entry.d_type = types[entry.type];
        strcpy(dir->entry.d_name, entry.name);
    }
    file_put(file);
    if (error && error != ENOENT) {
        errno = error;
    }
    return error ? NULL : &dir->entry;
}

int closedir(DIR *dir)
{
    int fd = dir->fd;

    free(dir);
    return close(fd);
}

int dirfd(DIR *dir)
{
    return dir->fd;
}

void rewinddir(DIR *dir)
{
    (void)lseek(dir->fd, 0, SEEK_SET);
}

/* A place that telldir gave. */
void seekdir(DIR *dir, long place)
{
    (void)lseek(dir->fd, place, SEEK_SET);
}

long telldir(DIR *dir)
{
    return lseek(dir->fd, 0, SEEK_CUR);
}

int alphasort(const struct dirent **a, const struct dirent **b)
{
    return strcmp((*a)->d_name, (*b)->d_name);
}

static void free_all(struct dirent **entries, size_t count)
{
    while (count > 0) {
        free(entries[--count]);
    }
    free(entries);
}

/* One more of *count; false: no memory, and they are as before. */
static bool keep(struct dirent ***entries, size_t *count, const struct dirent *entry)
{
    struct dirent **grown = realloc(*entries, (*count + 1) * sizeof(*grown));

    if (!grown) {
        return false;
    }
    *entries = grown;
    grown[*count] = malloc(sizeof(*entry));
    if (!grown[*count]) {
        return false;
    }
    *grown[(*count)++] = *entry;
    return true;
}

int scandir(const char *path, struct dirent ***list, int (*choose)(const struct dirent *entry),
            int (*compare)(const struct dirent **a, const struct dirent **b))
{
    DIR *dir = opendir(path);
    struct dirent **entries = NULL, *entry;
    size_t count = 0;
    int before = errno;

    if (!dir) {
        return -1;
    }
    errno = 0;
    while ((entry = readdir(dir)) != NULL) {
        if ((!choose || choose(entry)) && !keep(&entries, &count, entry)) {
            errno = ENOMEM;
            break;
        }
    }
    if (errno) {
        int error = errno;

        free_all(entries, count);
        (void)closedir(dir);
        return files_result(error);
    }
    (void)closedir(dir);
    errno = before;
    if (compare && count > 1) {
        qsort(entries, count, sizeof(*entries), (int (*)(const void *, const void *))compare);
    }
    *list = entries;
    return (int)count;
}
