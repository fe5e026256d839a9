/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Row u_3_0: the first word of the machine's flash, a device, read through the linear map.
 *
 * What decides: it is 0x646C6670, the letters "pfld".  The component paging shows devices; an image
 * that is linked without it (readpflash_nopaging) ends at the load, with a report of the fault.
 * Row h_2_0: the same as a guest, of an emulated flash and of the machine's own.
 */
#include <stdio.h>
#include <string.h>

#include "guest/machine.h"
#include "guest/paging.h"

int main(void)
{
    u64 flash = machine_device_last("cfi-flash");
    char letters[5] = "";
    u32 magic;

    if (flash == 0) {
        printf("readpflash: this machine has no flash; give it one by PFLASH=file\n");
        return 2;
    }
    printf("readpflash: flash is seen at %p\n", (const void *)paging_linear(flash));
    magic = *(const volatile u32 *)paging_linear(flash);
    memcpy(letters, &magic, sizeof(magic));
    printf("readpflash: 0x%08lX, %s\n", (unsigned long)magic, letters);
    return strcmp(letters, "pfld") == 0 ? 0 : 1;
}
