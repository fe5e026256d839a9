/* SPDX-License-Identifier: BSD-2-Clause */
#pragma once
/* What becomes of bytes that are typed, or come from a pipe, before a program reads them: tty.c. */
#include "lib/kit/types.h"

#define TTY_BYTES 512

struct tty {
    bool terminal; /* somebody types: echo, erase, whole lines */
    bool ended;    /* ^D came; a terminal goes on after it was told */
    u32 taken;     /* of bytes, what was read */
    u32 ready;     /* can be read */
    u32 used;      /* is being typed behind it */
    char bytes[TTY_BYTES];
};

typedef void tty_echo_fn(char c);

void tty_take(struct tty *tty, char c, tty_echo_fn *echo);
bool tty_wants(const struct tty *tty);
int tty_read(struct tty *tty);
