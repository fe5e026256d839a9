/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Who is called for which device's interrupt, and where: the machine's PLIC names the device, the
 * driver makes it stop, and then it is told that this is done.
 *
 * Each hart has a context, whose number the FDT says.  A source that is connected is enabled in one
 * of them; all have the same priority: the lowest number comes first.  A handler is called for one
 * source at a time: if there is another, the hart traps again.
 *
 * Invariant: a source is not taken out of a context where it is claimed and not completed, since
 * the PLIC would not hear of the completion and never show it again.  It moves afterwards.
 */
#include "guest/plic.h"

#include "lib/drv/plic.h"
#include "lib/riscv/csr.h"

#include "guest/hart.h"
#include "guest/init.h"
#include "guest/machine.h"
#include "guest/paging.h"
#include "guest/spin.h"

static struct {
    u64 hart;
    struct plic plic;
} contexts[GUEST_HARTS_MAX]; /* the first is that of the hart that the machine began with */
static size_t context_count; /* 0: the machine has no PLIC, or that hart no context */

/* Guards the enabled bits, and all below. */
static struct spin lock;
static struct {
    irq_fn *fn;
    void *arg;
    u8 at;     /* index of the context where it is enabled */
    u8 wanted; /* and where it is to be, once it is not in service */
    bool in_service;
} connected[PLIC_VIRT_SOURCES + 1];

/* The context of a hart, or context_count. */
static size_t context_of(u64 hart)
{
    size_t i = 0;

    while (i < context_count && contexts[i].hart != hart) {
        i++;
    }
    return i;
}

/* ERR_NOENT: no PLIC, or no such number; ERR_STATE: it is taken.  Nothing has changed then. */
enum err irq_connect(u32 number, irq_fn *fn, void *arg)
{
    enum err err = ERR_STATE;
    u64 irq;

    if (context_count == 0 || number == 0 || number > PLIC_VIRT_SOURCES) {
        return ERR_NOENT;
    }
    irq = spin_lock_irq(&lock);
    if (!connected[number].fn) {
        connected[number].arg = arg;
        connected[number].fn = fn;
        plic_set_priority(&contexts[0].plic, number, 1);
        plic_enable(&contexts[0].plic, number);
        err = ERR_OK;
    }
    spin_unlock_irq(&lock, irq);
    return err;
}

/* The lock is held. */
static void move(u32 number)
{
    if (connected[number].at != connected[number].wanted) {
        plic_disable(&contexts[connected[number].at].plic, number);
        connected[number].at = connected[number].wanted;
        plic_enable(&contexts[connected[number].at].plic, number);
    }
}

/*
 * irq_route - choose the hart that takes an interrupt.
 *
 * One that is being handled is finished where it is.  ERR_NOENT: nobody is connected to it, or
 * there is no such hart in this image, or it has no context; nothing has changed then.
 */
enum err irq_route(u32 number, u64 hart)
{
    size_t to = context_of(hart);
    enum err err = ERR_NOENT;
    u64 irq;

    if (to == context_count || number > PLIC_VIRT_SOURCES) {
        return ERR_NOENT;
    }
    irq = spin_lock_irq(&lock);
    if (connected[number].fn) {
        connected[number].wanted = (u8)to;
        if (!connected[number].in_service) {
            move(number);
        }
        err = ERR_OK;
    }
    spin_unlock_irq(&lock, irq);
    return err;
}

/* Only what is connected is enabled, and nothing else can be claimed. */
static void serve(void *arg)
{
    size_t here = context_of(hart_self()->id);
    u32 number;

    (void)arg;
    if (here == context_count) {
        return;
    }
    spin_raw_lock(&lock);
    number = plic_claim(&contexts[here].plic);
    connected[number].in_service = number != 0;
    spin_raw_unlock(&lock);
    if (number == 0) { /* it went to another hart meanwhile, or the device took it back */
        return;
    }
    connected[number].fn(connected[number].arg);
    spin_raw_lock(&lock);
    plic_complete(&contexts[here].plic, number);
    connected[number].in_service = false;
    move(number);
    spin_raw_unlock(&lock);
}

/* By each hart itself, once it runs: firmware that starts one clears its context and masks it. */
void irq_hart_up(void)
{
    size_t here = context_of(hart_self()->id);
    struct plic *plic = &contexts[here].plic;
    u64 irq;

    if (here == context_count) {
        return;
    }
    irq = spin_lock_irq(&lock);
    plic_init(plic, plic->base, plic->context, PLIC_VIRT_SOURCES);
    for (u32 number = 1; number <= PLIC_VIRT_SOURCES; number++) {
        if (connected[number].fn && connected[number].at == here) {
            plic_enable(plic, number);
        }
    }
    spin_unlock_irq(&lock, irq);
}

static void add_context(u64 base, u64 hart)
{
    u32 context;

    if (context_of(hart) == context_count && context_count < ARRAY_LEN(contexts) &&
        machine_plic_context(hart, &context)) {
        contexts[context_count].hart = hart;
        contexts[context_count].plic = (struct plic){.base = base, .context = context};
        context_count++;
    }
}

static GUEST_INIT(INIT_PLIC) void bring_up(void)
{
    static struct irq_handler handler = {.fn = serve};
    u64 base = machine_device("riscv,plic0"), ids[GUEST_HARTS_MAX];
    size_t count = machine_harts(ids, ARRAY_LEN(ids));

    if (base == 0) {
        return;
    }
    base = (u64)paging_linear(base);
    add_context(base, hart_boot.id);
    for (size_t i = 0; context_count > 0 && i < count && i < ARRAY_LEN(ids); i++) {
        add_context(base, ids[i]);
    }
    if (context_count > 0) {
        irq_hart_up();
        irq_add(IRQ_SEXT, &handler);
    }
}
