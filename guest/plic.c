/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Who is called for which device's interrupt: the machine's PLIC names the device, the driver makes
 * it stop, and then it is told that this is done.
 *
 * All interrupts come to the hart that the machine began with, whose context is numbered as on
 * QEMU's virt.  All have the same priority: the lowest number comes first.
 */
#include "guest/plic.h"

#include "lib/drv/plic.h"
#include "lib/riscv/csr.h"

#include "guest/hart.h"
#include "guest/init.h"
#include "guest/machine.h"
#include "guest/paging.h"
#include "guest/spin.h"

static struct plic plic; /* base 0: the machine has none */
static struct {
    irq_fn *fn;
    void *arg;
} connected[PLIC_VIRT_SOURCES + 1];

/* ERR_NOENT: no PLIC, or no such number; ERR_STATE: it is taken.  Nothing has changed then. */
enum err irq_connect(u32 number, irq_fn *fn, void *arg)
{
    static struct spin lock;
    enum err err = ERR_STATE;

    if (plic.base == 0 || number == 0 || number > PLIC_VIRT_SOURCES) {
        return ERR_NOENT;
    }
    spin_lock(&lock);
    if (!connected[number].fn) {
        connected[number].arg = arg;
        connected[number].fn = fn;
        plic_set_priority(&plic, number, 1);
        plic_enable(&plic, number);
        err = ERR_OK;
    }
    spin_unlock(&lock);
    return err;
}

/* Only what is connected is enabled, and nothing else can be claimed. */
static void serve(void *arg)
{
    u32 number;

    (void)arg;
    while ((number = plic_claim(&plic)) != 0) {
        connected[number].fn(connected[number].arg);
        plic_complete(&plic, number);
    }
}

static GUEST_INIT(INIT_DEVICES) void bring_up(void)
{
    static struct irq_handler handler = {.fn = serve};
    u64 base = machine_device("riscv,plic0");

    if (base == 0) {
        return;
    }
    plic_init(&plic, (u64)paging_linear(base), (u32)PLIC_VIRT_S_CONTEXT(hart_boot.id),
              PLIC_VIRT_SOURCES);
    irq_add(IRQ_SEXT, &handler);
}
