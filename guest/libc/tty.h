/* SPDX-License-Identifier: BSD-2-Clause */
#pragma once
/* What becomes of bytes that are typed, or come from a pipe, before a program reads them: tty.c. */
#include "lib/kit/types.h"

#define TTY_BYTES 512

/* What a terminal does with what is typed. */
#define TTY_LINES   0x1U /* whole lines, which can be erased; else each byte at once */
#define TTY_ECHO    0x2U
#define TTY_SIGNALS 0x4U /* ^C is no input but a signal */
#define TTY_NEWLINE 0x8U /* return is a newline */
#define TTY_USUAL   (TTY_LINES | TTY_ECHO | TTY_SIGNALS | TTY_NEWLINE)

struct tty {
    bool terminal;    /* somebody types: the modes matter */
    bool ended;       /* ^D came; a terminal goes on after it was told */
    bool interrupted; /* ^C came; who raises the signal resets it */
    u32 modes;
    u32 taken; /* of bytes, what was read */
    u32 ready; /* can be read */
    u32 used;  /* is being typed behind it */
    char bytes[TTY_BYTES];
};

typedef void tty_echo_fn(char c);

void tty_take(struct tty *tty, char c, tty_echo_fn *echo);
void tty_set_modes(struct tty *tty, u32 modes);
void tty_drop(struct tty *tty);
bool tty_wants(const struct tty *tty);
int tty_read(struct tty *tty);
