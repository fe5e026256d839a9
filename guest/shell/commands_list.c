/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * ls.
 *
 * On a terminal names stand in columns, and what a terminal would not show as it is is a question
 * mark; else one a line, as they are.  There are no owners: everything is root's.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "guest/shell/columns.h"
#include "guest/shell/files.h"
#include "guest/shell/terminal.h"
#include "guest/shell/utf8.h"

#define DATE_BYTES   32
#define HALF_A_YEAR  (182 * 86400L)
#define BLOCKS_A_KIB 2 /* of st_blocks */

struct listing {
    struct call *call;
    bool all, details, directories, columns;
    bool titles; /* each directory has one */
    bool begun;  /* something has been written */
};

static char type_of(mode_t mode)
{
    return S_ISDIR(mode)   ? 'd'
           : S_ISCHR(mode) ? 'c'
           : S_ISBLK(mode) ? 'b'
           : S_ISREG(mode) ? '-'
                           : '?';
}

/* With the time of day, or where that is long ago or to come with the year. */
static void format_date(s64 seconds, char *to)
{
    time_t when = (time_t)seconds, now = time(NULL);
    struct tm parts;
    bool recent = when <= now && now - when < HALF_A_YEAR;

    if (!gmtime_r(&when, &parts) ||
        strftime(to, DATE_BYTES, recent ? "%b %e %H:%M" : "%b %e  %Y", &parts) == 0) {
        strcpy(to, "?");
    }
}

static void write_details(struct call *call, const struct stat *status, int digits)
{
    static const char letters[] = "rwxrwxrwx";
    char date[DATE_BYTES], mode[sizeof(letters)];

    for (unsigned i = 0; letters[i]; i++) {
        mode[i] = status->st_mode >> (8 - i) & 1 ? letters[i] : '-';
    }
    mode[sizeof(letters) - 1] = '\0';
    format_date((s64)status->st_mtime, date);
    out_format(call, "%c%s %2lu root root %*lld %s ", type_of(status->st_mode), mode,
               (unsigned long)status->st_nlink, digits, (long long)status->st_size, date);
}

/* As a terminal can show it. */
static void make_printable(char *name)
{
    if (!utf8_is_printable(name)) {
        for (char *p = name; *p; p++) {
            *p = (u8)*p < ' ' || (u8)*p >= 0x7f ? '?' : *p;
        }
    }
}

static int digits_of(s64 bytes)
{
    return snprintf(NULL, 0, "%lld", (long long)bytes);
}

/* Names, which are in the directory, or are paths if that is NULL. */
static int write_long(struct listing *listing, const char *directory, const struct strings *names)
{
    struct stat *all = memory_get(names->used * sizeof(*all));
    int digits = 1, failed = 0;
    u64 blocks = 0;

    for (size_t i = 0; i < names->used; i++) {
        char *path = directory ? path_join(directory, names->at[i]) : memory_copy(names->at[i]);

        if (lstat(path, &all[i]) != 0) {
            failed = call_fail(listing->call, path);
            all[i].st_nlink = 0;
        } else {
            int needed = digits_of(all[i].st_size);

            digits = needed > digits ? needed : digits;
            blocks += (u64)all[i].st_blocks;
        }
        free(path);
    }
    if (directory) {
        out_format(listing->call, "total %llu\n", (unsigned long long)(blocks / BLOCKS_A_KIB));
    }
    for (size_t i = 0; i < names->used && !call_stopped(listing->call); i++) {
        if (all[i].st_nlink > 0) {
            write_details(listing->call, &all[i], digits);
            out_format(listing->call, "%s\n", names->at[i]);
        }
    }
    free(all);
    return failed;
}

static int write_names(struct listing *listing, const char *directory, struct strings *names)
{
    if (listing->details) {
        return write_long(listing, directory, names);
    }
    if (listing->columns) {
        struct buffer text = {0};

        columns_format(&text, names->at, names->used, terminal_columns(listing->call->shell));
        out_bytes(listing->call, buffer_text(&text), text.used);
        buffer_free(&text);
        return 0;
    }
    for (size_t i = 0; i < names->used; i++) {
        out_format(listing->call, "%s\n", names->at[i]);
    }
    return 0;
}

static int list_directory(struct listing *listing, const char *path)
{
    struct strings names = {0};
    int status;

    if (listing->titles) {
        out_format(listing->call, "%s%s:\n", listing->begun ? "\n" : "", path);
    }
    listing->begun = true;
    if (listing->all) {
        strings_add(&names, memory_copy("."));
        strings_add(&names, memory_copy(".."));
    }
    status = files_list(listing->call, path, listing->all, &names) ? 0 : 1;
    for (size_t i = 0; isatty(listing->call->io.out) && !listing->details && i < names.used; i++) {
        make_printable(names.at[i]);
    }
    status |= write_names(listing, path, &names);
    strings_free_texts(&names);
    return status;
}

/* Files first, then what is in the directories. */
static int list_all(struct listing *listing, char **paths, int count)
{
    struct strings files = {0}, directories = {0};
    int status = 0;

    for (int i = 0; i < count; i++) {
        struct stat of;

        if (stat(paths[i], &of) != 0) {
            status = call_fail(listing->call, paths[i]);
        } else if (S_ISDIR(of.st_mode) && !listing->directories) {
            strings_add(&directories, paths[i]);
        } else {
            strings_add(&files, paths[i]);
        }
    }
    strings_sort(&files, 0);
    strings_sort(&directories, 0);
    listing->titles = count > 1;
    if (files.used > 0) {
        status |= write_names(listing, NULL, &files);
        listing->begun = true;
    }
    for (size_t i = 0; i < directories.used && !call_stopped(listing->call); i++) {
        status |= list_directory(listing, directories.at[i]);
    }
    strings_free(&files);
    strings_free(&directories);
    return status;
}

int command_ls(struct call *call)
{
    static char *here[] = {"."};
    struct listing listing = {.call = call};
    struct options options;

    if (!options_read(call, "1adl", &options)) {
        return STATUS_MISUSE;
    }
    listing.all = options_has(&options, 'a');
    listing.details = options_has(&options, 'l');
    listing.directories = options_has(&options, 'd');
    listing.columns = isatty(call->io.out) && !options_has(&options, '1');
    if (options.first == call->argc) {
        return list_all(&listing, here, 1);
    }
    return list_all(&listing, call->argv + options.first, call->argc - options.first);
}
