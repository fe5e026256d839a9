/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Sleeps until its UART interrupts and says what was typed, until a full stop.  With "fork" it
 * forks with an interrupt pending, and with one in service: parent and child have it, each for
 * itself.
 */
#include <stdio.h>

#include "lib/drv/mmio.h"
#include "lib/drv/ns16550.h"
#include "lib/drv/plic.h"
#include "lib/riscv/ops.h"

#include "guest/args.h"
#include "guest/guest.h"
#include "guest/hart.h"
#include "guest/machine.h"
#include "guest/paging.h"
#include "guest/plic.h"
#include "guest/preempt.h"
#include "guest/proc.h"

#define INTERRUPTS_MAX 100 /* for a few bytes: more are a line that stays up */

static volatile u8 *uart;
static char text[80];
static volatile size_t bytes, interrupts;
static volatile bool done;

static void receive(void *arg)
{
    (void)arg;
    interrupts++;
    while (!done && uart[NS16550_LSR] & NS16550_LSR_DR) {
        char c = (char)uart[NS16550_RBR];

        if (bytes < sizeof(text) - 1) {
            text[bytes++] = c;
        }
        done = c == '.';
        if (done) {
            uart[NS16550_IER] = 0;
        }
    }
}

static int sleep_until_typed(void)
{
    uart[NS16550_IER] = NS16550_IER_RDI;
    while (!done) {
        u64 irq = irq_save();

        if (!done) {
            wfi();
        }
        irq_restore(irq);
    }
    printf("uartirq: %s\n", text);
    if (interrupts == 0 || interrupts > INTERRUPTS_MAX) {
        printf("uartirq: %zu interrupts\n", interrupts);
        return 1;
    }
    return 0;
}

/* Takes the interrupt that there is, and a byte that it is for; then there is no more.  What else
 * was typed may be there already, and is to interrupt nobody. */
static bool take(const struct plic *plic, int byte)
{
    u32 claimed = plic_claim(plic);
    int got = uart[NS16550_RBR];
    u32 again = plic_claim(plic), later;

    uart[NS16550_IER] = 0;
    plic_complete(plic, claimed);
    later = plic_claim(plic);
    if (claimed != PLIC_VIRT_UART || got != byte || again != 0 || later != 0) {
        printf("uartirq: claimed %u, %u, %u; read %d\n", claimed, again, later, got);
        return false;
    }
    return true;
}

static bool fork_and_wait(const struct plic *plic, const char *name, bool in_service)
{
    unsigned status = ~0U;
    long child = proc_fork(PROC_DOOR_ECALL, 0);

    if (child == 0) {
        bool ok = true;

        if (in_service) {
            ok = plic_claim(plic) == 0;
            plic_complete(plic, PLIC_VIRT_UART);
        }
        ok = take(plic, 4) && ok; /* what a child reads: end of input */
        printf("uartirq: child of %s: %s\n", name, ok ? "ok" : "wrong");
        console_flush();
        proc_exit(ok ? 0 : 1);
    }
    return child > 0 && proc_wait(child, 0, &status) == child && status == 0;
}

static int fork_with_interrupts(const struct plic *plic)
{
    bool ok;

    csr_clear(CSR_SIE, IP_SEIP);
    uart[NS16550_IER] = NS16550_IER_RDI;
    while (!(mmio_read32(plic->base + PLIC_PENDING) & 1U << PLIC_VIRT_UART)) {
    }
    ok = fork_and_wait(plic, "pending", false);
    ok = plic_claim(plic) == PLIC_VIRT_UART && ok;
    ok = fork_and_wait(plic, "in service", true) && ok;
    plic_complete(plic, PLIC_VIRT_UART);
    return take(plic, 'x') && ok ? 0 : 1;
}

int main(void)
{
    const struct plic plic = {.base = (u64)paging_linear(machine_device("riscv,plic0")),
                              .context = (u32)PLIC_VIRT_S_CONTEXT(hart_self()->id)};
    int failed;

    uart = paging_linear(machine_device("ns16550a"));
    if (irq_connect(0, receive, NULL) != ERR_NOENT ||
        irq_connect(PLIC_VIRT_SOURCES + 1, receive, NULL) != ERR_NOENT ||
        irq_connect(PLIC_VIRT_UART, receive, NULL) != ERR_OK ||
        irq_connect(PLIC_VIRT_UART, receive, NULL) != ERR_STATE) {
        printf("uartirq: irq_connect\n");
        return 1;
    }
    failed = args_has("fork") ? fork_with_interrupts(&plic) : sleep_until_typed();
    printf("uartirq: %s\n", failed ? "failed" : "ok");
    return failed;
}
