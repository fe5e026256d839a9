/* SPDX-License-Identifier: BSD-2-Clause */
/* The operator's monitor: its lines, its commands, over processes that this test makes up. */
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "sbi/proc.h"

#include "hv/console.h"
#include "hv/proc.h"
#include "hv/spawn.h"
#include "hv/timer.h"
#include "hv/tracing.h"

#include "tests/test.h"

#define console_print         fake_print
#define console_close_monitor fake_close
#define proc_describe         fake_describe
#define proc_run_since        fake_run_since
#define proc_count_machine    fake_count_machine
#define proc_signal           fake_signal
#define proc_attach           fake_attach
#define spawn_guest           fake_spawn
#define tracing_set           fake_tracing_set
#define timer_now             fake_now
#define timer_ticks_of_ns     fake_ticks_of_ns

#define FAKE_MAX 200U

static struct {
    char out[1 << 16];
    size_t length;
    u32 processes; /* pids 1 to this, but for `gone` */
    u32 gone;
    u32 parent[FAKE_MAX];
    u64 ran[FAKE_MAX];
    u32 pid, signal, attached;
    bool closed, trace_fails, trace;
    char image[32], args[128];
    u64 args_bytes;
    enum err spawn_err;
} fake;

static __printf_like(1, 2) void fake_print(const char *format, ...)
{
    va_list args;

    va_start(args, format);
    fake.length +=
        (size_t)vsnprintf(fake.out + fake.length, sizeof(fake.out) - fake.length, format, args);
    va_end(args);
}

static void fake_close(void)
{
    fake.closed = true;
}

static bool fake_describe(u32 pid, struct proc_record *record, u32 *next)
{
    *next = pid < fake.processes ? pid + 1 : 0;
    if (pid == 0 || pid > fake.processes || pid == fake.gone)
        return false;
    *record = (struct proc_record){.pid = pid,
                                   .ppid = fake.parent[pid],
                                   .group = 1,
                                   .frames_owned = 7,
                                   .run_ticks = fake.ran[pid]};
    snprintf(record->name, sizeof(record->name), "image%u", pid);
    return true;
}

static u64 fake_run_since(u32 pid)
{
    return fake.ran[pid];
}

static void fake_count_machine(struct proc_machine *machine)
{
    *machine = (struct proc_machine){.frames_total = 1000, .frames_free = 900, .harts = 2};
}

static enum err fake_signal(u32 pid, u32 signal)
{
    fake.pid = pid;
    fake.signal = signal;
    return pid > fake.processes ? ERR_CHILD : ERR_OK;
}

static enum err fake_attach(u32 pid)
{
    fake.attached = pid;
    return pid > fake.processes ? ERR_CHILD : ERR_OK;
}

static enum err fake_spawn(const char *name, const char *args, u64 args_bytes, u32 *pid)
{
    snprintf(fake.image, sizeof(fake.image), "%s", name);
    memcpy(fake.args, args, args_bytes);
    fake.args_bytes = args_bytes;
    *pid = 77;
    return fake.spawn_err;
}

static enum err fake_tracing_set(bool on)
{
    fake.trace = on;
    return fake.trace_fails ? ERR_STATE : ERR_OK;
}

static u64 fake_now(void)
{
    return 50;
}

static u64 fake_ticks_of_ns(u64 ns)
{
    return ns / 1000000;
}

/* The unit under test, over the fakes. */
#include "hv/monitor.c" // NOLINT(bugprone-suspicious-include)

static void open_monitor(u32 processes)
{
    memset(&fake, 0, sizeof(fake));
    memset(&state, 0, sizeof(state));
    fake.processes = processes;
    for (u32 pid = 2; pid < FAKE_MAX; pid++)
        fake.parent[pid] = 1;
    monitor_type(CONSOLE_KEY);
}

/* What a line of input gives, without its echo and the prompt behind it. */
static const char *answer(const char *line)
{
    size_t before = fake.length;

    for (; *line != '\0'; line++)
        monitor_type((u8)*line);
    fake.length = before;
    monitor_type('\r');
    if (fake.length >= strlen(PROMPT) && !fake.closed)
        fake.length -= strlen(PROMPT);
    fake.out[fake.length] = '\0';
    return fake.out + before + 1;
}

TEST(monitor_lists_processes_as_a_tree)
{
    const char *text, *second, *third;

    open_monitor(4);
    fake.parent[3] = 2;
    fake.parent[4] = 2;
    fake.gone = 4;
    text = answer("ps");
    CHECK(strncmp(text, "   PID PARENT", 13) == 0);
    CHECK(strstr(text, " image1\n") != NULL);
    second = strstr(text, "   image2\n");
    third = strstr(text, "     image3\n");
    CHECK(second != NULL && third != NULL && second < third);
    CHECK(strstr(text, "image4") == NULL);
    CHECK(strstr(text, "more:") == NULL);
}

