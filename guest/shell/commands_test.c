/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * test, also as [.
 *
 *     or       and ('-o' and)*
 *     and      not ('-a' not)*
 *     not      '!' not | primary
 *     primary  WORD OPERATOR WORD | -LETTER WORD | '(' or ')' | WORD
 *
 * Few words mean what POSIX says, whatever they are: one is true if it is not empty, `! WORD` is
 * its opposite, three with an operator between two compare those, and ! before three is their
 * opposite.
 */
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "guest/shell/command.h"

#define STATUS_WRONG 2
#define DEPTH        32

struct test {
    struct call *call;
    int next, end; /* in argv */
    int depth;     /* of parentheses */
    bool wrong;    /* and it has been said */
};

static bool is_or(struct test *test);

static bool refuse(struct test *test, const char *word, const char *why)
{
    if (!test->wrong) {
        call_complain(test->call, "%s: %s", word, why);
    }
    test->wrong = true;
    return false;
}

static const char *peek(const struct test *test, int ahead)
{
    return test->next + ahead < test->end ? test->call->argv[test->next + ahead] : "";
}

static bool is(const struct test *test, int ahead, const char *word)
{
    return test->next + ahead < test->end && strcmp(peek(test, ahead), word) == 0;
}

static s64 number(struct test *test, const char *word)
{
    u64 value;
    bool negative = *word == '-';

    if (!number_read(word + (negative || *word == '+' ? 1 : 0), &value)) {
        refuse(test, word, "not a number");
        return 0;
    }
    return negative ? -(s64)value : (s64)value;
}

static bool is_newer(const char *a, const char *b)
{
    struct stat of_a, of_b;

    if (stat(a, &of_a) != 0) {
        return false;
    }
    return stat(b, &of_b) != 0 || of_a.st_mtim.tv_sec > of_b.st_mtim.tv_sec ||
           (of_a.st_mtim.tv_sec == of_b.st_mtim.tv_sec &&
            of_a.st_mtim.tv_nsec > of_b.st_mtim.tv_nsec);
}

static bool is_binary(const char *word)
{
    static const char *const operators[] = {"=",   "==",  "!=",  "-eq", "-ne", "-lt",
                                            "-le", "-gt", "-ge", "-nt", "-ot"};

    for (size_t i = 0; i < ARRAY_LEN(operators); i++) {
        if (strcmp(word, operators[i]) == 0) {
            return true;
        }
    }
    return false;
}

static bool compare_numbers(struct test *test, const char *a, const char *operator, const char * b)
{
    s64 left = number(test, a), right = number(test, b);

    switch (operator[1] << 8 | operator[2]) {
    case 'e' << 8 | 'q': return left == right;
    case 'n' << 8 | 'e': return left != right;
    case 'l' << 8 | 't': return left < right;
    case 'l' << 8 | 'e': return left <= right;
    case 'g' << 8 | 't': return left > right;
    default: return left >= right;
    }
}

static bool binary(struct test *test, const char *a, const char *operator, const char * b)
{
    if (operator[0] != '-') {
        return (strcmp(a, b) == 0) == (operator[0] == '=');
    }
    if (strcmp(operator, "-nt") == 0) {
        return is_newer(a, b);
    }
    if (strcmp(operator, "-ot") == 0) {
        return is_newer(b, a);
    }
    return compare_numbers(test, a, operator, b);
}

static bool is_unary(const char *word)
{
    return word[0] == '-' && word[1] && strchr("defrstwxzn", word[1]) && !word[2];
}

static bool unary(struct test *test, char letter, const char *word)
{
    struct stat status;
    s64 fd;

    switch (letter) {
    case 'n': return *word != '\0';
    case 'z': return *word == '\0';
    case 't':
        fd = number(test, word);
        return fd >= 0 && fd <= 2 &&
               isatty(fd == 0   ? test->call->io.in
                      : fd == 1 ? test->call->io.out
                                : test->call->io.err);
    case 'r': return access(word, R_OK) == 0;
    case 'w': return access(word, W_OK) == 0;
    case 'x': return access(word, X_OK) == 0;
    default: break;
    }
    if (stat(word, &status) != 0) {
        return false;
    }
    return letter == 'e' || (letter == 'f' && S_ISREG(status.st_mode)) ||
           (letter == 'd' && S_ISDIR(status.st_mode)) || (letter == 's' && status.st_size > 0);
}

static bool is_primary(struct test *test)
{
    const char *a = peek(test, 0), *operator= peek(test, 1), *b = peek(test, 2);
    int left = test->end - test->next;

    if (left >= 3 && is_binary(operator)) {
        test->next += 3;
        return binary(test, a, operator, b);
    }
    if (left >= 2 && is_unary(a)) {
        test->next += 2;
        return unary(test, a[1], operator);
    }
    if (left >= 2 && strcmp(a, "(") == 0) {
        bool holds;

        if (test->depth == DEPTH) {
            return refuse(test, "(", "nested too deeply");
        }
        test->next++;
        test->depth++;
        holds = is_or(test);
        test->depth--;
        if (!is(test, 0, ")")) {
            return refuse(test, "(", "nothing closes it");
        }
        test->next++;
        return holds;
    }
    if (left == 0) {
        return refuse(test, test->call->argv[test->end - 1], "something is missing behind it");
    }
    test->next++;
    return *a != '\0';
}

static bool is_not(struct test *test)
{
    bool negated = false;

    while (is(test, 0, "!") && test->end - test->next > 1 &&
           !(test->end - test->next == 3 && is_binary(peek(test, 1)))) {
        negated = !negated;
        test->next++;
    }
    return is_primary(test) != negated;
}

static bool is_and(struct test *test)
{
    bool holds = is_not(test);

    while (!test->wrong && is(test, 0, "-a")) {
        test->next++;
        holds = is_not(test) && holds;
    }
    return holds;
}

static bool is_or(struct test *test)
{
    bool holds = is_and(test);

    while (!test->wrong && is(test, 0, "-o")) {
        test->next++;
        holds = is_and(test) || holds;
    }
    return holds;
}

int command_test(struct call *call)
{
    struct test test = {.call = call, .next = 1, .end = call->argc};
    bool negated = call->argc == 5 && is(&test, 0, "!"), holds = false;

    test.next += negated;
    if (test.end > 1) {
        holds = is_or(&test) != negated;
        if (test.next < test.end) {
            refuse(&test, peek(&test, 0), "not expected here");
        }
    }
    return test.wrong ? STATUS_WRONG : holds ? 0 : 1;
}

int command_bracket(struct call *call)
{
    if (strcmp(call->argv[call->argc - 1], "]") != 0) {
        call_complain(call, "] is missing at the end");
        return STATUS_WRONG;
    }
    call->argc--;
    return command_test(call);
}
