/* SPDX-License-Identifier: BSD-2-Clause */
#pragma once
/*
 * The recorder: a ring of trace records per hart, and the port that all rings are drained to.
 *
 *       trace_next               trace_commit            trace_drain
 *     exit ──▶ open, which handlers fill in ──▶ records[] ──▶ virtio console ──▶ file
 *
 * Invariant: outside these functions a ring has a free slot, since the call that fills it drains
 * it; so no record is ever overwritten, and none is dropped but by the filter.  A hart that is not
 * traced has no ring, and pays one predictable branch an exit.
 *
 * A port that stops answering ends the recording with one message; it never stops a hart.
 * What the records mean is in sbi/trace.h, which of them are kept in lib/tracefilter.h.
 */
#include "lib/drv/virtio_console.h"
#include "lib/kit/err.h"
#include "lib/kit/spinlock.h"
#include "lib/kit/types.h"
#include "lib/tracefilter.h"
#include "sbi/trace.h"

#include "hv/panic.h"

/* What the recorder needs of its surroundings. */
struct trace_env {
    void (*clock)(u64 *time, u64 *cycle); /* both at one instant, on this hart */
    void (*warn)(const char *message);    /* one line for the user, without a newline */
    u64 timebase_hz;                      /* of time */
};

/* Where all harts' records leave the machine. */
struct trace_port {
    /* immutable after trace_open: */
    struct trace_env env;
    struct trace_filter filter;

    struct spinlock lock;
    /* guarded by lock: */
    struct virtio_console console;
    u64 sent; /* records that the port took */
    u64 lost; /* records that it did not take, since it is dead */
};

/* Touched by its hart only, and by trace_close at power-off. */
struct trace_ring {
    struct trace_record open;     /* of the exit being served, if is_open */
    struct trace_record *records; /* [size] */
    struct trace_port *port;
    u64 written;   /* free-running: slots filled */
    u64 drained;   /* free-running: slots that went to the port */
    u64 idle_time; /* since when, on both clocks, the hart has nothing to run, if is_idle */
    u64 idle_cycle;
    u32 size; /* a power of two */
    u16 hart;
    bool is_open;
    bool is_idle;
    bool filtered; /* the port's filter has something to say */
};

#define TRACE_RING_SIZE_MIN 2

/* Finds the trace port among virtio slots and writes the stream's header. */
__must_check enum err trace_open(struct trace_port *port, const u64 *slots, unsigned slot_count,
                                 const struct trace_filter *filter, const struct trace_env *env);
/* Makes an empty ring of size records at memory. */
void trace_ring_init(struct trace_ring *ring, struct trace_port *port, u16 hart, void *memory,
                     u32 size);
/* Records that a VM began or ended; detail: see trace.c. */
void trace_vm(struct trace_ring *ring, enum trace_did did, u32 pid, u32 detail);
/* From now on the hart has nothing to run; again is harmless. */
void trace_idle(struct trace_ring *ring);
/* It has something again: records how long it had not, if so. */
void trace_busy(struct trace_ring *ring);
/* Sends what the ring holds. */
void trace_drain(struct trace_ring *ring);
/* Sends what all rings hold, open records included, and ends the stream. */
void trace_close(struct trace_ring *const *rings, unsigned ring_count);
/* True if the filter wants the open record. */
bool trace_wanted(const struct trace_ring *ring);

/* The record of an exit that begins, for the caller to fill in; what is in it is old. */
static inline struct trace_record *trace_next(struct trace_ring *ring)
{
    assert(!ring->is_open);
    ring->is_open = true;
    return &ring->open;
}

/* The exit is served: at cycle a guest is entered, or the hart goes idle. */
static inline void trace_commit(struct trace_ring *ring, u64 cycle)
{
    u64 spent = cycle - ring->open.cycle;

    assert(ring->is_open);
    ring->is_open = false;
    if (unlikely(ring->filtered) && !trace_wanted(ring)) {
        return;
    }
    ring->open.hv_cycles = likely(spent <= UINT32_MAX) ? (u32)spent : UINT32_MAX;
    ring->records[ring->written++ & (ring->size - 1)] = ring->open;
    if (unlikely(ring->written - ring->drained == ring->size)) {
        trace_drain(ring);
    }
}
