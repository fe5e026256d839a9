/* SPDX-License-Identifier: BSD-2-Clause */
#pragma once
/* From what QEMU has put into memory to guests that can be started.  See load.c. */
#include "lib/kit/err.h"
#include "lib/kit/types.h"

#include "dts/machine.h"

struct guest;
struct vm;

/*
 * Reads the bundle (or the plain image) that the machine's initrd is, and sets up one struct guest
 * for each of its started entries.  Every failure is told on the console, naming the guest and what
 * to do about it.
 */
__must_check enum err load_guests(const struct machine *machine);
u32 load_guest_count(void);
struct guest *load_guest(u32 index);

/* Attaches the devices that a guest of this kind has, in the state after reset. */
void load_attach_devices(struct vm *vm);
