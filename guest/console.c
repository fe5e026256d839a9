/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Standard output, a line at a time: through SBI DBCN, else the legacy console, else the UART.
 *
 * Each thread collects a line of its own, so that lines of several do not mix.
 */
#include <stdio.h>

#include "sbi/call.h"

#include "guest/guest.h"
#include "guest/paging.h"

#define UART          0x10000000UL /* ns16550: transmit register, */
#define UART_LSR      5            /* line status, */
#define UART_LSR_THRE 0x20         /* its bit: transmitter is empty */

#define LINE_BYTES 124

static enum { CONSOLE_UNKNOWN, CONSOLE_UART, CONSOLE_LEGACY, CONSOLE_DBCN } way;
static __thread char line[LINE_BYTES];
static __thread u32 used;

/* The UART is in no early table: translation is off for it. */
static void uart_put(char c)
{
    volatile u8 *uart = (volatile u8 *)UART;
    u64 satp = csr_read(CSR_SATP);

    csr_write(CSR_SATP, 0);
    while (!(uart[UART_LSR] & UART_LSR_THRE)) {
    }
    uart[0] = (u8)c;
    csr_write(CSR_SATP, satp);
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

static void find_way(void)
{
    if (sbi_has(SBI_EID_DBCN)) {
        way = CONSOLE_DBCN;
    } else if (sbi_has(SBI_LEGACY_PUTCHAR)) {
        way = CONSOLE_LEGACY;
    } else {
        way = CONSOLE_UART;
    }
}

/* Send what is buffered.  fork does so first, or its text would appear once for each process. */
void console_flush(void)
{
    size_t bytes = used;

    used = 0;
    if (bytes == 0) {
        return;
    }
    if (way == CONSOLE_UNKNOWN) {
        find_way();
    }
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

void console_putc(char c)
{
    line[used++] = c;
    if (c == '\n' || used == LINE_BYTES) {
        console_flush();
    }
}

static int console_put(char c, FILE *file)
{
    (void)file;
    console_putc(c);
    return (unsigned char)c;
}

static FILE console = FDEV_SETUP_STREAM(console_put, NULL, NULL, _FDEV_SETUP_WRITE);
FILE *const stdout = &console;
FILE *const stderr = &console;
