/* SPDX-License-Identifier: BSD-2-Clause */
#pragma once
/* Bytes of a terminal become keys.  See keys.c. */
#include "lib/kit/types.h"

/* Below ' ' and 0x7f: the control character.  KEY_META + c: c with Alt, or behind Escape. */
enum key {
    KEY_META = 0x100,
    KEY_NONE = 0x200, /* more bytes to come, or a key that is not known */
    KEY_TEXT,         /* keys->text */
    KEY_UP,
    KEY_DOWN,
    KEY_RIGHT,
    KEY_LEFT,
    KEY_HOME,
    KEY_END,
    KEY_DELETE,
    KEY_WORD_RIGHT,
    KEY_WORD_LEFT,
};

#define KEY_CONTROL(letter) ((letter)&0x1f)
#define KEY_ESCAPE          0x1b
#define KEY_BACKSPACE       0x7f

/* All zeros is the beginning. */
struct keys {
    enum { KEYS_PLAIN, KEYS_ESCAPE, KEYS_SEQUENCE, KEYS_CHARACTER } state;
    u32 parameter[2];
    u32 parameters; /* which of them is being read */
    char text[5];
    u32 used, wanted;
};

u32 keys_byte(struct keys *keys, u8 byte);
