/* SPDX-License-Identifier: BSD-2-Clause */
/* The shell's text as trees, which are written in parentheses here; what is refused, and how. */
#include <stdlib.h>
#include <string.h>

#include "guest/shell/expand.h"
#include "guest/shell/glob.h"
#include "guest/shell/parse.h"

#include "tests/test.h"

static void write_tree(struct buffer *to, const struct tree *tree);

static void write_words(struct buffer *to, const struct tree *tree)
{
    for (const struct word *word = tree->words; word; word = word->next) {
        buffer_add_char(to, ' ');
        buffer_add_text(to, word->text);
    }
}

static void write_redirects(struct buffer *to, const struct tree *tree)
{
    static const char *const signs[] = {"<", ">", ">>", ">&"};

    for (const struct redirect *it = tree->redirects; it; it = it->next) {
        buffer_add_char(to, ' ');
        buffer_add_char(to, (char)('0' + it->fd));
        buffer_add_text(to, signs[it->op]);
        buffer_add_text(to, it->target);
    }
}

static void write_part(struct buffer *to, const struct tree *tree)
{
    if (tree) {
        buffer_add_char(to, ' ');
        write_tree(to, tree);
    }
}

static void write_list(struct buffer *to, const struct tree *part)
{
    static const char *const signs[] = {[JOIN_ALWAYS] = ";", [JOIN_AND] = "&&", [JOIN_OR] = "||"};

    for (; part; part = part->next) {
        buffer_add_char(to, ' ');
        buffer_add_text(to, signs[part->join]);
        write_part(to, part);
    }
}

static void write_tree(struct buffer *to, const struct tree *tree)
{
    static const char *const names[] = {
        [TREE_COMMAND] = "",    [TREE_LIST] = "list",    [TREE_PIPELINE] = "pipe",
        [TREE_NOT] = "!",       [TREE_BACKGROUND] = "&", [TREE_IF] = "if",
        [TREE_WHILE] = "while", [TREE_UNTIL] = "until",  [TREE_FOR] = "for",
        [TREE_GROUP] = "group"};

    buffer_add_char(to, '(');
    buffer_add_text(to, names[tree->kind]);
    if (tree->text) {
        buffer_add_char(to, ' ');
        buffer_add_text(to, tree->text);
    }
    write_words(to, tree);
    if (tree->kind == TREE_LIST || tree->kind == TREE_PIPELINE) {
        write_list(to, tree->left);
    } else {
        write_part(to, tree->condition);
        write_part(to, tree->left);
        write_part(to, tree->right);
    }
    write_redirects(to, tree);
    buffer_add_char(to, ')');
}

/* All lines of the text, each as a tree; behind them what ended it, if that is not the end. */
static void expect(const char *text, const char *trees)
{
    struct arena arena = {0};
    struct buffer seen = {0};
    struct parse_error error;
    struct tree *tree;
    enum parse_result result = PARSE_DONE;

    while (*text && result == PARSE_DONE) {
        result = parse_line(&text, &arena, &tree, &error);
        if (result == PARSE_DONE && tree) {
            write_tree(&seen, tree);
        }
    }
    if (result == PARSE_INCOMPLETE) {
        buffer_add_text(&seen, "...");
    } else if (result == PARSE_ERROR) {
        buffer_add_text(&seen, error.text);
    }
    CHECK_STR(buffer_text(&seen), trees);
    buffer_free(&seen);
    arena_free(&arena);
}

TEST(parse_commands)
{
    expect("", "");
    expect("  # nothing", "");
    expect("echo a b", "( echo a b)");
    expect("a#b #c", "( a#b)");
    expect("a\nb", "( a)( b)");
    expect("a;b ; c;", "(list ; ( a) ; ( b) ; ( c))");
    expect("a && b || c", "(list ; ( a) && ( b) || ( c))");
    expect("a | b |\n c", "(pipe ; ( a) ; ( b) ; ( c))");
    expect("! a | b && c | { d; } >e",
           "(list ; (! (pipe ; ( a) ; ( b))) && (pipe ; ( c) ; (group ( d) 1>e)))");
    expect("a &&\n\n b", "(list ; ( a) && ( b))");
    expect("! a && ! ! b", "(list ; (! ( a)) && ( b))");
    expect("a & b c & d", "(list ; (& a ( a)) ; (& b c ( b c)) ; ( d))");
    expect("a && b 'c' & ", "(& a && b 'c' (list ; ( a) && ( b 'c')))");
    expect("a \\\n b", "( a b)");
}

