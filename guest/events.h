/* SPDX-License-Identifier: BSD-2-Clause */
#pragma once
/*
 * Component events: the event interrupt, by which the hypervisor says that a child has ended, a
 * signal came, or a word was woken that somebody registered for (sbi/proc.h).
 *
 * It listens from the first events_listen() on: who never asks pays nothing, and a deadlock of
 * tasks is still one.  Bare there are no events.
 */
#include "guest/await.h"

/* False: there will not be any. */
bool events_listen(void);

/* All that was raised before has been acted on, by whichever hart.  Interrupts are on. */
void events_settle(void);

/* Who waits for a child looks again when one has ended, stopped or continued. */
extern struct wait_queue events_children;

/* Called in the interrupt; weak. */
void events_child(void);
void events_signal(void);
void events_word(void);
