/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Standard output, a line at a time: through SBI DBCN, else the legacy console, else the UART.
 * There is no input yet.
 *
 * The buffer must be mapped to its own address while paging is on, since DBCN takes physical ones;
 * and only one hart at a time may print.
 */
#include <stdio.h>

#include "sbi/call.h"

#include "guest/guest.h"

#define UART          0x10000000UL /* ns16550: transmit register, */
#define UART_LSR      5            /* line status, */
#define UART_LSR_THRE 0x20         /* its bit: transmitter is empty */

static enum { CONSOLE_UART, CONSOLE_LEGACY, CONSOLE_DBCN } way;
static char line[256];
static size_t used;

static void uart_put(char c)
{
    volatile u8 *uart = (volatile u8 *)UART;

    while (!(uart[UART_LSR] & UART_LSR_THRE)) {
    }
    uart[0] = (u8)c;
}

/* DBCN may take fewer bytes than it is given, also none. [SBI "Debug Console Extension"] */
static void dbcn_write(const char *text, size_t bytes)
{
    while (bytes) {
        struct sbiret ret =
            sbi_call(SBI_EID_DBCN, SBI_DBCN_CONSOLE_WRITE, bytes, (unsigned long)text, 0, 0, 0);

        if (ret.error) {
            return;
        }
        text += ret.value;
        bytes -= (size_t)ret.value;
    }
}

/* Send what is buffered.  fork does so first, or its text would appear once for each process. */
void console_flush(void)
{
    size_t bytes = used;

    used = 0;
    if (way == CONSOLE_DBCN) {
        dbcn_write(line, bytes);
        return;
    }
    for (size_t i = 0; i < bytes; i++) {
        if (way == CONSOLE_LEGACY) {
            sbi_call(SBI_LEGACY_PUTCHAR, 0, (unsigned char)line[i], 0, 0, 0, 0);
        } else {
            uart_put(line[i]);
        }
    }
}

static int console_put(char c, FILE *file)
{
    (void)file;
    line[used++] = c;
    if (c == '\n' || used == sizeof(line)) {
        console_flush();
    }
    return (unsigned char)c;
}

static FILE console = FDEV_SETUP_STREAM(console_put, NULL, NULL, _FDEV_SETUP_WRITE);
FILE *const stdout = &console;
FILE *const stderr = &console;

void console_init(void)
{
    if (sbi_has(SBI_EID_DBCN)) {
        way = CONSOLE_DBCN;
    } else if (sbi_has(SBI_LEGACY_PUTCHAR)) {
        way = CONSOLE_LEGACY;
    }
}
