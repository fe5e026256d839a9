/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * A program as others are, of the C library alone: its first argument says what it does.
 *
 *     words [...]        its arguments, its environment
 *     return|exit|quick N, abort, raise N, caught, assert
 *                        how it ends; with atexit handlers, constructor and destructor
 *     lines              says what it reads by fgets
 *     bytes              says how many bytes read() gives, and their sum
 *     scan               numbers by scanf
 *     files              errors of files
 *     random             numbers; "none": there must not be any
 */
#include <assert.h>
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>
#include <sys/stat.h>
#include <unistd.h>

static const char *constructed = "no";

__attribute__((constructor)) static void construct(void)
{
    constructed = "yes";
}

__attribute__((destructor)) static void destruct(void)
{
    printf("libc: destructor\n");
}

static void first(void)
{
    printf("libc: atexit 1\n");
}

static void second(void)
{
    printf("libc: atexit 2\n");
}

static void caught(int signal)
{
    printf("libc: signal %d\n", signal);
}

static int words(int argc, char **argv, char **environment)
{
    printf("libc: argc %d\n", argc);
    for (char **word = argv; *word; word++) {
        printf("libc: <%s>\n", *word);
    }
    for (char **word = environment; *word; word++) {
        printf("libc: environment <%s>\n", *word);
    }
    if (getenv("A")) {
        printf("libc: A is %s\n", getenv("A"));
        setenv("A", "new", 1);
        setenv("B", "more", 0);
        printf("libc: A is %s, B is %s\n", getenv("A"), getenv("B"));
    }
    return 0;
}

static int lines(void)
{
    char line[64];
    int count = 0;

    printf("prompt> ");
    while (fgets(line, sizeof(line), stdin)) {
        line[strcspn(line, "\n")] = '\0';
        printf("[%s]\n", line);
        count++;
    }
    printf("libc: %d lines, eof %d, error %d, tty %d\n", count, feof(stdin) != 0,
           ferror(stdin) != 0, isatty(0));
    return 0;
}

static int bytes(void)
{
    unsigned char buffer[100];
    unsigned long sum = 0, count = 0;
    ssize_t now;

    while ((now = read(0, buffer, sizeof(buffer))) > 0) {
        count += (unsigned long)now;
        for (ssize_t i = 0; i < now; i++) {
            sum += buffer[i];
        }
    }
    printf("libc: %lu bytes, sum %lu, end %ld\n", count, sum, (long)now);
    return 0;
}

static int scan(void)
{
    int number, sum = 0;

    while (scanf("%d", &number) == 1) {
        sum += number;
    }
    printf("libc: sum %d\n", sum);
    return 0;
}

#define SHOW(call)                                                                      \
    do {                                                                                \
        errno = 0;                                                                      \
        long result_ = (long)(call);                                                    \
        printf("libc: %s = %ld, %s\n", #call, result_, errno ? strerror(errno) : "ok"); \
    } while (0)

static int files(void)
{
    struct stat stat_of;
    FILE *none;
    char path[4];

    SHOW(open("/x", O_RDONLY));
    SHOW(open("/x", O_CREAT | O_WRONLY, 0666));
    none = fopen("x", "r");
    printf("libc: fopen gave %s, %s\n", none ? "a file" : "NULL", strerror(errno));
    SHOW(read(3, path, 1));
    SHOW(read(1, path, 1));
    SHOW(write(1, "", 0));
    SHOW(write(-1, "", 0));
    SHOW(lseek(0, 0, SEEK_SET));
    SHOW(fstat(1, &stat_of));
    SHOW(S_ISCHR(stat_of.st_mode));
    SHOW(isatty(1));
    SHOW(isatty(5));
    SHOW(fileno(stderr));
    SHOW(close(2));
    SHOW(close(2));
    SHOW(write(2, "", 0));
    SHOW(getcwd(path, sizeof(path)) != NULL);
    SHOW(sysconf(_SC_PAGESIZE));
    SHOW(sysconf(-5));
    SHOW(getpid() > 0);
    SHOW(kill(getpid(), 0));
    SHOW(kill(getpid(), 99));
    return 0;
}

static int numbers(int argc)
{
    unsigned char number[16];

    errno = 0;
    if (argc > 2) {
        long got = getrandom(number, 1, 0), again = getrandom(number, 1, 0);

        printf("libc: getrandom %ld %ld, %s\n", got, again, strerror(errno));
        printf("libc: getentropy %d\n", getentropy(number, 1));
        return 0;
    }
    for (int i = 0; i < 8; i++) {
        if (getrandom(number, sizeof(number), 0) != (ssize_t)sizeof(number)) {
            printf("libc: getrandom: %s\n", strerror(errno));
            return 1;
        }
        printf("libc: drew ");
        for (size_t at = 0; at < sizeof(number); at++) {
            printf("%02x", number[at]);
        }
        printf("\n");
    }
    printf("libc: bad flags %ld, too much %d, uniform %u\n", (long)getrandom(number, 1, 8),
           getentropy(number, 257), (unsigned)arc4random_uniform(1));
    return 0;
}

static int end(const char *how, int status)
{
    atexit(first);
    atexit(second);
    printf("libc: constructor %s\n", constructed);
    printf("libc: half a line");
    if (strcmp(how, "exit") == 0) {
        exit(status);
    } else if (strcmp(how, "quick") == 0) {
        _exit(status);
    } else if (strcmp(how, "abort") == 0) {
        abort();
    } else if (strcmp(how, "raise") == 0) {
        raise(status);
    } else if (strcmp(how, "caught") == 0) {
        signal(SIGUSR1, caught);
        raise(SIGUSR1);
    } else if (strcmp(how, "assert") == 0) {
        assert(status == -1);
    }
    return status;
}

int main(int argc, char **argv, char **environment)
{
    const char *what = argc > 1 ? argv[1] : "words";

    if (strcmp(what, "words") == 0) {
        return words(argc, argv, environment);
    }
    if (strcmp(what, "lines") == 0) {
        return lines();
    }
    if (strcmp(what, "bytes") == 0) {
        return bytes();
    }
    if (strcmp(what, "scan") == 0) {
        return scan();
    }
    if (strcmp(what, "files") == 0) {
        return files();
    }
    if (strcmp(what, "random") == 0) {
        return numbers(argc);
    }
    return end(what, argc > 2 ? atoi(argv[2]) : 0);
}
