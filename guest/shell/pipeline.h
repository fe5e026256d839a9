/* SPDX-License-Identifier: BSD-2-Clause */
#pragma once
/* What the shell needs processes for: programs and pipelines.  See pipeline.c. */
#include "guest/shell/parse.h"
#include "guest/shell/state.h"

/* Returns its status.  by_path: argv[0] is where it is, not only its name. */
int program_run(struct shell *shell, struct io io, char **argv, bool by_path);
int pipeline_run(struct shell *shell, const struct tree *stages, struct io io);
