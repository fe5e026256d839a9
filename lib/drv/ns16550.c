/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The UART that QEMU's virt and most boards have, by polling: no buffers, no globals;
 * an interrupt says when there is something to get. Callers that share one serialise themselves.
 *
 * [NS16550]
 */
#include "lib/drv/ns16550.h"

static u8 register_read(const struct ns16550 *uart, enum ns16550_register which)
{
    return uart->base[which * uart->stride];
}

static void register_write(const struct ns16550 *uart, enum ns16550_register which, u32 value)
{
    uart->base[which * uart->stride] = (u8)value;
}

void ns16550_init(struct ns16550 *uart, u64 base, u32 stride)
{
    *uart = (struct ns16550){.base = (volatile u8 *)base, .stride = stride};
    register_write(uart, NS16550_IER, 0);
    register_write(uart, NS16550_LCR, NS16550_LCR_8N1);
    register_write(uart, NS16550_IIR, NS16550_FCR_ENABLE);
}

void ns16550_write(const struct ns16550 *uart, const void *text, u64 bytes)
{
    volatile const u8 *status = &uart->base[NS16550_LSR * uart->stride];
    volatile u8 *data = &uart->base[NS16550_RBR * uart->stride];

    for (const u8 *byte = text, *end = byte + bytes; byte < end; byte++) {
        while ((*status & NS16550_LSR_THRE) == 0)
            ;
        *data = *byte;
    }
}

bool ns16550_can_get(const struct ns16550 *uart)
{
    return (register_read(uart, NS16550_LSR) & NS16550_LSR_DR) != 0;
}

int ns16550_getc(const struct ns16550 *uart)
{
    return ns16550_can_get(uart) ? register_read(uart, NS16550_RBR) : -1;
}

void ns16550_interrupt(const struct ns16550 *uart, bool on)
{
    register_write(uart, NS16550_IER, on ? NS16550_IER_RDI : 0);
}
