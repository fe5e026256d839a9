/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Standard input: the console's bytes by the rules of tty.c, for all tasks together.
 *
 * Whether the console is a terminal is what the command line says, console=tty, which tools/run.sh
 * adds where it has one; nothing else can tell.  The lock is never held while somebody waits, so of
 * several readers each gets some of the input.
 *
 * Who waits for a byte sleeps until the console interrupts, where components plic and task are
 * there: one byte is one interrupt, which the handler turns off again, and the next who finds
 * nothing turns on.  Else he polls, and lets the others run in between.
 *
 * ^C on a terminal is SIGINT, raised in the task that finds it: one that reads, or that calls
 * input_look() while it works.  A read() that it ends in is EINTR if a handler returns; so is one
 * that waits when another signal comes.
 */
#include "guest/libc/input.h"

#include <errno.h>
#include <signal.h>
#include <stdio.h>

#include "lib/drv/ns16550.h"

#include "guest/alarm.h"
#include "guest/args.h"
#include "guest/await.h"
#include "guest/console.h"
#include "guest/guest.h"
#include "guest/libc/pause.h"
#include "guest/libc/signal.h"
#include "guest/libc/tty.h"
#include "guest/machine.h"
#include "guest/paging.h"
#include "guest/plic.h"
#include "guest/spin.h"

#define POLL_NS 1000000

static struct spin lock;
static struct tty tty = {.modes = TTY_USUAL}; /* guarded by lock */

bool console_is_terminal(void)
{
    static enum { UNKNOWN, PIPE, TERMINAL } answer;

    if (answer == UNKNOWN) {
        answer = args_is("console", "tty") ? TERMINAL : PIPE;
    }
    return answer == TERMINAL;
}

static void echo(char c)
{
    console_putc(c);
    console_flush();
}

static void take(int c)
{
    tty.terminal = console_is_terminal();
    tty_take(&tty, (char)c, echo);
}

/* Takes what is there, until something can be read; false: nothing can.  The lock is held. */
static bool fill(void)
{
    while (tty_wants(&tty)) {
        int c = console_getc();

        if (c < 0) {
            return false;
        }
        take(c);
        if (tty.interrupted) {
            return false;
        }
    }
    return true;
}

/* ---- waiting ---- */

static struct wait_queue readers;
static bool has_come; /* since the interrupt was turned on last */

static bool come(void *arg)
{
    (void)arg;
    return __atomic_load_n(&has_come, __ATOMIC_ACQUIRE);
}

/* word.c, where that is linked. */
__attribute__((weak)) void word_look(void);

static u32 times_told; /* what poll() waits for */

static void tell(void)
{
    __atomic_store_n(&has_come, true, __ATOMIC_RELEASE);
    __atomic_fetch_add(&times_told, 1, __ATOMIC_RELEASE);
    await_wake(&readers);
    if (word_look) {
        word_look();
    }
}

/* Component virtio_console has its own. */
__attribute__((weak)) bool console_device_listen(void (*fn)(void))
{
    (void)fn;
    return false;
}

/* It interrupts as long as there is a byte: what came before is not missed. */
static void uart_interrupt(void *uart)
{
    ((volatile u8 *)uart)[NS16550_IER] = 0;
    tell();
}

/* False: nobody will tell. */
static bool listen_to_uart(void)
{
    static enum { UNKNOWN, DEAF, LISTENS } state;
    static volatile u8 *uart;
    struct range range;
    u32 number;

    spin_lock(&lock); /* once */
    if (state == UNKNOWN) {
        state = DEAF;
        if (machine_device_from("ns16550a", 0, &range, &number)) {
            uart = paging_linear(range.base);
            state = irq_connect(number, uart_interrupt, (void *)uart) == ERR_OK ? LISTENS : DEAF;
        }
    }
    spin_unlock(&lock);
    if (state == LISTENS) {
        uart[NS16550_IER] = NS16550_IER_RDI;
    }
    return state == LISTENS;
}

