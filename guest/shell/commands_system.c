/* SPDX-License-Identifier: BSD-2-Clause */
/* Commands about the machine: clear date df mount sleep sync umount uname. */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/utsname.h>
#include <time.h>
#include <unistd.h>

#include "guest/shell/command.h"
#include "guest/shell/image.h"
#include "guest/shell/memory.h"

#define CLEAR_SCREEN "\033[H\033[2J"
#define DATE_BYTES   256
#define NS_PER_S     1000000000ULL
#define SLEEP_DIGITS 9
#define KIB          1024

int command_clear(struct call *call)
{
    out_text(call, CLEAR_SCREEN);
    return 0;
}

int command_date(struct call *call)
{
    const char *format = "%a %b %e %H:%M:%S UTC %Y";
    time_t now = time(NULL);
    char text[DATE_BYTES];
    struct tm parts;

    if (call->argc > 2 || (call->argc == 2 && call->argv[1][0] != '+')) {
        return call_misuse(call, "a format begins with +");
    }
    if (call->argc == 2) {
        format = call->argv[1] + 1;
    }
    gmtime_r(&now, &parts);
    if (*format && strftime(text, sizeof(text), format, &parts) == 0) {
        return call_complain(call, "%s: cannot be written in %d bytes", format, DATE_BYTES);
    }
    out_format(call, "%s\n", *format ? text : "");
    return 0;
}

/* Seconds, which may have a fraction. */
static bool read_seconds(const char *text, u64 *ns)
{
    char whole[20], fraction[SLEEP_DIGITS + 1] = "000000000";
    size_t digits = strcspn(text, ".");
    u64 seconds = 0, part = 0;

    if (digits >= sizeof(whole) || strlen(text) == 0 || strcmp(text, ".") == 0) {
        return false;
    }
    memcpy(whole, text, digits);
    whole[digits] = '\0';
    if (text[digits] == '.') {
        text += digits + 1;
        if (strspn(text, "0123456789") != strlen(text)) {
            return false;
        }
        memcpy(fraction, text, strlen(text) < SLEEP_DIGITS ? strlen(text) : SLEEP_DIGITS);
    }
    if ((digits > 0 && !number_read(whole, &seconds)) || !number_read(fraction, &part) ||
        seconds > UINT64_MAX / NS_PER_S / 2) {
        return false;
    }
    *ns = seconds * NS_PER_S + part;
    return true;
}

int command_sleep(struct call *call)
{
    u64 ns;

    if (call->argc != 2 || !read_seconds(call->argv[1], &ns)) {
        return call_misuse(call, "a number of seconds");
    }
    return call_pause(call, ns) ? 0 : STATUS_INTERRUPTED;
}

int command_uname(struct call *call)
{
    static const char letters[] = "snrvm";
    struct options options;
    struct utsname names;
    bool first = true;

    if (!options_read(call, "asnrvm", &options)) {
        return STATUS_MISUSE;
    }
    if (options.first < call->argc) {
        return call_misuse(call, "no words");
    }
    if (uname(&names) < 0) {
        return call_fail(call, "uname");
    }
    for (size_t i = 0; letters[i]; i++) {
        const char *const fields[] = {names.sysname, names.nodename, names.release, names.version,
                                      names.machine};

        if (options_has(&options, 'a') || options_has(&options, letters[i]) ||
            (options.letters == 0 && i == 0)) {
            out_format(call, "%s%s", first ? "" : " ", fields[i]);
            first = false;
        }
    }
    out_char(call, '\n');
    return 0;
}

/* ---- file systems ---- */

int command_sync(struct call *call)
{
    (void)call;
    sync();
    return 0;
}

static void show_mount(void *context, const struct image_mount *mount)
{
    out_format(context, "%s on %s type %s (%s)\n", mount->source, mount->path, mount->type,
               mount->readonly ? "ro" : "rw");
}

int command_mount(struct call *call)
{
    struct options options;
    const char *why = NULL;
    int words, error;

    if (call->argc == 1) {
        image_mounts(show_mount, call);
        return 0;
    }
    if (!options_read(call, "rt:", &options)) {
        return STATUS_MISUSE;
    }
    words = call->argc - options.first;
    if (!options.value || words < 1 || words > 2) {
        return call_misuse(call, "a type, and where to");
    }
    error =
        image_mount(words == 2 ? call->argv[options.first] : options.value,
                    call->argv[call->argc - 1], options.value, options_has(&options, 'r'), &why);
    if (error) {
        return call_complain(call, "%s: %s%s%s", call->argv[call->argc - 1], strerror(error),
                             why ? ": " : "", why ? why : "");
    }
    return 0;
}

int command_umount(struct call *call)
{
    int status = 0;

    if (call->argc < 2) {
        return call_misuse(call, "which directory?");
    }
    for (int i = 1; i < call->argc; i++) {
        errno = image_unmount(call->argv[i]);
        if (errno) {
            status = call_fail(call, call->argv[i]);
        }
    }
    return status;
}

struct spaces {
    struct call *call;
    dev_t wanted; /* the file system that a path is on; 0: all */
};

static void show_space(void *context, const struct image_mount *mount)
{
    const struct spaces *spaces = context;
    u64 all = mount->blocks * mount->block_bytes / KIB;
    u64 available = mount->free_blocks * mount->block_bytes / KIB;
    u64 used = all - available;
    struct stat root;

    if (spaces->wanted && (stat(mount->path, &root) != 0 || root.st_dev != spaces->wanted)) {
        return;
    }
    out_format(spaces->call, "%-14s %10llu %10llu %10llu %3llu%% %s\n", mount->source,
               (unsigned long long)all, (unsigned long long)used, (unsigned long long)available,
               (unsigned long long)(all ? (used * 100 + all - 1) / all : 0), mount->path);
}

int command_df(struct call *call)
{
    struct spaces spaces = {.call = call};
    int status = 0;

    out_format(call, "%-14s %10s %10s %10s %4s %s\n", "Filesystem", "1K-blocks", "Used",
               "Available", "Use%", "Mounted on");
    if (call->argc == 1) {
        image_mounts(show_space, &spaces);
    }
    for (int i = 1; i < call->argc; i++) {
        struct stat of;

        if (stat(call->argv[i], &of) != 0) {
            status = call_fail(call, call->argv[i]);
            continue;
        }
        spaces.wanted = of.st_dev;
        image_mounts(show_space, &spaces);
    }
    return status;
}
