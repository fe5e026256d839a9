/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The UART's interrupt goes to one hart after the other, and is taken there; also if it is routed
 * elsewhere by its own handler, while it is in service.
 */
#include <stdio.h>

#include "lib/drv/ns16550.h"
#include "lib/drv/plic.h"

#include "guest/hart.h"
#include "guest/machine.h"
#include "guest/paging.h"
#include "guest/plic.h"
#include "guest/timer.h"

#define ROUNDS 100

static volatile u8 *uart;
static volatile u64 taken_by, taken;
static volatile u64 moves_to; /* the handler routes it there */

/* There is room to transmit, always: it interrupts as soon as it may. */
static void transmit(void *arg)
{
    (void)arg;
    uart[NS16550_IER] = 0;
    (void)uart[NS16550_IIR];
    if (moves_to != ~0UL && irq_route(PLIC_VIRT_UART, moves_to) != ERR_OK) {
        printf("irqroute: the handler cannot route it to %lu\n", (unsigned long)moves_to);
    }
    taken_by = hart_self()->id;
    __atomic_fetch_add(&taken, 1, __ATOMIC_RELEASE);
}

static bool is_taken(u64 hart)
{
    u64 until = timer_now() + machine_timebase(), before = taken;

    uart[NS16550_IER] = NS16550_IER_THRI;
    while (__atomic_load_n(&taken, __ATOMIC_ACQUIRE) == before && timer_now() < until) {
    }
    if (taken != before + 1 || taken_by != hart) {
        printf("irqroute: %lu times taken, by hart %lu, not %lu\n", (unsigned long)(taken - before),
               (unsigned long)taken_by, (unsigned long)hart);
        return false;
    }
    return true;
}

static bool check(void)
{
    u64 ids[GUEST_HARTS_MAX];
    size_t count = machine_harts(ids, ARRAY_LEN(ids));

    if (!is_taken(hart_boot.id)) {
        return false;
    }
    for (size_t i = 0; i < ROUNDS; i++) {
        u64 hart = ids[i * 7 % count], then = ids[(i * 5 + 1) % count];

        moves_to = ~0UL;
        if (irq_route(PLIC_VIRT_UART, hart) != ERR_OK || !is_taken(hart)) {
            return false;
        }
        moves_to = then;
        if (!is_taken(hart)) {
            return false;
        }
        moves_to = ~0UL;
        if (!is_taken(then)) {
            return false;
        }
    }
    return true;
}

int main(void)
{
    bool ok = irq_route(PLIC_VIRT_UART, hart_boot.id) == ERR_NOENT &&
              irq_connect(PLIC_VIRT_UART, transmit, NULL) == ERR_OK &&
              irq_route(PLIC_VIRT_UART, 99) == ERR_NOENT;

    moves_to = ~0UL;
    uart = paging_linear(machine_device("ns16550a"));
    ok = ok && check();
    printf("irqroute: %s\n", ok ? "ok" : "failed");
    return ok ? 0 : 1;
}
