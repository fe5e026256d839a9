/* SPDX-License-Identifier: BSD-2-Clause */
/* Commands about what runs: jobs, processes, tasks. */
#include <signal.h>
#include <string.h>
#include <time.h>

#include "guest/shell/command.h"
#include "guest/shell/image.h"
#include "guest/shell/jobs.h"

#define WAIT_NS  10000000
#define KIB      1024
#define MS_PER_S 1000

int command_jobs(struct call *call)
{
    struct jobs *jobs = call->shell->jobs;
    int status;

    for (unsigned job = jobs_next(jobs, 0); job; job = jobs_next(jobs, job)) {
        jobs_tell(jobs, job, call->io.out);
        if (jobs_is_over(jobs, job, &status)) {
            jobs_forget(jobs, job);
        }
    }
    return 0;
}

/* What %N names; 0: there is no such job, and that has been said. */
static unsigned job_of(struct call *call, const char *word)
{
    u64 number = 0;
    unsigned job = 0;

    if (word[0] == '%' && number_read(word + 1, &number) && number > 0 && number < (u64)1 << 32) {
        job = jobs_next(call->shell->jobs, (unsigned)number - 1);
    }
    if (job == 0 || job != number) {
        call_complain(call, "%s: no such job; jobs lists them", word);
        return 0;
    }
    return job;
}

/* ---- kill ---- */

static const struct {
    const char *name;
    int number;
} signals[] = {
    {"HUP",  SIGHUP },
    {"INT",  SIGINT },
    {"QUIT", SIGQUIT},
    {"ABRT", SIGABRT},
    {"KILL", SIGKILL},
    {"USR1", SIGUSR1},
    {"USR2", SIGUSR2},
    {"PIPE", SIGPIPE},
    {"ALRM", SIGALRM},
    {"TERM", SIGTERM},
    {"CHLD", SIGCHLD},
    {"CONT", SIGCONT},
    {"STOP", SIGSTOP},
};

/* A number, or a name with or without SIG; -1: neither. */
static int signal_of(const char *text)
{
    u64 number;

    if (number_read(text, &number)) {
        return number < NSIG ? (int)number : -1;
    }
    if (strncmp(text, "SIG", 3) == 0) {
        text += 3;
    }
    for (size_t i = 0; i < ARRAY_LEN(signals); i++) {
        if (strcmp(signals[i].name, text) == 0) {
            return signals[i].number;
        }
    }
    return -1;
}

static int kill_job(struct call *call, const char *word, int signal_number)
{
    unsigned job = job_of(call, word);

    if (!job) {
        return 1;
    }
    if (!jobs_signal(call->shell->jobs, job, signal_number)) {
        return call_complain(call, "%s: no process: such a job can only be ended", word);
    }
    return 0;
}

static int kill_process(struct call *call, const char *word, int signal_number)
{
    bool is_group = word[0] == '-';
    u64 pid;

    if (!number_read(word + is_group, &pid) || pid == 0 || pid > INT32_MAX) {
        return call_complain(call, "%s: neither a process nor a job; ps and jobs list them", word);
    }
    if (kill(is_group ? -(pid_t)pid : (pid_t)pid, signal_number) < 0) {
        return call_fail(call, word);
    }
    return 0;
}

int command_kill(struct call *call)
{
    int status = 0, first = 1, signal_number = SIGTERM;

    if (call->argc > 1 && call->argv[1][0] == '-') {
        signal_number = signal_of(call->argv[1] + 1);
        if (signal_number < 0) {
            return call_complain(call, "%s: no such signal", call->argv[1] + 1);
        }
        first = 2;
    }
    if (call->argc <= first) {
        return call_misuse(call, "which process or job?");
    }
    for (int i = first; i < call->argc; i++) {
        status |= call->argv[i][0] == '%' ? kill_job(call, call->argv[i], signal_number)
                                          : kill_process(call, call->argv[i], signal_number);
    }
    return status;
}

/* ---- waiting ---- */

/* Its status. */
static int wait_for(struct call *call, unsigned job)
{
    int status = 0;

    while (!jobs_is_over(call->shell->jobs, job, &status)) {
        if (!call_pause(call, WAIT_NS)) {
            return STATUS_INTERRUPTED;
        }
    }
    jobs_forget(call->shell->jobs, job);
    return status;
}

int command_wait(struct call *call)
{
    int status = 0;
    unsigned job;

    for (int i = 1; i < call->argc; i++) {
        job = job_of(call, call->argv[i]);
        status = job ? wait_for(call, job) : STATUS_NOT_FOUND;
    }
    while (call->argc == 1 && !call_stopped(call) && (job = jobs_next(call->shell->jobs, 0)) != 0) {
        wait_for(call, job);
    }
    return status;
}

/* The one that is named, or the last one; 0: there is none, and that has been said. */
static unsigned job_named(struct call *call)
{
    struct jobs *jobs = call->shell->jobs;
    unsigned job = 0;

    if (call->argc > 1) {
        return job_of(call, call->argv[1]);
    }
    for (unsigned it = jobs_next(jobs, 0); it; it = jobs_next(jobs, it)) {
        job = it;
    }
    if (!job) {
        call_complain(call, "there are no jobs");
    }
    return job;
}

int command_bg(struct call *call)
{
    unsigned job = job_named(call);

    if (!job) {
        return 1;
    }
    jobs_signal(call->shell->jobs, job, SIGCONT);
    jobs_tell(call->shell->jobs, job, call->io.out);
    return 0;
}

/* Its input stays empty.  ^C is told it, and it is waited for all the same. */
int command_fg(struct call *call)
{
    unsigned job = job_named(call);
    bool stopped = false;
    int status;

    if (!job) {
        return 1;
    }
    jobs_signal(call->shell->jobs, job, SIGCONT);
    jobs_tell(call->shell->jobs, job, call->io.out);
    while (!jobs_is_over(call->shell->jobs, job, &status)) {
        if (!stopped && call_stopped(call)) {
            stopped = true;
            jobs_signal(call->shell->jobs, job, SIGINT);
        }
        nanosleep(&(struct timespec){.tv_nsec = WAIT_NS}, NULL);
    }
    jobs_forget(call->shell->jobs, job);
    return status;
}

/* ---- ps ---- */

static void show_task(void *context, const char *name, const char *state, const char *waits)
{
    out_format(context, "%-16s %-8s %s\n", name, state, waits);
}

static void show_process(void *context, const struct image_process *process)
{
    out_format(context, "%5u %5u %5u %-8s %8luK %6lu.%03lu %s\n", process->pid, process->parent,
               process->group, process->state, (unsigned long)(process->memory_bytes / KIB),
               (unsigned long)(process->run_ms / MS_PER_S),
               (unsigned long)(process->run_ms % MS_PER_S), process->name);
}

int command_ps(struct call *call)
{
    struct options options;

    if (!options_read(call, "t", &options)) {
        return STATUS_MISUSE;
    }
    if (options_has(&options, 't')) {
        out_format(call, "%-16s %-8s %s\n", "TASK", "STATE", "WAITS FOR");
        image_tasks(show_task, call);
        return 0;
    }
    if (!image_has_processes()) {
        return call_complain(call, "processes need the hypervisor; -t: the tasks of this program");
    }
    out_format(call, "%5s %5s %5s %-8s %9s %10s %s\n", "PID", "PPID", "GROUP", "STATE", "MEMORY",
               "TIME", "NAME");
    image_processes(show_process, call);
    return 0;
}
