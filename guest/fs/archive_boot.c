/* SPDX-License-Identifier: BSD-2-Clause */
/* Component archive: what the machine was given as initrd is /initrd. */
#include "guest/fs/boot.h"
#include "guest/init.h"
#include "guest/log.h"
#include "guest/machine.h"

static GUEST_INIT(INIT_MOUNTS) void bring_up(void)
{
    struct range initrd = machine_initrd();
    const char *why;
    struct fs *fs;
    int error;

    if (initrd.base == initrd.end) {
        return;
    }
    error = archive_mount((const void *)initrd.base, initrd.end - initrd.base, &fs, &why);
    if (error) {
        log_error("/initrd is not there: %s", why);
    } else {
        files_mount("/initrd", "initrd", 0, fs);
    }
}
