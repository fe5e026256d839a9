/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The shell's text as a tree of commands: recursive descent, a function for each line.
 *
 *     line      list? (newline | end)
 *     list      and_or ((';' | '&' | newline) and_or)* (';' | '&')?      newlines: within compounds
 *     and_or    pipeline (('&&' | '||') newline* pipeline)*
 *     pipeline  '!'* command ('|' newline* command)*
 *     command   simple | compound redirection*
 *     simple    (word | redirection)+
 *     compound  if list then list (elif list then list)* (else list)? fi
 *               (while | until) list do list done
 *               for name (in word*)? (';' | newline) do list done
 *               '{' list '}'
 *
 * Keywords are words without quotes where a command begins.  Compounds nest PARSE_DEPTH deep, and
 * lists are chains, so that no text makes a tree that is deeper than a task's stack.
 *
 * Once parser->result is not PARSE_DONE, each function returns NULL as soon as it can.
 */
#include "guest/shell/parse.h"

#include <stdio.h>
#include <string.h>

#define PARSE_DEPTH 32
#define SHOWN_BYTES 40

struct parser {
    struct lexer lexer;
    struct token token; /* the next one */
    struct arena *arena;
    struct parse_error *error;
    enum parse_result result;
    unsigned depth;
    const char *last_end; /* behind the last token that was taken */
};

static const char *const keywords[] = {"!",  "do",   "done",  "elif",  "else", "fi", "for",
                                       "if", "then", "until", "while", "{",    "}"};
static const char *const absent[] = {"case", "esac", "function", "select"};

static struct tree *and_or(struct parser *parser);
static struct tree *list(struct parser *parser, bool newlines);

static bool is_one_of(const char *const *words, size_t count, const char *text, size_t bytes)
{
    for (size_t i = 0; i < count; i++) {
        if (strlen(words[i]) == bytes && memcmp(words[i], text, bytes) == 0) {
            return true;
        }
    }
    return false;
}

static void fail(struct parser *parser, const char *what, const char *at, size_t bytes)
{
    if (parser->result != PARSE_DONE) {
        return;
    }
    parser->result = PARSE_ERROR;
    if (at) {
        snprintf(parser->error->text, sizeof(parser->error->text), "%s %.*s", what,
                 (int)(bytes < SHOWN_BYTES ? bytes : SHOWN_BYTES), at);
    } else {
        snprintf(parser->error->text, sizeof(parser->error->text), "%s", what);
    }
}

static void advance(struct parser *parser)
{
    parser->last_end = parser->lexer.at;
    parser->token = lexer_next(&parser->lexer);
    if (parser->token.kind == TOKEN_ERROR) {
        fail(parser, parser->lexer.why, NULL, 0);
    } else if (parser->token.kind == TOKEN_INCOMPLETE && parser->result == PARSE_DONE) {
        parser->result = PARSE_INCOMPLETE;
    }
}

static void unexpected(struct parser *parser)
{
    switch (parser->token.kind) {
    case TOKEN_END:
        if (parser->result == PARSE_DONE) {
            parser->result = PARSE_INCOMPLETE;
        }
        return;
    case TOKEN_NEWLINE: fail(parser, "syntax error: the line ends too early", NULL, 0); return;
    case TOKEN_WORD:
    case TOKEN_SEMICOLON:
    case TOKEN_AMPERSAND:
    case TOKEN_PIPE:
    case TOKEN_AND_IF:
    case TOKEN_OR_IF:
    case TOKEN_REDIRECT:
    case TOKEN_INCOMPLETE:
    case TOKEN_ERROR:
        fail(parser, "syntax error: unexpected", parser->token.at, parser->token.bytes);
        return;
    }
}

static bool at_word(const struct parser *parser, const char *word)
{
    return parser->token.kind == TOKEN_WORD &&
           is_one_of(&word, 1, parser->token.at, parser->token.bytes);
}

static bool at_keyword(const struct parser *parser)
{
    return parser->token.kind == TOKEN_WORD &&
           is_one_of(keywords, ARRAY_LEN(keywords), parser->token.at, parser->token.bytes);
}

/* Whether a list can go on here. */
static bool at_command(const struct parser *parser)
{
    if (parser->result != PARSE_DONE) {
        return false;
    }
    if (parser->token.kind == TOKEN_REDIRECT) {
        return true;
    }
    return parser->token.kind == TOKEN_WORD &&
           (!at_keyword(parser) || at_word(parser, "!") || at_word(parser, "if") ||
            at_word(parser, "while") || at_word(parser, "until") || at_word(parser, "for") ||
            at_word(parser, "{"));
}

static void expect(struct parser *parser, const char *word)
{
    if (at_word(parser, word)) {
        advance(parser);
    } else {
        unexpected(parser);
    }
}

static void skip_newlines(struct parser *parser)
{
    while (parser->token.kind == TOKEN_NEWLINE) {
        advance(parser);
    }
}

