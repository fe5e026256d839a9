/* SPDX-License-Identifier: BSD-2-Clause */
/* What is typed, and what a program then reads. */
#include <string.h>

#include "guest/libc/tty.h"

#include "tests/test.h"

static char echoed[4096];
static size_t echoed_bytes;

static void echo(char c)
{
    if (echoed_bytes < sizeof(echoed) - 1) {
        echoed[echoed_bytes++] = c;
        echoed[echoed_bytes] = '\0';
    }
}

/* Types the text, and reads all that can be read each time; the end of the input is a '$'. */
static void expect(bool terminal, const char *typed, const char *read, const char *echo_expected)
{
    struct tty tty = {.terminal = terminal};
    char seen[4096];
    size_t length = 0;

    echoed_bytes = 0;
    echoed[0] = '\0';
    for (; *typed; typed++) {
        if (!tty_wants(&tty)) {
            break;
        }
        tty_take(&tty, *typed, echo);
        while (!tty_wants(&tty)) {
            int c = tty_read(&tty);

            seen[length++] = c < 0 ? '$' : (char)c;
            if (c < 0) {
                break;
            }
        }
    }
    seen[length] = '\0';
    CHECK_STR(seen, read);
    CHECK_STR(echoed, echo_expected);
}

TEST(tty_pipe_is_untouched)
{
    expect(false, "a\rb\b\177\025\n\001", "a\rb\b\177\025\n\001", "");
    expect(false, "", "", "");
}

TEST(tty_pipe_ends_for_good)
{
    struct tty tty = {0};

    tty_take(&tty, 'a', echo);
    CHECK_EQ(tty_read(&tty), 'a');
    tty_take(&tty, 4, echo);
    CHECK_EQ(tty_read(&tty), -1);
    CHECK(!tty_wants(&tty));
    CHECK_EQ(tty_read(&tty), -1);
}

TEST(tty_lines_are_read_when_they_end)
{
    expect(true, "ab", "", "ab");
    expect(true, "ab\rc\n", "ab\nc\n", "ab\nc\n");
}

TEST(tty_erases_characters_and_lines)
{
    expect(true, "ab\177c\r", "ac\n", "ab\b \bc\n");
    expect(true, "\177\b\r", "\n", "\n");
    expect(true, "ab\025c\r", "c\n", "ab\b \b\b \bc\n");
    expect(true, "a\303\244\177b\r", "ab\n", "a\303\244\b \bb\n");
    expect(true, "\001\177b\r", "b\n", "^A\b \b\b \bb\n");
    expect(true, "\303\177b\r", "b\n", "\303\b \bb\n");
    expect(true, "\244\177b\r", "b\n", "\244\b \bb\n");
}

TEST(tty_control_d_ends_input_on_an_empty_line_only)
{
    expect(true, "\004", "$", "");
    expect(true, "a\004b\r\004c\r", "ab\n$c\n", "ab\nc\n");
    expect(true, "a\n\004", "a\n$", "a\n");
}

TEST(tty_line_that_fills_the_room_is_ready)
{
    struct tty tty = {.terminal = true};

    for (u32 i = 0; i < TTY_BYTES; i++) {
        CHECK(tty_wants(&tty));
        tty_take(&tty, 'x', echo);
    }
    for (u32 i = 0; i < TTY_BYTES; i++) {
        CHECK(!tty_wants(&tty));
        CHECK_EQ(tty_read(&tty), 'x');
    }
    CHECK(tty_wants(&tty));
    tty_take(&tty, '\n', echo);
    CHECK_EQ(tty_read(&tty), '\n');
}

FUZZ(tty)
{
    struct tty tty = {.terminal = size % 2 == 0};

    echoed_bytes = 0;
    for (size_t i = 0; i < size; i++) {
        while (!tty_wants(&tty)) {
            if (tty_read(&tty) < 0 && !tty.terminal) {
                return 0;
            }
        }
        tty_take(&tty, (char)bytes[i], echo);
        CHECK(tty.taken <= tty.ready && tty.ready <= tty.used && tty.used <= TTY_BYTES);
    }
    return 0;
}

FUZZ_SEEDS(tty)
{
    fuzz_seed("ab\177c\r\004\025", 8);
    fuzz_seed("line\r\303\244\b\r", 10);
}
