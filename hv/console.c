/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The machine's console: one UART, which hv and every guest write to.
 *
 * While there is one VM its bytes pass straight through.  From console_share() on each guest's line
 * is collected until it is whole and then written as "[pid] line"; one that is longer than a
 * console's buffer is written in pieces, each of them a line.
 *
 * Invariant: whoever writes to the UART holds the lock until its line is whole, so two lines never
 * mix; only the one passing guest may leave a line unfinished (`midline`), and whoever comes next
 * finishes it first.  console_emergency() alone takes no lock.
 *
 * Input is one process's, the reader: pid 1, until somebody gives it away.  Who has had it and is
 * to have it again finds nothing meanwhile.  Any other is detached and reads end of input: the byte
 * 4 (EOT) at every second poll, nothing in between, so that a loop that drains the input comes to
 * an end.
 *
 * Once input was given away there is job control: what the reader writes passes straight through,
 * as that of an only VM does; lines of its group, and of who gave it the input, have no prefix; and
 * ^C is the group's signal, unless the reader takes it as input.
 *
 * The machine's UART interrupts only while a device of the reader waits for that, so that input
 * which nobody reads costs nothing and stays where it is.  A detached guest is interrupted for the
 * end of input until it has read it once.  With the monitor, and with job control, it always
 * interrupts: what comes is kept here until it is read, INPUT_BYTES at most, so that keys are seen.
 *
 * It does not edit lines, echo, or translate newlines.
 */
#include "hv/console.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "lib/drv/ns16550.h"
#include "lib/kit/spinlock.h"
#include "sbi/proc.h"

#include "hv/dev/dev.h"
#include "hv/firmware.h"
#include "hv/monitor.h"
#include "hv/proc.h"
#include "hv/vm.h"

#define INTERRUPT    3 /* ^C */
#define END_OF_INPUT 4
#define SIGNALLED    (CONSOLE_NONE - 1)
#define FIRST_READER 1U    /* a pid */
#define INPUT_BYTES  4096U /* a power of two */

static struct spinlock lock;

/* guarded by lock: */
static struct ns16550 uart;
static bool shared;
static bool midline;
static bool job_control;
static u32 reader_pid = FIRST_READER, reader_group, giver_pid; /* with job control; 0: none */
static bool takes_keys;                                        /* the reader: ^C is input for it */
static struct vm *watching; /* the reader, if it is to be told when input comes */
static struct {
    bool is_there, is_open, just_opened;
} monitor;
static struct {
    u32 first, end; /* free-running */
    u8 byte[INPUT_BYTES];
} input; /* that has come, with the monitor or job control */

void console_init(u64 base, u32 stride)
{
    ns16550_init(&uart, base, stride);
}

/* A machine without a UART, or whose device tree cannot be read, has the firmware's console, for
 * output alone: every reader is detached. */
static bool has_uart(void)
{
    return uart.base != NULL;
}

static void put(const char *text, size_t length)
{
    if (likely(has_uart())) {
        ns16550_write(&uart, text, length);
        return;
    }
    for (size_t i = 0; i < length; i++)
        firmware_putchar((u8)text[i]);
}

/* lock is held.  Writes a line of hv's own making, prefix first. */
static void put_line(const char *prefix, const char *text, size_t length)
{
    if (midline)
        put("\n", 1);
    midline = false;
    put(prefix, strlen(prefix));
    put(text, length);
    put("\n", 1);
}

/* lock is held.  Its lines are of what a person has in the foreground. */
static bool is_foreground(const struct vm *vm)
{
    return job_control && (vm->pid == reader_pid || vm->pid == giver_pid ||
                           __atomic_load_n(&vm->group, __ATOMIC_RELAXED) == reader_group);
}

#define PREFIX_BYTES sizeof("[4294967295] ")

/* "[pid] ", at the end of the room for it: printf takes ten times as long. */
static const char *make_prefix(char prefix[PREFIX_BYTES], u32 pid)
{
    char *at = &prefix[PREFIX_BYTES - sizeof("] ")];

    at[0] = ']';
    at[1] = ' ';
    at[2] = '\0';
    do {
        *--at = (char)('0' + pid % 10);
        pid /= 10;
    } while (pid != 0);
    *--at = '[';
    return at;
}

/* lock is held. */
static void put_collected(struct vm *vm)
{
    char prefix[PREFIX_BYTES];

    put_line(is_foreground(vm) ? "" : make_prefix(prefix, vm->pid), vm->console.line,
             vm->console.length);
    vm->console.length = 0;
}

/* lock is held.  Input is taken when it comes. */
static bool is_kept(void)
{
    return monitor.is_there || job_control;
}

/* lock is held.  The UART interrupts as it should. */
static void listen(void)
{
    ns16550_interrupt(&uart, is_kept() ? input.end - input.first < INPUT_BYTES : watching != NULL);
}

