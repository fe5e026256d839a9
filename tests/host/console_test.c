/* SPDX-License-Identifier: BSD-2-Clause */
/* The console: whole lines, prefixes, who reads what.  Its UART is a buffer of this test. */
#include <string.h>

#include "lib/drv/ns16550.h"

#include "hv/firmware.h"
#include "hv/vm.h"

#include "tests/host/console_fake.h"
#include "tests/test.h"

#define firmware_putchar  fake_firmware_putchar
#define ns16550_init      fake_uart_init
#define ns16550_write     fake_uart_write
#define ns16550_getc      fake_uart_getc
#define ns16550_can_get   fake_uart_can_get
#define ns16550_interrupt fake_uart_interrupt
#define monitor_type      fake_monitor_type
#define foreground_signal fake_foreground_signal

static struct {
    char out[1 << 16];
    size_t length;
    const char *in;
    bool interrupts;
} fake_uart;

static void fake_uart_init(struct ns16550 *uart, u64 base, u32 stride)
{
    *uart = (struct ns16550){.base = (volatile u8 *)base, .stride = stride};
}

static void fake_firmware_putchar(u8 byte)
{
    if (fake_uart.length < sizeof(fake_uart.out) - 1)
        fake_uart.out[fake_uart.length++] = (char)byte;
}

static void fake_uart_write(const struct ns16550 *uart, const void *text, u64 bytes)
{
    (void)uart;
    for (u64 i = 0; i < bytes; i++)
        fake_firmware_putchar(((const u8 *)text)[i]);
}

static bool fake_uart_can_get(const struct ns16550 *uart)
{
    (void)uart;
    return *fake_uart.in != '\0';
}

static int fake_uart_getc(const struct ns16550 *uart)
{
    return fake_uart_can_get(uart) ? *fake_uart.in++ : -1;
}

static void fake_uart_interrupt(const struct ns16550 *uart, bool on)
{
    (void)uart;
    fake_uart.interrupts = on;
}

/* What went to the monitor. */
static u8 typed[64];
static size_t typed_length;

static void fake_monitor_type(u8 byte)
{
    if (typed_length < sizeof(typed))
        typed[typed_length++] = byte;
}

static u32 signals_sent, last_signal;

static void fake_foreground_signal(u32 signal)
{
    signals_sent++;
    last_signal = signal;
}

/* The unit under test, with the fake UART below it. */
#include "hv/console.c" // NOLINT(bugprone-suspicious-include)

void console_fake_reset(const char *text)
{
    fake_uart.length = 0;
    fake_uart.in = text;
    shared = false;
    midline = false;
    watching = NULL;
    job_control = false;
    reader_pid = 1;
    reader_group = giver_pid = 0;
    takes_keys = false;
    signals_sent = 0;
    memset(&monitor, 0, sizeof(monitor));
    memset(&input, 0, sizeof(input));
    typed_length = 0;
    fake_uart.interrupts = false;
    console_init((u64)fake_uart.out, 1);
}

void console_fake_type(const char *text)
{
    fake_uart.in = text;
    if (fake_uart.interrupts)
        console_arrived(NULL);
}

const char *console_fake_output(void)
{
    fake_uart.out[fake_uart.length] = '\0';
    return fake_uart.out;
}

static void write_text(struct vm *vm, const char *text)
{
    console_write(vm, text, strlen(text));
}

TEST(console_passes_bytes_while_there_is_one_vm)
{
    static struct vm vm = {.pid = 1};

    console_fake_reset("");
    write_text(&vm, "one\ntw");
    CHECK_STR(console_fake_output(), "one\ntw");
    console_log("%d guests", 2);
    CHECK_STR(console_fake_output(), "one\ntw\n[hv] 2 guests\n");
}

TEST(console_keeps_lines_of_several_vms_whole)
{
    static struct vm a = {.pid = 1}, b = {.pid = 27};

    console_fake_reset("");
    write_text(&a, "be");
    console_share();
    write_text(&a, "for");
    write_text(&b, "mine\nnot ");
    write_text(&a, "e\n\n");
    console_flush(&b);
    console_flush(&b);
    CHECK_STR(console_fake_output(), "be\n[27] mine\n[1] fore\n[1] \n[27] not \n");
}

TEST(console_cuts_long_lines)
{
    static struct vm vm = {.pid = 3};

    console_fake_reset("");
    console_share();
    for (u32 i = 0; i < CONSOLE_LINE_BYTES + 1; i++)
        console_putc(&vm, 'x');
    console_putc(&vm, '\n');
    CHECK_EQ(strlen(console_fake_output()), CONSOLE_LINE_BYTES + 1 + 2 * strlen("[3] \n"));
    CHECK_STR(console_fake_output() + CONSOLE_LINE_BYTES + strlen("[3] \n"), "[3] x\n");
}

