/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * A line has the hart and, where there are tasks, the task that says it:
 *
 *     [0/worker1] warning: the queue is full
 *
 * log=error, warn, info or debug on the command line chooses the last level that is shown; without
 * it that is warn.  The word color colours the level's name: tools/run.sh adds it on a terminal.
 * A line is put together first and then written as one, so that it stays in one piece.
 */
#include "guest/log.h"

#include <stdarg.h>
#include <stdio.h>

#include "guest/args.h"
#include "guest/guest.h"
#include "guest/hart.h"
#include "guest/report.h"

#define LINE_BYTES 256 /* longer ones are cut */
#define PLAIN      "\033[m"

static const struct {
    const char *word, *shown, *color;
} levels[] = {
    [LOG_ERROR] = {"error", "error",   "\033[31m"},
    [LOG_WARN] = {"warn",  "warning", "\033[33m"},
    [LOG_INFO] = {"info",  "info",    "\033[32m"},
    [LOG_DEBUG] = {"debug", "debug",   "\033[36m"},
};

static struct {
    bool known, color;
    enum log_level last;
} wanted;

static void find_wanted(void)
{
    bool understood = !args_has("log");

    wanted.last = LOG_WARN;
    for (enum log_level level = LOG_ERROR; level < ARRAY_LEN(levels); level++) {
        if (args_is("log", levels[level].word)) {
            wanted.last = level;
            understood = true;
        }
    }
    wanted.color = args_has("color");
    wanted.known = true;
    if (!understood) {
        log_error("log= takes error, warn, info or debug; warn is taken");
    }
}

/* Is a line of this level shown?  For who would have to compute what it says. */
bool log_wants(enum log_level level)
{
    if (!wanted.known) {
        find_wanted();
    }
    return level <= wanted.last;
}

static void say(enum log_level level, const char *format, va_list arguments)
{
    char line[LINE_BYTES];
    const char *task;

    if (!log_wants(level)) {
        return;
    }
    task = report_task();
    vsnprintf(line, sizeof(line), format, arguments);
    printf("[%lu%s%s] %s%s%s: %s\n", (unsigned long)hart_self()->id, task ? "/" : "",
           task ? task : "", wanted.color ? levels[level].color : "", levels[level].shown,
           wanted.color ? PLAIN : "", line);
}

void log_error(const char *format, ...)
{
    va_list arguments;

    va_start(arguments, format);
    say(LOG_ERROR, format, arguments);
    va_end(arguments);
}

void log_warn(const char *format, ...)
{
    va_list arguments;

    va_start(arguments, format);
    say(LOG_WARN, format, arguments);
    va_end(arguments);
}

void log_info(const char *format, ...)
{
    va_list arguments;

    va_start(arguments, format);
    say(LOG_INFO, format, arguments);
    va_end(arguments);
}

void log_debug(const char *format, ...)
{
    va_list arguments;

    va_start(arguments, format);
    say(LOG_DEBUG, format, arguments);
    va_end(arguments);
}
