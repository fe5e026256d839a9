/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The shell's text as words and operators.
 *
 * A word keeps its quotes and dollars: expand.c resolves them when the command is run.  Here they
 * only say where a word ends.  What a Unix shell has and this one has not is refused by its name,
 * never read as something else.
 */
#include "guest/shell/lexer.h"

#include <string.h>

static const char *const no_substitution = "$(...) and `...`: there is no command substitution";
static const char *const no_arithmetic = "$((...)): there is no arithmetic";
static const char *const no_subshell = "( ): there are no subshells; { ...; } groups commands";
static const char *const no_case = ";;: there is no case";
static const char *const no_here = "<<: there are no here-documents";
static const char *const no_both = "<> and >|: there are only <, >, >>, >& and <&";
static const char *const no_both_piped = "|&: write 2>&1 |";
static const char *const no_parameter =
    "${...}: there is only the name of a variable between the braces";

static bool is_blank(char c)
{
    return c == ' ' || c == '\t';
}

static bool ends_word(char c)
{
    return c == '\0' || strchr(" \t\n;&|<>()", c) != NULL;
}

static bool is_letter(char c)
{
    return c == '_' || (c >= 'A' && c <= 'Z') || (c >= 'a' && c <= 'z');
}

static bool is_digit(char c)
{
    return c >= '0' && c <= '9';
}

/* How many bytes of the text are a variable's name; 0: none. */
size_t lexer_name_bytes(const char *text)
{
    size_t bytes = 0;

    while (is_letter(text[bytes]) || (bytes > 0 && is_digit(text[bytes]))) {
        bytes++;
    }
    return bytes;
}

/* Blanks, comments, and line ends behind a backslash. */
static const char *skip(const char *p)
{
    for (;;) {
        if (is_blank(*p)) {
            p++;
        } else if (p[0] == '\\' && p[1] == '\n' && p[2] != '\0') {
            p += 2;
        } else if (*p == '#') {
            p += strcspn(p, "\n");
        } else {
            return p;
        }
    }
}

/* Behind what begins with the dollar at p; NULL: it cannot be. */
static const char *skip_dollar(struct lexer *lexer, const char *p)
{
    size_t name;

    if (p[1] == '(') {
        lexer->why = p[2] == '(' ? no_arithmetic : no_substitution;
        return NULL;
    }
    if (p[1] != '{') {
        return p + 1;
    }
    name = lexer_name_bytes(p + 2);
    if (name == 0 && p[2] != '\0' && strchr("?#@*$!", p[2])) {
        name = 1;
    }
    if (name == 0) {
        name = strspn(p + 2, "0123456789");
    }
    if (name == 0 || p[2 + name] != '}') {
        lexer->why = no_parameter;
        return NULL;
    }
    return p + 2 + name + 1;
}

/* Behind the character at p, or what begins with it, outside of single quotes; NULL: it cannot be.
 */
static const char *skip_expanded(struct lexer *lexer, const char *p)
{
    if (*p == '$') {
        return skip_dollar(lexer, p);
    }
    if (*p == '`') {
        lexer->why = no_substitution;
        return NULL;
    }
    return p + 1;
}

/* Behind the quote that ends what the one at p begins; NULL: nothing does, or there is an error. */
static const char *skip_quotes(struct lexer *lexer, const char *p)
{
    char quote = *p++;

    while (*p != quote) {
        if (*p == '\0') {
            return NULL;
        }
        if (quote == '\'') {
            p++;
        } else if (*p == '\\' && p[1] != '\0') {
            p += 2;
        } else {
            p = skip_expanded(lexer, p);
        }
        if (!p) {
            return NULL;
        }
    }
    return p + 1;
}

static struct token make(struct lexer *lexer, enum token_kind kind, size_t bytes)
{
    struct token token = {.kind = kind, .at = lexer->at, .bytes = bytes};

    lexer->at += bytes;
    return token;
}

static struct token refuse(struct lexer *lexer, const char *why)
{
    lexer->why = why;
    return make(lexer, TOKEN_ERROR, 0);
}

static struct token word(struct lexer *lexer)
{
    const char *p = lexer->at;

    while (!ends_word(*p)) {
        if (*p == '\\') {
            /* what ends the text with a backslash goes on in the next line */
            p = p[1] == '\0' || (p[1] == '\n' && p[2] == '\0') ? NULL : p + 2;
        } else if (*p == '\'' || *p == '"') {
            p = skip_quotes(lexer, p);
        } else {
            p = skip_expanded(lexer, p);
        }
        if (!p) {
            return make(lexer, lexer->why ? TOKEN_ERROR : TOKEN_INCOMPLETE, 0);
        }
    }
    return make(lexer, TOKEN_WORD, (size_t)(p - lexer->at));
}

/* < or > is at lexer->at + digits, where the digits say what is redirected. */
static struct token redirection(struct lexer *lexer, size_t digits)
{
    const char *p = lexer->at + digits;
    struct token token;
    int fd = *p == '<' ? 0 : 1;

    if (digits > 0) {
        fd = lexer->at[0] - '0';
    }
    if (digits > 1 || fd > 2) {
        return refuse(lexer, "only the descriptors 0, 1 and 2 can be redirected");
    }
    if (p[0] == '<' && p[1] == '<') {
        return refuse(lexer, no_here);
    }
    if ((p[0] == '<' && p[1] == '>') || (p[0] == '>' && p[1] == '|')) {
        return refuse(lexer, no_both);
    }
    if (p[1] == '&') {
        token = make(lexer, TOKEN_REDIRECT, digits + 2);
        token.op = REDIRECT_COPY;
    } else if (p[0] == '>' && p[1] == '>') {
        token = make(lexer, TOKEN_REDIRECT, digits + 2);
        token.op = REDIRECT_APPEND;
    } else {
        token = make(lexer, TOKEN_REDIRECT, digits + 1);
        token.op = p[0] == '<' ? REDIRECT_READ : REDIRECT_WRITE;
    }
    token.fd = fd;
    return token;
}

/*
 * lexer_next - the token at lexer->at, which moves behind it.
 *
 * After TOKEN_END, TOKEN_INCOMPLETE and TOKEN_ERROR it comes again.
 */
struct token lexer_next(struct lexer *lexer)
{
    const char *p = skip(lexer->at);
    size_t digits = strspn(p, "0123456789");

    lexer->at = p;
    if (p[digits] == '<' || p[digits] == '>') {
        return redirection(lexer, digits);
    }
    switch (*p) {
    case '\0': return make(lexer, TOKEN_END, 0);
    case '\n': return make(lexer, TOKEN_NEWLINE, 1);
    case ';': return p[1] == ';' ? refuse(lexer, no_case) : make(lexer, TOKEN_SEMICOLON, 1);
    case '&': return p[1] == '&' ? make(lexer, TOKEN_AND_IF, 2) : make(lexer, TOKEN_AMPERSAND, 1);
    case '|':
        if (p[1] == '&') {
            return refuse(lexer, no_both_piped);
        }
        return p[1] == '|' ? make(lexer, TOKEN_OR_IF, 2) : make(lexer, TOKEN_PIPE, 1);
    case '(':
    case ')': return refuse(lexer, no_subshell);
    default: return word(lexer);
    }
}
