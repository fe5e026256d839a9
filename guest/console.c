/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The console: a device of class console, where a component drives one; else through SBI DBCN, else
 * the legacy console, else the UART.
 *
 * Output goes a line at a time.  Each thread collects a line of its own, so that lines of several
 * do not mix.  Input is a byte at a time, and nobody waits here for one: guest/libc/input.c.
 */
#include "guest/console.h"

#include <stdio.h>

#include "sbi/call.h"

#include "guest/guest.h"
#include "guest/physical.h"
#include "guest/spin.h"

#define UART          0x10000000UL /* ns16550: transmit and receive register, */
#define UART_LSR      5            /* line status, */
#define UART_LSR_DR   0x01         /* its bits: a byte was received, */
#define UART_LSR_THRE 0x20         /* transmitter is empty */

#define WRITE_TRIES 10000000 /* longer than a line takes */

#define LINE_BYTES 124

static enum { CONSOLE_UNKNOWN, CONSOLE_UART, CONSOLE_LEGACY, CONSOLE_DBCN } way;
static __thread char line[LINE_BYTES];
static __thread u32 used;

/* The UART is in no early table. */
static void uart_put(char c)
{
    volatile u8 *uart = (volatile u8 *)UART;
    struct physical before = physical_begin();

    while (!(uart[UART_LSR] & UART_LSR_THRE)) {
    }
    uart[0] = (u8)c;
    physical_end(before);
}

static int uart_get(void)
{
    volatile u8 *uart = (volatile u8 *)UART;
    struct physical before = physical_begin();
    int c = uart[UART_LSR] & UART_LSR_DR ? uart[0] : -1;

    physical_end(before);
    return c;
}

/* DBCN may take fewer bytes than it is given, also none.  False: not all of it is written, and more
 * will not be.  [SBI "Debug Console Extension"] */
static bool dbcn_write(const char *text, size_t bytes)
{
    while (bytes) {
        struct sbiret ret =
            sbi_call(SBI_EID_DBCN, SBI_DBCN_CONSOLE_WRITE, bytes, (unsigned long)text, 0, 0, 0);

        if (ret.error) {
            return false;
        }
        text += ret.value;
        bytes -= (size_t)ret.value;
    }
    return true;
}

static int dbcn_get(void)
{
    volatile u8 byte;
    struct sbiret ret =
        sbi_call(SBI_EID_DBCN, SBI_DBCN_CONSOLE_READ, 1, (unsigned long)&byte, 0, 0, 0);

    return ret.error == 0 && ret.value == 1 ? byte : -1;
}

/* Component virtio_console has its own. */
__attribute__((weak)) bool console_device_there(void)
{
    return false;
}

__attribute__((weak)) bool console_device_write(const char *text, size_t bytes)
{
    (void)text;
    (void)bytes;
    return false;
}

__attribute__((weak)) int console_device_getc(void)
{
    return -1;
}

static void find_way(void)
{
    if (way != CONSOLE_UNKNOWN) {
        return;
    }
    if (sbi_has(SBI_EID_DBCN)) {
        way = CONSOLE_DBCN;
    } else if (sbi_has(SBI_LEGACY_PUTCHAR)) {
        way = CONSOLE_LEGACY;
    } else {
        way = CONSOLE_UART;
    }
}

/* Byte by byte, for who has no call that takes more. */
static void write_bytes(const char *text, size_t bytes)
{
    for (size_t i = 0; i < bytes; i++) {
        if (way == CONSOLE_LEGACY) {
            sbi_call(SBI_LEGACY_PUTCHAR, 0, (unsigned char)text[i], 0, 0, 0, 0);
        } else {
            uart_put(text[i]);
        }
    }
}

/* To the machine's own console.  Whether it has DBCN is first found out by its use. */
static void write_machine(const char *text, size_t bytes)
{
    if (way == CONSOLE_UNKNOWN && dbcn_write(text, bytes)) {
        way = CONSOLE_DBCN;
        return;
    }
    find_way();
    if (way == CONSOLE_DBCN) {
        (void)dbcn_write(text, bytes);
    } else {
        write_bytes(text, bytes);
    }
}

/* One hart at a time.  A report may come from inside of the lock: nobody waits for ever. */
static bool lock_write(struct spin *lock)
{
    for (u32 tries = 0; tries < WRITE_TRIES; tries++) {
        if (spin_raw_try_lock(lock)) {
            return true;
        }
    }
    return false;
}

/* Send what is buffered; no other thread writes in between.  fork does so first, or its text would
 * appear once for each process. */
void console_flush(void)
{
    static struct spin lock;
    bool locked;
    size_t bytes = used;

    if (bytes == 0) {
        return; /* and writes nothing: in a forked child that would copy a page */
    }
    used = 0;
    preempt_disable();
    locked = lock_write(&lock);
    if (!console_device_write(line, bytes)) {
        write_machine(line, bytes);
    }
    if (locked) {
        spin_raw_unlock(&lock);
    }
    preempt_enable();
}

void console_putc(char c)
{
    line[used++] = c;
    if (c == '\n' || used == LINE_BYTES) {
        console_flush();
    }
}

/* The next byte that was typed, or -1: there is none now.  A byte is read once. */
int console_getc(void)
{
    if (console_device_there()) {
        return console_device_getc();
    }
    find_way();
    switch (way) {
    case CONSOLE_DBCN: return dbcn_get();
    case CONSOLE_LEGACY: return (int)sbi_call(SBI_LEGACY_GETCHAR, 0, 0, 0, 0, 0, 0).error;
    case CONSOLE_UART: return uart_get();
    case CONSOLE_UNKNOWN: break;
    }
    return -1;
}

static int console_put(char c, FILE *file)
{
    (void)file;
    console_putc(c);
    return (unsigned char)c;
}

static int flush(FILE *file)
{
    (void)file;
    console_flush();
    return 0;
}

static FILE output = FDEV_SETUP_STREAM(console_put, NULL, flush, _FDEV_SETUP_WRITE);
static FILE error = FDEV_SETUP_STREAM(console_put, NULL, flush, _FDEV_SETUP_WRITE);
/* Component vfs has others. */
__attribute__((weak)) FILE *const stdout = &output;
__attribute__((weak)) FILE *const stderr = &error;
