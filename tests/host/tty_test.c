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
    struct tty tty = {.terminal = terminal, .modes = TTY_USUAL};
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
    struct tty tty = {.terminal = true, .modes = TTY_USUAL};

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

/* Types the text with these modes; what can be read then is in seen. */
static void type(struct tty *tty, const char *text, char *seen)
{
    for (; *text; text++) {
        tty_take(tty, *text, echo);
    }
    while (!tty_wants(tty)) {
        *seen++ = (char)tty_read(tty);
    }
    *seen = '\0';
}

TEST(tty_modes_are_each_honoured)
{
    struct tty tty = {.terminal = true, .modes = TTY_ECHO};
    char seen[TTY_BYTES + 1];

    echoed_bytes = 0;
    type(&tty, "a\r\177\003\004", seen);
    CHECK_STR(seen, "a\r\177\003\004");
    CHECK_STR(echoed, "a^M\177^C^D");
    CHECK(!tty.interrupted && !tty.ended);

    echoed_bytes = 0;
    echoed[0] = '\0';
    tty_set_modes(&tty, TTY_LINES | TTY_NEWLINE);
    type(&tty, "ab\177c\025d\r", seen);
    CHECK_STR(seen, "d\n");
    CHECK_STR(echoed, "");
}

TEST(tty_control_c_drops_what_is_there)
{
    struct tty tty = {.terminal = true, .modes = TTY_USUAL};
    char seen[TTY_BYTES + 1];

    echoed_bytes = 0;
    type(&tty, "ab\rcd\003", seen);
    CHECK(tty.interrupted);
    CHECK_STR(seen, "");
    CHECK_STR(echoed, "ab\ncd^C");
    tty.interrupted = false;
    type(&tty, "e\r", seen);
    CHECK_STR(seen, "e\n");
}

TEST(tty_what_is_being_typed_is_ready_without_lines)
{
    struct tty tty = {.terminal = true, .modes = TTY_USUAL};
    char seen[TTY_BYTES + 1];

    type(&tty, "ab", seen);
    CHECK_STR(seen, "");
    tty_set_modes(&tty, 0);
    type(&tty, "", seen);
    CHECK_STR(seen, "ab");
}

TEST(tty_what_is_typed_without_room_is_lost)
{
    struct tty tty = {.terminal = true, .modes = TTY_USUAL};

    for (u32 i = 0; i < TTY_BYTES; i++) {
        tty_take(&tty, 'x', echo);
    }
    echoed_bytes = 0;
    tty_take(&tty, 'y', echo);
    CHECK_STR(echoed, "\a");
    CHECK_EQ(tty_read(&tty), 'x');
    echoed_bytes = 0;
    tty_take(&tty, 'z', echo);
    CHECK_STR(echoed, "z");
    for (u32 i = 1; i < TTY_BYTES; i++) {
        CHECK_EQ(tty_read(&tty), 'x');
    }
    CHECK_EQ(tty_read(&tty), 'z');
}

FUZZ(tty)
{
    struct tty tty = {.terminal = size % 2 == 0, .modes = (u32)(size / 2)};

    echoed_bytes = 0;
    for (size_t i = 0; i < size; i++) {
        while (!tty_wants(&tty) && (!tty.terminal || bytes[i] % 4 != 0)) {
            if (tty_read(&tty) < 0 && !tty.terminal) {
                return 0;
            }
        }
        tty_take(&tty, (char)bytes[i], echo);
        tty.interrupted = false;
        CHECK(tty.taken <= tty.ready && tty.ready <= tty.used && tty.used <= TTY_BYTES);
    }
    return 0;
}

FUZZ_SEEDS(tty)
{
    fuzz_seed("ab\177c\r\004\025", 8);
    fuzz_seed("line\r\303\244\b\r", 10);
}
