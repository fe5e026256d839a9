/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The ways in which a guest ends, "how=...":
 *
 *     exit status=N       PRC exit
 *     finisher status=N   a store to the test finisher
 *     failure             SRST shutdown with the reason "system failure": as abort() would
 *     shutdown            SRST shutdown
 *     legacy              legacy shutdown
 *     reset               SRST cold reboot, twice; pids of children tell how often it has booted
 *     child               a child each: exit, failure; and a child that is left to pid 1
 */
#include <stdio.h>

#include "sbi/call.h"

#include "guest/args.h"
#include "guest/guest.h"
#include "guest/machine.h"
#include "guest/paging.h"
#include "guest/proc.h"

#define FINISHER      0x00100000UL
#define FINISHER_FAIL 0x3333U
#define BOOTS         3

static void system_reset(u32 type, u32 reason)
{
    sbi_call(SBI_EID_SRST, SBI_SRST_SYSTEM_RESET, type, reason, 0, 0, 0);
}

static unsigned wait_for(long pid)
{
    unsigned status = ~0U;

    if (proc_wait(pid, 0, &status) != pid) {
        printf("ends: wait for %ld failed\n", pid);
        guest_exit(1);
    }
    return status;
}

static void reset(void)
{
    static int counter; /* a boot begins with its image's data */
    long self = proc_getpid(), child = proc_fork(PROC_DOOR_ECALL, 0);

    if (child == 0) {
        proc_exit(0);
    }
    printf("ends: pid %ld, child %ld, counter %d\n", self, child, counter++);
    wait_for(child);
    if (child - self < BOOTS) {
        system_reset(SBI_SRST_TYPE_COLD_REBOOT, SBI_SRST_REASON_NONE);
    }
}

static void children(void)
{
    long child = proc_fork(PROC_DOOR_ECALL, 0);

    if (child == 0) {
        proc_exit(0x1ff); /* 255 is kept */
    }
    printf("ends: exit, status 0x%04x\n", wait_for(child));
    child = proc_fork(PROC_DOOR_ECALL, 0);
    if (child == 0) {
        system_reset(SBI_SRST_TYPE_SHUTDOWN, SBI_SRST_REASON_SYSTEM_FAILURE);
    }
    printf("ends: failure, status 0x%04x\n", wait_for(child));
    child = proc_fork(PROC_DOOR_ECALL, 0);
    if (child == 0) {
        long orphan = proc_fork(PROC_DOOR_ECALL, 0);

        proc_exit(orphan == 0 ? 7 : 0);
    }
    printf("ends: its parent, status 0x%04x\n", wait_for(child));
    printf("ends: orphan, status 0x%04x\n", wait_for(child + 1));
}

int main(void)
{
    u64 status = args_u64("status", 0);

    paging_off();
    if (args_is("how", "exit")) {
        proc_exit((int)status);
    } else if (args_is("how", "finisher")) {
        *(volatile u32 *)FINISHER = (u32)status << 16 | FINISHER_FAIL;
    } else if (args_is("how", "failure")) {
        system_reset(SBI_SRST_TYPE_SHUTDOWN, SBI_SRST_REASON_SYSTEM_FAILURE);
    } else if (args_is("how", "shutdown")) {
        system_reset(SBI_SRST_TYPE_SHUTDOWN, SBI_SRST_REASON_NONE);
    } else if (args_is("how", "legacy")) {
        sbi_call(SBI_LEGACY_SHUTDOWN, 0, 0, 0, 0, 0, 0);
    } else if (args_is("how", "reset")) {
        reset();
    } else if (args_is("how", "child")) {
        children();
    } else {
        printf("ends: how=exit|finisher|failure|shutdown|legacy|reset|child status=N\n");
        return 2;
    }
    printf("ends: ok\n");
    return 0;
}
