/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * What runs in the background: a job is a thread with a shell of its own, which has copies of the
 * starting one's variables and arguments.
 *
 * A job's text is parsed again there, so that it shares nothing with the tree that it came from.
 * Standard input is empty.  A signal goes to the job's processes; if it is one to end it, the job
 * is asked to end as well, as Ctrl-C asks what runs in the foreground.
 *
 * A list of jobs belongs to one task: that of the shell that a person talks to, with its scripts,
 * or a job's, for those that it starts itself.  What has not ended when it does, is stopped.  A job
 * changes nothing of its own entry but `over`, `status` and `processes`.
 */
#include "guest/shell/jobs.h"

#include <fcntl.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "guest/shell/memory.h"

#define JOB_STACK_BYTES 262144 /* scripts in scripts, each with all compounds that it may have */

struct job {
    struct job *next;
    unsigned number;
    char *text;
    struct shell shell;
    struct io io; /* its own descriptors */
    pthread_t thread;
    volatile int stop;
    struct processes processes;
    int status;
    bool over; /* with release, behind status */
};

struct jobs {
    struct job *first; /* by number */
};

struct jobs *jobs_create(void)
{
    struct jobs *jobs = memory_get(sizeof(*jobs));

    *jobs = (struct jobs){0};
    return jobs;
}

static struct job *find(const struct jobs *jobs, unsigned number)
{
    struct job *job = jobs->first;

    while (job && job->number != number) {
        job = job->next;
    }
    return job;
}

static void *run(void *argument)
{
    struct job *job = argument;

    shell_run_text(&job->shell, job->io, job->text);
    jobs_destroy(job->shell.jobs);
    job->status = job->shell.status;
    __atomic_store_n(&job->over, true, __ATOMIC_RELEASE);
    return NULL;
}

static void close_io(struct io io)
{
    close(io.in);
    close(io.out);
    close(io.err);
}

static void free_job(struct job *job)
{
    for (int i = 0; i < job->shell.argument_count; i++) {
        free(job->shell.arguments[i]);
    }
    free(job->shell.arguments);
    variables_free(&job->shell.variables);
    free((char *)job->shell.name);
    free(job->text);
    close_io(job->io);
    free(job);
}

static struct job *make(const struct shell *shell, struct io io, const char *text)
{
    struct job *job = memory_get(sizeof(*job));
    size_t count = (size_t)shell->argument_count;

    *job = (struct job){
        .text = memory_copy(text),
        .io = {open("/dev/null", O_RDONLY), dup(io.out), dup(io.err)},
        .shell = { .name = memory_copy(shell->name),
               .arguments = memory_get(count * sizeof(char *)),
               .argument_count = shell->argument_count,
               .status = shell->status,
               .depth = shell->depth,
               .is_job = true,
               .terminal = -1,
               .stop = &job->stop,
               .processes = &job->processes,
               .jobs = jobs_create()},
    };
    variables_copy(&job->shell.variables, &shell->variables, true);
    for (size_t i = 0; i < count; i++) {
        job->shell.arguments[i] = memory_copy(shell->arguments[i]);
    }
    return job;
}

static int start_thread(struct job *job)
{
    pthread_attr_t attributes;
    int error = pthread_attr_init(&attributes);

    if (!error) {
        error = pthread_attr_setstacksize(&attributes, JOB_STACK_BYTES);
    }
    if (!error) {
        error = pthread_create(&job->thread, &attributes, run, job);
    }
    pthread_attr_destroy(&attributes);
    return error;
}

static void insert(struct jobs *jobs, struct job *job)
{
    struct job **link = &jobs->first;

    job->number = 1;
    while (*link) {
        job->number = (*link)->number + 1;
        link = &(*link)->next;
    }
    *link = job;
}

/* Runs text as a job; the status is 0, or 1 if it cannot be started. */
int jobs_start(struct shell *shell, struct io io, const char *text)
{
    struct job *job = make(shell, io, text);
    int error = start_thread(job);

    if (error) {
        shell_say(shell, io, "%s: %s", text, strerror(error));
        jobs_destroy(job->shell.jobs);
        free_job(job);
        return 1;
    }
    insert(shell->jobs, job);
    if (shell->interactive) {
        shell_tell(io.err, "[%u] %s\n", job->number, text);
    }
    return 0;
}

/* The first one behind the number. */
unsigned jobs_next(struct jobs *jobs, unsigned number)
{
    for (const struct job *job = jobs->first; job; job = job->next) {
        if (job->number > number) {
            return job->number;
        }
    }
    return 0;
}

bool jobs_is_over(struct jobs *jobs, unsigned number, int *status)
{
    const struct job *job = find(jobs, number);
    bool over = __atomic_load_n(&job->over, __ATOMIC_ACQUIRE);

    if (over) {
        *status = job->status;
    }
    return over;
}

static bool ends(int signal_number)
{
    switch (signal_number) {
    case SIGHUP:
    case SIGINT:
    case SIGQUIT:
    case SIGKILL:
    case SIGTERM: return true;
    default: return false;
    }
}

bool jobs_signal(struct jobs *jobs, unsigned number, int signal_number)
{
    struct job *job = find(jobs, number);
    pid_t group;

    if (ends(signal_number)) {
        job->stop = signal_number;
    }
    group = job->processes.group; /* one that comes behind this sees `stop` */
    if (group == 0) {
        return ends(signal_number);
    }
    kill(-group, signal_number);
    if (ends(signal_number)) {
        kill(-group, SIGCONT);
    }
    return true;
}

/* A line about it, as `jobs` has it. */
void jobs_tell(struct jobs *jobs, unsigned number, int fd)
{
    const struct job *job = find(jobs, number);
    int status = 0;
    char state[24] = "Running";

    if (jobs_is_over(jobs, number, &status)) {
        snprintf(state, sizeof(state), status == 0 ? "Done" : "Exit %d", status);
    } else if (job->processes.stopped) {
        snprintf(state, sizeof(state), "Stopped");
    }
    shell_tell(fd, "[%u]  %-10s  %s\n", number, state, job->text);
}

/* It is over, or will be soon: this waits for it. */
void jobs_forget(struct jobs *jobs, unsigned number)
{
    struct job **link = &jobs->first, *job;

    while ((*link)->number != number) {
        link = &(*link)->next;
    }
    job = *link;
    *link = job->next;
    pthread_join(job->thread, NULL);
    free_job(job);
}

/* Stops those that still run. */
void jobs_destroy(struct jobs *jobs)
{
    for (struct job *job = jobs->first; job; job = job->next) {
        jobs_signal(jobs, job->number, SIGTERM);
    }
    while (jobs->first) {
        jobs_forget(jobs, jobs->first->number);
    }
    free(jobs);
}
