/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Programs that begin in the place of another one, or beside it: this image again, told by its
 * first argument what to check.
 */
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <spawn.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/time.h>
#include <sys/wait.h>
#include <unistd.h>

#define EXPECT(condition)                                                             \
    do {                                                                              \
        if (!(condition)) {                                                           \
            printf("programs: line %d: %s, errno %d\n", __LINE__, #condition, errno); \
            exit(1);                                                                  \
        }                                                                             \
    } while (0)

#define SELF "/programs.elf"

static int status_of(pid_t child)
{
    int status = -1;

    EXPECT(child > 0 && waitpid(child, &status, 0) == child);
    return status;
}

/* ---- what is begun ---- */

static int be_arguments(int argc, char **argv)
{
    EXPECT(argc == 6 && strcmp(argv[0], "name") == 0);
    EXPECT(strcmp(argv[2], "two words") == 0 && strcmp(argv[3], "") == 0);
    EXPECT(strcmp(argv[4], "--") == 0 && strcmp(argv[5], "'quoted\"") == 0 && argv[6] == NULL);
    EXPECT(strcmp(getenv("A"), "1") == 0 && strcmp(getenv("B"), "x y") == 0);
    EXPECT(environ[2] == NULL);
    setenv("C", "new", 1);
    EXPECT(strcmp(getenv("C"), "new") == 0);
    return 11;
}

/* argv[2]: the pid that it has. */
static int be_signals(char **argv)
{
    sigset_t blocked, pending;
    int signal_;

    EXPECT(getpid() == atoi(argv[2]));
    EXPECT(sigprocmask(SIG_BLOCK, NULL, &blocked) == 0);
    EXPECT(blocked == (1UL << SIGUSR1 | 1UL << SIGALRM));
    EXPECT(signal(SIGHUP, SIG_DFL) == SIG_IGN && signal(SIGUSR2, SIG_DFL) == SIG_DFL);
    EXPECT(sigwait(&blocked, &signal_) == 0 && signal_ == SIGUSR1);
    EXPECT(sigwait(&blocked, &signal_) == 0 && signal_ == SIGALRM);
    EXPECT(sigpending(&pending) == 0 && pending == 0);
    return 12;
}

static int be_spawned(char **argv)
{
    sigset_t blocked;

    EXPECT(sigprocmask(SIG_BLOCK, NULL, &blocked) == 0);
    EXPECT(blocked == (strcmp(argv[2], "mask") == 0 ? 1UL << SIGUSR1 : 0));
    EXPECT(strcmp(argv[2], "group") != 0 || getpgrp() == getpid());
    return 13;
}

/* ---- who begins it ---- */

static char *const arguments[] = {"name", "arguments", "two words", "", "--", "'quoted\"", NULL};
static char *const environment[] = {"A=1", "B=x y", NULL};

static void test_exec(void)
{
    pid_t child = fork();

    if (child == 0) {
        execve(SELF, arguments, environment);
        _exit(errno);
    }
    EXPECT(WEXITSTATUS(status_of(child)) == 11);
    child = fork();
    if (child == 0) {
        setenv("A", "1", 1);
        setenv("B", "x y", 1);
        execl("programs", "name", "arguments", "two words", "", "--", "'quoted\"", (char *)NULL);
        _exit(errno);
    }
    EXPECT(WEXITSTATUS(status_of(child)) == 11);
    child = fork();
    if (child == 0) {
        execlp("hello", "hello", (char *)NULL);
        _exit(errno);
    }
    EXPECT(status_of(child) == 0);
}

static void test_signals(void)
{
    pid_t child = fork();
    char pid[16];

    if (child == 0) {
        sigset_t block = 1UL << SIGUSR1 | 1UL << SIGALRM;
        struct itimerval soon = {
            .it_value = {0, 200000}
        };

        sigprocmask(SIG_BLOCK, &block, NULL);
        signal(SIGHUP, SIG_IGN);
        signal(SIGUSR2, (void (*)(int))(void *)be_signals); /* a handler is gone afterwards */
        setitimer(ITIMER_REAL, &soon, NULL);
        EXPECT(kill(0, SIGUSR1) == 0 && raise(SIGHUP) == 0);
        snprintf(pid, sizeof(pid), "%d", getpid());
        execl(SELF, "programs", "signals", pid, (char *)NULL);
        _exit(errno);
    }
    EXPECT(WEXITSTATUS(status_of(child)) == 12);
}

static void test_errors(void)
{
    char *const none[] = {NULL}, *const one[] = {"x", NULL};
    static char big[5000];
    char *const long_one[] = {"x", big, NULL};

    memset(big, 'a', sizeof(big) - 1);
    EXPECT(execv("/nowhere/nothing", one) == -1 && errno == ENOENT);
    EXPECT(execv("", one) == -1 && errno == ENOENT);
    EXPECT(execv(SELF, none) == -1 && errno == EINVAL);
    EXPECT(execv(SELF, long_one) == -1 && errno == E2BIG);
    EXPECT(execvp("nothing", one) == -1 && errno == ENOENT);
}

static void test_spawn(void)
{
    char *const plain[] = {"programs", "spawned", "plain", NULL};
    char *const group[] = {"programs", "spawned", "group", NULL};
    char *const mask[] = {"programs", "spawned", "mask", NULL};
    posix_spawnattr_t attr;
    sigset_t set = 1UL << SIGUSR1;
    pid_t child = 0;

    EXPECT(posix_spawn(&child, SELF, NULL, NULL, plain, environ) == 0);
    EXPECT(WEXITSTATUS(status_of(child)) == 13);
    EXPECT(posix_spawnp(&child, "nothing", NULL, NULL, plain, environ) == ENOENT);
    EXPECT(posix_spawnattr_init(&attr) == 0);
    EXPECT(posix_spawnattr_setflags(&attr, 0x4000) == EINVAL);
    EXPECT(posix_spawnattr_setflags(&attr, POSIX_SPAWN_SETPGROUP | POSIX_SPAWN_SETSIGDEF) == 0);
    EXPECT(posix_spawn(&child, SELF, NULL, &attr, group, environ) == 0);
    EXPECT(WEXITSTATUS(status_of(child)) == 13);
    posix_spawnattr_setflags(&attr, POSIX_SPAWN_SETSIGMASK);
    posix_spawnattr_setsigmask(&attr, &set);
    EXPECT(posix_spawn(&child, SELF, NULL, &attr, mask, environ) == 0);
    EXPECT(WEXITSTATUS(status_of(child)) == 13);
    EXPECT(posix_spawn(&child, "nothing", NULL, &attr, mask, environ) == 0);
    EXPECT(WEXITSTATUS(status_of(child)) == 127);
    posix_spawnattr_destroy(&attr);
}

static void test_garbage(void)
{
    char *const one[] = {"x", NULL};
    int fd = open("/tmp/garbage", O_CREAT | O_WRONLY, 0755);
    pid_t child;

    EXPECT(fd >= 0 && write(fd, "\177ELF and nothing else", 21) == 21 && close(fd) == 0);
    EXPECT(execv("/tmp/garbage", one) == -1 && errno == ENOEXEC);
    EXPECT(posix_spawn(&child, "/tmp/garbage", NULL, NULL, one, environ) == ENOEXEC);
    EXPECT(execv("/tmp", one) == -1 && errno == EACCES);
}

static void test_shell(void)
{
    char line[64];
    FILE *stream;
    int status;

    EXPECT(system(NULL) != 0);
    status = system("exit 3");
    EXPECT(WIFEXITED(status) && WEXITSTATUS(status) == 3);
    stream = popen("echo hello; exit 4", "r");
    EXPECT(stream && fgets(line, sizeof(line), stream) && strcmp(line, "hello\n") == 0);
    EXPECT(fgets(line, sizeof(line), stream) == NULL);
    EXPECT(WEXITSTATUS(pclose(stream)) == 4);
    stream = popen("read line; test \"$line\" = given", "w");
    EXPECT(stream && fputs("given\n", stream) >= 0);
    EXPECT(pclose(stream) == 0);
    EXPECT(popen("true", "rw") == NULL && errno == EINVAL);
    EXPECT(pclose(stdout) == -1 && errno == ECHILD);
}

int main(int argc, char **argv)
{
    if (argc > 1 && strcmp(argv[1], "arguments") == 0) {
        return be_arguments(argc, argv);
    }
    if (argc > 2 && strcmp(argv[1], "signals") == 0) {
        return be_signals(argv);
    }
    if (argc > 2 && strcmp(argv[1], "spawned") == 0) {
        return be_spawned(argv);
    }
    if (argc > 1 && strcmp(argv[1], "bare") == 0) {
        EXPECT(execv(SELF, arguments) == -1 && errno == ENOSYS);
    } else {
        test_exec();
        test_signals();
        test_errors();
        test_spawn();
        test_garbage();
        test_shell();
    }
    printf("programs: done\n");
    return 0;
}