/* From now on tell() is called when there is something; false: nobody will. */
static bool listen(void)
{
    if (!await_sleeps()) {
        return false;
    }
    __atomic_store_n(&has_come, false, __ATOMIC_RELAXED);
    return console_device_there() ? console_device_listen(tell) : listen_to_uart();
}

/* Until there may be something to read.  EINTR: a handler has run instead. */
static int wait_for_input(void)
{
    if (listen()) {
        return signal_wait_until(&readers, come, NULL, ALARM_NEVER, "input", true);
    }
    pause_until(pause_deadline(POLL_NS));
    return signal_pending() ? signal_deliver(true) : 0;
}

/* Gives the lock away; true: ^C came, and the signal has been raised. */
static bool unlock_and_raise(void)
{
    bool interrupted = tty.interrupted;

    tty.interrupted = false;
    spin_unlock(&lock);
    if (interrupted) {
        raise(SIGINT);
    }
    return interrupted;
}

static bool try_lock_and_wait(void)
{
    spin_lock(&lock);
    while (!fill()) {
        if (unlock_and_raise() || wait_for_input() == EINTR) {
            return false;
        }
        spin_lock(&lock);
    }
    return true;
}

/* Waits until something can be read, and then has the lock; false: a signal came first.  Handlers
 * run where it waits, and nowhere else: what they interrupt learns of it. */
static bool wait_and_lock(void)
{
    bool locked;

    console_flush(); /* a prompt, say */
    signal_hold();
    locked = try_lock_and_wait();
    signal_release();
    return locked;
}

/* Whether input_read() would not wait.  If not, *word, which is *value now, will be another when
 * that changes, or is NULL: nobody will tell. */
bool input_ready(const u32 **word, u32 *value)
{
    bool ready, listens;

    *value = __atomic_load_n(&times_told, __ATOMIC_ACQUIRE);
    listens = listen();
    *word = listens ? &times_told : NULL;
    spin_lock(&lock);
    ready = fill();
    unlock_and_raise();
    return ready;
}

/* The next byte, or EOF at the end of the input. */
int input_getc(void)
{
    int c;

    while (!wait_and_lock()) {
    }
    c = tty_read(&tty);
    spin_unlock(&lock);
    return c < 0 ? EOF : c;
}

/* At least one byte, unless the input ends: then none.  On a terminal at most a line. */
int input_read(char *to, size_t bytes, size_t *done)
{
    size_t count = 0;
    int c;

    *done = 0;
    if (bytes == 0) {
        return 0;
    }
    if (!wait_and_lock()) {
        return EINTR;
    }
    c = tty_read(&tty);
    while (c >= 0) {
        to[count++] = (char)c;
        if (count == bytes || (tty.terminal && c == '\n')) {
            break;
        }
        /* not tty_read at the end: that is for the next call to tell */
        c = !tty.terminal && !tty.ended && !fill() ? -1
            : tty.taken < tty.ready                ? tty_read(&tty)
                                                   : -1;
    }
    spin_unlock(&lock);
    *done = count;
    return 0;
}

u32 input_modes(void)
{
    u32 modes;

    spin_lock(&lock);
    modes = tty.modes;
    spin_unlock(&lock);
    return modes;
}

/* drop: what was typed and not read is forgotten. */
void input_set_modes(u32 modes, bool drop)
{
    console_flush();
    spin_lock(&lock);
    if (drop) {
        tty_drop(&tty);
    }
    tty_set_modes(&tty, modes);
    spin_unlock(&lock);
}

void input_look(void)
{
    int c;

    if (!console_is_terminal()) {
        return;
    }
    spin_lock(&lock);
    while (!tty.interrupted && (c = console_getc()) >= 0) {
        take(c);
    }
    unlock_and_raise();
}

static int get(FILE *file)
{
    int c = input_getc();

    (void)file;
    return c == EOF ? _FDEV_EOF : c;
}

static FILE input = FDEV_SETUP_STREAM(NULL, get, NULL, _FDEV_SETUP_READ);
__attribute__((weak)) FILE *const stdin = &input; /* component vfs has another */