TEST(parse_quotes)
{
    expect("a 'b c' \"d ; e\" f\\ g", "( a 'b c' \"d ; e\" f\\ g)");
    expect("a\"'\"b'\"' \"\\\"\"", "( a\"'\"b'\"' \"\\\"\")");
    expect("'a\nb'", "( 'a\nb')");
    expect("$a\"${b}$?\"", "( $a\"${b}$?\")");
    expect("'a", "...");
    expect("a \"b", "...");
    expect("a \\", "...");
    expect("a b\\\n", "...");
}

TEST(parse_redirections)
{
    expect("a <b >c 2>>d", "( a 0<b 1>c 2>>d)");
    expect(">a b", "( b 1>a)");
    expect("a 2>&1 >&2", "( a 2>&1 1>&2)");
    expect("a 2 >b", "( a 2 1>b)");
    expect("a b2>c", "( a b2 1>c)");
    expect("a > 'b c' d", "( a d 1>'b c')");
    expect("{ a; } >b", "(group ( a) 1>b)");
}

TEST(parse_compounds)
{
    expect("if a; then b; fi", "(if ( a) ( b))");
    expect("if a\nthen\nb\nelif c; then d; else e\nfi", "(if ( a) ( b) (if ( c) ( d) (if ( e))))");
    expect("while a; b; do c; done", "(while (list ; ( a) ; ( b)) ( c))");
    expect("until a\ndo b & done", "(until ( a) (& b ( b)))");
    expect("for i in a b; do c; done", "(for i a b ( c))");
    expect("for i\ndo c; done", "(for i ( c))");
    expect("for i in; do c; done", "(for i ( c))");
    expect("{ a; b\n}", "(group (list ; ( a) ; ( b)))");
    expect("echo if then { }", "( echo if then { })");
    expect("if a; then b; fi && c", "(list ; (if ( a) ( b)) && ( c))");
    expect("if a; then", "...");
    expect("for i in a", "...");
    expect("{ a;", "...");
    expect("while a; do if b; then c\n", "...");
}

TEST(parse_refuses)
{
    expect("a; ; b", "syntax error: unexpected ;");
    expect("&& a", "syntax error: unexpected &&");
    expect("a &&; b", "syntax error: unexpected ;");
    expect("a >", "...");
    expect("a >\nb", "syntax error: the line ends too early");
    expect("a > > b", "syntax error: unexpected >");
    expect("a >;", "syntax error: unexpected ;");
    expect("then a", "syntax error: unexpected then");
    expect("a; fi", "syntax error: unexpected fi");
    expect("{ a; } b", "syntax error: unexpected b");
    expect("if a; then fi", "syntax error: unexpected fi");
    expect("for 1 in a; do b; done", "syntax error: unexpected 1");
    expect("a 3>b", "only the descriptors 0, 1 and 2 can be redirected");
    expect("a 12>b", "only the descriptors 0, 1 and 2 can be redirected");
    expect("a <<b", "<<: there are no here-documents");
    expect("(a)", "( ): there are no subshells; { ...; } groups commands");
    expect("f() { a; }", "( ): there are no subshells; { ...; } groups commands");
    expect("case a in", "this shell has no case");
    expect("echo $((1+1))", "$((...)): there is no arithmetic");
    expect("echo $(a)", "$(...) and `...`: there is no command substitution");
    expect("echo \"`a`\"", "$(...) and `...`: there is no command substitution");
    expect("echo ${a:-b}", "${...}: there is only the name of a variable between the braces");
}

