/* SPDX-License-Identifier: BSD-2-Clause */
#pragma once
/* Files and directories with all that is in them.  See files.c.  Each says what fails. */
#include "guest/shell/command.h"
#include "guest/shell/memory.h"

bool files_list(struct call *call, const char *path, bool hidden, struct strings *names);
bool files_are_same(const char *a, const char *b);
int files_copy(struct call *call, const char *from, const char *to, bool recursive);
int files_remove(struct call *call, const char *path, bool recursive, bool force);

/* Commands that go FILE... TO: each(call, from, to) for each. */
int files_to(struct call *call, int first,
             int (*each)(struct call *call, const char *from, const char *to));
