/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The terminal's modes as POSIX has them.  There is one terminal, the console.
 *
 * ICANON, ECHO, ISIG and ICRNL are honoured.  All else is what it always was, and cannot be set:
 * control characters are the usual ones, a read without ICANON waits for one byte, and what is
 * written to the host's terminal is in the host's hands.
 */
#include <errno.h>
#include <string.h>
#include <termios.h>
#include <unistd.h>

#include "sbi/ecall.h"

#include "guest/guest.h"
#include "guest/libc/input.h"
#include "guest/libc/tty.h"
#include "guest/proc.h"

#define CONTROL(letter) ((letter)&0x1f)
#define DELETE          0x7f

static int fail(int error)
{
    errno = error;
    return -1;
}

int tcgetattr(int fd, struct termios *to)
{
    u32 modes;

    if (!isatty(fd)) {
        return -1;
    }
    modes = input_modes();
    memset(to, 0, sizeof(*to));
    to->c_iflag = modes & TTY_NEWLINE ? ICRNL : 0;
    to->c_oflag = OPOST | ONLCR;
    to->c_cflag = CS8 | CREAD;
    to->c_lflag = (modes & TTY_LINES ? ICANON | ECHOE | ECHOK : 0U) |
                  (modes & TTY_ECHO ? ECHO : 0U) | (modes & TTY_SIGNALS ? ISIG : 0U);
    to->c_cc[VINTR] = CONTROL('C');
    to->c_cc[VERASE] = DELETE;
    to->c_cc[VKILL] = CONTROL('U');
    to->c_cc[VEOF] = CONTROL('D');
    to->c_cc[VMIN] = 1;
    return 0;
}

int tcsetattr(int fd, int when, const struct termios *from)
{
    u32 modes;

    if (!isatty(fd)) {
        return -1;
    }
    if (when < TCSANOW || when > TCSAFLUSH) {
        return fail(EINVAL);
    }
    modes = (from->c_iflag & ICRNL ? TTY_NEWLINE : 0) | (from->c_lflag & ICANON ? TTY_LINES : 0) |
            (from->c_lflag & ECHO ? TTY_ECHO : 0) | (from->c_lflag & ISIG ? TTY_SIGNALS : 0);
    proc_keys(!(modes & TTY_SIGNALS));
    input_set_modes(modes, when == TCSAFLUSH);
    return 0;
}

int tcflush(int fd, int what)
{
    if (!isatty(fd)) {
        return -1;
    }
    if (what < TCIFLUSH || what > TCIOFLUSH) {
        return fail(EINVAL);
    }
    if (what != TCOFLUSH) {
        input_set_modes(input_modes(), true);
    }
    return 0;
}

int tcdrain(int fd)
{
    if (!isatty(fd)) {
        return -1;
    }
    console_flush();
    return 0;
}

static pid_t foreground(int fd, long group)
{
    long before;

    if (!isatty(fd)) {
        return -1;
    }
    before = proc_available() ? proc_foreground(group) : getpgrp();
    return before < 0 ? fail(before == SBI_ERR_DENIED ? EPERM : EINVAL) : (pid_t)before;
}

/* The group that input goes to. */
pid_t tcgetpgrp(int fd)
{
    return foreground(fd, -1);
}

/* EPERM: no process of that group is in the caller's tree. */
int tcsetpgrp(int fd, pid_t group)
{
    if (group < 0) {
        return fail(EINVAL);
    }
    return foreground(fd, group) < 0 ? -1 : 0;
}
