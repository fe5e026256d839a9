/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * All harts of the machine, as many as the FDT names: "rounds=R".  The first one starts the others
 * by HSM and gives them orders, one at a time; an order is announced by an IPI, and the others
 * sleep in wfi between orders.  Checked are
 *
 *     HSM        states, and the errors for a hart that runs and for one that is not there
 *     IPI        each hart counts as many interrupts as it was sent, to all or to itself
 *     RFENCE     a hart sees a page's new frame after remote sfence.vma, new code after fence.i
 *     memory     atomic adds of all harts to one word sum up
 *     stop       a hart that returns is stopped, and can be started again
 */
#include <stdatomic.h>
#include <stdio.h>

#include "lib/riscv/csr.h"
#include "sbi/call.h"

#include "guest/args.h"
#include "guest/guest.h"
#include "guest/hart.h"
#include "guest/machine.h"
#include "guest/paging.h"
#include "guest/timer.h"
#include "guest/trap.h"

#define PAGE        4096UL
#define GIB         (1UL << 30)
#define WINDOW      0x1000000000UL /* one page in page tables of ours */
#define MAX_HARTS   8
#define STACK_BYTES (16 * 1024UL)
#define ADDS        1000
#define PTE_LEAF    0xcfUL /* V R W X A D */
#define PTE_TABLE   1UL

enum order { ORDER_NONE, ORDER_ADD, ORDER_READ_WINDOW, ORDER_RUN_CODE, ORDER_STOP };

static struct worker {
    struct hart hart; /* first: hart_self() is this */
    _Atomic(enum order) order;
    _Atomic u64 done; /* orders */
    _Atomic u64 ipis;
    u64 answer;
} workers[MAX_HARTS];

static size_t count; /* of harts beside the first */
static _Atomic u64 sum;
static _Atomic u64 own_ipis; /* of the first hart */
static u64 *window_entry;
static u64 satp;
static u32 code[2] __attribute__((aligned(8)));
static int status;

static void expect(const char *what, u64 hart, u64 found, u64 expected)
{
    if (found != expected) {
        printf("smp: hart %lu: %s: %ld, not %ld\n", (unsigned long)hart, what, (long)found,
               (long)expected);
        status = 1;
    }
}

static bool ipi(struct trap *t)
{
    struct hart *self = hart_self();

    if (t->cause != (CAUSE_INTERRUPT | IRQ_SSOFT)) {
        return false;
    }
    csr_clear(CSR_SIP, IP_SSIP);
    atomic_fetch_add(self == &hart_boot ? &own_ipis : &((struct worker *)self)->ipis, 1);
    return true;
}

static void obey(struct worker *worker, enum order order)
{
    switch (order) {
    case ORDER_ADD:
        for (int i = 0; i < ADDS; i++) {
            atomic_fetch_add(&sum, 1);
        }
        break;
    case ORDER_READ_WINDOW: worker->answer = *(volatile u64 *)WINDOW; break;
    case ORDER_RUN_CODE: worker->answer = ((u64(*)(void))code)(); break;
    case ORDER_NONE:
    case ORDER_STOP: break;
    }
}

/* Interrupts are off but within wfi and the moment after it, so that none is lost between the look
 * for an order and the sleep: wfi ends for a pending one all the same. */
static void work(struct hart *hart)
{
    struct worker *worker = (struct worker *)hart;
    enum order order;

    csr_write(CSR_SATP, satp);
    __asm__ volatile("sfence.vma" : : : "memory");
    csr_set(CSR_SIE, IP_SSIP);
    atomic_fetch_add(&worker->done, 1); /* "I am here" counts as one */
    do {
        while ((order = atomic_load(&worker->order)) == ORDER_NONE) {
            __asm__ volatile("wfi" : : : "memory");
            csr_set(CSR_SSTATUS, SSTATUS_SIE);
            csr_clear(CSR_SSTATUS, SSTATUS_SIE);
        }
        obey(worker, order);
        atomic_store(&worker->order, ORDER_NONE);
        atomic_fetch_add(&worker->done, 1);
    } while (order != ORDER_STOP);
}

static struct sbiret send_ipi(u64 mask, u64 base)
{
    return sbi_call(SBI_EID_IPI, SBI_IPI_SEND_IPI, mask, base, 0, 0, 0);
}

static __noreturn void give_up(const char *what, u64 hart)
{
    printf("smp: hart %lu: no answer: %s\n", (unsigned long)hart, what);
    guest_exit(1);
}

/* Until *value is at least wanted, for at most ten seconds. */
static void await(_Atomic u64 *value, u64 wanted, const char *what, u64 hart)
{
    u64 end = timer_now() + 10 * machine_timebase();

    while (atomic_load(value) < wanted) {
        if (timer_now() > end) {
            give_up(what, hart);
        }
    }
}

/* Give a worker an order, wake it, and wait until it has obeyed. */
static void command(struct worker *worker, enum order order, const char *what)
{
    u64 done = atomic_load(&worker->done), ipis = atomic_load(&worker->ipis);

    atomic_store(&worker->order, order);
    expect("send_ipi", worker->hart.id, (u64)send_ipi(1, worker->hart.id).error, 0);
    await(&worker->done, done + 1, what, worker->hart.id);
    if (order != ORDER_STOP) {
        await(&worker->ipis, ipis + 1, "an interrupt", worker->hart.id);
    }
}

