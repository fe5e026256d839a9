/* SPDX-License-Identifier: BSD-2-Clause */
#pragma once
/* Where open files are, and how they are open, in memory that processes share.  See states.c. */
#include "guest/fs/vfs.h"

/* Before a fork: of all descriptors.  False: no memory. */
__must_check bool states_share(void);
/* This process got a page of states with its shared memory, and uses one more of them.  False: no
 * memory. */
__must_check bool states_adopt(struct file_state *state);
