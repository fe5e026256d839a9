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
 * Each is between two marks, which tools/insns.c counts, and followed by a line "marked NAME n=N",
 * where N is what to divide by.  A failure ends the program with status 1.
 */
#include <dirent.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "lib/riscv/mark.h"

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
static const char *path_of(const char *format, unsigned number)
{
    static char paths[2][PATH_BYTES];
    static unsigned turn;
    char *path = paths[turn++ % 2];
    size_t length = (size_t)snprintf(path, PATH_BYTES, "%s/", folder);

    snprintf(path + length, PATH_BYTES - length, format, number);
    return path;
}

static void seq_read(void)
{
    int file = open(path_of("seq.bin", 0), O_RDONLY);

    check(file >= 0, "seq.bin");
    MARK_BEGIN();
    for (int i = 0; i < CHUNKS; i++)
        check(read(file, chunk, CHUNK) == CHUNK, "read");
    MARK_END();
    close(file);
    printf("marked fat_seq_read n=%d\n", CHUNKS);
}

static void seq_write(void)
{
    int file;

    memset(chunk, 0x5a, sizeof(chunk));
    MARK_BEGIN();
    file = open(path_of("seq.out", 0), O_WRONLY | O_CREAT | O_TRUNC, 0644);
    check(file >= 0, "seq.out");
    for (int i = 0; i < CHUNKS; i++)
        check(write(file, chunk, CHUNK) == CHUNK, "write");
    check(fsync(file) == 0, "fsync");
    close(file);
    MARK_END();
    printf("marked fat_seq_write n=%d\n", CHUNKS);
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
    DIR *dir = opendir(path_of("many", 0));
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
    check(mkdir(path_of("many", 0), 0755) == 0, "many");
    MARK_BEGIN();
    for (unsigned i = 0; i < count; i++)
        create_file(path_of("many/f%05u.txt", i));
    check(list_files() == count, "files are missing");
    for (unsigned i = 0; i < count; i++)
        check(rename(path_of("many/f%05u.txt", i), path_of("many/g%05u.txt", i)) == 0,
              "rename");
    for (unsigned i = 0; i < count; i++)
        check(unlink(path_of("many/g%05u.txt", i)) == 0, "unlink");
    sync();
    MARK_END();
    check(rmdir(path_of("many", 0)) == 0, "rmdir");
    printf("marked fat_small_files_%u n=%u\n", count, count);
}

static void read_byte(const char *path)
{
    int file = open(path, O_RDONLY);

    check(file >= 0 && read(file, chunk, 1) == 1 && close(file) == 0, path);
}

static void open_read_close(void)
{
    const char *path = path_of("small.txt", 0);

    create_file(path);
    read_byte(path);
    MARK_BEGIN();
    for (int i = 0; i < LOOPS; i++)
        read_byte(path);
    MARK_END();
    check(unlink(path) == 0, path);
    printf("marked open_read_close n=%d\n", LOOPS);
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