/* lock is held. */
static void watch(struct vm *vm)
{
    if (watching == vm)
        return;
    watching = vm;
    listen();
}

/* lock is held. */
static bool can_read(void)
{
    return is_kept() ? input.first != input.end : ns16550_can_get(&uart);
}

static int read_byte(void)
{
    u8 byte;

    if (!is_kept())
        return ns16550_getc(&uart);
    if (input.first == input.end)
        return CONSOLE_NONE;
    byte = input.byte[input.first++ % INPUT_BYTES];
    if (input.end - input.first == INPUT_BYTES - 1)
        listen();
    return byte;
}

/* lock is held; there is input.  Nobody is told twice: a device asks again when its guest has
 * looked at it. */
static void tell(struct vm *vm)
{
    if (vm->console.waits)
        vplic_set_level(vm, VUART_SOURCE, true);
    if (vm->console.waiter != NULL)
        vcpu_pend_input(vm->console.waiter);
    vm->console.waits = false;
    vm->console.waiter = NULL;
    watch(NULL);
}

/* lock is held.  The input is somebody else's: true if vm is to have it again, as pid 1 is in the
 * end.  It finds nothing until then. */
static bool is_to_have_it_again(const struct vm *vm)
{
    return vm->console.had_input || (has_uart() && vm->pid == FIRST_READER);
}

/* lock is held.  True if input goes to vm. */
static bool is_reader(struct vm *vm)
{
    if (!has_uart() || vm->pid != reader_pid)
        return false;
    vm->console.had_input = true;
    return true;
}

/* lock is held. */
static void collect(struct vm *vm, const char *text, size_t bytes)
{
    struct console *console = &vm->console;

    while (bytes > 0) {
        const char *end = memchr(text, '\n', bytes);
        size_t now = end == NULL ? bytes : (size_t)(end - text);
        size_t room = CONSOLE_LINE_BYTES - (size_t)console->length;

        now = now < room ? now : room;
        memcpy(console->line + console->length, text, now);
        console->length = (u16)(console->length + now);
        if (now < bytes && now < room)
            now++; /* the end of the line */
        else if (now < room)
            return;
        put_collected(vm);
        text += now;
        bytes -= now;
    }
}

void console_write(struct vm *vm, const char *text, size_t bytes)
{
    spin_lock(&lock);
    if (shared && !(job_control && vm->pid == reader_pid)) {
        collect(vm, text, bytes);
    } else if (bytes > 0) {
        put(text, bytes);
        midline = text[bytes - 1] != '\n';
    }
    spin_unlock(&lock);
}

void console_flush(struct vm *vm)
{
    spin_lock(&lock);
    if (vm->console.length > 0)
        put_collected(vm);
    vm->console.waits = false;
    vm->console.waiter = NULL;
    if (watching == vm)
        watch(NULL);
    spin_unlock(&lock);
}

/* The byte at this poll of a detached reader. */
static int end_of_input(struct console *console)
{
    console->eof_told = !console->eof_told;
    console->eof_read = true;
    return console->eof_told ? END_OF_INPUT : CONSOLE_NONE;
}

int console_getc(struct vm *vm)
{
    int c;

    spin_lock(&lock);
    if (is_reader(vm))
        c = read_byte();
    else
        c = is_to_have_it_again(vm) ? CONSOLE_NONE : end_of_input(&vm->console);
    spin_unlock(&lock);
    return c;
}

int console_receive(struct vm *vm, struct vcpu *vcpu)
{
    int c = CONSOLE_NONE;

    spin_lock(&lock);
    if (is_reader(vm)) {
        c = read_byte();
        if (c == CONSOLE_NONE)
            watch(vm);
    } else if (!is_to_have_it_again(vm) && !vm->console.eof_read) {
        vm->console.eof_read = true;
        c = END_OF_INPUT;
    }
    if (c == CONSOLE_NONE)
        vm->console.waiter = vcpu;
    spin_unlock(&lock);
    return c;
}

/* Where it says yes, the byte is still to be had: a detached reader is told by console_getc(). */
bool console_can_get(struct vm *vm)
{
    bool can;

    spin_lock(&lock);
    if (is_reader(vm)) {
        can = can_read();
    } else {
        can = !is_to_have_it_again(vm) && !vm->console.eof_told;
        vm->console.eof_told = false;
    }
    spin_unlock(&lock);
    return can;
}

/* The lock is held until the line is what was decided: input that comes now is not overruled. */
void console_set_interrupt(struct vm *vm, bool wants_input, bool also)
{
    spin_lock(&lock);
    if (is_reader(vm)) {
        bool can = can_read();

        vm->console.waits = wants_input && !can;
        watch(vm->console.waits || vm->console.waiter != NULL ? vm : NULL);
        vplic_set_level(vm, VUART_SOURCE, also || (wants_input && can));
    } else {
        vm->console.waits = wants_input;
        vplic_set_level(vm, VUART_SOURCE,
                        also || (wants_input && !is_to_have_it_again(vm) && !vm->console.eof_read));
    }
    spin_unlock(&lock);
}

