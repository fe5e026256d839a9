/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Programs and pipelines: what the shell makes processes for.
 *
 * A program is a forked child that executes it.  Of a pipeline each part but the last is a forked
 * child, which is the shell's copy and goes on with its part; the last one runs as any command
 * does.  So what a command of the shell itself reads from a pipe into a file or a variable stays,
 * where a child's files are its own.
 *
 * All processes of the foreground are one group, and so are those of a job.  The first one leads
 * it, and is given the terminal's input if that is its own: ^C is a signal to all of them then.
 * Where the input is another the shell keeps the terminal, and looks for ^C while it waits.  What
 * is no terminal is kept, too, and children find it empty: nobody could tell the shell that they
 * have read its end.
 *
 * A child of the shell makes no groups: its own children are in the one that it is in.
 */
#include "guest/shell/pipeline.h"

#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "guest/shell/execute.h"
#include "guest/shell/image.h"
#include "guest/shell/jobs.h"

#define PAUSE_FIRST_NS 500000
#define PAUSE_LAST_NS  10000000
#define FDS_STANDARD   3
#define FDS_MOVED      64 /* above all that the shell has open */

extern char **environ;

/* From a pipe's making until its writing end is closed: no child of another task is to have it. */
static pthread_mutex_t starting = PTHREAD_MUTEX_INITIALIZER;

/* ---- in the child ---- */

static void become_child(struct shell *shell, bool leads, bool given)
{
    static const volatile int never;

    if (!shell->is_stage) {
        setpgid(0, leads ? 0 : shell->processes->group);
    }
    image_catch_interrupts(NULL);
    image_hold_interrupts(false);
    shell->jobs = jobs_create();
    shell->history = NULL;
    shell->interactive = false;
    shell->is_job = false;
    shell->is_stage = true;
    shell->stop = &never;
    *shell->processes = (struct processes){0};
    if (given) {
        image_await_input();
    } else {
        shell->terminal = -1;
    }
}

/* What is exported, as NAME=VALUE. */
static char **make_environment(const struct shell *shell)
{
    struct strings strings = {0};

    for (const struct variable *it = shell->variables.first; it; it = it->next) {
        if (it->exported) {
            struct buffer text = {0};

            buffer_add_text(&text, it->name);
            buffer_add_char(&text, '=');
            buffer_add_text(&text, it->value);
            strings_add(&strings, text.at);
        }
    }
    if (!strings.at) {
        static char *none;

        return &none;
    }
    return strings.at;
}

/* The three, which may be each other's numbers, as 0, 1 and 2; and nothing else. */
static void take_descriptors(struct io io)
{
    int from[FDS_STANDARD] = {io.in, io.out, io.err};

    for (int fd = 0; fd < FDS_STANDARD; fd++) {
        from[fd] = fcntl(from[fd], F_DUPFD, FDS_MOVED);
    }
    for (int fd = 0; fd < FDS_MOVED + FDS_STANDARD; fd++) {
        if (fd < FDS_STANDARD && from[fd] >= 0) {
            dup2(from[fd], fd);
        } else {
            close(fd);
        }
    }
}

static __noreturn void become_program(const struct shell *shell, struct io io, char **argv,
                                      bool by_path)
{
    take_descriptors(io);
    io = (struct io){STDIN_FILENO, STDOUT_FILENO, STDERR_FILENO};
    environ = make_environment(shell);
    if (by_path) {
        execv(argv[0], argv);
    } else {
        execvp(argv[0], argv);
    }
    if (errno == ENOENT && !strchr(argv[0], '/')) {
        shell_say(shell, io, "%s: command not found", argv[0]);
        _exit(STATUS_NOT_FOUND);
    }
    shell_say(shell, io, "%s: %s", argv[0], strerror(errno));
    _exit(errno == ENOENT ? STATUS_NOT_FOUND : STATUS_CANNOT_RUN);
}

static __noreturn void become_stage(struct shell *shell, const struct tree *stage, struct io io)
{
    int status;

    if (stage->kind == TREE_COMMAND) {
        shell->exec_depth = shell->depth + 1; /* nothing is left to be done behind a program */
    }
    status = execute(shell, stage, io);
    jobs_destroy(shell->jobs);
    _exit(status);
}

/* ---- in the shell ---- */

/*
 * start - fork, in the group of what runs, of which it is the first process if there is none.
 *
 * reads: its input is io.in.  0 in the child; -1: it cannot be, and that has been said.
 */
static pid_t start(struct shell *shell, struct io io, const char *what, bool reads)
{
    struct processes *processes = shell->processes;
    bool leads = processes->group == 0 && !shell->is_stage;
    bool gives =
        leads && reads && shell->terminal >= 0 && io.in == shell->terminal && image_has_input();
    pid_t pid;

    image_hold_interrupts(
        true); /* one that is for the child is not for the shell's handler there */
    pid = fork();
    if (pid == 0) {
        become_child(shell, leads, gives);
        return 0;
    }
    image_hold_interrupts(false);
    if (pid < 0) {
        shell_say(shell, io, "%s: %s", what, strerror(errno));
        return -1;
    }
    if (!shell->is_stage) {
        setpgid(pid, leads ? pid : processes->group);
    }
    if (leads) {
        *processes = (struct processes){.group = pid, .has_input = gives};
    }
    if (gives) {
        image_give_input(pid);
    }
    return pid;
}

static void tell_group(const struct shell *shell, int signal_number)
{
    if (shell->processes->group > 0) {
        kill(-shell->processes->group, signal_number);
    }
}

