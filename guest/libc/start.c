/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Component libc: main gets arguments and environment from the program that started it, if there
 * is one, else from the command line (words.c); its return is exit(), with what was registered by
 * atexit and the destructors.
 *
 * argv[0] is the image's name, which tools/ukcc links in; so it is the same bare and in a VM.
 * The words live on the stack of this function, which does not return.
 */
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "guest/guest.h"
#include "guest/libc/exec.h"
#include "guest/libc/inherit.h"
#include "guest/libc/words.h"
#include "guest/machine.h"
#include "guest/report.h"

#define STATUS_BAD_WORDS 2

extern const char payload_name[];

static __noreturn void refuse(const char *why)
{
    report_text(payload_name);
    report_text(": bootargs: ");
    report_text(why);
    report_text("\n");
    guest_exit(STATUS_BAD_WORDS);
}

static __noreturn void refuse_length(void)
{
    refuse("they need more than half of the stack; shorten them, or link with a larger --stack");
}

static bool fits(size_t bytes)
{
    return bytes <= (size_t)(boot_stack_top - boot_stack) / 2;
}

/* ---- from the program that started this one ---- */

/* What program.c says of argv: an empty argument travelled as a blank; so many at its end are words
 * that are not the program's. */
static void restore(const char *variable, char **argv, int *argc)
{
    static const char empty[] = INHERIT_PREFIX "empty=", words[] = INHERIT_PREFIX "words=";
    const char *number = strchr(variable, '=') + 1;

    if (strncmp(variable, empty, sizeof(empty) - 1) == 0 && atoi(number) < *argc) {
        argv[atoi(number)][0] = '\0';
    }
    if (strncmp(variable, words, sizeof(words) - 1) == 0 && atoi(number) < *argc) {
        *argc -= atoi(number);
        argv[*argc] = NULL;
    }
}

/* The strings stay where they are, in the FDT.  pointers: as many as there are strings, and two. */
static __noreturn void run_started(char *args, size_t bytes, char **pointers)
{
    int main(int argc, char **argv, char **environment);
    char *at = args, *end = args + bytes, **next = pointers;
    int argc = 0;

    for (; at < end && *at; at += strlen(at) + 1) {
        *next++ = at;
        argc++;
    }
    *next++ = NULL;
    environ = next;
    for (at++; at < end; at += strlen(at) + 1) {
        if (inherit_is(at)) {
            restore(at, pointers, &argc);
        } else {
            *next++ = at;
        }
    }
    *next = NULL;
    exit(main(argc, pointers, environ));
}

static void run_if_started(void)
{
    size_t bytes, strings = 0;
    const char *args = machine_args(&bytes);

    if (!args) {
        return;
    }
    for (size_t i = 0; i < bytes; i++) {
        strings += args[i] == '\0';
    }
    if (!fits((strings + 2) * sizeof(char *))) {
        refuse_length();
    }
    run_started((char *)(uintptr_t)args, bytes, __builtin_alloca((strings + 2) * sizeof(char *)));
}

/* ---- from the command line ---- */

void guest_run(void)
{
    int main(int argc, char **argv, char **environment);
    const char *text = machine_bootargs();
    size_t bytes = strlen(text), name_bytes = strlen(payload_name) + 1;
    size_t pointers_bytes = WORDS_POINTERS(bytes) * sizeof(char *);
    size_t room = pointers_bytes + bytes + 1 + name_bytes;
    struct words words;
    const char *why;
    char *block, *name;

    run_if_started();
    if (!fits(room)) {
        refuse_length();
    }
    block = __builtin_alloca(room);
    name = memcpy(block + room - name_bytes, payload_name, name_bytes);
    why = words_read(text, name, (char **)(void *)block, block + pointers_bytes, &words);
    if (why) {
        refuse(why);
    }
    environ = words.environment;
    exit(main(words.argc, words.argv, words.environment));
}
