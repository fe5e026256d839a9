/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Says what it reads, "way=dbcn|legacy|uart", until end of input: the byte 4 (EOT).  With "fork" a
 * child does it first, which must read end of input at once and take nothing from its parent.
 */
#include <stdio.h>

#include "sbi/call.h"

#include "guest/args.h"
#include "guest/guest.h"
#include "guest/machine.h"
#include "guest/paging.h"
#include "guest/proc.h"

#define EOT         4
#define UART        0x10000000UL
#define UART_LSR    5
#define UART_LSR_DR 0x01 /* a byte was received */

static int get_dbcn(void)
{
    static volatile u8 byte;
    struct sbiret ret =
        sbi_call(SBI_EID_DBCN, SBI_DBCN_CONSOLE_READ, 1, (unsigned long)&byte, 0, 0, 0);

    return ret.error == 0 && ret.value == 1 ? byte : -1;
}

static int get_legacy(void)
{
    return (int)sbi_call(SBI_LEGACY_GETCHAR, 0, 0, 0, 0, 0, 0).error;
}

static int get_uart(void)
{
    volatile u8 *uart = (volatile u8 *)UART;

    return uart[UART_LSR] & UART_LSR_DR ? uart[0] : -1;
}

static void echo(int (*get)(void))
{
    u64 bytes = 0;
    int c;

    while ((c = get()) != EOT) {
        if (c >= 0) {
            putchar(c);
            bytes++;
        }
    }
    printf("echo: %lu bytes\n", (unsigned long)bytes);
}

int main(void)
{
    int (*get)(void) = args_is("way", "legacy") ? get_legacy : get_dbcn;

    if (args_is("way", "uart")) {
        paging_off();
        get = get_uart;
    }
    if (args_has("fork")) {
        unsigned status = ~0U;
        long child = proc_fork(PROC_DOOR_ECALL, 0);

        if (child == 0) {
            echo(get);
            proc_exit(0);
        }
        proc_wait(child, 0, &status);
        printf("echo: child's status %u\n", status);
    }
    echo(get);
    return 0;
}