/* However it is cut, what is written is the same. */
TEST(console_pieces_are_as_bytes)
{
    static struct vm vm = {.pid = 4294967295};
    static const char begin[] = "[4294967295] \n[4294967295] xxxx\n[4294967295] xx";
    static char expected[sizeof(fake_uart.out)];
    char text[2 * CONSOLE_LINE_BYTES + 4];

    memset(text, 'x', sizeof(text));
    text[0] = text[5] = text[6 + CONSOLE_LINE_BYTES] = text[sizeof(text) - 1] = '\n';
    for (size_t piece = 1; piece <= sizeof(text); piece++) {
        console_fake_reset("");
        console_share();
        for (size_t at = 0; at < sizeof(text); at += piece)
            console_write(&vm, text + at, piece < sizeof(text) - at ? piece : sizeof(text) - at);
        if (piece == 1)
            strcpy(expected, console_fake_output());
        CHECK_STR(console_fake_output(), expected);
    }
    CHECK(memcmp(expected, begin, sizeof(begin) - 1) == 0);
}

TEST(console_log_cuts_what_is_too_long)
{
    char text[2 * CONSOLE_LINE_BYTES];

    memset(text, 'y', sizeof(text));
    text[sizeof(text) - 1] = '\0';
    console_fake_reset("");
    console_log("%s", text);
    CHECK_EQ(strlen(console_fake_output()), strlen("[hv] \n") + CONSOLE_LINE_BYTES - 1);
}

TEST(console_input_is_pid_1s)
{
    static struct vm first = {.pid = 1, .group = 1}, other = {.pid = 2, .group = 2};

    console_fake_reset("ab");
    CHECK_EQ(console_getc(&other), 4);
    CHECK(console_can_get(&first));
    CHECK_EQ(console_getc(&first), 'a');
    CHECK_EQ(console_getc(&other), CONSOLE_NONE);
    CHECK_EQ(console_getc(&first), 'b');
    CHECK(!console_can_get(&first));
    CHECK_EQ(console_getc(&first), CONSOLE_NONE);
}

/* A loop that drains the input ends; one that comes again for more is told again. */
TEST(console_end_of_input_comes_at_every_second_poll)
{
    static struct vm vm = {.pid = 2};

    console_fake_reset("");
    for (u32 i = 0; i < 3; i++) {
        CHECK(console_can_get(&vm));
        CHECK_EQ(console_getc(&vm), 4);
        CHECK(!console_can_get(&vm));
    }
}

TEST(console_without_uart_is_the_firmwares)
{
    static struct vm vm = {.pid = 1};

    console_fake_reset("input");
    console_init(0, 0);
    console_log("where am I?");
    CHECK_STR(console_fake_output(), "[hv] where am I?\n");
    CHECK_EQ(console_getc(&vm), 4);
}

TEST(console_input_is_given_away_and_back)
{
    static struct vm shell = {.pid = 1, .group = 1}, job = {.pid = 5, .group = 5};
    static struct vm other = {.pid = 6, .group = 1};
    u32 heir = 0;

    console_fake_reset("ab");
    console_share();
    CHECK_EQ(console_getc(&shell), 'a');
    console_give_input(&job, &shell);
    CHECK_EQ(console_getc(&shell), CONSOLE_NONE); /* it waits ... */
    CHECK(!console_can_get(&shell));
    CHECK_EQ(console_getc(&other), 4); /* ... and others are detached */
    CHECK(fake_uart.interrupts);
    console_arrived(NULL);
    CHECK_EQ(console_getc(&job), 'b');
    CHECK(!console_has_input(&shell, &heir));
    CHECK(console_has_input(&job, &heir));
    CHECK_EQ(heir, 1);
    write_text(&job, "half");
    write_text(&other, "line\n");
    CHECK_STR(console_fake_output(), "half\n[6] line\n");
    console_give_input(&shell, NULL);
    console_fake_type("c");
    CHECK_EQ(console_getc(&job), CONSOLE_NONE);
    CHECK_EQ(console_getc(&shell), 'c');
}

/* Who is in the foreground writes as one program would, but in whole lines. */
TEST(console_lines_of_the_foreground_have_no_prefix)
{
    static struct vm shell = {.pid = 1, .group = 1}, first = {.pid = 5, .group = 5};
    static struct vm second = {.pid = 6, .group = 5}, job = {.pid = 7, .group = 7};

    console_fake_reset("");
    console_share();
    write_text(&second, "before\n");
    console_give_input(&first, &shell);
    write_text(&second, "of ");
    write_text(&shell, "the ");
    write_text(&job, "a job\n");
    write_text(&second, "a pipeline\n");
    write_text(&shell, "shell\n");
    CHECK_STR(console_fake_output(), "[6] before\n[7] a job\nof a pipeline\nthe shell\n");
    console_give_input(&shell, NULL);
    write_text(&second, "behind\n");
    CHECK(strstr(console_fake_output(), "\n[6] behind\n"));
}