/* Whether it has ended. */
static bool look_at(const struct shell *shell, pid_t pid, int *status)
{
    struct processes *processes = shell->processes;
    pid_t got;

    if (pid == processes->group && processes->leader_over) {
        *status = processes->leader_status;
        return true;
    }
    got = waitpid(pid, status, WNOHANG | WUNTRACED | WCONTINUED);
    if (got < 0 && errno != EINTR) {
        *status = 0; /* nobody knows */
        return true;
    }
    if (got <= 0) {
        return false;
    }
    if (WIFSTOPPED(*status) || WIFCONTINUED(*status)) {
        processes->stopped = WIFSTOPPED(*status);
        return false;
    }
    if (pid == processes->group) {
        processes->leader_status = *status;
        processes->leader_over = true;
        if (WIFSIGNALED(*status) && WTERMSIG(*status) == SIGINT) {
            tell_group(shell, SIGINT);
        }
    }
    return true;
}

/* Until it has ended.  What is to stop what runs is told the group once. */
static int await(const struct shell *shell, pid_t pid)
{
    long pause = PAUSE_FIRST_NS;
    bool told = false;
    int status, ignored;

    while (!look_at(shell, pid, &status)) {
        if (shell->processes->group > 0) {
            look_at(shell, shell->processes->group, &ignored);
        }
        if (!told && shell_stopped(shell)) {
            tell_group(shell, *shell->stop);
            told = true;
        }
        nanosleep(&(struct timespec){.tv_nsec = pause}, NULL);
        pause = pause * 2 < PAUSE_LAST_NS ? pause * 2 : PAUSE_LAST_NS;
    }
    return status;
}

/* What it ended by, as $? has it.  ^C ends what comes behind it, too. */
static int judge(struct shell *shell, struct io io, int status)
{
    if (!WIFSIGNALED(status)) {
        return WEXITSTATUS(status);
    }
    if (WTERMSIG(status) == SIGINT && !shell->is_job && !shell->is_stage) {
        shell->unwind = UNWIND_INTERRUPT;
    } else if (shell->interactive && WTERMSIG(status) != SIGPIPE) {
        shell_tell(io.err, "%s\n", strsignal(WTERMSIG(status)));
    }
    return STATUS_SIGNALED + WTERMSIG(status);
}

/* Behind the last process of the group. */
static void end_group(const struct shell *shell)
{
    if (shell->processes->has_input) {
        image_take_input();
    }
    *shell->processes = (struct processes){0};
}

int program_run(struct shell *shell, struct io io, char **argv, bool by_path)
{
    bool first = shell->processes->group == 0;
    int status;
    pid_t pid;

    if (shell->is_stage && shell->depth == shell->exec_depth) {
        become_program(shell, io, argv, by_path);
    }
    if (!image_has_processes()) {
        shell_say(shell, io,
                  by_path ? "%s: programs need processes, and these the hypervisor"
                          : "%s: command not found",
                  argv[0]);
        return by_path ? STATUS_CANNOT_RUN : STATUS_NOT_FOUND;
    }
    pthread_mutex_lock(&starting);
    pid = start(shell, io, argv[0], true);
    pthread_mutex_unlock(&starting);
    if (pid == 0) {
        become_program(shell, io, argv, by_path);
    }
    if (pid < 0) {
        return STATUS_CANNOT_RUN;
    }
    status = await(shell, pid);
    if (first) {
        end_group(shell);
    }
    return judge(shell, io, status);
}

static bool redirects_input(const struct tree *stage)
{
    for (const struct redirect *it = stage->redirects; it; it = it->next) {
        if (it->fd == STDIN_FILENO) {
            return true;
        }
    }
    return false;
}

/* One of a pipeline's children. */
struct child {
    struct child *next;
    pid_t pid;
};

/* A part that is not the last: *in is where it reads, and becomes where the next one does. */
static bool start_stage(struct shell *shell, const struct tree *stage, struct io io, int *in,
                        struct child *child)
{
    bool reads = *in == io.in && !redirects_input(stage);
    int ends[2];

    pthread_mutex_lock(&starting);
    if (pipe(ends) < 0) {
        shell_say(shell, io, "|: %s", strerror(errno));
        pthread_mutex_unlock(&starting);
        return false;
    }
    child->pid = start(shell, (struct io){*in, ends[1], io.err}, "|", reads);
    if (child->pid != 0) {
        close(ends[1]);
    }
    pthread_mutex_unlock(&starting);
    if (child->pid == 0) {
        close(ends[0]);
        become_stage(shell, stage, (struct io){*in, ends[1], io.err});
    }
    if (*in != io.in) {
        close(*in);
    }
    *in = ends[0];
    return child->pid > 0;
}

/* The status is that of its last part. */
int pipeline_run(struct shell *shell, const struct tree *stages, struct io io)
{
    struct arena arena = {0};
    struct child *children = NULL;
    bool first = shell->processes->group == 0, fits = true;
    int status = STATUS_CANNOT_RUN, in = io.in;

    if (!image_has_processes()) {
        shell_say(shell, io, "|: pipelines need processes, and these the hypervisor");
        return STATUS_CANNOT_RUN;
    }
    for (; stages->next && fits; stages = stages->next) {
        struct child *child = arena_get(&arena, sizeof(*child));

        fits = start_stage(shell, stages, io, &in, child);
        if (fits) {
            child->next = children;
            children = child;
        }
    }
    if (fits) {
        status = execute(shell, stages, (struct io){in, io.out, io.err});
    }
    if (in != io.in) {
        close(in); /* who still writes there ends by that */
    }
    for (; children; children = children->next) {
        int ended = await(shell, children->pid);

        if (WIFSIGNALED(ended) && WTERMSIG(ended) == SIGINT) {
            judge(shell, io, ended);
        }
    }
    if (first) {
        end_group(shell);
    }
    arena_free(&arena);
    return status;
}