static struct tree *make(struct parser *parser, enum tree_kind kind, struct tree *left)
{
    struct tree *tree = arena_get(parser->arena, sizeof(*tree));

    *tree = (struct tree){.kind = kind, .left = left};
    return tree;
}

/* A list that grows: one part alone is no list. */
struct parts {
    struct tree *first, *last;
};

static void add_part(struct parts *parts, struct tree *part, enum join join)
{
    part->join = join;
    if (parts->last) {
        parts->last->next = part;
    } else {
        parts->first = part;
    }
    parts->last = part;
}

static struct tree *list_of(struct parser *parser, const struct parts *parts)
{
    return parts->first == parts->last ? parts->first : make(parser, TREE_LIST, parts->first);
}

/* The token at hand, a word, is taken. */
static char *take(struct parser *parser)
{
    char *text = arena_copy(parser->arena, parser->token.at, parser->token.bytes);

    advance(parser);
    return text;
}

static struct word **add_word(struct parser *parser, struct word **end)
{
    struct word *word = arena_get(parser->arena, sizeof(*word));

    word->next = NULL;
    word->text = take(parser);
    *end = word;
    return &word->next;
}

static struct redirect **add_redirect(struct parser *parser, struct redirect **end)
{
    struct redirect *redirect = arena_get(parser->arena, sizeof(*redirect));

    *redirect = (struct redirect){.op = parser->token.op, .fd = parser->token.fd};
    advance(parser);
    if (parser->token.kind != TOKEN_WORD) {
        unexpected(parser);
        return end;
    }
    redirect->target = take(parser);
    *end = redirect;
    return &redirect->next;
}

static struct tree *simple(struct parser *parser)
{
    struct tree *tree = make(parser, TREE_COMMAND, NULL);
    struct word **words = &tree->words;
    struct redirect **redirects = &tree->redirects;

    if (parser->token.kind == TOKEN_WORD &&
        is_one_of(absent, ARRAY_LEN(absent), parser->token.at, parser->token.bytes)) {
        fail(parser, "this shell has no", parser->token.at, parser->token.bytes);
    }
    while (parser->result == PARSE_DONE) {
        if (parser->token.kind == TOKEN_WORD) {
            words = add_word(parser, words);
        } else if (parser->token.kind == TOKEN_REDIRECT) {
            redirects = add_redirect(parser, redirects);
        } else {
            break;
        }
    }
    return tree;
}

/* A list of at least one command, up to a keyword. */
static struct tree *body(struct parser *parser)
{
    struct tree *tree = list(parser, true);

    if (!tree) {
        unexpected(parser);
    }
    return tree;
}

/* Behind `if` or `elif`. */
static struct tree *conditional(struct parser *parser)
{
    struct tree *first = make(parser, TREE_IF, NULL), *tree = first;

    for (;;) {
        tree->condition = body(parser);
        expect(parser, "then");
        tree->left = body(parser);
        if (parser->result != PARSE_DONE || !at_word(parser, "elif")) {
            break;
        }
        advance(parser);
        tree->right = make(parser, TREE_IF, NULL);
        tree = tree->right;
    }
    if (at_word(parser, "else")) {
        advance(parser);
        tree->right = make(parser, TREE_IF, body(parser));
    }
    expect(parser, "fi");
    return first;
}

static void loop_body(struct parser *parser, struct tree *tree)
{
    expect(parser, "do");
    tree->left = body(parser);
    expect(parser, "done");
}

static struct tree *loop(struct parser *parser, enum tree_kind kind)
{
    struct tree *tree = make(parser, kind, NULL);

    tree->condition = body(parser);
    loop_body(parser, tree);
    return tree;
}

static struct tree *for_loop(struct parser *parser)
{
    struct tree *tree = make(parser, TREE_FOR, NULL);
    struct word **words = &tree->words;

    if (parser->token.kind != TOKEN_WORD ||
        lexer_name_bytes(parser->token.at) != parser->token.bytes) {
        unexpected(parser);
        return tree;
    }
    tree->text = take(parser);
    skip_newlines(parser);
    if (at_word(parser, "in")) {
        tree->has_in = true;
        advance(parser);
        while (parser->token.kind == TOKEN_WORD) {
            words = add_word(parser, words);
        }
    }
    if (parser->token.kind == TOKEN_SEMICOLON) {
        advance(parser);
    } else if (tree->has_in && parser->token.kind != TOKEN_NEWLINE) {
        unexpected(parser);
    }
    skip_newlines(parser);
    loop_body(parser, tree);
    return tree;
}

/* The keyword at hand begins it. */
static struct tree *compound(struct parser *parser)
{
    struct tree *tree;
    struct redirect **redirects;
    char *keyword = take(parser);

