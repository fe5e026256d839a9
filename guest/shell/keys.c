/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Bytes of a terminal become keys: characters of UTF-8, control characters, and the sequences that
 * xterm and its like, Linux's console and rxvt send for keys.
 *
 *     ESC [ parameter ; modifier final      ESC O final      ESC c
 *
 * What is not known, also if it is no UTF-8, becomes KEY_NONE and has no effect.
 */
#include "guest/shell/keys.h"

#include "guest/shell/utf8.h"

#define NUMBER_BASE   10
#define PARAMETER_MAX 1000

static u32 sequence(const struct keys *keys, u8 final)
{
    bool modified = keys->parameter[1] > 1;

    switch (final) {
    case 'A': return KEY_UP;
    case 'B': return KEY_DOWN;
    case 'C': return modified ? KEY_WORD_RIGHT : KEY_RIGHT;
    case 'D': return modified ? KEY_WORD_LEFT : KEY_LEFT;
    case 'H': return KEY_HOME;
    case 'F': return KEY_END;
    case 'c': return KEY_WORD_RIGHT; /* rxvt's */
    case 'd': return KEY_WORD_LEFT;
    case '~': break;
    default: return KEY_NONE;
    }
    switch (keys->parameter[0]) {
    case 1:
    case 7: return KEY_HOME;
    case 4:
    case 8: return KEY_END;
    case 3: return KEY_DELETE;
    default: return KEY_NONE;
    }
}

static u32 in_sequence(struct keys *keys, u8 byte)
{
    if (byte >= '0' && byte <= '9') {
        u32 *parameter = &keys->parameter[keys->parameters];

        *parameter =
            *parameter < PARAMETER_MAX ? *parameter * NUMBER_BASE + (byte - '0') : PARAMETER_MAX;
        return KEY_NONE;
    }
    if (byte == ';') {
        keys->parameters = 1;
        return KEY_NONE;
    }
    if (byte >= ' ' && byte < '@') {
        return KEY_NONE;
    }
    keys->state = KEYS_PLAIN;
    return byte < ' ' ? byte : sequence(keys, byte);
}

static u32 plain(struct keys *keys, u8 byte)
{
    if (byte == KEY_ESCAPE) {
        keys->state = KEYS_ESCAPE;
        return KEY_NONE;
    }
    if (byte < ' ' || byte == KEY_BACKSPACE) {
        return byte;
    }
    keys->text[0] = (char)byte;
    keys->text[1] = '\0';
    if (byte < 0x80) {
        return KEY_TEXT;
    }
    keys->wanted = byte >= 0xf0 ? 4 : byte >= 0xe0 ? 3 : 2;
    keys->used = 1;
    if (byte >= 0xc2 && byte < 0xf5) {
        keys->state = KEYS_CHARACTER;
    }
    return KEY_NONE;
}

static u32 in_character(struct keys *keys, u8 byte)
{
    if ((byte & 0xc0) != 0x80) {
        keys->state = KEYS_PLAIN;
        return plain(keys, byte);
    }
    keys->text[keys->used++] = (char)byte;
    if (keys->used < keys->wanted) {
        return KEY_NONE;
    }
    keys->text[keys->used] = '\0';
    keys->state = KEYS_PLAIN;
    return utf8_is_printable(keys->text) ? KEY_TEXT : KEY_NONE;
}

static u32 behind_escape(struct keys *keys, u8 byte)
{
    if (byte == '[' || byte == 'O') {
        keys->state = KEYS_SEQUENCE;
        keys->parameter[0] = keys->parameter[1] = keys->parameters = 0;
        return KEY_NONE;
    }
    if (byte == KEY_ESCAPE) {
        return KEY_NONE;
    }
    keys->state = KEYS_PLAIN;
    return byte < 0x80 ? (u32)KEY_META + byte : plain(keys, byte);
}

u32 keys_byte(struct keys *keys, u8 byte)
{
    switch (keys->state) {
    case KEYS_ESCAPE: return behind_escape(keys, byte);
    case KEYS_SEQUENCE: return in_sequence(keys, byte);
    case KEYS_CHARACTER: return in_character(keys, byte);
    case KEYS_PLAIN: break;
    }
    return plain(keys, byte);
}
