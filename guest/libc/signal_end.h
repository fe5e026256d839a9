/* SPDX-License-Identifier: BSD-2-Clause */
#pragma once
/* The end of a program by a signal.  See signal_end.c. */
#include "lib/kit/types.h"

__noreturn void signal_end(int signal);