TEST(console_interrupts_the_foreground)
{
    static struct vm shell = {.pid = 1, .group = 1}, job = {.pid = 5, .group = 5};

    console_fake_reset("");
    console_give_input(&shell, &shell); /* nobody gave it: ^C is input */
    console_fake_type("\003");
    CHECK_EQ(signals_sent, 0);
    CHECK_EQ(console_getc(&shell), 3);
    console_give_input(&job, &shell);
    console_fake_type("lost\003kept");
    CHECK_EQ(signals_sent, 1);
    CHECK_EQ(last_signal, PROC_SIGINT);
    CHECK_EQ(console_getc(&job), 'k');
    CHECK(!console_take_keys(&job, -1));
    CHECK(!console_take_keys(&job, 1));
    CHECK(console_take_keys(&job, -1));
    console_fake_type("\003");
    CHECK_EQ(signals_sent, 1);
    for (const char *c = "ept\003"; *c != '\0'; c++)
        CHECK_EQ(console_getc(&job), *c);
    CHECK(console_take_keys(&job, 0));
    console_fake_type("\003\003");
    CHECK_EQ(signals_sent, 3);
    CHECK_EQ(console_getc(&job), CONSOLE_NONE);
    console_give_input(&shell, NULL);
    console_fake_type("\003");
    CHECK_EQ(signals_sent, 3);
}

/* The monitor has its bytes first, ^C as well. */
TEST(console_interrupts_nobody_from_the_monitor)
{
    static struct vm shell = {.pid = 1, .group = 1}, job = {.pid = 5, .group = 5};

    console_fake_reset("");
    console_enable_monitor();
    console_give_input(&job, &shell);
    console_fake_type("\035\003");
    CHECK_EQ(signals_sent, 0);
    CHECK_EQ(typed_length, 2);
    console_fake_type("\035\003");
    CHECK_EQ(signals_sent, 1);
}

/* The operator gives it away before pid 1 has read anything; who has it is one who types at it. */
TEST(console_input_is_given_away_by_nobody)
{
    static struct vm first = {.pid = 1, .group = 1}, other = {.pid = 2, .group = 2};

    console_fake_reset("ab");
    console_share();
    console_give_input(&other, NULL);
    console_arrived(NULL);
    CHECK_EQ(console_getc(&first), CONSOLE_NONE);
    CHECK(!console_can_get(&first));
    CHECK_EQ(console_receive(&first, NULL), CONSOLE_NONE);
    CHECK_EQ(console_getc(&other), 'a');
    write_text(&other, "$ ");
    CHECK_STR(console_fake_output(), "$ ");
    console_give_input(&first, NULL);
    CHECK_EQ(console_getc(&first), 'b');
}

TEST(console_the_monitors_key_is_seen_whoever_reads)
{
    static struct vm vm = {.pid = 1};

    console_fake_reset("");
    console_enable_monitor();
    CHECK(fake_uart.interrupts);
    console_fake_type("a\035ps\035b\035\035");
    CHECK_EQ(typed_length, 6);
    CHECK(memcmp(typed, "\035ps\035\035\035", 6) == 0);
    CHECK_EQ(console_getc(&vm), 'a');
    CHECK_EQ(console_getc(&vm), 'b');
    CHECK_EQ(console_getc(&vm), CONSOLE_KEY); /* typed twice: one for the guest */
    CHECK_EQ(console_getc(&vm), CONSOLE_NONE);
}

/* What nobody reads stays in the UART once there is no room, and comes in order. */
TEST(console_keeps_input_until_it_is_read)
{
    static struct vm vm = {.pid = 1};
    static char text[INPUT_BYTES + 8];

    for (u32 i = 0; i < sizeof(text) - 1; i++)
        text[i] = (char)('a' + i % 26);
    console_fake_reset("");
    console_enable_monitor();
    console_fake_type(text);
    CHECK(!fake_uart.interrupts);
    for (u32 i = 0; i < sizeof(text) - 1; i++) {
        CHECK_EQ(console_getc(&vm), 'a' + i % 26);
        if (fake_uart.interrupts)
            console_arrived(NULL);
    }
    CHECK_EQ(console_getc(&vm), CONSOLE_NONE);
}
