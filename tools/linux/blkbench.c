/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * What a random read of 4 KiB from a disk costs on Linux, past the page cache, one at a time: the
 * peer of payload/blkbench.c, with the same addresses, and with marks and a line as
 * payload/fsbench.c has them.
 */
#define _GNU_SOURCE
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "lib/riscv/mark.h"

#define PAGE  4096
#define READS 1024

static _Alignas(PAGE) char page[PAGE];

int main(void)
{
    int disk = open("/dev/vda", O_RDONLY | O_DIRECT);
    off_t pages = disk < 0 ? 0 : lseek(disk, 0, SEEK_END) / PAGE;
    unsigned long random = 1;

    if (pages == 0) {
        perror("/dev/vda");
        return 1;
    }
    for (int i = -10; i < READS; i++) {
        random = random * 6364136223846793005 + 1442695040888963407;
        if (i == 0)
            MARK_BEGIN();
        if (pread(disk, page, PAGE, (off_t)(random >> 33) % pages * PAGE) != PAGE) {
            perror("read");
            return 1;
        }
    }
    MARK_END();
    printf("marked blk_read4k n=%d waited=0\n", READS);
    return 0;
}
