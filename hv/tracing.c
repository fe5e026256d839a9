/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Fills trace records from what the run loop knows: a record opens when a VM exit begins, handlers
 * note in it what they did, and it is committed when the next guest is entered or the hart waits.
 *
 * The clock is the cycle counter, which under QEMU's -icount counts instructions.
 */
#include "hv/tracing.h"

#include <string.h>

#include "lib/riscv/csr.h"

#include "dts/machine.h"

#include "hv/console.h"
#include "hv/firmware.h"
#include "hv/timer.h"
#include "hv/trace.h"
#include "hv/vcpu.h"
#include "hv/vm.h"

#define RING_RECORDS 256U /* 16 KiB: a group of frames */

static struct trace_port port;
static struct trace_ring rings[HARTS_MAX];
static bool is_on;
static bool
    is_paused; /* atomic; each hart follows by itself, since it is in the midst of a record */

static void clock(u64 *time, u64 *cycle)
{
    *time = csr_read(CSR_TIME);
    *cycle = csr_read(CSR_CYCLE);
}

static void warn(const char *message)
{
    console_log("trace: %s", message);
}

enum err tracing_start(const struct machine *machine, const char *option)
{
    struct trace_env env = {.clock = clock, .warn = warn, .timebase_hz = machine->timebase_hz};
    struct trace_filter filter;
    u64 slots[MACHINE_VIRTIO_MAX];
    char why[160];

    if (tracefilter_parse(&filter, option, why, sizeof(why)) != ERR_OK) {
        warn(why);
        return ERR_INVAL;
    }
    for (u32 i = 0; i < machine->virtios; i++)
        slots[i] = machine->virtio[i].base;
    if (trace_open(&port, slots, machine->virtios, &filter, &env) != ERR_OK)
        return ERR_NOENT;
    is_on = true;
    return ERR_OK;
}

void tracing_start_hart(struct hart *hart)
{
    hpa_t records;

    if (!is_on)
        return;
    records = frame_alloc_group();
    if (records.v == 0) {
        warn("no memory for a hart's ring: it is not traced");
        return;
    }
    trace_ring_init(&rings[hart->index], &port, (u16)hart->index, hpa_ptr(records), RING_RECORDS);
    hart->trace = &rings[hart->index];
}

void tracing_stop(void)
{
    struct trace_ring *used[HARTS_MAX];
    unsigned count = 0;

    if (!is_on)
        return;
    is_on = false;
    for (u32 i = 0; i < hart_count(); i++) {
        if (rings[i].records != NULL)
            used[count++] = &rings[i];
    }
    trace_close(used, count);
}

enum err tracing_set(bool on)
{
    if (!is_on)
        return ERR_STATE;
    __atomic_store_n(&is_paused, !on, __ATOMIC_RELEASE);
    tracing_follow();
    for (u32 i = 0; i < hart_count(); i++) {
        if (hart_at(i) != this_hart())
            firmware_send_ipi(hart_at(i)->id);
    }
    return ERR_OK;
}

bool tracing_is_on(void)
{
    return is_on && !__atomic_load_n(&is_paused, __ATOMIC_RELAXED);
}

/* What is recorded of this exit already is dropped. */
void tracing_follow(void)
{
    struct hart *hart = this_hart();
    struct trace_ring *ring = &rings[hart->index];

    if (ring->records == NULL || (hart->trace != NULL) == tracing_is_on())
        return;
    ring->is_open = false;
    ring->is_idle = false;
    hart->trace = hart->trace == NULL ? ring : NULL;
}

void tracing_record_exit(const struct vmexit *e)
{
    const struct hart *hart = this_hart();
    struct trace_record *record = trace_next(hart->trace);

    *record = (struct trace_record){
        .cycle = csr_read(CSR_CYCLE),
        .kind = TRACE_VMEXIT,
        .pid = hart->vcpu->vm->pid,
        .vcpu = (u16)hart->vcpu->id,
        .hart = (u16)hart->index,
        .cause = e->cause,
        .pc = e->pc,
        .addr = e->gpa.v,
    };
}

void vmexit_record(enum trace_did did, u64 addr, u32 arg0, u32 result, u64 value)
{
    struct trace_record *record = &this_hart()->trace->open;

    record->did = (u16)did;
    record->addr = addr;
    record->arg0 = arg0;
    record->result = result;
    record->value = value;
}

void tracing_record_entry(void)
{
    struct trace_ring *ring = this_hart()->trace;

    if (ring->is_open)
        trace_commit(ring, csr_read(CSR_CYCLE));
}

void tracing_record_vm(enum trace_did did, u32 pid, u32 detail)
{
    trace_vm(this_hart()->trace, did, pid, detail);
}

void tracing_record_idle(void)
{
    tracing_record_entry();
    trace_idle(this_hart()->trace);
}

void tracing_record_busy(void)
{
    trace_busy(this_hart()->trace);
}
