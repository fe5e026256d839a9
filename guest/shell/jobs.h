/* SPDX-License-Identifier: BSD-2-Clause */
#pragma once
/* What runs in the background.  See jobs.c. */
#include "guest/shell/state.h"

struct jobs *jobs_create(void);
void jobs_destroy(struct jobs *jobs);

int jobs_start(struct shell *shell, struct io io, const char *text);

/* Numbers are those of jobs; 0: there is no more. */
unsigned jobs_next(struct jobs *jobs, unsigned number);
bool jobs_is_over(struct jobs *jobs, unsigned number, int *status);
void jobs_tell(struct jobs *jobs, unsigned number, int fd);
/* False: it has no processes, and the signal would not end it. */
bool jobs_signal(struct jobs *jobs, unsigned number, int signal_number);
void jobs_forget(struct jobs *jobs, unsigned number);
