/* SPDX-License-Identifier: BSD-2-Clause */
/* For want of what others are writing. */
#include "hv/futex.h"
#include "hv/gstage.h"

enum err gstage_create_from(struct gstage *gs, struct gstage *image_template,
                            const struct backing *backing, u32 vcpus, struct gstage *keep)
{
    enum err err = gstage_clone(gs, image_template, CLONE_COW);

    (void)keep;
    gs->backing = backing;
    gs->vcpus = vcpus;
    return err;
}

bool gstage_shared_range(struct gstage *gs, u32 index, gpa_t *gpa, u64 *bytes)
{
    (void)gs;
    (void)index;
    (void)gpa;
    (void)bytes;
    return false;
}

void gstage_replace(struct gstage *gs, struct gstage *by)
{
    gstage_destroy(gs);
    *gs = *by;
}

void futex_forget(struct vm *vm)
{
    (void)vm;
}

#include "hv/sched.h"
void sched_halt(struct vm *vm) { (void)vm; }
void sched_unhalt(struct vm *vm) { (void)vm; }
void sched_doom(struct vm *vm, u32 status) { (void)vm; (void)status; }
