/* SPDX-License-Identifier: BSD-2-Clause */
#pragma once
/* Mounting: guest/libc/mounts.c. */

#define MS_RDONLY 1UL

#ifdef __cplusplus
extern "C" {
#endif

int mount(const char *source, const char *path, const char *type, unsigned long flags,
          const void *options);
int umount(const char *path);

#ifdef __cplusplus
}
#endif
