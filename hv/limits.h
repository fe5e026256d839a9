/* SPDX-License-Identifier: BSD-2-Clause */
#pragma once
/* The fixed sizes, in one place.  Each is named in the README as a limit. */

#define HARTS_MAX         64         /* harts of the machine that are used */
#define VCPUS_MAX         8          /* vCPUs of a VM */
#define GUESTS_MAX        64         /* guests of the command line */
#define PIDS_MAX          (1U << 18) /* pids are 1 to PIDS_MAX - 1 */
#define BACKING_PARTS_MAX 9          /* the initrd, and pages of the FDT */
#define DEVICES_MAX       12         /* devices of a VM */
#define PROCS_DEFAULT     4096       /* processes of a guest's tree, unless the bundle says */
