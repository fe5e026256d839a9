/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Prints what the first sector of its disk says, writes "text=WORD" there, and prints it again.  A
 * disk that cannot be written stays as it is.
 */
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "guest/args.h"
#include "guest/block.h"
#include "guest/device.h"
#include "guest/guest.h"

static void check(int error, const char *what)
{
    if (error) {
        printf("diskshare: %s: %s\n", what, strerror(error));
        guest_exit(1);
    }
}

static void print_text(struct block *disk)
{
    static char text[SECTOR_BYTES + 1];

    check(block_read(disk, 0, text, SECTOR_BYTES), "read");
    printf("diskshare: %lu sectors, %s\n", (unsigned long)disk->sectors, text);
}

int main(void)
{
    static char text[SECTOR_BYTES];
    struct block *disk = device_block(0);
    int error;

    check(disk ? 0 : ENODEV, "disk");
    print_text(disk);
    (void)args_word("text", text, sizeof(text));
    error = block_write(disk, 0, text, SECTOR_BYTES);
    if (error == EROFS) {
        printf("diskshare: %s\n", strerror(error));
    } else {
        check(error, "write");
        check(block_flush(disk), "flush");
    }
    print_text(disk);
    return 0;
}
