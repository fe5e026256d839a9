/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * What files cost: "dir=FOLDER" and then what to measure there.  The same source is a program for
 * Linux (tools/bench_linux.sh) and a payload.
 *
 *     seq_read            64 MiB of the file seq.bin, which is there; 64 KiB a call
 *     seq_write           64 MiB into a new file seq.out, and fsync
 *     small_files=N       N files of 100 bytes are made, listed, renamed and deleted, and sync
 *     open_read_close     of a file that was just read; 1 byte
 *
 * Each is between two marks, which tools/insns.c counts, and followed by a line "marked NAME n=N
 * waited=W": what to divide by, and how many of the instructions only waited for the disk.  A
 * failure ends the program with status 1.
 */
#include <dirent.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "lib/riscv/mark.h"

#include "payload/fsbench/waited.h"

#define CHUNK      65536
#define CHUNKS     1024 /* 64 MiB */
#define SMALL      100
#define LOOPS      1000
#define PATH_BYTES 256

static const char *folder = ".";
static char chunk[CHUNK];

static void check(int good, const char *what)
{
    if (!good) {
        perror(what);
        exit(1);
    }
}

/* A name in the folder; the result of the call before the last is lost. */
static const char *path_of(const char *name)
{
    static char paths[2][PATH_BYTES];
    static unsigned turn;
    char *path = paths[turn++ % 2];

    snprintf(path, PATH_BYTES, "%s/%s", folder, name);
    return path;
}

/* Small file number n, before it is renamed (f) and afterwards (g); for either there is one place.
 * It is not for printf to be measured. */
static const char *path_of_small(char first, unsigned n)
{
    static char paths[2][PATH_BYTES];
    char *path = paths[first == 'g'], *digit;

    if (path[0] == '\0')
        snprintf(path, PATH_BYTES, "%s/many/%c00000.txt", folder, first);
    digit = path + strlen(path) - strlen(".txt");
    for (int i = 0; i < 5; i++, n /= 10)
        *--digit = (char)('0' + n % 10);
    return path;
}

static unsigned long waited_before;

static void begin(void)
{
    waited_before = waited();
    MARK_BEGIN();
}

static void end(const char *name, unsigned n)
{
    MARK_END();
    printf("marked %s n=%u waited=%lu\n", name, n, waited() - waited_before);
}

static void seq_read(void)
{
    int file = open(path_of("seq.bin"), O_RDONLY);

    check(file >= 0, "seq.bin");
    begin();
    for (int i = 0; i < CHUNKS; i++)
        check(read(file, chunk, CHUNK) == CHUNK, "read");
    end("fat_seq_read", CHUNKS);
    close(file);
}

static void seq_write(void)
{
    int file;

    memset(chunk, 0x5a, sizeof(chunk));
    begin();
    file = open(path_of("seq.out"), O_WRONLY | O_CREAT | O_TRUNC, 0644);
    check(file >= 0, "seq.out");
    for (int i = 0; i < CHUNKS; i++)
        check(write(file, chunk, CHUNK) == CHUNK, "write");
    check(fsync(file) == 0, "fsync");
    close(file);
    end("fat_seq_write", CHUNKS);
}

static void create_file(const char *path)
{
    int file = open(path, O_WRONLY | O_CREAT | O_EXCL, 0644);

    check(file >= 0, path);
    check(write(file, chunk, SMALL) == SMALL, "write");
    check(close(file) == 0, "close");
}

static unsigned list_files(void)
{
    DIR *dir = opendir(path_of("many"));
    const struct dirent *entry;
    unsigned files = 0;

    check(dir != NULL, "many");
    while ((entry = readdir(dir)) != NULL)
        files += entry->d_name[0] != '.';
    closedir(dir);
    return files;
}

static void small_files(unsigned count)
{
    char name[32];

    snprintf(name, sizeof(name), "fat_small_files_%u", count);
    check(mkdir(path_of("many"), 0755) == 0, "many");
    begin();
    for (unsigned i = 0; i < count; i++)
        create_file(path_of_small('f', i));
    check(list_files() == count, "files are missing");
    for (unsigned i = 0; i < count; i++)
        check(rename(path_of_small('f', i), path_of_small('g', i)) == 0, "rename");
    for (unsigned i = 0; i < count; i++)
        check(unlink(path_of_small('g', i)) == 0, "unlink");
    sync();
    end(name, count);
    check(rmdir(path_of("many")) == 0, "rmdir");
}

static void read_byte(const char *path)
{
    int file = open(path, O_RDONLY);

    check(file >= 0 && read(file, chunk, 1) == 1 && close(file) == 0, path);
}

static void open_read_close(void)
{
    const char *path = path_of("small.txt");

    create_file(path);
    read_byte(path);
    begin();
    for (int i = 0; i < LOOPS; i++)
        read_byte(path);
    end("open_read_close", LOOPS);
    check(unlink(path) == 0, path);
}

static void measure(const char *what)
{
    if (strncmp(what, "dir=", 4) == 0) {
        folder = what + 4;
    } else if (strcmp(what, "seq_read") == 0) {
        seq_read();
    } else if (strcmp(what, "seq_write") == 0) {
        seq_write();
    } else if (strncmp(what, "small_files=", 12) == 0) {
        small_files((unsigned)strtoul(what + 12, NULL, 10));
    } else if (strcmp(what, "open_read_close") == 0) {
        open_read_close();
    } else {
        fprintf(stderr,
                "fsbench: %s: there are dir= seq_read seq_write small_files=N open_read_close\n",
                what);
        exit(1);
    }
}

int main(int argc, char *argv[])
{
    for (int i = 1; i < argc; i++)
        measure(argv[i]);
    return 0;
}
