/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Command-line words, found in the FDT each time: nothing is parsed ahead or kept.  Of a name given
 * twice the first counts.  A value that is not a number ends the payload with a message, since a
 * test with a misread number would prove something else.
 */
#include "guest/args.h"

#include <stdio.h>
#include <string.h>

#include "guest/guest.h"
#include "guest/machine.h"

/* The text after name, at a space, '=' or the end; NULL if there is no such word. */
static const char *find(const char *name)
{
    size_t bytes = strlen(name);
    const char *p = machine_bootargs();

    while (*p) {
        size_t word;

        p += strspn(p, " ");
        word = strcspn(p, " ");
        if (word >= bytes && memcmp(p, name, bytes) == 0 && strchr("= ", p[bytes])) {
            return p + bytes;
        }
        p += word;
    }
    return NULL;
}

bool args_has(const char *name)
{
    return find(name) != NULL;
}

/* Copy name's value; false if there is none or if it is longer than the room for it. */
bool args_word(const char *name, char *word, size_t bytes)
{
    const char *value = find(name);
    size_t length;

    if (!value || *value != '=') {
        return false;
    }
    value++;
    length = strcspn(value, " ");
    if (length >= bytes) {
        return false;
    }
    memcpy(word, value, length);
    word[length] = '\0';
    return true;
}

bool args_is(const char *name, const char *value)
{
    char word[32];

    return args_word(name, word, sizeof(word)) && strcmp(word, value) == 0;
}

/* A decimal number; fallback if name is not there. */
u64 args_u64(const char *name, u64 fallback)
{
    char word[21];
    u64 value = 0;

    if (!args_has(name)) {
        return fallback;
    }
    if (!args_word(name, word, sizeof(word)) || word[0] == '\0') {
        word[0] = '?';
        word[1] = '\0';
    }
    for (const char *p = word; *p; p++) {
        if (*p < '0' || *p > '9') {
            printf("%s= takes a decimal number\n", name);
            guest_exit(2);
        }
        value = value * 10 + (u64)(*p - '0');
    }
    return value;
}
