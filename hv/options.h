/* SPDX-License-Identifier: BSD-2-Clause */
#pragma once
/* The hypervisor's own command line.  See options.c. */
#include "lib/kit/err.h"
#include "lib/kit/types.h"

#include "hv/gstage.h"

#define OPTIONS_FILTER_BYTES 128

struct hv_options {
    enum clone_mode fork;                    /* fork=cow|copy */
    bool sstc;                               /* sstc=on|off: guests have Sstc where the harts do */
    bool strict;                             /* overcommit=strict|lazy */
    bool monitor;                            /* monitor=on|off: Ctrl-] on the console opens it */
    u32 disk_timeout;                        /* disk_timeout=SECONDS */
    bool trace;                              /* trace=off|exits[:filter] */
    char trace_filter[OPTIONS_FILTER_BYTES]; /* "": trace all */
};

/* ERR_INVAL: an option is unknown or wrong; why[] says which, and what is right. */
__must_check enum err options_parse(struct hv_options *options, const char *bootargs, char *why,
                                    size_t why_bytes);
