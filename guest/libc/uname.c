/* SPDX-License-Identifier: BSD-2-Clause */
/* uname(): the system is forkvisor's library OS, its version is the image that it is linked into.
 */
#include <stdio.h>
#include <string.h>
#include <sys/utsname.h>
#include <unistd.h>

extern const char payload_name[];

int uname(struct utsname *to)
{
    memset(to, 0, sizeof(*to));
    strcpy(to->sysname, "forkvisor");
    gethostname(to->nodename, sizeof(to->nodename));
    strcpy(to->release, "0");
    snprintf(to->version, sizeof(to->version), "%s", payload_name);
    strcpy(to->machine, "riscv64");
    return 0;
}
