/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Bytes that come in, until a program reads them.
 *
 *     bytes   | taken | ready to be read | being typed | free |
 *
 * From a pipe every byte is ready at once and as it came.  On a terminal, which is raw when QEMU
 * has it, a line is ready when it ends; until then backspace takes a character of UTF-8 back and ^U
 * the line; return is a newline; and everything is echoed, control characters as ^X.
 *
 * ^D ends the input: on a terminal where nothing has been typed in the line, and once (else it
 * makes ready what was typed); from a pipe for good, since tools/run.sh sends it behind all that
 * comes. A pipe cannot carry that byte for this reason.
 *
 * Invariant: taken <= ready <= used <= TTY_BYTES.  A line that fills the room is ready.
 */
#include "guest/libc/tty.h"

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
    if (c == '\r') {
        c = '\n';
    }
    show(c, echo);
    tty->bytes[tty->used++] = c;
    if (c == '\n' || tty->used == TTY_BYTES) {
        tty->ready = tty->used;
    }
}

/* A byte that came.  tty_wants() is true. */
void tty_take(struct tty *tty, char c, tty_echo_fn *echo)
{
    if (tty->taken == tty->used) {
        tty->taken = tty->ready = tty->used = 0;
    }
    if (tty->terminal) {
        type(tty, c, echo);
    } else if (c == CONTROL('D')) {
        tty->ended = true;
    } else {
        tty->bytes[tty->used++] = c;
        tty->ready = tty->used;
    }
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
