/* SPDX-License-Identifier: BSD-2-Clause */
/* The command line as arguments and environment; memory is as tight as the contract says. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "guest/libc/words.h"

#include "tests/test.h"

static char name[] = "name";

struct reading {
    struct words words;
    char **pointers;
    char *bytes;
    const char *why;
};

static struct reading read_text(const char *text)
{
    size_t bytes = strlen(text);
    struct reading r = {
        .pointers = malloc(WORDS_POINTERS(bytes) * sizeof(char *)),
        .bytes = malloc(bytes + 1),
    };

    r.why = words_read(text, name, r.pointers, r.bytes, &r.words);
    return r;
}

static void forget(struct reading *r)
{
    free(r->pointers);
    free(r->bytes);
}

static void put(char *to, size_t bytes, char **words)
{
    size_t length = 0;

    to[0] = '\0';
    for (; *words; words++) {
        length += (size_t)snprintf(to + length, bytes - length, "<%s>", *words);
    }
}

/* As "<word><word>". */
static void expect(const char *text, const char *argv, const char *environment)
{
    struct reading r = read_text(text);
    char seen[256];

    CHECK(r.why == NULL);
    CHECK(r.words.argv[r.words.argc] == NULL);
    CHECK_STR(r.words.argv[0], "name");
    put(seen, sizeof(seen), r.words.argv + 1);
    CHECK_STR(seen, argv);
    put(seen, sizeof(seen), r.words.environment);
    CHECK_STR(seen, environment);
    forget(&r);
}

static void refuse(const char *text, const char *why)
{
    struct reading r = read_text(text);

    CHECK(r.why != NULL);
    CHECK(strstr(r.why, why) != NULL);
    forget(&r);
}

TEST(words_are_between_spaces)
{
    expect("", "", "");
    expect("   ", "", "");
    expect("a", "<a>", "");
    expect(" a  bc\td ", "<a><bc><d>", "");
    expect("a b c d e f g", "<a><b><c><d><e><f><g>", "");
}

TEST(words_are_unquoted)
{
    expect("'a b' c", "<a b><c>", "");
    expect("\"a b\"c", "<a bc>", "");
    expect("a' 'b\" \"c\\ d", "<a b c d>", "");
    expect("'' \"\"", "<><>", "");
    expect("'\\' \"\\\\ \\\" \\n\" \\' \\\"", "<\\><\\ \" \\n><'><\">", "");
    expect("'\"' \"'\"", "<\"><'>", "");
}

TEST(words_before_two_dashes_are_the_environment)
{
    expect("A=1 B_2='x y' -- a B=3", "<a><B=3>", "<A=1><B_2=x y>");
    expect("--", "", "");
    expect("-- -- a", "<--><a>", "");
    expect("A= --", "", "<A=>");
    expect("A=1 b", "<A=1><b>", "");
    expect("a '--' --b ---", "<a><--><--b><--->", "");
}

TEST(words_of_the_library_os_are_left_out)
{
    expect("a door=ecall b console=tty", "<a><b>", "");
    expect("log=debug color color=yes logs=1", "<color><logs=1>", "");
    expect("door=mmio A=1 -- a door=mmio", "<a>", "<A=1>");
    expect("'door=x' xdoor=y door", "<door=x><xdoor=y><door>", "");
}

TEST(words_that_cannot_be_read)
{
    refuse("a 'b", "not closed");
    refuse("a \"b\\\"", "not closed");
    refuse("'a' b\\", "backslash");
    refuse("a -- b", "NAME=VALUE");
    refuse("1A=2 --", "NAME=VALUE");
    refuse("=2 --", "NAME=VALUE");
    refuse("A=1 -- 'b", "not closed");
    refuse("door='", "not closed");
}

/* Whatever is read stays within its memory, and each word is found in it. */
FUZZ(words)
{
    char *text = malloc(size + 1);
    struct reading r;
    size_t total = 0;

    memcpy(text, bytes, size);
    text[size] = '\0';
    r = read_text(text);
    if (!r.why) {
        for (int i = 0; i < r.words.argc; i++) {
            total += strlen(r.words.argv[i]);
        }
        for (char **e = r.words.environment; *e; e++) {
            total += strlen(*e);
            CHECK(strchr(*e, '=') != NULL);
        }
        CHECK(total <= size + sizeof(name));
    }
    forget(&r);
    free(text);
    return 0;
}

FUZZ_SEEDS(words)
{
    static const char *const seeds[] = {"a b c", "A=1 B='2 3' -- x \"y \\\" z\" \\a",
                                        "door=ecall a"};

    for (size_t i = 0; i < ARRAY_LEN(seeds); i++) {
        fuzz_seed(seeds[i], strlen(seeds[i]));
    }
}
