/* SPDX-License-Identifier: BSD-2-Clause */
/* What devices have in common.  A device says by name that it has nothing to reset or to mend: an
 * op that is missing stays a mistake. */
#include "hv/dev/dev.h"

void device_reset_nothing(struct device *dev)
{
    (void)dev;
}

enum err device_clone_nothing(struct device *child, const struct device *parent,
                              struct vm *child_vm)
{
    (void)child;
    (void)parent;
    (void)child_vm;
    return ERR_OK;
}
