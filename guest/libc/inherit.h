/* SPDX-License-Identifier: BSD-2-Clause */
#pragma once
/*
 * What a process keeps across exec beside its memory, which goes: signals, descriptors.  It travels
 * as strings in the environment, "forkvisor.NAME=VALUE", which the new program does not see; see
 * exec.c, inherit.c.
 */
#include "lib/kit/types.h"

struct inherit;

/* In one of the functions below.  value: not empty. */
void inherit_add(struct inherit *to, const char *name, const char *value);
/* It goes to a new process, not to this one. */
bool inherit_is_child(const struct inherit *to);

/* What the program before this one has left by that name; NULL: nothing, or there was none. */
const char *inherit_find(const char *name);
bool inherit_is(const char *variable);

/* Called for each exec and spawn, to add; weak.  Nothing is to change: it may fail. */
void inherit_signals(struct inherit *to);
void inherit_descriptors(struct inherit *to);
