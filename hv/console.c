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
 * Input is pid 1's.  Any other guest is detached and reads end of input: the byte 4 (EOT) at every
 * second poll, nothing in between, so that a loop that drains the input comes to an end.
 *
 * The machine's UART interrupts only while a device of pid 1 waits for that, the one that asked
 * last, so that input which nobody reads costs nothing.  A detached guest is interrupted for the
 * end of input until it has read it once.
 *
 * It does not edit lines, echo, or translate newlines.
 */
#include "hv/console.h"

#include <stdarg.h>
#include <stdio.h>

#include "lib/drv/ns16550.h"
#include "lib/kit/spinlock.h"

#include "hv/dev/dev.h"
#include "hv/firmware.h"
#include "hv/vm.h"

#define PID_WITH_INPUT 1
#define END_OF_INPUT   4

static struct spinlock lock;

/* guarded by lock: */
static struct ns16550 uart;
static bool shared;
static bool midline;
static struct vm *watching;  /* who is to be told when input comes, NULL: nobody ... */
static struct vcpu *watcher; /* ... by its virtio console, of this vCPU; NULL: by its UART */

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
    for (size_t i = 0; i < length; i++) {
        if (has_uart())
            ns16550_putc(&uart, (u8)text[i]);
        else
            firmware_putchar((u8)text[i]);
    }
}

/* lock is held.  Writes a line of hv's own making, prefix first. */
static void put_line(const char *prefix, const char *text, size_t length)
{
    if (midline)
        put("\n", 1);
    midline = false;
    for (; *prefix != '\0'; prefix++)
        put(prefix, 1);
    put(text, length);
    put("\n", 1);
}

/* lock is held. */
static void put_collected(struct vm *vm)
{
    char prefix[16];

    snprintf(prefix, sizeof(prefix), "[%u] ", (unsigned)vm->pid);
    put_line(prefix, vm->console.line, vm->console.length);
    vm->console.length = 0;
}

/* lock is held. */
static void watch(struct vm *vm, struct vcpu *vcpu)
{
    if (watching != vm)
        ns16550_interrupt(&uart, vm != NULL);
    watching = vm;
    watcher = vcpu;
}

static void collect(struct vm *vm, char c)
{
    struct console *console = &vm->console;

    if (c != '\n') {
        console->line[console->length++] = c;
        if (console->length < CONSOLE_LINE_BYTES)
            return;
    }
    put_collected(vm);
}

void console_putc(struct vm *vm, char c)
{
    spin_lock(&lock);
    if (shared) {
        collect(vm, c);
    } else {
        put(&c, 1);
        midline = c != '\n';
    }
    spin_unlock(&lock);
}

void console_flush(struct vm *vm)
{
    spin_lock(&lock);
    if (vm->console.length > 0)
        put_collected(vm);
    if (watching == vm)
        watch(NULL, NULL);
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
    if (has_uart() && vm->pid == PID_WITH_INPUT)
        c = ns16550_getc(&uart);
    else
        c = end_of_input(&vm->console);
    spin_unlock(&lock);
    return c;
}

int console_receive(struct vm *vm, struct vcpu *vcpu)
{
    int c = CONSOLE_NONE;

    spin_lock(&lock);
    if (has_uart() && vm->pid == PID_WITH_INPUT) {
        c = ns16550_getc(&uart);
        if (c == CONSOLE_NONE)
            watch(vm, vcpu);
    } else if (!vm->console.eof_read) {
        vm->console.eof_read = true;
        c = END_OF_INPUT;
    }
    spin_unlock(&lock);
    return c;
}

/* Where it says yes, the byte is still to be had: a detached reader is told by console_getc(). */
bool console_can_get(struct vm *vm)
{
    bool can;

    spin_lock(&lock);
    if (has_uart() && vm->pid == PID_WITH_INPUT) {
        can = ns16550_can_get(&uart);
    } else {
        can = !vm->console.eof_told;
        vm->console.eof_told = false;
    }
    spin_unlock(&lock);
    return can;
}

/* The lock is held until the line is what was decided: input that comes now is not overruled. */
void console_set_interrupt(struct vm *vm, bool wants_input, bool also)
{
    spin_lock(&lock);
    if (has_uart() && vm->pid == PID_WITH_INPUT) {
        bool can_get = ns16550_can_get(&uart);

        if (wants_input && !can_get)
            watch(vm, NULL);
        else if (watcher == NULL)
            watch(NULL, NULL);
        vplic_set_level(vm, VUART_SOURCE, also || (wants_input && can_get));
    } else {
        vplic_set_level(vm, VUART_SOURCE, also || (wants_input && !vm->console.eof_read));
    }
    spin_unlock(&lock);
}

/* Nobody is told twice: it watches again when the guest has looked at its device. */
void console_arrived(void *of)
{
    (void)of;
    spin_lock(&lock);
    if (watching != NULL && ns16550_can_get(&uart)) {
        if (watcher == NULL)
            vplic_set_level(watching, VUART_SOURCE, true);
        else
            vcpu_pend_input(watcher);
        watch(NULL, NULL);
    }
    spin_unlock(&lock);
}

void console_share(void)
{
    spin_lock(&lock);
    shared = true;
    spin_unlock(&lock);
}

void console_log(const char *format, ...)
{
    char text[CONSOLE_LINE_BYTES];
    int length;
    va_list args;

    va_start(args, format);
    length = vsnprintf(text, sizeof(text), format, args);
    va_end(args);
    if (length < 0)
        length = 0;
    if ((size_t)length >= sizeof(text))
        length = sizeof(text) - 1;
    spin_lock(&lock);
    put_line("[hv] ", text, (size_t)length);
    spin_unlock(&lock);
}

void console_emergency(const char *text)
{
    for (; *text != '\0'; text++)
        put(text, 1);
}
