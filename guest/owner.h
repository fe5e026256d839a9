/* SPDX-License-Identifier: BSD-2-Clause */
#pragma once
/* Locks between processes: a word in memory that they share.  See owner.c. */
#include "guest/word.h"

/* Its pid, without asking each time; bare 1. */
u32 owner_self(void);

/* False: it is somebody's. */
bool owner_try(u32 *owner);
/* Until it may be free; 0, ETIMEDOUT, EINTR. */
__must_check int owner_wait(u32 *owner, u64 deadline, const char *what, enum word_signals signals);
void owner_release(u32 *owner);
/* True if it is this process's. */
bool owner_is_self(const u32 *owner);
