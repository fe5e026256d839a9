/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Component libc: main gets arguments and environment from the command line (words.c), and its
 * return is exit(), with what was registered by atexit and the destructors.
 *
 * argv[0] is the image's name, which tools/ukcc links in; so it is the same bare and in a VM.
 * The words live on the stack of this function, which does not return.
 */
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "guest/guest.h"
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

    if (room > (size_t)(boot_stack_top - boot_stack) / 2) {
        refuse(
            "they need more than half of the stack; shorten them, or link with a larger --stack");
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
