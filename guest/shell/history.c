/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Lines that were typed, of which the last ones are kept, and what an exclamation mark makes of
 * them:
 *
 *     !!  the last one    !7  number 7    !-2  the last but one    !ls  the last that begins so
 *
 * In single quotes, behind a backslash, and before a blank, = or the end, it is itself.
 */
#include "guest/shell/history.h"

#include <stdlib.h>
#include <string.h>

#define NUMBER_BASE 10

/* Empty lines, and one like the last, are not kept. */
void history_add(struct history *history, const char *line)
{
    if (line[strspn(line, " \t")] == '\0' ||
        (history->count > 0 && strcmp(history->lines[history->count - 1], line) == 0)) {
        return;
    }
    if (history->count == HISTORY_LINES) {
        free(history->lines[0]);
        memmove(history->lines, history->lines + 1,
                (HISTORY_LINES - 1) * sizeof(history->lines[0]));
        history->count--;
        history->forgotten++;
    }
    history->lines[history->count++] = memory_copy(line);
}

/* number: 1 is the first line ever; NULL: it is not kept. */
static const char *at(const struct history *history, long number)
{
    long index = number - 1 - (long)history->forgotten;

    return index >= 0 && index < (long)history->count ? history->lines[index] : NULL;
}

/* What stands behind the exclamation mark; NULL: there is no such line. */
static const char *find(const struct history *history, const char *event, size_t bytes)
{
    long last = (long)history->forgotten + (long)history->count;

    if (*event == '!') {
        return at(history, last);
    }
    if (*event == '-') {
        return at(history, last + 1 + strtol(event, NULL, NUMBER_BASE));
    }
    if (*event >= '0' && *event <= '9') {
        return at(history, strtol(event, NULL, NUMBER_BASE));
    }
    for (unsigned i = history->count; i > 0; i--) {
        if (strncmp(history->lines[i - 1], event, bytes) == 0) {
            return history->lines[i - 1];
        }
    }
    return NULL;
}

/* Bytes of the event at p, which is behind an exclamation mark; 0: it is none. */
static size_t event_bytes(const char *p)
{
    if (*p == '!') {
        return 1;
    }
    if (*p == '-') {
        size_t digits = strspn(p + 1, "0123456789");

        return digits ? digits + 1 : 0;
    }
    if (*p >= '0' && *p <= '9') {
        return strspn(p, "0123456789");
    }
    return *p == '=' ? 0 : strcspn(p, " \t\n!;&|<>()'\"");
}

/*
 * history_expand - the line with what its exclamation marks stand for.
 *
 * False: there is no such line: what was asked for is in `missing`.
 */
bool history_expand(const struct history *history, const char *line, struct buffer *to,
                    char *missing, size_t missing_bytes)
{
    bool single = false, quoted = false; /* in which quotes */

    for (const char *p = line; *p; p++) {
        size_t bytes = *p == '!' && !single ? event_bytes(p + 1) : 0;
        const char *found;

        if (bytes == 0) {
            single ^= *p == '\'' && !quoted;
            quoted ^= *p == '"' && !single;
            buffer_add_char(to, *p);
            if (*p == '\\' && !single && p[1]) {
                buffer_add_char(to, *++p);
            }
            continue;
        }
        found = find(history, p + 1, bytes);
        if (!found) {
            size_t shown = bytes + 1 < missing_bytes ? bytes + 1 : missing_bytes - 1;

            memcpy(missing, p, shown);
            missing[shown] = '\0';
            return false;
        }
        buffer_add_text(to, found);
        p += bytes;
    }
    return true;
}

void history_free(struct history *history)
{
    for (unsigned i = 0; i < history->count; i++) {
        free(history->lines[i]);
    }
    *history = (struct history){0};
}