static long hart_state(u64 id)
{
    struct sbiret ret = sbi_call(SBI_EID_HSM, SBI_HSM_HART_GET_STATUS, id, 0, 0, 0, 0);

    return ret.error ? ret.error : ret.value;
}

static void start(struct worker *worker)
{
    u64 id = worker->hart.id, done = atomic_load(&worker->done);

    expect("state before its start", id, (u64)hart_state(id), SBI_HSM_STATE_STOPPED);
    expect("hart_start", id, (u64)hart_start(&worker->hart), SBI_SUCCESS);
    await(&worker->done, done + 1, "start", id);
    expect("state after its start", id, (u64)hart_state(id), SBI_HSM_STATE_STARTED);
    expect("hart_start once more", id, (u64)hart_start(&worker->hart),
           (u64)SBI_ERR_ALREADY_AVAILABLE);
}

static void stop(struct worker *worker)
{
    u64 id = worker->hart.id, end = timer_now() + 10 * machine_timebase();

    command(worker, ORDER_STOP, "stop");
    while (hart_state(id) != SBI_HSM_STATE_STOPPED) {
        if (timer_now() > end) {
            give_up("stopped state", id);
        }
    }
}

/* The machine to itself, and the window. */
static void make_tables(void)
{
    u64 *root = machine_take(PAGE), *middle = machine_take(PAGE), *leaves = machine_take(PAGE);

    for (u64 i = 0; i < 512; i++) {
        root[i] = i < 16 ? i * GIB >> 12 << 10 | PTE_LEAF : 0;
        middle[i] = leaves[i] = 0;
    }
    root[WINDOW / GIB] = (u64)middle >> 12 << 10 | PTE_TABLE;
    middle[0] = (u64)leaves >> 12 << 10 | PTE_TABLE;
    window_entry = leaves;
    satp = SATP_MODE_SV39 | (u64)root >> 12;
}

/* The window shows another frame each time, and the code returns another number. */
static void test_fences(u64 round)
{
    static u64 *shown[2];
    u64 *frame = shown[round % 2];

    if (!frame) {
        frame = shown[round % 2] = machine_take(PAGE);
    }
    *frame = round;
    *window_entry = (u64)frame >> 12 << 10 | PTE_LEAF;
    expect("remote_sfence_vma", 0,
           (u64)sbi_call(SBI_EID_RFENCE, SBI_RFENCE_REMOTE_SFENCE_VMA, 0,
                         (u64)SBI_HART_MASK_BASE_ALL, WINDOW, PAGE, 0)
               .error,
           0);
    code[0] = (u32)(round % 2048) << 20 | 0x513; /* li a0, round */
    code[1] = 0x8067;                            /* ret */
    expect("remote_fence_i", 0,
           (u64)sbi_call(SBI_EID_RFENCE, SBI_RFENCE_REMOTE_FENCE_I, 0, (u64)SBI_HART_MASK_BASE_ALL,
                         0, 0, 0)
               .error,
           0);
    for (size_t i = 0; i < count; i++) {
        command(&workers[i], ORDER_READ_WINDOW, "read the window");
        expect("word in the window", workers[i].hart.id, workers[i].answer, round);
        command(&workers[i], ORDER_RUN_CODE, "run new code");
        expect("result of new code", workers[i].hart.id, workers[i].answer, round % 2048);
    }
}

/* All add at the same time. */
static void test_adds(u64 round)
{
    u64 done[MAX_HARTS] = {0};

    atomic_store(&sum, 0);
    for (size_t i = 0; i < count; i++) {
        done[i] = atomic_load(&workers[i].done);
        atomic_store(&workers[i].order, ORDER_ADD);
    }
    send_ipi(0, (u64)SBI_HART_MASK_BASE_ALL);
    for (size_t i = 0; i < count; i++) {
        await(&workers[i].done, done[i] + 1, "add", workers[i].hart.id);
    }
    expect("sum in round", round, atomic_load(&sum), count * ADDS);
    await(&own_ipis, round + 1, "an IPI to all", guest_hart_id());
    expect("IPIs to itself", guest_hart_id(), atomic_load(&own_ipis), round + 1);
}

static void find_harts(void)
{
    u64 ids[MAX_HARTS];
    size_t harts = machine_harts(ids, MAX_HARTS);

    for (size_t i = 0; i < harts && i < MAX_HARTS; i++) {
        if (ids[i] != guest_hart_id()) {
            struct worker *worker = &workers[count++];

            hart_init(&worker->hart, ids[i], machine_take(2 * STACK_BYTES), 2 * STACK_BYTES);
            worker->hart.run = work;
        }
    }
}

int main(void)
{
    u64 rounds = args_u64("rounds", 20);

    paging_off();
    find_harts();
    make_tables();
    trap_hook(ipi);
    csr_set(CSR_SIE, IP_SSIP);
    csr_set(CSR_SSTATUS, SSTATUS_SIE);
    expect("start of no hart", 4095, (u64)hart_state(4095), (u64)SBI_ERR_INVALID_PARAM);
    for (size_t i = 0; i < count; i++) {
        start(&workers[i]);
    }
    for (u64 round = 0; round < rounds; round++) {
        test_fences(round);
        test_adds(round);
    }
    for (size_t i = 0; i < count; i++) {
        stop(&workers[i]);
        start(&workers[i]);
        stop(&workers[i]);
    }
    csr_clear(CSR_SSTATUS, SSTATUS_SIE);
    printf("smp: %lu harts, %s\n", (unsigned long)(count + 1), status ? "failed" : "ok");
    return status;
}
