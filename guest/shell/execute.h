/* SPDX-License-Identifier: BSD-2-Clause */
#pragma once
/* Trees of commands are run.  See execute.c. */
#include "guest/shell/parse.h"
#include "guest/shell/state.h"

int execute(struct shell *shell, const struct tree *tree, struct io io);
int execute_words(struct shell *shell, struct io io, int argc, char **argv);
