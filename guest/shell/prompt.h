/* SPDX-License-Identifier: BSD-2-Clause */
#pragma once
/* The shell that a person talks to.  See prompt.c. */
#include "guest/shell/state.h"

int prompt_run(struct shell *shell, struct io io);