TEST(monitor_lists_many_in_portions)
{
    open_monitor(SHOWN_MAX + 10);
    CHECK(strstr(answer("ps"), "more: ps 65\n") != NULL);
    CHECK(strstr(answer("ps 65"), "image74\n") != NULL);
    CHECK(strstr(answer("ps 900"), "image") == NULL);
}

TEST(monitor_shows_who_ran_most)
{
    const char *text;

    open_monitor(100);
    fake.ran[99] = 40;
    fake.ran[3] = 50;
    text = answer("top");
    CHECK(strstr(text, "     3      50         100%") != NULL);
    CHECK(strstr(text, "image99") != NULL && strstr(text, "image3\n") < strstr(text, "image99"));
}

TEST(monitor_signals)
{
    open_monitor(9);
    CHECK_STR(answer("kill 5"), "");
    CHECK_EQ(fake.pid, 5);
    CHECK_EQ(fake.signal, PROC_SIGKILL);
    CHECK_STR(answer("kill 6 15"), "");
    CHECK_EQ(fake.signal, PROC_SIGTERM);
    CHECK_STR(answer("stop 7"), "");
    CHECK_EQ(fake.signal, PROC_SIGSTOP);
    CHECK_STR(answer("cont 7"), "");
    CHECK_EQ(fake.signal, PROC_SIGCONT);
    fake.pid = 0;
    CHECK_STR(answer("kill 5 99"), "signals are 1 to 31\n");
    CHECK_STR(answer("kill five"), "five: not a number\n");
    CHECK_STR(answer("kill -1"), "-1: not a number\n");
    CHECK_STR(answer("kill 99999999999"), "99999999999: not a number\n");
    CHECK_EQ(fake.pid, 0);
    CHECK_STR(answer("kill 10"), "there is no process 10\n");
}

TEST(monitor_spawns_with_arguments)
{
    open_monitor(1);
    CHECK_STR(answer("spawn hello a  bc"), "pid 77\n");
    CHECK_STR(fake.image, "hello");
    CHECK_EQ(fake.args_bytes, 12);
    CHECK(memcmp(fake.args, "hello\0a\0bc\0\0", 12) == 0);
    fake.spawn_err = ERR_NOENT;
    CHECK_STR(answer("spawn helo"), "there is no image helo\n");
}

TEST(monitor_traces_attaches_and_leaves)
{
    open_monitor(3);
    CHECK_STR(answer("trace on"), "");
    CHECK(fake.trace);
    CHECK_STR(answer("trace off"), "");
    CHECK(!fake.trace);
    fake.trace_fails = true;
    CHECK_STR(answer("trace on"), "this run has no log: start it with TRACE=exits\n");
    CHECK_STR(answer("trace up"), "trace on, or trace off\n");
    CHECK(strstr(answer("mem"), "1000 in all, 100 held, 900 free") != NULL);
    CHECK_STR(answer("attach 4"), "there is no process 4\n");
    CHECK(!fake.closed);
    CHECK_STR(answer("attach 3"), "");
    CHECK_EQ(fake.attached, 3);
    CHECK(fake.closed);
}

TEST(monitor_helps_and_refuses)
{
    open_monitor(1);
    CHECK_STR(answer("kil 3"), "kil: no such command; help lists them\n");
    CHECK_STR(answer("kill"), "usage: kill PID [SIGNAL]\n");
    CHECK_STR(answer("   "), "");
    for (u32 i = 0; i < COMMANDS; i++)
        CHECK(strstr(answer("help"), commands[i].usage) != NULL);
}

/* A line longer than there is room is cut, and its end can be rubbed out. */
TEST(monitor_edits_its_line)
{
    open_monitor(9);
    CHECK_STR(answer("kill 55\b"), "");
    CHECK_EQ(fake.pid, 5);
    CHECK_STR(answer("nonsense\025stop 6"), "");
    CHECK_EQ(fake.pid, 6);
    CHECK_STR(answer("nonsense\003stop 7"), "");
    CHECK_EQ(fake.pid, 7);
    for (u32 i = 0; i < 3 * LINE_BYTES; i++)
        monitor_type('x');
    CHECK_EQ(state.length, LINE_BYTES - 1);
    for (u32 i = 0; i < 3 * LINE_BYTES; i++)
        monitor_type(0x7f);
    CHECK_EQ(state.length, 0);
    monitor_type(CTRL('D'));
    CHECK(fake.closed);
}
