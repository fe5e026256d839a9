/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The guest's UART, an ns16550 as QEMU's virt has it, on the guest's side of the console.
 *
 * It transmits at once, so the transmitter is always empty.  It interrupts for received data and
 * for the empty transmitter, if IER says so; while IER is 0 its line stays low and costs nothing.
 * What is read by another way than this UART (SBI) is noticed at the next access.  In loopback
 * mode, which drivers use to detect the chip, the modem lines come back and data goes nowhere.
 * Registers are one byte: of a wider access the lowest byte counts.
 *
 * [NS16550]
 */
#include "lib/drv/ns16550.h"

#include "hv/console.h"
#include "hv/dev/dev.h"
#include "hv/vmexit.h"

/* What the bytes of the state are. */
enum { DIVISOR_LOW, IER, DIVISOR_HIGH, LCR, MCR, FCR, THRI_PENDING, SCR };

static bool divisor_selected(const struct device *dev)
{
    return (dev->reg[LCR] & NS16550_LCR_DLAB) != 0;
}

/* Reading IIR acknowledges "transmitter empty" if that is what it says. */
static u64 read_iir(struct device *dev)
{
    u64 fifo = dev->reg[FCR] & NS16550_FCR_ENABLE ? NS16550_IIR_FIFO : 0;

    if ((dev->reg[IER] & NS16550_IER_RDI) && console_can_get(dev->vm))
        return fifo | NS16550_IIR_RDI;
    if ((dev->reg[IER] & NS16550_IER_THRI) && dev->reg[THRI_PENDING]) {
        dev->reg[THRI_PENDING] = 0;
        return fifo | NS16550_IIR_THRI;
    }
    return fifo | NS16550_IIR_NO_INT;
}

static u64 read_msr(const struct device *dev)
{
    u64 mcr = dev->reg[MCR];

    if ((mcr & NS16550_MCR_LOOP) == 0)
        return NS16550_MSR_DCD | NS16550_MSR_DSR | NS16550_MSR_CTS;
    return (mcr & NS16550_MCR_DTR ? NS16550_MSR_DSR : 0) |
           (mcr & NS16550_MCR_RTS ? NS16550_MSR_CTS : 0) |
           (mcr & NS16550_MCR_OUT1 ? NS16550_MSR_RI : 0) |
           (mcr & NS16550_MCR_OUT2 ? NS16550_MSR_DCD : 0);
}

static u64 read_rbr(struct device *dev)
{
    int byte = console_getc(dev->vm);

    return byte == CONSOLE_NONE ? 0 : (u64)byte;
}

static void update_interrupt(const struct device *dev, struct vm *vm)
{
    console_set_interrupt(vm, (dev->reg[IER] & NS16550_IER_RDI) != 0,
                          (dev->reg[IER] & NS16550_IER_THRI) && dev->reg[THRI_PENDING]);
}

static u64 read_register(struct device *dev, u64 offset)
{
    switch (offset) {
    case NS16550_RBR: return divisor_selected(dev) ? dev->reg[DIVISOR_LOW] : read_rbr(dev);
    case NS16550_IER: return dev->reg[divisor_selected(dev) ? DIVISOR_HIGH : IER];
    case NS16550_IIR: return read_iir(dev);
    case NS16550_LCR: return dev->reg[LCR];
    case NS16550_MCR: return dev->reg[MCR];
    case NS16550_LSR:
        return NS16550_LSR_THRE | NS16550_LSR_TEMT |
               (console_can_get(dev->vm) ? NS16550_LSR_DR : 0);
    case NS16550_MSR: return read_msr(dev);
    case NS16550_SCR: return dev->reg[SCR];
    default: return 0;
    }
}

static u64 vuart_read(struct device *dev, struct vcpu *vcpu, u64 offset, u32 bytes)
{
    u64 value = read_register(dev, offset);

    (void)vcpu;
    (void)bytes;
    if (dev->reg[IER] != 0)
        update_interrupt(dev, dev->vm);
    return value;
}

static void write_thr(struct device *dev, u8 byte)
{
    if ((dev->reg[MCR] & NS16550_MCR_LOOP) == 0)
        console_putc(dev->vm, (char)byte);
    dev->reg[THRI_PENDING] = 1;
    if (dev->reg[IER] != 0)
        update_interrupt(dev, dev->vm);
}

static void write_ier(struct device *dev, u8 byte)
{
    if (byte & ~dev->reg[IER] & NS16550_IER_THRI)
        dev->reg[THRI_PENDING] = 1;
    dev->reg[IER] = byte & NS16550_IER_MASK;
    update_interrupt(dev, dev->vm);
}

static int vuart_write(struct device *dev, struct vcpu *vcpu, u64 offset, u32 bytes, u64 value)
{
    u8 byte = (u8)value;

    (void)vcpu;
    (void)bytes;
    switch (offset) {
    case NS16550_RBR:
        if (divisor_selected(dev))
            dev->reg[DIVISOR_LOW] = byte;
        else
            write_thr(dev, byte);
        break;
    case NS16550_IER:
        if (divisor_selected(dev))
            dev->reg[DIVISOR_HIGH] = byte;
        else
            write_ier(dev, byte);
        break;
    case NS16550_IIR: dev->reg[FCR] = byte; break;
    case NS16550_LCR: dev->reg[LCR] = byte; break;
    case NS16550_MCR: dev->reg[MCR] = byte & NS16550_MCR_MASK; break;
    case NS16550_SCR: dev->reg[SCR] = byte; break;
    default: break;
    }
    return VERDICT_SKIP;
}

/* QEMU's values after power-on: 9600 baud of a 1.8 MHz clock. */
static void vuart_reset(struct device *dev)
{
    for (u32 i = 0; i < DEVICE_STATE_WORDS; i++)
        dev->state[i] = 0;
    dev->reg[DIVISOR_LOW] = 12;
    dev->reg[MCR] = NS16550_MCR_OUT2;
}

/* A child is detached: what interrupts it is the end of input. */
static enum err vuart_clone(struct device *child, const struct device *parent, struct vm *child_vm)
{
    (void)parent;
    if (child->reg[IER] != 0)
        update_interrupt(child, child_vm);
    return ERR_OK;
}

/* The registers are the child's as they are; the byte that a guest has not yet read stays with the
 * machine's UART, so nothing is received twice. */
const struct device_ops vuart_ops = {
    .name = "ns16550",
    .read = vuart_read,
    .write = vuart_write,
    .reset = vuart_reset,
    .clone = vuart_clone,
};
