/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Bring-up and end of a payload.  The same image runs bare on QEMU virt and in a VM: it finds
 * everything through SBI and the FDT, but for the test finisher, which is at a fixed address of the
 * machine both times.
 *
 * Components bring themselves up: each has a constructor, with a priority of init.h.
 */
#include "sbi/call.h"
#include "sbi/proc.h"

#include "guest/guest.h"
#include "guest/hart.h"
#include "guest/machine.h"
#include "guest/paging.h"
#include "guest/timer.h"

#define FINISHER      0x00100000UL
#define FINISHER_PASS 0x5555U
#define FINISHER_FAIL 0x3333U

typedef void init_fn(void);
extern init_fn *const _init_start[], *const _init_end[];

u64 paging_satp;
u64 guest_started;
struct hart hart_boot;

u64 guest_hart_id(void)
{
    return hart_boot.id;
}

/* The component libc has one that gives main its arguments, and ends by exit(). */
__attribute__((weak)) void guest_run(void)
{
    int main(int argc, char **argv);
    char *argv[] = {NULL};

    guest_exit(main(0, argv));
}

void guest_main(u64 hart_id, const void *fdt)
{
    thread_init(thread_self());
    hart_boot.id = hart_id;
    hart_boot.thread = thread_self();
    hart_boot.thread->hart = &hart_boot;
    machine_init(fdt);
    for (init_fn *const *init = _init_start; init < _init_end; init++) {
        (*init)();
    }
    guest_run();
}

/*
 * guest_power_off - end the machine with status & 255; what is still buffered is lost.
 *
 * A process ends by the call.  Bare it takes the finisher, which carries a status; SRST does not:
 * it is what remains where a store to the finisher is ignored, after a second, since QEMU 10 ends
 * some time after the store and what is asked for last counts.  If that store faults, the trap
 * report comes back here; it is then not tried again. Translation goes off, since the finisher is
 * at its physical address whatever tables there are.
 */
void guest_power_off(int status)
{
    static bool tried;
    u32 code = (u32)status & 0xffU;

    csr_clear(CSR_SSTATUS, SSTATUS_SIE);
    sbi_call(PROC_EID, PROC_EXIT, code, 0, 0, 0, 0);
    if (!tried) {
        tried = true;
        paging_off();
        *(volatile u32 *)FINISHER = code ? (code << 16) | FINISHER_FAIL : FINISHER_PASS;
        for (u64 end = timer_now() + machine_timebase(); timer_now() < end;) {
        }
    }
    sbi_call(SBI_EID_SRST, SBI_SRST_SYSTEM_RESET, SBI_SRST_TYPE_SHUTDOWN,
             code ? SBI_SRST_REASON_SYSTEM_FAILURE : SBI_SRST_REASON_NONE, 0, 0, 0);
    for (;;) {
        __asm__ volatile("wfi");
    }
}

/* Component signals has another. */
__attribute__((weak)) void guest_exit(int status)
{
    console_flush();
    guest_power_off(status);
}
