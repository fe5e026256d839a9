/* SPDX-License-Identifier: BSD-2-Clause */
#pragma once
/* The machine's one console, shared by hv and all guests.  See console.c. */
#include "lib/kit/types.h"

struct vcpu;
struct vm;

#define CONSOLE_LINE_BYTES 240

/* A guest's side; guarded by the console's lock.  All zero at first, and in a forked child. */
struct console {
    u16 length;          /* of what it has written of the current line */
    bool eof_told;       /* a detached reader has just been told the end of input */
    bool eof_read;       /* it was, once: no interrupt is for that any more */
    bool takes_keys;     /* ^C is input for it, also where another process gave it the input */
    bool had_input;      /* input went to it before: now it waits, and is not told of an end */
    bool waits;          /* its UART is to interrupt when there is input ... */
    struct vcpu *waiter; /* ... or its virtio console, by this vCPU; NULL: no */
    u32 given_by;        /* pid from which it got the input, and which gets it back */
    _Alignas(8) char line[CONSOLE_LINE_BYTES];
};

/* The UART of the machine, an ns16550 with registers at `base`, `stride` bytes apart. */
void console_init(u64 base, u32 stride);

/* Output of a guest.  Lines of several guests never mix: see console.c. */
void console_write(struct vm *vm, const char *text, size_t bytes);
static inline void console_putc(struct vm *vm, char c)
{
    console_write(vm, &c, 1);
}
/* What remains of the guest's line; before it ends. */
void console_flush(struct vm *vm);
/* The next byte of input for this guest, or CONSOLE_NONE. */
#define CONSOLE_NONE -1
int console_getc(struct vm *vm);
/* As console_getc(), for a virtio console: if there is nothing, vcpu_pend_input() tells the vCPU
 * when there is, unless another guest's device asks later.  The end of input comes once. */
int console_receive(struct vm *vm, struct vcpu *vcpu);
/* True if console_getc() would return a byte; a poll like any other for a detached reader. */
bool console_can_get(struct vm *vm);
/* What raises the interrupt of vm's UART from now on: input that it can get, if it wants that, or
 * `also`.  plic_use.lock is not held. */
void console_set_interrupt(struct vm *vm, bool wants_input, bool also);
/* The machine's UART has interrupted; `of` is nothing. */
void console_arrived(void *of);

/*
 * Input goes to `to` from now on, which is pid 1 at first; `by` has said so, and gets it back when
 * `to` ends (NULL: as it was).  Neither ends meanwhile.
 */
void console_give_input(struct vm *to, const struct vm *by);
/* `from`, which ends, leaves it to another one of its group. */
void console_pass_input(struct vm *to, const struct vm *from);
/* Whether ^C is input for vm from now on (-1: as before); returns whether it was. */
bool console_take_keys(struct vm *vm, int take);
/* True if input goes to vm: before it ends, it goes to the live one of *heir, or to pid 1. */
bool console_has_input(const struct vm *vm, u32 *heir);

/* From now on CONSOLE_KEY opens the operator's monitor, and closes it; see monitor.c. */
#define CONSOLE_KEY 0x1d /* Ctrl-] */
void console_enable_monitor(void);
void console_close_monitor(void);
/* Its text, as it is. */
void console_print(const char *format, ...) __printf_like(1, 2);
/* There is more than one VM from now on: lines are whole and prefixed with the pid. */
void console_share(void);

/* A line of hv's own, "[hv] ..."; a newline is added. */
void console_log(const char *format, ...) __printf_like(1, 2);
/* Raw text, also while panicking: takes no lock that might be held. */
void console_emergency(const char *text);
