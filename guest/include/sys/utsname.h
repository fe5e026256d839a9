/* SPDX-License-Identifier: BSD-2-Clause */
#pragma once
/* What the system is called: guest/libc/uname.c. */

#define UTSNAME_BYTES 65

struct utsname {
    char sysname[UTSNAME_BYTES];
    char nodename[UTSNAME_BYTES];
    char release[UTSNAME_BYTES];
    char version[UTSNAME_BYTES];
    char machine[UTSNAME_BYTES];
};

#ifdef __cplusplus
extern "C" {
#endif

int uname(struct utsname *to);

#ifdef __cplusplus
}
#endif
