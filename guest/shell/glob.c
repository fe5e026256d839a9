/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Patterns, and the paths that match one.
 *
 *     *   any bytes    ?   one character of UTF-8    [a-z] [!a-z]   one byte of these, or none of
 *     \c  c itself
 *
 * A component's first dot is only matched by a dot, and a slash by a slash; . and .. by nothing.  A
 * bracket that nothing closes is itself.
 */
#include "guest/shell/glob.h"

#include <dirent.h>
#include <string.h>
#include <sys/stat.h>

bool glob_is_special(char c)
{
    return c == '*' || c == '?' || c == '[' || c == '\\';
}

static bool is_continuation(char c)
{
    return (c & 0xc0) == 0x80;
}

static const char *next_character(const char *p)
{
    p++;
    while (is_continuation(*p)) {
        p++;
    }
    return p;
}

/*
 * The bracket expression at *pattern, which begins with '['.  *pattern is then behind it; unchanged
 * if nothing closes it.
 */
static bool matches_bracket(const char **pattern, char c)
{
    const char *p = *pattern + 1;
    bool negated = *p == '!' || *p == '^', found = false;
    const char *first = p + (negated ? 1 : 0);

    for (p = first; *p != ']' || p == first;) {
        u8 low, high;

        if (*p == '\\' && p[1]) {
            p++;
        }
        if (*p == '\0') {
            return false;
        }
        low = high = (u8)*p++;
        if (*p == '-' && p[1] != ']' && p[1] != '\0') {
            p++;
            if (*p == '\\' && p[1]) {
                p++;
            }
            high = (u8)*p++;
        }
        found = found || ((u8)c >= low && (u8)c <= high);
    }
    *pattern = p + 1;
    return found != negated;
}

/* What the pattern's first element, which is no star, leaves of the name; NULL: no match. */
static const char *match_one(const char **pattern, const char *name)
{
    const char *p = *pattern;

    if (*name == '\0') {
        return NULL;
    }
    if (*p == '?') {
        *pattern = p + 1;
        return next_character(name);
    }
    if (*p == '[') {
        bool matches = matches_bracket(pattern, *name);

        if (*pattern != p) {
            return matches ? name + 1 : NULL;
        }
    } else if (*p == '\\' && p[1]) {
        p++;
    }
    *pattern = p + 1;
    return *p == *name ? name + 1 : NULL;
}

/* Whether all of the name matches; both have no slash. */
bool glob_match(const char *pattern, const char *name)
{
    const char *star = NULL, *from = NULL; /* behind the last star; what it does not match yet */

    if (*name == '.' && *pattern != '.' && !(*pattern == '\\' && pattern[1] == '.')) {
        return false;
    }
    while (*name || *pattern) {
        const char *next;

        if (*pattern == '*') {
            star = ++pattern;
            from = name;
            continue;
        }
        next = *pattern ? match_one(&pattern, name) : NULL;
        if (next) {
            name = next;
            continue;
        }
        if (!star || *from == '\0') {
            return false;
        }
        name = ++from;
        pattern = star;
    }
    return true;
}

/* Takes the backslashes out. */
void glob_unescape(char *pattern)
{
    char *to = pattern;

    for (const char *p = pattern; *p; p++) {
        if (*p == '\\' && p[1]) {
            p++;
        }
        *to++ = *p;
    }
    *to = '\0';
}

static bool has_wildcard(const char *component)
{
    for (const char *p = component; *p; p++) {
        if (*p == '\\' && p[1]) {
            p++;
        } else if (glob_is_special(*p)) {
            return true;
        }
    }
    return false;
}

struct search {
    struct arena *arena;
    struct strings *paths;
    struct buffer path; /* what has been matched, up to and with a slash */
};

static void search(struct search *search, const char *pattern);

/* Goes on below a directory or with a file, by the name that is appended to the path. */
static void go_on(struct search *in, const char *name, const char *rest)
{
    size_t used = in->path.used;
    struct stat status;

    buffer_add_text(&in->path, name);
    if (*rest) {
        size_t slashes = strspn(rest, "/");

        if (stat(in->path.at, &status) == 0 && S_ISDIR(status.st_mode)) {
            buffer_add(&in->path, rest, slashes);
            search(in, rest + slashes);
        }
    } else if (lstat(in->path.at, &status) == 0) {
        strings_add(in->paths, arena_copy(in->arena, in->path.at, in->path.used));
    }
    buffer_cut(&in->path, used);
}

/* Names are read before any is gone into: one directory is open at a time. */
static void search_directory(struct search *in, const char *component, const char *rest)
{
    DIR *directory = opendir(in->path.used ? in->path.at : ".");
    struct strings names = {0};
    const struct dirent *entry;

    if (!directory) {
        return;
    }
    while ((entry = readdir(directory)) != NULL) {
        const char *name = entry->d_name;

        if (glob_match(component, name) && strcmp(name, ".") != 0 && strcmp(name, "..") != 0) {
            strings_add(&names, memory_copy(name));
        }
    }
    closedir(directory);
    for (size_t i = 0; i < names.used; i++) {
        go_on(in, names.at[i], rest);
    }
    strings_free_texts(&names);
}

static void search(struct search *in, const char *pattern)
{
    size_t bytes = strcspn(pattern, "/");
    char *component = arena_copy(in->arena, pattern, bytes);

    if (bytes == 0) { /* the path ends with a slash */
        strings_add(in->paths, arena_copy(in->arena, buffer_text(&in->path), in->path.used));
    } else if (has_wildcard(component)) {
        search_directory(in, component, pattern + bytes);
    } else {
        glob_unescape(component);
        go_on(in, component, pattern + bytes);
    }
}

/* Adds the paths that match, in the order of their bytes; none if the pattern has no wildcard. */
void glob_expand(const char *pattern, struct arena *arena, struct strings *paths)
{
    struct search in = {.arena = arena, .paths = paths};
    size_t before = paths->used, slashes = strspn(pattern, "/");

    if (!has_wildcard(pattern)) {
        return;
    }
    buffer_add(&in.path, pattern, slashes);
    search(&in, pattern + slashes);
    strings_sort(paths, before);
    buffer_free(&in.path);
}