TEST(parse_has_a_depth)
{
    struct buffer text = {0};

    for (int i = 0; i < 100; i++) {
        buffer_add_text(&text, "{ ");
    }
    expect(text.at, "nested too deeply");
    buffer_free(&text);
}

TEST(parse_makes_no_deep_trees_of_long_lists)
{
    struct buffer text = {0};
    struct arena arena = {0};
    struct parse_error error;
    struct tree *tree;
    const char *at;

    for (int i = 0; i < 100000; i++) {
        buffer_add_text(&text, "a && b || ! c; d & ");
    }
    buffer_add_text(&text, "if a; then b");
    for (int i = 0; i < 100000; i++) {
        buffer_add_text(&text, "; elif a; then b");
    }
    buffer_add_text(&text, "; fi");
    at = text.at;
    CHECK_EQ(parse_line(&at, &arena, &tree, &error), PARSE_DONE);
    CHECK_EQ(tree->kind, TREE_LIST);
    arena_free(&arena);
    buffer_free(&text);
}

TEST(glob_matches)
{
    CHECK(glob_match("*", "abc"));
    CHECK(glob_match("a*c", "abc"));
    CHECK(glob_match("*b*", "abc"));
    CHECK(glob_match("a?c", "abc"));
    CHECK(glob_match("a?c", "a\303\244c"));
    CHECK(glob_match("[a-c][!a-c]", "bx"));
    CHECK(glob_match("[]]", "]"));
    CHECK(glob_match("[a", "[a"));
    CHECK(glob_match("\\*", "*"));
    CHECK(glob_match("a\\[b", "a[b"));
    CHECK(glob_match("*.c", "x.y.c"));
    CHECK(!glob_match("*.c", "x.h"));
    CHECK(!glob_match("?", ""));
    CHECK(!glob_match("a", "ab"));
    CHECK(!glob_match("ab", "a"));
    CHECK(!glob_match("*", ".hidden"));
    CHECK(!glob_match("?hidden", ".hidden"));
    CHECK(glob_match(".*", ".hidden"));
    CHECK(!glob_match("[a-c]", "d"));
    CHECK(!glob_match("\\*", "a"));
}

/* What the lexer lets pass can be expanded. */
static void expand_all(const struct tree *tree)
{
    static char *arguments[] = {"one", "two words"};
    const struct shell shell = {.name = "sh", .arguments = arguments, .argument_count = 2};
    const struct tree *const parts[] = {tree->condition, tree->left, tree->right, tree->next};
    struct arena arena = {0};

    for (const struct word *word = tree->words; word; word = word->next) {
        expand_one(&shell, &arena, word->text);
    }
    for (const struct redirect *it = tree->redirects; it; it = it->next) {
        expand_one(&shell, &arena, it->target);
    }
    arena_free(&arena);
    for (size_t i = 0; i < ARRAY_LEN(parts); i++) {
        if (parts[i]) {
            expand_all(parts[i]);
        }
    }
}

FUZZ(shell_parse)
{
    char *text = memory_get(size + 1);
    const char *at = text;
    struct arena arena = {0};
    struct parse_error error;
    struct tree *tree;

    memcpy(text, bytes, size);
    text[size] = '\0';
    while (*at && parse_line(&at, &arena, &tree, &error) == PARSE_DONE) {
        if (tree) {
            struct buffer seen = {0};

            write_tree(&seen, tree);
            buffer_free(&seen);
            expand_all(tree);
        }
    }
    arena_free(&arena);
    free(text);
    return 0;
}

FUZZ_SEEDS(shell_parse)
{
    static const char *const texts[] = {
        "a 'b c' \"d$e${f}\" >g 2>&1 && h || ! i & # j\n",
        "if a; then b; elif c; then d; else e; fi; for i in a *; do b $i; done\n",
        "while a; do { b; }; done <c >>d; until e; do f; done\\\n\n",
    };

    for (size_t i = 0; i < ARRAY_LEN(texts); i++) {
        fuzz_seed(texts[i], strlen(texts[i]));
    }
}
