/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The operator's monitor: a line of input, a command, its lines of output, on the machine's
 * console.  CONSOLE_KEY opens and closes it; guests run on meanwhile.
 *
 * A command runs to its end in the interrupt that brought the last byte of its line, so each one is
 * bounded: lists go by SHOWN_MAX processes and say how to go on.  What it may do is what a control
 * payload may by SBI calls, and it is done by the same functions.
 *
 * All state is of the hart that takes the machine's interrupts.
 */
#include "hv/monitor.h"

#include <stdlib.h>
#include <string.h>

#include "sbi/proc.h"

#include "hv/console.h"
#include "hv/proc.h"
#include "hv/spawn.h"
#include "hv/timer.h"
#include "hv/tracing.h"

#define LINE_BYTES 128U
#define WORDS_MAX  8U
#define SHOWN_MAX  64U
#define TOP_SHOWN  16U
#define TOP_LOOKED 4096U
#define PROMPT     "hv> "
#define DELETE     0x7f
#define CTRL(c)    ((c)&0x1f)

static struct {
    char line[LINE_BYTES];
    u32 length;
    bool is_open;
    struct proc_record shown[SHOWN_MAX];
    bool was_printed[SHOWN_MAX];
    u64 top_ticks; /* time of the last `top` */
} state;

struct command {
    const char *name, *usage, *what;
    u32 words_min, words_max;
    void (*run)(u32 count, char **word);
};

/* False, and a line that says so: not a number. */
static bool number_of(const char *word, u32 *number)
{
    char *end;
    unsigned long value = strtoul(word, &end, 10);

    *number = (u32)value;
    if (*word >= '0' && *word <= '9' && *end == '\0' && value <= INT32_MAX)
        return true;
    console_print("%s: not a number\n", word);
    return false;
}

static u64 milliseconds(u64 ticks)
{
    return ticks / timer_ticks_of_ns(1000000);
}

static const char *state_name(u32 process_state)
{
    static const char *const names[] = {"runs", "waits", "zombie", "stopped"};

    return process_state < sizeof(names) / sizeof(names[0]) ? names[process_state] : "?";
}

/* Fills state.shown from pid `from` on; returns the pid to go on with, 0 at the end. */
static u32 collect(u32 from, u32 *count)
{
    u32 next = from;

    for (*count = 0; next != 0 && *count < SHOWN_MAX;) {
        u32 pid = next;

        if (proc_describe(pid, &state.shown[*count], &next))
            ++*count;
    }
    return next;
}

static void say_process(const struct proc_record *record, u32 depth)
{
    u64 faults = record->exits[PROC_EXITS_FETCH_FAULT] + record->exits[PROC_EXITS_LOAD_FAULT] +
                 record->exits[PROC_EXITS_STORE_FAULT];
    u64 others = record->exits[PROC_EXITS_VINSN] + record->exits[PROC_EXITS_ILLEGAL] +
                 record->exits[PROC_EXITS_OTHER];

    console_print("%6u %6u %6u %-7s %8lu %8lu %9lu %8lu %8lu %8lu %6lu %*s%s\n",
                  (unsigned)record->pid, (unsigned)record->ppid, (unsigned)record->group,
                  state_name(record->state), (unsigned long)record->frames_owned,
                  (unsigned long)record->frames_shared,
                  (unsigned long)milliseconds(record->run_ticks),
                  (unsigned long)record->exits[PROC_EXITS_ECALL], (unsigned long)faults,
                  (unsigned long)record->exits[PROC_EXITS_INTERRUPT], (unsigned long)others,
                  (int)(2 * depth), "", record->name);
}

static void say_heading(void)
{
    console_print("   PID PARENT  GROUP STATE      OWNED   SHARED    RUN ms   ECALLS   FAULTS "
                  " INTERR. OTHERS IMAGE\n");
}

/* A process and, below it, its children among those that are shown.  Parents come first in pids
 * nearly always; one that does not is printed at the left. */
static void say_tree(u32 count, u32 index, u32 depth)
{
    say_process(&state.shown[index], depth);
    state.was_printed[index] = true;
    for (u32 i = 0; i < count; i++) {
        if (!state.was_printed[i] && state.shown[i].ppid == state.shown[index].pid)
            say_tree(count, i, depth + 1);
    }
}

static bool parent_is_shown(u32 count, u32 index)
{
    for (u32 i = 0; i < count; i++) {
        if (state.shown[i].pid == state.shown[index].ppid)
            return true;
    }
    return false;
}

