/* SPDX-License-Identifier: BSD-2-Clause */
#pragma once
/* The UART ns16550, and its registers for whoever emulates one.  See ns16550.c. */
#include "lib/kit/types.h"

enum ns16550_register {
    NS16550_RBR = 0, /* read: receiver buffer; write: transmitter holding; DLAB: divisor low */
    NS16550_IER = 1, /* interrupt enable; DLAB: divisor high */
    NS16550_IIR = 2, /* read: interrupt identification; write: FIFO control */
    NS16550_LCR = 3, /* line control */
    NS16550_MCR = 4, /* modem control */
    NS16550_LSR = 5, /* line status */
    NS16550_MSR = 6, /* modem status */
    NS16550_SCR = 7, /* scratch */
    NS16550_REGISTERS
};

#define NS16550_IER_RDI    0x01U /* received data available */
#define NS16550_IER_THRI   0x02U /* transmitter holding register empty */
#define NS16550_IER_MASK   0x0fU
#define NS16550_IIR_NO_INT 0x01U
#define NS16550_IIR_THRI   0x02U
#define NS16550_IIR_RDI    0x04U
#define NS16550_IIR_FIFO   0xc0U
#define NS16550_FCR_ENABLE 0x01U
#define NS16550_LCR_8N1    0x03U
#define NS16550_LCR_DLAB   0x80U
#define NS16550_MCR_DTR    0x01U
#define NS16550_MCR_RTS    0x02U
#define NS16550_MCR_OUT1   0x04U
#define NS16550_MCR_OUT2   0x08U
#define NS16550_MCR_LOOP   0x10U
#define NS16550_MCR_MASK   0x1fU
#define NS16550_LSR_DR     0x01U /* a byte was received */
#define NS16550_LSR_THRE   0x20U /* a byte can be written */
#define NS16550_LSR_TEMT   0x40U /* all bytes are on the wire */
#define NS16550_MSR_CTS    0x10U
#define NS16550_MSR_DSR    0x20U
#define NS16550_MSR_RI     0x40U
#define NS16550_MSR_DCD    0x80U

struct ns16550 {
    volatile u8 *base;
    u32 stride; /* bytes from register to register */
};

/* Polled, 8 bits, no parity, FIFOs on; the firmware has set the speed. */
void ns16550_init(struct ns16550 *uart, u64 base, u32 stride);
/* Waits until the UART has taken all of it. */
void ns16550_write(const struct ns16550 *uart, const void *text, u64 bytes);
/* The next byte received, or -1. */
int ns16550_getc(const struct ns16550 *uart);
bool ns16550_can_get(const struct ns16550 *uart);
/* Whether it interrupts while there is a byte to get. */
void ns16550_interrupt(const struct ns16550 *uart, bool on);
