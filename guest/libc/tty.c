/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Bytes that come in, until a program reads them.
 *
 *     bytes   | taken | ready to be read | being typed | free |
 *
 * From a pipe every byte is ready at once and as it came.  On a terminal, which is raw when QEMU
 * has it, the modes decide (tty.h; termios.c sets them).  Usually a line is ready when it ends;
 * until then backspace takes a character of UTF-8 back and ^U the line; return is a newline;
 * everything is echoed, control characters as ^X; and ^C drops what is there and is a signal, which
 * who calls tty_take() raises.  Without TTY_LINES each byte is ready at once.
 *
 * ^D ends the input: on a terminal where nothing has been typed in the line, and once (else it
 * makes ready what was typed); from a pipe for good, since tools/run.sh sends it behind all that
 * comes. A pipe cannot carry that byte for this reason.
 *
 * Invariant: taken <= ready <= used <= TTY_BYTES.  A line that fills the room is ready; what is
 * typed while there is no room is lost, and a bell says so.
 */
#include "guest/libc/tty.h"

#include <string.h>

#define BELL            '\a'
#define CONTROL(letter) ((letter)&0x1f)
#define DELETE          0x7f

static bool is_continuation(char c)
{
    return (c & 0xc0) == 0x80;
}

static void erase(struct tty *tty, tty_echo_fn *echo)
{
    if (tty->used == tty->ready) {
        return;
    }
    do {
        tty->used--;
    } while (tty->used > tty->ready && is_continuation(tty->bytes[tty->used]));
    if (!(tty->modes & TTY_ECHO)) {
        return;
    }
    for (u32 i = (u8)tty->bytes[tty->used] < ' ' ? 2 : 1; i > 0; i--) {
        echo('\b');
        echo(' ');
        echo('\b');
    }
}

static void show(char c, tty_echo_fn *echo)
{
    if ((u8)c < ' ' && c != '\n') {
        echo('^');
        c = (char)(c + '@');
    }
    echo(c);
}

/* What has been read makes room. */
static void store(struct tty *tty, char c, tty_echo_fn *echo)
{
    if (tty->used == TTY_BYTES && tty->taken > 0) {
        memmove(tty->bytes, tty->bytes + tty->taken, tty->used - tty->taken);
        tty->used -= tty->taken;
        tty->ready -= tty->taken;
        tty->taken = 0;
    }
    if (tty->used == TTY_BYTES) {
        echo(BELL);
        return;
    }
    if (tty->modes & TTY_ECHO) {
        show(c, echo);
    }
    tty->bytes[tty->used++] = c;
}

/* A byte of a line. */
static void type(struct tty *tty, char c, tty_echo_fn *echo)
{
    switch (c) {
    case '\b':
    case DELETE: erase(tty, echo); return;
    case CONTROL('U'):
        while (tty->used > tty->ready) {
            erase(tty, echo);
        }
        return;
    case CONTROL('D'):
        tty->ended = tty->used == tty->ready;
        tty->ready = tty->used;
        return;
    default: break;
    }
    store(tty, c, echo);
    if (c == '\n' || tty->used == TTY_BYTES) {
        tty->ready = tty->used;
    }
}

static void take_typed(struct tty *tty, char c, tty_echo_fn *echo)
{
    if (c == CONTROL('C') && (tty->modes & TTY_SIGNALS)) {
        if (tty->modes & TTY_ECHO) {
            show(c, echo);
        }
        tty_drop(tty);
        tty->interrupted = true;
        return;
    }
    if (c == '\r' && (tty->modes & TTY_NEWLINE)) {
        c = '\n';
    }
    if (tty->modes & TTY_LINES) {
        type(tty, c, echo);
    } else {
        store(tty, c, echo);
        tty->ready = tty->used;
    }
}

/* A byte that came.  A pipe's is taken only if tty_wants(), a terminal's at any time. */
void tty_take(struct tty *tty, char c, tty_echo_fn *echo)
{
    if (tty->taken == tty->used) {
        tty->taken = tty->ready = tty->used = 0;
    }
    if (tty->terminal) {
        take_typed(tty, c, echo);
    } else if (c == CONTROL('D')) {
        tty->ended = true;
    } else {
        tty->bytes[tty->used++] = c;
        tty->ready = tty->used;
    }
}

/* What has been typed already is ready at once if there are to be no lines. */
void tty_set_modes(struct tty *tty, u32 modes)
{
    tty->modes = modes;
    if (!(modes & TTY_LINES)) {
        tty->ready = tty->used;
    }
}

/* Forgets what has come and was not read. */
void tty_drop(struct tty *tty)
{
    tty->taken = tty->ready = tty->used = 0;
}

/* True: nothing is there to be read, so a byte can be taken. */
bool tty_wants(const struct tty *tty)
{
    return tty->taken == tty->ready && !tty->ended;
}

/* The next byte, or -1 at the end of the input.  tty_wants() is false. */
int tty_read(struct tty *tty)
{
    if (tty->taken < tty->ready) {
        return (u8)tty->bytes[tty->taken++];
    }
    if (tty->terminal) {
        tty->ended = false;
    }
    return -1;
}
