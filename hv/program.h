/* SPDX-License-Identifier: BSD-2-Clause */
#pragma once
/* What VMs begin with: images, loaded once, and what makes a start of one.  See program.c. */
#include "lib/bundle.h"
#include "lib/kit/err.h"

#include "dts/machine.h"

#include "hv/gstage.h"

struct guest;

/* The pages of an image in so much memory, which all VMs that begin with it share. */
struct text {
    struct text *next; /* of those of the bundle */
    const void *file;  /* in the bundle; NULL: it was in a VM's memory */
    u32 users;         /* atomic */
    struct image image;
    struct gstage gs; /* holds the pages, and runs nowhere */
};

/* An image, ready to begin in a kind of machine: immutable, and shared by all VMs that it is in. */
struct program {
    struct program *next; /* of those that are kept */
    u32 users;            /* atomic; VMs, and one if it is kept */
    _Alignas(8) char name[BUNDLE_NAME_BYTES];
    struct guest *guest; /* the kind of machine */
    struct text *text;
    gpa_t entry, fdt; /* pc and a1 of vCPU 0 */
    bool has_ranges;  /* shared ones are named in its FDT */
    const char *bootargs;
    u64 args_at; /* in the FDT */
    u32 args_bytes;
    struct gstage gs;       /* the text's pages and the FDT's, if it has no seed; runs nowhere */
    u32 fdt_frames;         /* if it has: what so many of the backing's last parts are in */
    struct backing backing; /* the machine's, the initrd, and such an FDT */
};

/* What makes a start of an image other than the bundle says. */
struct program_start {
    const char *name;
    const char *bootargs; /* where there are no args */
    const char *args;     /* well-formed; NULL: none */
    u32 args_bytes;
    bool has_seed; /* of random numbers in its FDT, for each VM another */
    u32 ranges;    /* of shared memory, which stay where they are */
    const struct machine_range *range;
};

/* Whose failure it is, for the console. */
struct program_who {
    const char *verb;
    u32 pid; /* 0: a guest of the command line */
    const char *name;
};

/* Names are looked for in this bundle from now on. */
void program_use_bundle(const struct bundle *bundle);

/*
 * Each gives the caller a reference, and tells on the console why not, `who` first.  ERR_NOMEM: it
 * does not fit into the guest's memory, or there is no frame.  ERR_INVAL: it is no image, or lies
 * where shared memory is.  ERR_NOENT: there is no such name.  ERR_FAULT: the file's bytes are not
 * in memory.
 */
__must_check enum err program_of_guest(struct guest *guest, const struct bundle_guest *entry,
                                       const struct program_who *who, struct program **program);
/* The image of that name; as it is without args and ranges it is kept for others that ask. */
__must_check enum err program_find(struct guest *guest, const struct program_start *start,
                                   const struct program_who *who, struct program **program);
/* The image that is in memory of `from`, at gpa. */
__must_check enum err program_read(struct guest *guest, struct gstage *from, gpa_t gpa, u64 bytes,
                                   const struct program_start *start, const struct program_who *who,
                                   struct program **program);
/* What it is after a reset, where nothing is shared.  May be the same one. */
__must_check enum err program_again(struct program *program, struct program **again);

static inline void program_get(struct program *program)
{
    __atomic_fetch_add(&program->users, 1, __ATOMIC_RELAXED);
}

void program_put(struct program *program);
/* Those that are kept and that nobody uses are given back; they are made again when needed. */
void program_forget(void);
