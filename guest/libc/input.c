/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Standard input: the console's bytes by the rules of tty.c, for all tasks together.
 *
 * Whether the console is a terminal is what the command line says, console=tty, which tools/run.sh
 * adds where it has one; nothing else can tell.  Who waits for a byte polls, and lets the others
 * run in between; the lock is never held meanwhile, so of several readers each gets some of the
 * input.
 */
#include "guest/libc/input.h"

#include <stdio.h>

#include "guest/args.h"
#include "guest/guest.h"
#include "guest/libc/pause.h"
#include "guest/libc/tty.h"
#include "guest/spin.h"

#define POLL_NS 1000000

static struct spin lock;
static struct tty tty; /* guarded by lock */

bool console_is_terminal(void)
{
    static enum { UNKNOWN, PIPE, TERMINAL } answer;

    if (answer == UNKNOWN) {
        answer = args_is("console", "tty") ? TERMINAL : PIPE;
    }
    return answer == TERMINAL;
}

static void echo(char c)
{
    console_putc(c);
    console_flush();
}

/* Takes what is there, until something can be read; false: nothing can.  The lock is held. */
static bool fill(void)
{
    while (tty_wants(&tty)) {
        int c = console_getc();

        if (c < 0) {
            return false;
        }
        tty.terminal = console_is_terminal();
        tty_take(&tty, (char)c, echo);
    }
    return true;
}

/* Waits until something can be read, and then has the lock. */
static void wait_and_lock(void)
{
    console_flush(); /* a prompt, say */
    spin_lock(&lock);
    while (!fill()) {
        spin_unlock(&lock);
        pause_until(pause_deadline(POLL_NS));
        spin_lock(&lock);
    }
}

/* The next byte, or EOF at the end of the input. */
int input_getc(void)
{
    int c;

    wait_and_lock();
    c = tty_read(&tty);
    spin_unlock(&lock);
    return c < 0 ? EOF : c;
}

/* At least one byte, unless the input ends: then 0.  On a terminal at most a line. */
size_t input_read(char *to, size_t bytes)
{
    size_t count = 0;
    int c;

    if (bytes == 0) {
        return 0;
    }
    wait_and_lock();
    c = tty_read(&tty);
    while (c >= 0) {
        to[count++] = (char)c;
        if (count == bytes || (tty.terminal && c == '\n')) {
            break;
        }
        /* not tty_read at the end: that is for the next call to tell */
        c = !tty.terminal && !tty.ended && !fill() ? -1
            : tty.taken < tty.ready                ? tty_read(&tty)
                                                   : -1;
    }
    spin_unlock(&lock);
    return count;
}

static int get(FILE *file)
{
    int c = input_getc();

    (void)file;
    return c == EOF ? _FDEV_EOF : c;
}

static FILE input = FDEV_SETUP_STREAM(NULL, get, NULL, _FDEV_SETUP_READ);
__attribute__((weak)) FILE *const stdin = &input; /* component vfs has another */
