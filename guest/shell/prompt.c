/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The shell that a person talks to: prompt, line, what it means, and again.
 *
 * ^C on the line cancels it; while something runs, the terminal makes it a SIGINT, which sets a
 * flag that what runs looks at.
 */
#include "guest/shell/prompt.h"

#include <stdlib.h>
#include <string.h>

#include "guest/shell/command.h"
#include "guest/shell/complete.h"
#include "guest/shell/execute.h"
#include "guest/shell/image.h"
#include "guest/shell/jobs.h"
#include "guest/shell/terminal.h"

#define MISSING_BYTES 64

static volatile int interrupted;

static void interrupt(int signal_number)
{
    interrupted = signal_number;
}

static void add_prompt(struct buffer *prompt)
{
    char *path = path_working();

    buffer_set(prompt, "forkvisor:");
    buffer_add_text(prompt, path ? path : "?");
    buffer_add_text(prompt, "$ ");
    free(path);
}

/* Jobs that have ended are told once. */
static void tell_jobs(struct shell *shell, struct io io)
{
    int status;

    for (unsigned job = jobs_next(shell->jobs, 0); job; job = jobs_next(shell->jobs, job)) {
        if (jobs_is_over(shell->jobs, job, &status)) {
            jobs_tell(shell->jobs, job, io.err);
            jobs_forget(shell->jobs, job);
        }
    }
}

/* A line as it is meant: also with what its exclamation marks stand for.  False: it is not run. */
static bool add_line(struct shell *shell, struct io io, const char *line, struct buffer *text)
{
    char missing[MISSING_BYTES];
    struct buffer meant = {0};
    bool found = history_expand(shell->history, line, &meant, missing, sizeof(missing));

    if (!found) {
        shell_say(shell, io, "%s: there is no such line; history lists them", missing);
        shell->status = 1;
    } else {
        if (strcmp(buffer_text(&meant), line) != 0) {
            shell_tell(io.out, "%s\n", meant.at);
        }
        history_add(shell->history, buffer_text(&meant));
        buffer_add(text, buffer_text(&meant), meant.used);
        buffer_add_char(text, '\n');
    }
    buffer_free(&meant);
    return found;
}

/* Runs the text, unless it is not complete: false. */
static bool run(struct shell *shell, struct io io, const char *text)
{
    struct arena arena = {0};
    struct parse_error error;
    struct tree *tree;
    enum parse_result result = PARSE_DONE;

    interrupted = 0;
    while (*text && result == PARSE_DONE && shell->unwind == UNWIND_NOT) {
        result = parse_line(&text, &arena, &tree, &error);
        if (result == PARSE_DONE) {
            execute(shell, tree, io);
        } else if (result == PARSE_ERROR) {
            shell_say(shell, io, "%s", error.text);
            shell->status = STATUS_MISUSE;
        }
        arena_free(&arena);
    }
    if (shell->unwind == UNWIND_INTERRUPT) {
        shell_tell(io.err, "\n");
        shell->unwind = UNWIND_NOT;
    }
    return result != PARSE_INCOMPLETE;
}

/* ^D: in a command that goes on in more lines it only ends that. */
static void end_input(struct shell *shell, struct io io, struct buffer *text)
{
    if (text->used == 0) {
        shell_tell(io.err, "exit\n");
        shell->unwind = UNWIND_EXIT;
        return;
    }
    shell_tell(io.err, "\n");
    shell_say(shell, io, "syntax error: the text ends too early");
    shell->status = STATUS_MISUSE;
    buffer_cut(text, 0);
}

static void loop(struct shell *shell, struct io io, struct editor *editor)
{
    struct buffer prompt = {0}, text = {0};

    while (shell->unwind != UNWIND_EXIT) {
        if (text.used == 0) {
            tell_jobs(shell, io);
            add_prompt(&prompt);
        } else {
            buffer_set(&prompt, "> ");
        }
        switch (terminal_read(editor, shell, io, prompt.at)) {
        case EDIT_LINE:
            if (!add_line(shell, io, buffer_text(&editor->line), &text) ||
                run(shell, io, text.at)) {
                buffer_cut(&text, 0);
            }
            break;
        case EDIT_CANCEL:
            buffer_cut(&text, 0);
            shell->status = STATUS_INTERRUPTED;
            break;
        case EDIT_END:
        case EDIT_MORE: end_input(shell, io, &text); break;
        }
    }
    buffer_free(&prompt);
    buffer_free(&text);
}

/* Until ^D or exit; returns the last status. */
int prompt_run(struct shell *shell, struct io io)
{
    struct history history = {0};
    struct editor editor = {.history = &history, .complete = complete_line, .context = shell};

    shell->history = &history;
    shell->interactive = true;
    shell->stop = &interrupted;
    image_catch_interrupts(interrupt);
    loop(shell, io, &editor);
    image_catch_interrupts(NULL);
    edit_free(&editor);
    history_free(&history);
    shell->history = NULL;
    return shell->status;
}