static void run_ps(u32 words, char **word)
{
    u32 from = 1, count, next;

    if (words > 1 && !number_of(word[1], &from))
        return;
    next = collect(from == 0 ? 1 : from, &count);
    say_heading();
    memset(state.was_printed, 0, sizeof(state.was_printed));
    for (u32 i = 0; i < count; i++) {
        if (!state.was_printed[i] && !parent_is_shown(count, i))
            say_tree(count, i, 0);
    }
    if (next != 0)
        console_print("more: ps %u\n", next);
}

/* The TOP_SHOWN processes that ran most since the last time, most first. */
static u32 collect_busiest(u32 *looked, u32 *next)
{
    u32 count = 0;

    *next = 1;
    for (*looked = 0; *next != 0 && *looked < TOP_LOOKED; ++*looked) {
        struct proc_record record;
        u32 pid = *next, at;

        if (!proc_describe(pid, &record, next))
            continue;
        record.run_ticks = proc_run_since(pid);
        for (at = count; at > 0 && state.shown[at - 1].run_ticks < record.run_ticks; at--)
            state.shown[at] = state.shown[at - 1];
        state.shown[at] = record;
        if (count < TOP_SHOWN)
            count++;
    }
    return count;
}

static void run_top(u32 words, char **word)
{
    u64 now = timer_now(), past = now - state.top_ticks;
    u32 looked, next, count = collect_busiest(&looked, &next);

    (void)words;
    (void)word;
    console_print("since %s, %lu ms ago:\n", state.top_ticks == 0 ? "the start" : "the last top",
                  (unsigned long)milliseconds(past));
    console_print("   PID  RUN ms  OF ONE HART STATE   IMAGE\n");
    for (u32 i = 0; i < count; i++) {
        const struct proc_record *record = &state.shown[i];

        console_print("%6u %7lu %11lu%% %-7s %s\n", (unsigned)record->pid,
                      (unsigned long)milliseconds(record->run_ticks),
                      (unsigned long)(past == 0 ? 0 : record->run_ticks * 100 / past),
                      state_name(record->state), record->name);
    }
    if (next != 0)
        console_print("only the first %u processes were looked at\n", looked);
    state.top_ticks = now;
}

static void say_result(enum err err, u32 pid)
{
    if (err == ERR_CHILD)
        console_print("there is no process %u\n", pid);
    else if (err != ERR_OK)
        console_print("that cannot be done to process %u\n", pid);
}

static void send(char *const *word, u32 signal)
{
    u32 pid;

    if (number_of(word[1], &pid))
        say_result(proc_signal(pid, signal), pid);
}

static void run_kill(u32 words, char **word)
{
    u32 signal = PROC_SIGKILL;

    if (words > 2 && !number_of(word[2], &signal))
        return;
    if (signal == 0 || signal > PROC_SIGNAL_MAX)
        console_print("signals are 1 to %d\n", PROC_SIGNAL_MAX);
    else
        send(word, signal);
}

static void run_stop(u32 words, char **word)
{
    (void)words;
    send(word, PROC_SIGSTOP);
}

static void run_cont(u32 words, char **word)
{
    (void)words;
    send(word, PROC_SIGCONT);
}

static void leave(void)
{
    state.is_open = false;
    console_close_monitor();
}

static void run_attach(u32 words, char **word)
{
    enum err err;
    u32 pid;

    (void)words;
    if (!number_of(word[1], &pid))
        return;
    err = proc_attach(pid);
    say_result(err, pid);
    if (err == ERR_OK)
        leave();
}

/* The arguments as spawn has them: each with its NUL, then an empty one: no environment. */
static void run_spawn(u32 words, char **word)
{
    char args[LINE_BYTES + 1];
    u32 length = 0, pid = 0;
    enum err err;

    for (u32 i = 1; i < words; i++) {
        size_t bytes = strlen(word[i]) + 1;

        memcpy(args + length, word[i], bytes);
        length += (u32)bytes;
    }
    args[length++] = '\0';
    err = spawn_guest(word[1], args, length, &pid);
    if (err == ERR_OK)
        console_print("pid %u\n", pid);
    else if (err == ERR_NOENT)
        console_print("there is no image %s\n", word[1]);
    else
        console_print("%s: %s\n", word[1], err == ERR_NOMEM ? "no memory" : "it cannot be started");
}

static void run_trace(u32 words, char **word)
{
    bool on = strcmp(word[1], "on") == 0;

    (void)words;
    if (!on && strcmp(word[1], "off") != 0)
        console_print("trace on, or trace off\n");
    else if (tracing_set(on) != ERR_OK)
        console_print("this run has no log: start it with TRACE=exits\n");
}

