/* SPDX-License-Identifier: BSD-2-Clause */
#pragma once
/* Inside of the component signals: what pends, and what is to be done about it.  See signal.c. */
#include <signal.h>

#include "guest/thread.h"

#define SIGNAL_BIT(signal) (1UL << (signal))

/* Of these neither action nor mask can be changed. */
#define SIGNALS_FIXED (SIGNAL_BIT(SIGKILL) | SIGNAL_BIT(SIGSTOP))
/* What they do where nobody said otherwise; all others end the process. */
#define SIGNALS_IGNORED \
    (SIGNAL_BIT(SIGCHLD) | SIGNAL_BIT(SIGCONT) | SIGNAL_BIT(SIGURG) | SIGNAL_BIT(SIGWINCH))
#define SIGNALS_STOP (SIGNAL_BIT(SIGTSTP) | SIGNAL_BIT(SIGTTIN) | SIGNAL_BIT(SIGTTOU))

/* Of each thread. */
struct signal_thread {
    u64 blocked;  /* changed by itself alone */
    u64 normal;   /* blocked; within signal_mask_begin: what is blocked once a handler has run */
    u64 pending;  /* for it alone */
    u64 waits;    /* for which it sleeps in sigwait, though they are blocked */
    u32 held;     /* signal_hold */
    u32 injected; /* its frame is that of a handler to come */
};
extern __thread struct signal_thread signal_own;

extern struct sigaction signal_actions[NSIG];

void signal_set_blocked(u64 set);
bool signal_is_ignored(int signal);
/* To the process, by itself or from outside; to this thread.  From anywhere. */
void signal_post(u64 set, bool by_itself);
void signal_post_thread(struct thread *thread, int signal);
/* They pend, and no thread is told.  Those that one is to be told of. */
u64 signal_pend(u64 set, bool by_itself);
void signal_forget(int signal);
/* Those that pend for this thread; one of set, which then no longer does, or 0. */
u64 signal_pending_set(void);
int signal_take(u64 set);
/* Its handler in this thread; where: what is interrupted. */
void signal_handle(int signal, siginfo_t *about, void *where);
/* About a signal that was taken. */
siginfo_t signal_about(int signal);

/* At the end of an interrupt: this hart's thread may have something to do. */
void signal_look(void);
void signal_look_later(void);

/* The alarm has rung, and SIGALRM pends: somebody is to be told, unless it was before. */
bool signal_alarm_rang(void);
void signal_alarm_stop(void);
/* When it rings; 0: it is not set. */
u64 signal_alarm_time(void);
void signal_alarm_at(u64 time);
