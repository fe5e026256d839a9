/* SPDX-License-Identifier: BSD-2-Clause */
/* A recursive judge of JSON: each function returns what follows its value, or NULL. */
#include "tests/host/json.h"

#include <ctype.h>
#include <string.h>

static const char *value(const char *at);

static const char *spaces(const char *at)
{
    return at + strspn(at, " \n\r\t");
}

static const char *digits(const char *at)
{
    return isdigit((unsigned char)*at) ? at + strspn(at, "0123456789") : NULL;
}

static const char *string(const char *at)
{
    const char *end = *at == '"' ? strchr(at + 1, '"') : NULL;

    for (const char *c = at; end != NULL && c < end; c++) {
        if ((unsigned char)*c < ' ' || *c == '\\') {
            return NULL;
        }
    }
    return end ? end + 1 : NULL;
}

static const char *number(const char *at)
{
    at = digits(*at == '-' ? at + 1 : at);
    return at != NULL && *at == '.' ? digits(at + 1) : at;
}

/* "name":value */
static const char *member(const char *at)
{
    at = string(at);
    at = at ? spaces(at) : NULL;
    return at != NULL && *at == ':' ? value(at + 1) : NULL;
}

/* Items with commas between, up to the closing bracket. */
static const char *list(const char *at, char closing, const char *(*item)(const char *))
{
    at = spaces(at + 1);
    if (*at == closing) {
        return at + 1;
    }
    while ((at = item(at)) != NULL) {
        at = spaces(at);
        if (*at == closing) {
            return at + 1;
        }
        if (*at != ',') {
            return NULL;
        }
        at = spaces(at + 1);
    }
    return NULL;
}

static const char *value(const char *at)
{
    at = spaces(at);
    switch (*at) {
    case '{': return list(at, '}', member);
    case '[': return list(at, ']', value);
    case '"': return string(at);
    default: return number(at);
    }
}

bool json_is_well_formed(const char *text)
{
    const char *end = value(text);

    return end != NULL && *spaces(end) == '\0';
}