    if (strcmp(keyword, "if") == 0) {
        tree = conditional(parser);
    } else if (strcmp(keyword, "while") == 0) {
        tree = loop(parser, TREE_WHILE);
    } else if (strcmp(keyword, "until") == 0) {
        tree = loop(parser, TREE_UNTIL);
    } else if (strcmp(keyword, "for") == 0) {
        tree = for_loop(parser);
    } else {
        tree = make(parser, TREE_GROUP, body(parser));
        expect(parser, "}");
    }
    redirects = &tree->redirects;
    while (parser->result == PARSE_DONE && parser->token.kind == TOKEN_REDIRECT) {
        redirects = add_redirect(parser, redirects);
    }
    if (parser->token.kind == TOKEN_WORD && !at_keyword(parser)) {
        unexpected(parser);
    }
    return tree;
}

static struct tree *command(struct parser *parser)
{
    struct tree *tree;

    if (!at_command(parser) || at_word(parser, "!")) {
        unexpected(parser);
        return NULL;
    }
    if (!at_keyword(parser)) {
        tree = simple(parser);
    } else if (parser->depth == PARSE_DEPTH) {
        fail(parser, "nested too deeply", NULL, 0);
        return NULL;
    } else {
        parser->depth++;
        tree = compound(parser);
        parser->depth--;
    }
    return tree;
}

static struct tree *pipeline(struct parser *parser)
{
    struct parts parts = {0};
    bool negated = false;
    struct tree *tree;

    while (at_word(parser, "!")) {
        negated = !negated;
        advance(parser);
    }
    tree = command(parser);
    while (parser->result == PARSE_DONE) {
        add_part(&parts, tree, JOIN_ALWAYS);
        if (parser->token.kind != TOKEN_PIPE) {
            break;
        }
        advance(parser);
        skip_newlines(parser);
        tree = command(parser);
    }
    if (parser->result != PARSE_DONE) {
        return NULL;
    }
    if (parts.first != parts.last) {
        tree = make(parser, TREE_PIPELINE, parts.first);
    }
    return negated ? make(parser, TREE_NOT, tree) : tree;
}

static struct tree *and_or(struct parser *parser)
{
    struct parts parts = {0};
    struct tree *tree = pipeline(parser);
    enum join join = JOIN_ALWAYS;

    while (parser->result == PARSE_DONE) {
        add_part(&parts, tree, join);
        if (parser->token.kind != TOKEN_AND_IF && parser->token.kind != TOKEN_OR_IF) {
            break;
        }
        join = parser->token.kind == TOKEN_AND_IF ? JOIN_AND : JOIN_OR;
        advance(parser);
        skip_newlines(parser);
        tree = pipeline(parser);
    }
    return list_of(parser, &parts);
}

/* What begins at `begin` in the background. */
static struct tree *background(struct parser *parser, struct tree *left, const char *begin)
{
    struct tree *tree = make(parser, TREE_BACKGROUND, left);

    tree->text = arena_copy(parser->arena, begin, (size_t)(parser->last_end - begin));
    return tree;
}

/* NULL: there is none here.  newlines: the list goes on behind them. */
static struct tree *list(struct parser *parser, bool newlines)
{
    struct parts parts = {0};

    if (newlines) {
        skip_newlines(parser);
    }
    while (at_command(parser)) {
        const char *begin = parser->token.at;
        struct tree *next = and_or(parser);
        bool ended = true;

        if (parser->result != PARSE_DONE) {
            return NULL;
        }
        if (parser->token.kind == TOKEN_AMPERSAND) {
            next = background(parser, next, begin);
            advance(parser);
        } else if (parser->token.kind == TOKEN_SEMICOLON) {
            advance(parser);
        } else {
            ended = newlines && parser->token.kind == TOKEN_NEWLINE;
        }
        add_part(&parts, next, JOIN_ALWAYS);
        if (newlines) {
            skip_newlines(parser);
        }
        if (!ended) {
            break;
        }
    }
    return parser->result == PARSE_DONE ? list_of(parser, &parts) : NULL;
}

/*
 * parse_line - the tree of the next line of commands, which may be several lines of text.
 *
 * PARSE_DONE        *text is behind it; *tree is NULL if the line is empty
 * PARSE_INCOMPLETE  *text is unchanged; if no more text comes, it is a syntax error
 * PARSE_ERROR       *text is unchanged; error says why
 *
 * The tree is in the arena, and so is what is left of it after an error.
 */
enum parse_result parse_line(const char **text, struct arena *arena, struct tree **tree,
                             struct parse_error *error)
{
    struct parser parser = {
        .lexer = {.at = *text}, .arena = arena, .error = error, .result = PARSE_DONE};

    advance(&parser);
    *tree = list(&parser, false);
    if (parser.result == PARSE_DONE && parser.token.kind != TOKEN_NEWLINE &&
        parser.token.kind != TOKEN_END) {
        unexpected(&parser);
    }
    if (parser.result == PARSE_DONE) {
        *text = parser.lexer.at;
    }
    return parser.result;
}
