/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Words of the form name=value, in any order, separated by blanks; of two with the same name the
 * later one counts.  What is not said is as in the table of `make help`: fork=cow trace=off
 * sstc=on overcommit=lazy; and monitor=off, disk_timeout=30, which is for tests.
 *
 * Whether a trace filter makes sense is for the trace to say.
 */
#include "hv/options.h"

#include <stdio.h>
#include <string.h>

#define BLANKS       " \t\n"
#define DISK_TIMEOUT 30

/* A word of the command line, or a part of one: not NUL-terminated. */
struct word {
    const char *at;
    size_t length;
};

static bool word_is(struct word word, const char *text)
{
    return strlen(text) == word.length && memcmp(word.at, text, word.length) == 0;
}

static enum err refuse(char *why, size_t why_bytes, struct word word, const char *right)
{
    snprintf(why, why_bytes, "%.*s: must be %s", (int)word.length, word.at, right);
    return ERR_INVAL;
}

/* ERR_INVAL: the value is neither of the two words; *second is as before. */
static enum err choose(bool *second, struct word value, const char *first_word,
                       const char *second_word)
{
    if (!word_is(value, first_word) && !word_is(value, second_word))
        return ERR_INVAL;
    *second = word_is(value, second_word);
    return ERR_OK;
}

/* value is "off" or "exits" or "exits:filter". */
static enum err parse_trace(struct hv_options *options, struct word value)
{
    const char *colon = memchr(value.at, ':', value.length);
    struct word filter = {.at = "", .length = 0};

    if (colon != NULL) {
        filter = (struct word){colon + 1, value.length - (size_t)(colon + 1 - value.at)};
        value.length = (size_t)(colon - value.at);
    }
    if (filter.length >= sizeof(options->trace_filter) ||
        choose(&options->trace, value, "off", "exits") != ERR_OK ||
        (colon != NULL && !options->trace))
        return ERR_INVAL;
    memcpy(options->trace_filter, filter.at, filter.length);
    options->trace_filter[filter.length] = '\0';
    return ERR_OK;
}

/* value is 1 to 9999. */
static enum err parse_seconds(u32 *seconds, struct word value)
{
    u32 number = 0;

    if (value.length == 0 || value.length > 4)
        return ERR_INVAL;
    for (size_t i = 0; i < value.length; i++) {
        if (value.at[i] < '0' || value.at[i] > '9')
            return ERR_INVAL;
        number = 10 * number + (u32)(value.at[i] - '0');
    }
    *seconds = number;
    return number == 0 ? ERR_INVAL : ERR_OK;
}

static enum err parse_word(struct hv_options *options, struct word word, char *why,
                           size_t why_bytes)
{
    const char *equals = memchr(word.at, '=', word.length);
    struct word name = word, value = {.at = "", .length = 0};
    bool copy;

    if (equals != NULL) {
        name.length = (size_t)(equals - word.at);
        value = (struct word){equals + 1, word.length - name.length - 1};
    }
    if (word_is(name, "fork")) {
        if (choose(&copy, value, "cow", "copy") != ERR_OK)
            return refuse(why, why_bytes, word, "fork=cow or fork=copy");
        options->fork = copy ? CLONE_COPY : CLONE_COW;
        return ERR_OK;
    }
    if (word_is(name, "sstc")) {
        return choose(&options->sstc, value, "off", "on") == ERR_OK
                   ? ERR_OK
                   : refuse(why, why_bytes, word, "sstc=on or sstc=off");
    }
    if (word_is(name, "overcommit")) {
        return choose(&options->strict, value, "lazy", "strict") == ERR_OK
                   ? ERR_OK
                   : refuse(why, why_bytes, word, "overcommit=lazy or overcommit=strict");
    }
    if (word_is(name, "monitor")) {
        return choose(&options->monitor, value, "off", "on") == ERR_OK
                   ? ERR_OK
                   : refuse(why, why_bytes, word, "monitor=on or monitor=off");
    }
    if (word_is(name, "trace")) {
        return parse_trace(options, value) == ERR_OK
                   ? ERR_OK
                   : refuse(
                         why, why_bytes, word,
                         "trace=off, trace=exits or trace=exits:FILTER (at most 127 characters)");
    }
    if (word_is(name, "disk_timeout")) {
        return parse_seconds(&options->disk_timeout, value) == ERR_OK
                   ? ERR_OK
                   : refuse(why, why_bytes, word, "disk_timeout=SECONDS, from 1 to 9999");
    }
    return refuse(why, why_bytes, word,
                  "fork=cow|copy, sstc=on|off, overcommit=lazy|strict, monitor=on|off, "
                  "disk_timeout=SECONDS or "
                  "trace=off|exits[:FILTER]");
}

/*
 * options_parse - what the command line asks for.
 *
 * ERR_INVAL: *options has no meaning, why holds words for the user, cut to why_bytes.
 */
enum err options_parse(struct hv_options *options, const char *bootargs, char *why,
                       size_t why_bytes)
{
    *options = (struct hv_options){.fork = CLONE_COW, .sstc = true, .disk_timeout = DISK_TIMEOUT};
    for (;;) {
        struct word word;
        enum err err;

        bootargs += strspn(bootargs, BLANKS);
        if (*bootargs == '\0')
            return ERR_OK;
        word = (struct word){bootargs, strcspn(bootargs, BLANKS)};
        err = parse_word(options, word, why, why_bytes);
        if (err != ERR_OK)
            return err;
        bootargs += word.length;
    }
}
