/* SPDX-License-Identifier: BSD-2-Clause */
/* Devices and stdio. */
#define _GNU_SOURCE
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "tests/guest/files/files.h"

/* ---- devices ---- */

static void devices(void)
{
    struct stat found;
    char got[64];
    int fd = open("/dev/null", O_RDWR);

    GIVES(3, write(fd, "abc", 3));
    GIVES(0, read(fd, got, 3));
    GIVES(0, fstat(fd, &found));
    TRUE(S_ISCHR(found.st_mode));
    SETS(0, ENOTTY, isatty(fd));
    FAILS(EINVAL, ftruncate(fd, 0));
    GIVES(0, close(fd));
    fd = open("/dev/null", O_WRONLY | O_TRUNC | O_CREAT, 0666);
    TRUE(fd >= 0);
    GIVES(0, close(fd));
    FAILS(ENOTDIR, open("/dev/null/x", O_RDONLY));
    FAILS(ENOTDIR, open("/dev/null", O_RDONLY | O_DIRECTORY));
    fd = open("/dev/zero", O_RDONLY);
    memset(got, 1, sizeof(got));
    GIVES(64, read(fd, got, 64));
    TRUE(got[0] == 0 && got[63] == 0);
    GIVES(0, close(fd));
    fd = open("/dev/full", O_RDWR);
    FAILS(ENOSPC, write(fd, "x", 1));
    GIVES(8, read(fd, got, 8));
    GIVES(0, close(fd));
    fd = open("/dev/urandom", O_RDONLY);
    memset(got, 0, sizeof(got));
    GIVES(64, read(fd, got, 64));
    TRUE(memcmp(got, got + 32, 32) != 0);
    GIVES(0, close(fd));
    entries("/dev", "null", NULL);
}

/* ---- stdio ---- */

static bool cannot_open(const char *path, const char *mode, int error)
{
    FILE *file = fopen(path, mode);

    if (file) {
        fclose(file);
    }
    return !file && errno == error;
}

/* Whether a byte can be written. */
static int put_byte(FILE *file)
{
    return fputc('x', file);
}

static void streams(void)
{
    char line[64], block[9000];
    FILE *file = fopen("stream", "w+");
    fpos_t place;

    TRUE(file != NULL);
    GIVES(11, fprintf(file, "line %d\nend", 1) + 1);
    GIVES(10, ftell(file));
    GIVES(0, fseek(file, 0, SEEK_SET));
    TRUE(fgets(line, sizeof(line), file) && strcmp(line, "line 1\n") == 0);
    GIVES('e', fgetc(file));
    GIVES(8, ftell(file));
    GIVES('E', ungetc('E', file));
    GIVES(7, ftell(file));
    GIVES('E', fgetc(file));
    GIVES(2, (long)fread(line, 1, 10, file));
    TRUE(feof(file) && !ferror(file));
    GIVES(EOF, fgetc(file));
    clearerr(file);
    TRUE(!feof(file));
    GIVES(0, fseek(file, -3, SEEK_END));
    TRUE(!feof(file));
    GIVES('e', fgetc(file));
    GIVES(0, fseek(file, 0, SEEK_CUR));
    GIVES('N', fputc('N', file));
    GIVES(0, fseek(file, 0, SEEK_CUR));
    GIVES('d', fgetc(file));
    rewind(file);
    GIVES(0, fgetpos(file, &place));
    GIVES('l', fgetc(file));
    GIVES(0, fsetpos(file, &place));
    GIVES('l', fgetc(file));
    GIVES(EOF, fseek(file, -1, SEEK_SET));
    GIVES(0, fclose(file));
    TRUE(holds("stream", "line 1\neNd"));
    file = fopen("stream", "a");
    GIVES(1, fputs("+", file) >= 0);
    GIVES(11, ftell(file));
    GIVES(0, fclose(file));
    TRUE(holds("stream", "line 1\neNd+"));
    file = fopen("stream", "r");
    GIVES(EOF, put_byte(file));
    clearerr(file);
    GIVES(4, (long)fread(line, 2, 2, file) * 2);
    GIVES(0, fclose(file));
    file = fopen("stream", "r+");
    GIVES('L', fputc('L', file));
    GIVES(0, fclose(file));
    TRUE(holds("stream", "Line 1\neNd+"));
    TRUE(cannot_open("stream", "wx", EEXIST));
    TRUE(cannot_open("none", "r", ENOENT));
    TRUE(cannot_open("none", "r+", ENOENT));
    TRUE(cannot_open("none", "q", EINVAL));
    /* larger than buffers, in odd pieces */
    for (size_t i = 0; i < sizeof(block); i++) {
        block[i] = (char)('a' + i % 26);
    }
    file = fopen("stream", "w");
    for (size_t i = 0; i < sizeof(block); i += 300) {
        GIVES(3, (long)fwrite(block + i, 100, 3, file));
    }
    GIVES(0, fflush(file));
    GIVES(9000, size_of("stream"));
    GIVES(0, fclose(file));
    file = fopen("stream", "r");
    GIVES(0, fseek(file, 4090, SEEK_SET));
    GIVES(20, (long)fread(line, 1, 20, file));
    TRUE(memcmp(line, block + 4090, 20) == 0);
    GIVES(0, fclose(file));
    GIVES(0, unlink("stream"));
}

