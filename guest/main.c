/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Bring-up and end of a payload.  The same image runs bare on QEMU virt and in a VM: it finds
 * everything through SBI and the FDT, but for the test finisher, which is at a fixed address of the
 * machine both times.
 */
#include "sbi/call.h"

#include "guest/guest.h"
#include "guest/machine.h"
#include "guest/timer.h"

#define FINISHER      0x00100000UL
#define FINISHER_PASS 0x5555U
#define FINISHER_FAIL 0x3333U

static u64 boot_hart_id;

u64 guest_hart_id(void)
{
    return boot_hart_id;
}

void guest_main(u64 hart_id, const void *fdt)
{
    boot_hart_id = hart_id;
    console_init();
    machine_init(fdt);
    guest_exit(main());
}

/*
 * guest_exit - end the machine with status & 255.
 *
 * The finisher carries a status, SRST does not: it is what remains where a store to the finisher is
 * ignored, after a second, since QEMU 10 ends some time after the store and what is asked for last
 * counts.  If that store faults, the trap report comes back here; it is then not tried again.
 */
void guest_exit(int status)
{
    static bool tried;
    u32 code = (u32)status & 0xffU;

    console_flush();
    if (!tried) {
        tried = true;
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
