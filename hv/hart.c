/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The harts of the machine: what each is told once, and the loop that it runs for ever.
 *
 * A hart that cannot be started is reported and left out; the rest do its work.
 */
#include "hv/hart.h"

#include "lib/riscv/cause.h"
#include "lib/riscv/csr.h"

#include "dts/machine.h"

#include "hv/console.h"
#include "hv/firmware.h"
#include "hv/offsets.h"
#include "hv/sched.h"
#include "hv/timer.h"
#include "hv/tracing.h"
#include "hv/vcpu.h"
#include "hv/vm.h"

_Static_assert(sizeof(struct hart) == HART_BYTES, "boot.S");
_Static_assert(offsetof(struct hart, id) == HART_ID, "boot.S");
_Static_assert(offsetof(struct hart, stack_top) == HART_STACK_TOP, "boot.S");

struct hart harts[HARTS_MAX];
static u32 count;

extern const char boot[];
extern u8 boot_stacks[];
__noreturn void hart_main(void);

u32 hart_count(void)
{
    return count;
}

/* The exceptions that a guest would have got on a machine of its own, but for those that hv needs
 * to see first; the guest's own interrupts. */
#define DELEGATED                                                                              \
    (1UL << CAUSE_FETCH_MISALIGNED | 1UL << CAUSE_FETCH_ACCESS | 1UL << CAUSE_BREAKPOINT |     \
     1UL << CAUSE_LOAD_MISALIGNED | 1UL << CAUSE_LOAD_ACCESS | 1UL << CAUSE_STORE_MISALIGNED | \
     1UL << CAUSE_STORE_ACCESS | 1UL << CAUSE_ECALL_U | 1UL << CAUSE_FETCH_PAGE |              \
     1UL << CAUSE_LOAD_PAGE | 1UL << CAUSE_STORE_PAGE)

static void init_csrs(void)
{
    csr_write(CSR_HEDELEG, DELEGATED);
    csr_write(CSR_HIDELEG, IP_VSSIP | IP_VSTIP | IP_VSEIP);
    csr_write(CSR_HVIP, 0);
    csr_write(CSR_HGATP, 0);
    csr_write(CSR_VSATP, 0);
    csr_write(CSR_HCOUNTEREN, COUNTEREN_CY | COUNTEREN_TM | COUNTEREN_IR);
    csr_write(CSR_HTIMEDELTA, 0);
    csr_write(CSR_HENVCFG, HENVCFG_CBIE_FLUSH | HENVCFG_CBCFE | HENVCFG_CBZE |
                               (timer_guest_has_sstc() ? HENVCFG_STCE : 0));
    csr_write(CSR_SIE, IP_SSIP | IP_STIP);
}

static void init(struct hart *hart, u64 id, u8 *stacks)
{
    hart->index = (u32)(hart - harts);
    hart->id = id;
    hart->trap_stack_top = stacks + HART_TRAP_STACK_BYTES;
    hart->stack_top = stacks + HART_TRAP_STACK_BYTES + HART_STACK_BYTES;
    hart->vmid_generation = 1;
    hart->timer_deadline = 0; /* so that the first one is set */
    sched_init_hart(hart);
}

void hart_init_boot(u64 id)
{
    count = 1;
    init(&harts[0], id, boot_stacks);
}

/* Once timer_init() has decided about Sstc. */
void hart_setup(void)
{
    init_csrs();
    timer_setup_hart();
}

static bool start(struct hart *hart, u64 id)
{
    hpa_t stacks = frame_alloc_group();
    long error;

    if (stacks.v == 0) {
        console_log("no memory for the stacks of hart %lu: it stays stopped", (unsigned long)id);
        return false;
    }
    init(hart, id, hpa_ptr(stacks));
    tracing_start_hart(hart);
    error = firmware_start_hart(id, (u64)boot);
    if (error != 0) {
        console_log("hart %lu does not start (SBI error %ld): it stays stopped", (unsigned long)id,
                    error);
        frame_free_group(stacks);
        return false;
    }
    return true;
}

/* A hart that has started may look for others at once, so each is counted first. */
void hart_start_all(const struct machine *machine)
{
    for (u32 i = 0; i < machine->harts && count < HARTS_MAX; i++) {
        if (machine->hart_id[i] == harts[0].id)
            continue;
        count++;
        if (!start(&harts[count - 1], machine->hart_id[i]))
            count--;
    }
}

/*
 * hart_relax - between two looks at what another hart will soon have done.
 *
 * An emulator that runs harts in turns goes on with the next one at wfi; without, this one would
 * use up its whole turn by looking.  For hardware it is a pause: the interrupt that pends ends it.
 */
void hart_relax(void)
{
    csr_set(CSR_SIP, IP_SSIP);
    wfi();
}

#define LOOKS 64 /* at a lock that is held for a moment */

void spin_wait(const u32 *held)
{
    for (u32 look = 0; look < LOOKS; look++) {
        if (__atomic_load_n(held, __ATOMIC_RELAXED) == 0)
            return;
    }
    hart_relax();
}

static bool is_over; /* no hart does anything any more, but the one that says so */
static u32 resting;  /* harts that know */

/*
 * hart_rest_others - wait until this is the only hart that does anything; for good.
 *
 * No vCPU is left: so each of the others comes to hart_rest() as soon as it is through with the end
 * of a VM, or with the slice of memory that it cleans, and nothing is in its hands then.
 */
void hart_rest_others(void)
{
    __atomic_store_n(&is_over, true, __ATOMIC_SEQ_CST);
    for (u32 i = 0; i < count; i++) {
        if (&harts[i] != this_hart())
            firmware_send_ipi(harts[i].id);
    }
    while (__atomic_load_n(&resting, __ATOMIC_ACQUIRE) != count - 1)
        hart_relax();
}

void hart_rest(void)
{
    if (likely(!__atomic_load_n(&is_over, __ATOMIC_RELAXED)))
        return;
    csr_write(CSR_SIE, 0);
    __atomic_fetch_add(&resting, 1, __ATOMIC_RELEASE);
    for (;;)
        wfi();
}

void hart_main(void)
{
    hart_setup();
    hart_run();
}

void hart_run(void)
{
    for (;;) {
        struct vcpu *vcpu = sched_next();

        vcpu_load(vcpu);
        tracing_entry();
        vcpu_run(vcpu);
    }
}