static void run_mem(u32 words, char **word)
{
    struct proc_machine machine;

    (void)words;
    (void)word;
    proc_count_machine(&machine);
    console_print("frames of 4 KiB: %lu in all, %lu held, %lu free, %lu of the held come back when "
                  "needed\n",
                  (unsigned long)machine.frames_total,
                  (unsigned long)(machine.frames_total - machine.frames_free),
                  (unsigned long)machine.frames_free, (unsigned long)machine.frames_reclaimable);
    console_print("%u processes, %u harts, up %lu ms, idle %lu ms in all\n", machine.processes,
                  machine.harts, (unsigned long)milliseconds(machine.uptime_ticks),
                  (unsigned long)milliseconds(machine.idle_ticks));
}

static void run_quit(u32 words, char **word)
{
    (void)words;
    (void)word;
    leave();
}

static void run_help(u32 words, char **word);

static const struct command commands[] = {
    {"ps",     "ps [PID]",             "processes, from PID on: tree, memory, exits", 1, 2,         run_ps    },
    {"top",    "top",                  "who ran most since the last top",             1, 1,         run_top   },
    {"kill",   "kill PID [SIGNAL]",    "ends it, or sends another signal than 9",     2, 3,         run_kill  },
    {"stop",   "stop PID",             "it stands still ...",                         2, 2,         run_stop  },
    {"cont",   "cont PID",             "... and goes on",                             2, 2,         run_cont  },
    {"attach", "attach PID",           "its console is this one from now on",         2, 2,         run_attach},
    {"spawn",  "spawn IMAGE [ARG...]", "a new guest from an image of the bundle",     2, WORDS_MAX,
     run_spawn                                                                                                },
    {"trace",  "trace on|off",         "a line in the log for each exit",             2, 2,         run_trace },
    {"mem",    "mem",                  "the machine's memory",                        1, 1,         run_mem   },
    {"quit",   "quit",                 "leave; Ctrl-] does, too",                     1, 1,         run_quit  },
    {"help",   "help",                 "this",                                        1, 1,         run_help  },
};

#define COMMANDS (sizeof(commands) / sizeof(commands[0]))

static void run_help(u32 words, char **word)
{
    (void)words;
    (void)word;
    for (u32 i = 0; i < COMMANDS; i++)
        console_print("%-21s %s\n", commands[i].usage, commands[i].what);
    console_print("Ctrl-] twice sends one to the guest.\n");
}

/* Cuts a line at its blanks; words behind the last that has room are that one's. */
static u32 split(char *line, char **word)
{
    u32 count = 0;

    for (char *rest = line, *at; count < WORDS_MAX && (at = strtok_r(rest, " \t", &rest)) != NULL;)
        word[count++] = at;
    return count;
}

static void run_line(void)
{
    char *word[WORDS_MAX];
    u32 count = split(state.line, word);

    if (count == 0)
        return;
    for (u32 i = 0; i < COMMANDS; i++) {
        const struct command *command = &commands[i];

        if (strcmp(word[0], command->name) != 0)
            continue;
        if (count < command->words_min || count > command->words_max)
            console_print("usage: %s\n", command->usage);
        else
            command->run(count, word);
        return;
    }
    console_print("%s: no such command; help lists them\n", word[0]);
}

static void prompt(void)
{
    state.length = 0;
    console_print(PROMPT);
}

static void rub_out(u32 count)
{
    for (; count > 0 && state.length > 0; count--) {
        state.length--;
        console_print("\b \b");
    }
}

static void end_line(void)
{
    console_print("\n");
    state.line[state.length] = '\0';
    run_line();
    if (state.is_open)
        prompt();
}

static void open_or_close(void)
{
    state.is_open = !state.is_open;
    if (state.is_open) {
        console_print("\n[hv] monitor; help lists the commands, Ctrl-] leaves\n");
        prompt();
    } else {
        console_print("\n");
    }
}

void monitor_type(u8 byte)
{
    if (byte == CONSOLE_KEY) {
        open_or_close();
    } else if (byte == '\r' || byte == '\n') {
        end_line();
    } else if (byte == '\b' || byte == DELETE) {
        rub_out(1);
    } else if (byte == CTRL('U')) {
        rub_out(LINE_BYTES);
    } else if (byte == CTRL('C')) {
        console_print("\n");
        prompt();
    } else if (byte == CTRL('D') && state.length == 0) {
        console_print("\n");
        leave();
    } else if (byte >= ' ' && byte < DELETE && state.length < LINE_BYTES - 1) {
        state.line[state.length++] = (char)byte;
        console_print("%c", byte);
    }
}
