/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Draining trace rings to the virtio console that carries them out; see trace.h for the shape.
 *
 * A drain is itself on record: it takes time that belongs to no exit and to no guest.
 */
#include "hv/trace.h"

/* Some seconds of polling; QEMU answers before the notification returns. */
#define PATIENCE_POLLS 50000000

/*
 * trace_open - find the trace port and start the stream.
 *
 * slots are the addresses of the machine's virtio-mmio slots; the first console among them is the
 * port.  *port must stay where it is, since the device reads a queue in it.
 *
 * ERR_NOENT    no slot holds a console
 * ERR_NOSUPP   it is a legacy device (QEMU needs -global virtio-mmio.force-legacy=false)
 * others       it does not do what a console must
 */
enum err trace_open(struct trace_port *port, const u64 *slots, unsigned slot_count,
                    const struct trace_filter *filter, const struct trace_env *env)
{
    struct trace_header header = {
        .magic = TRACE_MAGIC,
        .version = TRACE_VERSION,
        .record_bytes = sizeof(struct trace_record),
        .timebase_hz = env->timebase_hz,
    };
    struct virtq_buf buf = {.addr = (uintptr_t)&header, .bytes = sizeof(header)};
    enum err err = ERR_NOENT;

    *port = (struct trace_port){.env = *env, .filter = *filter};
    for (unsigned i = 0; i < slot_count && err == ERR_NOENT; i++) {
        err = virtio_console_open(&port->console, slots[i], PATIENCE_POLLS);
    }
    if (err) {
        return err;
    }
    env->clock(&header.time, &header.cycle);
    return virtio_console_write(&port->console, &buf, 1);
}

/*
 * trace_ring_init - an empty ring that drains to port.
 *
 * memory holds size records, aligned as one, and stays with the ring; size is a power of two, at
 * least TRACE_RING_SIZE_MIN.
 */
void trace_ring_init(struct trace_ring *ring, struct trace_port *port, u16 hart, void *memory,
                     u32 size)
{
    assert(size >= TRACE_RING_SIZE_MIN && (size & (size - 1)) == 0);
    *ring = (struct trace_ring){
        .records = memory,
        .port = port,
        .size = size,
        .hart = hart,
        .filtered = port->filter.pid_count != 0 || port->filter.causes != 0,
    };
}

bool trace_wanted(const struct trace_ring *ring)
{
    const struct trace_filter *filter = &ring->port->filter;

    return tracefilter_wants_pid(filter, ring->open.pid) &&
           tracefilter_wants_cause(filter, ring->open.cause);
}

static void append(struct trace_ring *ring, struct trace_record record)
{
    ring->records[ring->written++ & (ring->size - 1)] = record;
}

/* A record of the hart itself: from an instant on both clocks until now. */
static void append_hart(struct trace_ring *ring, enum trace_did did, u64 time, u64 cycle, u32 count)
{
    u64 time_now;
    u64 cycle_now;
    u64 spent;

    ring->port->env.clock(&time_now, &cycle_now);
    spent = cycle_now - cycle;
    append(ring, (struct trace_record){
                     .cycle = cycle,
                     .hv_cycles = spent <= UINT32_MAX ? (u32)spent : UINT32_MAX,
                     .kind = TRACE_HART,
                     .did = (u16)did,
                     .hart = ring->hart,
                     .addr = time,
                     .arg0 = count,
                     .value = spent,
                 });
}

/*
 * Hands [drained, written) to the port: one piece of memory, or two where the ring wraps around.
 * Afterwards the ring is empty, whether the port took it or not.
 */
static void push(struct trace_ring *ring)
{
    struct trace_port *port = ring->port;
    u32 count = (u32)(ring->written - ring->drained);
    u32 first = (u32)ring->drained & (ring->size - 1);
    u32 first_count = count < ring->size - first ? count : ring->size - first;
    u32 wrapped_count = count - first_count;
    struct virtq_buf bufs[] = {
        {(uintptr_t)&ring->records[first], first_count * (u32)sizeof(struct trace_record)  },
        {(uintptr_t)&ring->records[0],     wrapped_count * (u32)sizeof(struct trace_record)},
    };
    bool died = false;

    if (count == 0) {
        return;
    }
    spin_lock(&port->lock);
    if (port->console.dead) {
        port->lost += count;
    } else if (virtio_console_write(&port->console, bufs, wrapped_count ? 2 : 1) == ERR_OK) {
        port->sent += count;
    } else {
        port->lost += count;
        died = true;
    }
    spin_unlock(&port->lock);
    ring->drained = ring->written;
    if (died) {
        port->env.warn("the port stopped answering, the rest of this run is not recorded");
    }
}

/*
 * trace_drain - send what the ring holds, the open record excepted.
 *
 * Afterwards the ring holds one record, which tells what that took.  Takes port->lock.
 */
void trace_drain(struct trace_ring *ring)
{
    u32 count = (u32)(ring->written - ring->drained);
    u64 time;
    u64 cycle;

    ring->port->env.clock(&time, &cycle);
    push(ring);
    append_hart(ring, TRACE_DID_DRAIN, time, cycle, count);
}

static void drain_if_full(struct trace_ring *ring)
{
    if (ring->written - ring->drained == ring->size) {
        trace_drain(ring);
    }
}

/*
 * trace_vm - record that a VM began or ended.
 *
 * detail is, with CREATE, the cycles that making it took; with FORK the parent's pid; with END the
 * wait status.
 *
 * Allowed while an exit is open, any number of times.
 */
void trace_vm(struct trace_ring *ring, enum trace_did did, u32 pid, u32 detail)
{
    u64 time;
    u64 cycle;

    if (!tracefilter_wants_pid(&ring->port->filter, pid)) {
        return;
    }
    ring->port->env.clock(&time, &cycle);
    append(ring, (struct trace_record){
                     .cycle = cycle,
                     .hv_cycles = did == TRACE_DID_CREATE ? detail : 0,
                     .kind = TRACE_VM,
                     .did = (u16)did,
                     .pid = pid,
                     .hart = ring->hart,
                     .addr = did == TRACE_DID_FORK ? detail : 0,
                     .result = did == TRACE_DID_END ? detail : 0,
                 });
    drain_if_full(ring);
}

/* No exit is open: the one before was committed, or it would seem to last. */
void trace_idle(struct trace_ring *ring)
{
    assert(!ring->is_open);
    if (!ring->is_idle)
        ring->port->env.clock(&ring->idle_time, &ring->idle_cycle);
    ring->is_idle = true;
}

void trace_busy(struct trace_ring *ring)
{
    if (!ring->is_idle)
        return;
    ring->is_idle = false;
    append_hart(ring, TRACE_DID_IDLE, ring->idle_time, ring->idle_cycle, 0);
    drain_if_full(ring);
}

/*
 * trace_close - send all that is left, at power-off.
 *
 * An exit that is still open is recorded as ending now.  Each ring's last record tells both clocks.
 * Other harts are not stopped: where orphans outlive the last guest of the command line, what
 * such a hart records at this moment may be lost.
 */
void trace_close(struct trace_ring *const *rings, unsigned ring_count)
{
    for (unsigned i = 0; i < ring_count; i++) {
        struct trace_ring *ring = rings[i];
        u64 time;
        u64 cycle;

        ring->port->env.clock(&time, &cycle);
        if (ring->is_open) {
            trace_commit(ring, cycle);
        }
        append_hart(ring, TRACE_DID_DRAIN, time, cycle, 0);
        push(ring);
    }
}