static void buffers(void)
{
    char own[16], line[64];
    FILE *file = fopen("buffer", "w"), *other;
    int fd;

    GIVES(0, setvbuf(file, NULL, _IONBF, 0));
    fputs("now", file);
    TRUE(holds("buffer", "now"));
    GIVES(0, fclose(file));
    file = fopen("buffer", "a");
    GIVES(0, setvbuf(file, own, _IOLBF, sizeof(own)));
    fputs("a\n", file);
    TRUE(holds("buffer", "nowa\n"));
    fputs("b", file);
    TRUE(holds("buffer", "nowa\n"));
    GIVES(0, fflush(NULL));
    TRUE(holds("buffer", "nowa\nb"));
    GIVES(0, fclose(file));
    file = fopen("buffer", "r");
    fd = fileno(file);
    TRUE(fd > 2);
    other = fdopen(dup(fd), "r");
    TRUE(fgets(line, sizeof(line), other) && strcmp(line, "nowa\n") == 0);
    GIVES(0, fclose(other));
    GIVES(0, fclose(file));
    FAILS(EBADF, close(fd));
    TRUE(!fdopen(999, "r") && errno == EBADF);
    fd = open("buffer", O_RDONLY);
    TRUE(!fdopen(fd, "w") && errno == EINVAL);
    GIVES(0, close(fd));
    file = fopen("/dev/full", "w");
    fputs("x", file);
    GIVES(EOF, fflush(file));
    TRUE(ferror(file));
    fclose(file);
    file = tmpfile();
    TRUE(file != NULL);
    fputs("temporary", file);
    rewind(file);
    TRUE(fgets(line, sizeof(line), file) && strcmp(line, "temporary") == 0);
    GIVES(0, fclose(file));
    strcpy(line, "tempXXXXXX");
    fd = mkstemp(line);
    TRUE(fd >= 0 && strncmp(line, "temp", 4) == 0 && strcmp(line, "tempXXXXXX") != 0);
    GIVES(0, close(fd));
    GIVES(0, unlink(line));
    strcpy(line, "short");
    FAILS(EINVAL, mkstemp(line));
    file = fopen("buffer", "w");
    fputs("first", file);
    file = freopen("buffer2", "w", file);
    TRUE(file != NULL);
    fputs("second", file);
    GIVES(0, fclose(file));
    TRUE(holds("buffer", "first") && holds("buffer2", "second"));
    GIVES(0, unlink("buffer"));
    GIVES(0, unlink("buffer2"));
}

/* As a shell does `>` and `<`. */
static void redirects(void)
{
    char line[64] = "";
    int out = dup(1), in = dup(0), fd = open("out", O_WRONLY | O_CREAT | O_TRUNC, 0666);

    fflush(stdout);
    GIVES(1, dup2(fd, 1));
    GIVES(0, close(fd));
    printf("printed %d\n", 1);
    puts("put");
    fflush(stdout);
    TRUE(write(1, "written\n", 8) == 8);
    GIVES(1, dup2(out, 1));
    GIVES(0, close(out));
    TRUE(holds("out", "printed 1\nput\nwritten\n"));
    fd = open("out", O_RDONLY);
    GIVES(0, dup2(fd, 0));
    GIVES(0, close(fd));
    TRUE(fgets(line, sizeof(line), stdin) && strcmp(line, "printed 1\n") == 0);
    TRUE(scanf("%10s", line) == 1 && strcmp(line, "put") == 0);
    fseek(stdin, 0, SEEK_END);
    GIVES(0, dup2(in, 0));
    GIVES(0, close(in));
    clearerr(stdin);
    GIVES(0, unlink("out"));
}

void test_stdio(void)
{
    devices();
    streams();
    buffers();
    redirects();
}
