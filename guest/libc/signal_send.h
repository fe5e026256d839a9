/* SPDX-License-Identifier: BSD-2-Clause */
#pragma once
/* kill() by the hypervisor.  See signal_send.c. */
#include <sys/types.h>

#include "lib/kit/types.h"

/* That is this process and nobody else. */
bool signal_is_for_self(pid_t pid);
int signal_send(pid_t pid, int signal);