static void keep(u8 byte)
{
    input.byte[input.end++ % INPUT_BYTES] = byte;
}

/* lock is held.  True: the byte is the monitor's.  The key a second time at once is for the reader.
 */
static bool is_for_monitor(u8 byte)
{
    bool again = monitor.just_opened;

    if (!monitor.is_there)
        return false;
    monitor.just_opened = false;
    if (byte != CONSOLE_KEY)
        return monitor.is_open;
    monitor.is_open = !monitor.is_open;
    monitor.just_opened = monitor.is_open;
    if (again)
        keep(byte);
    return true;
}

/*
 * lock is held.  The next byte of the machine's UART that is the monitor's, SIGNALLED for one that
 * is the foreground group's, or CONSOLE_NONE; what comes before it is kept for the reader.
 */
static int take_key(void)
{
    while (is_kept() && input.end - input.first < INPUT_BYTES) {
        int c = ns16550_getc(&uart);

        if (c == CONSOLE_NONE || is_for_monitor((u8)c))
            return c;
        if (c == INTERRUPT && giver_pid != 0 && !takes_keys) {
            input.first = input.end;
            put("^C", 2);
            midline = true;
            return SIGNALLED;
        }
        keep((u8)c);
    }
    return CONSOLE_NONE;
}

/* The monitor's commands run here, and signals are sent, with no lock held. */
void console_arrived(void *of)
{
    int c;

    (void)of;
    do {
        spin_lock(&lock);
        c = take_key();
        if (c == CONSOLE_NONE) {
            if (watching != NULL && can_read())
                tell(watching);
            listen();
        }
        spin_unlock(&lock);
        if (c == SIGNALLED)
            foreground_signal(PROC_SIGINT);
        else if (c != CONSOLE_NONE)
            monitor_type((u8)c);
    } while (c != CONSOLE_NONE);
}

/* lock is held. */
static void give_input(struct vm *to)
{
    if (to->console.length > 0)
        put_collected(to);
    reader_pid = to->pid;
    reader_group = to->group;
    giver_pid = to->console.given_by;
    takes_keys = to->console.takes_keys;
    to->console.had_input = true;
    watching = to->console.waits || to->console.waiter != NULL ? to : NULL;
    if (has_uart()) {
        listen();
        if (watching != NULL && can_read())
            tell(to);
    }
}

void console_give_input(struct vm *to, const struct vm *by)
{
    spin_lock(&lock);
    job_control = true;
    if (by != NULL && by != to)
        to->console.given_by = by->pid;
    give_input(to);
    spin_unlock(&lock);
}

void console_pass_input(struct vm *to, const struct vm *from)
{
    spin_lock(&lock);
    to->console.given_by = from->console.given_by;
    give_input(to);
    spin_unlock(&lock);
}

bool console_take_keys(struct vm *vm, int take)
{
    bool before;

    spin_lock(&lock);
    before = vm->console.takes_keys;
    if (take >= 0)
        vm->console.takes_keys = take;
    if (vm->pid == reader_pid)
        takes_keys = vm->console.takes_keys;
    spin_unlock(&lock);
    return before;
}

bool console_has_input(const struct vm *vm, u32 *heir)
{
    bool has;

    spin_lock(&lock);
    has = vm->pid == reader_pid;
    *heir = vm->console.given_by;
    spin_unlock(&lock);
    return has;
}

void console_enable_monitor(void)
{
    if (!has_uart())
        return;
    spin_lock(&lock);
    monitor.is_there = true;
    listen();
    spin_unlock(&lock);
}

void console_close_monitor(void)
{
    spin_lock(&lock);
    monitor.is_open = false;
    spin_unlock(&lock);
}

void console_share(void)
{
    spin_lock(&lock);
    shared = true;
    spin_unlock(&lock);
}

static size_t format_line(char *text, size_t bytes, const char *format, va_list args)
{
    int length = vsnprintf(text, bytes, format, args);

    if (length < 0)
        return 0;
    return (size_t)length < bytes ? (size_t)length : bytes - 1;
}

void console_log(const char *format, ...)
{
    char text[CONSOLE_LINE_BYTES];
    size_t length;
    va_list args;

    va_start(args, format);
    length = format_line(text, sizeof(text), format, args);
    va_end(args);
    spin_lock(&lock);
    put_line("[hv] ", text, length);
    spin_unlock(&lock);
}

void console_print(const char *format, ...)
{
    char text[CONSOLE_LINE_BYTES];
    size_t length;
    va_list args;

    va_start(args, format);
    length = format_line(text, sizeof(text), format, args);
    va_end(args);
    spin_lock(&lock);
    put(text, length);
    midline = length > 0 && text[length - 1] != '\n';
    spin_unlock(&lock);
}

void console_emergency(const char *text)
{
    put(text, strlen(text));
}
