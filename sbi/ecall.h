/* SPDX-License-Identifier: BSD-2-Clause */
#pragma once
/*
 * The numbers of the RISC-V Supervisor Binary Interface: extension ids (EID, in a7), function ids
 * (FID, in a6), error codes (back in a0).  hv provides these to guests and uses them itself, a
 * guest uses them; neither side adds meaning here.  Our own extension is in sbi/proc.h.
 *
 * [SBI "Binary Encoding", and the chapter of each extension]
 */
#include <stdint.h>

/* What every call of SBI v0.2 and later returns: a0 and a1.  Legacy calls return a0 alone. */
struct sbiret {
    long error; /* 0 or one of SBI_ERR_* */
    long value;
};

/* [SBI "Standard SBI Errors"] */
#define SBI_SUCCESS               0L
#define SBI_ERR_FAILED            -1L
#define SBI_ERR_NOT_SUPPORTED     -2L
#define SBI_ERR_INVALID_PARAM     -3L
#define SBI_ERR_DENIED            -4L
#define SBI_ERR_INVALID_ADDRESS   -5L
#define SBI_ERR_ALREADY_AVAILABLE -6L
#define SBI_ERR_ALREADY_STARTED   -7L
#define SBI_ERR_ALREADY_STOPPED   -8L
#define SBI_ERR_NO_SHMEM          -9L
#define SBI_ERR_INVALID_STATE     -10L
#define SBI_ERR_BAD_RANGE         -11L
#define SBI_ERR_TIMEOUT           -12L
#define SBI_ERR_IO                -13L

/* [SBI "Legacy Extensions"]: the EID alone selects the function. */
#define SBI_LEGACY_SET_TIMER              0x00L
#define SBI_LEGACY_PUTCHAR                0x01L
#define SBI_LEGACY_GETCHAR                0x02L
#define SBI_LEGACY_CLEAR_IPI              0x03L
#define SBI_LEGACY_SEND_IPI               0x04L
#define SBI_LEGACY_REMOTE_FENCE_I         0x05L
#define SBI_LEGACY_REMOTE_SFENCE_VMA      0x06L
#define SBI_LEGACY_REMOTE_SFENCE_VMA_ASID 0x07L
#define SBI_LEGACY_SHUTDOWN               0x08L

/* [SBI "Base Extension"] */
#define SBI_EID_BASE               0x10L
#define SBI_BASE_GET_SPEC_VERSION  0
#define SBI_BASE_GET_IMPL_ID       1
#define SBI_BASE_GET_IMPL_VERSION  2
#define SBI_BASE_PROBE_EXTENSION   3
#define SBI_BASE_GET_MVENDORID     4
#define SBI_BASE_GET_MARCHID       5
#define SBI_BASE_GET_MIMPID        6
#define SBI_SPEC_VERSION(maj, min) (((maj) << 24) | (min))

/* [SBI "Timer Extension"] */
#define SBI_EID_TIME       0x54494D45L
#define SBI_TIME_SET_TIMER 0

/* [SBI "IPI Extension"] */
#define SBI_EID_IPI      0x735049L
#define SBI_IPI_SEND_IPI 0

/* [SBI "RFENCE Extension"] */
#define SBI_EID_RFENCE                     0x52464E43L
#define SBI_RFENCE_REMOTE_FENCE_I          0
#define SBI_RFENCE_REMOTE_SFENCE_VMA       1
#define SBI_RFENCE_REMOTE_SFENCE_VMA_ASID  2
#define SBI_RFENCE_REMOTE_HFENCE_GVMA_VMID 3
#define SBI_RFENCE_REMOTE_HFENCE_GVMA      4
#define SBI_RFENCE_REMOTE_HFENCE_VVMA_ASID 5
#define SBI_RFENCE_REMOTE_HFENCE_VVMA      6

/* [SBI "Hart State Management Extension"] */
#define SBI_EID_HSM                   0x48534DL
#define SBI_HSM_HART_START            0
#define SBI_HSM_HART_STOP             1
#define SBI_HSM_HART_GET_STATUS       2
#define SBI_HSM_HART_SUSPEND          3
#define SBI_HSM_STATE_STARTED         0
#define SBI_HSM_STATE_STOPPED         1
#define SBI_HSM_STATE_START_PENDING   2
#define SBI_HSM_STATE_STOP_PENDING    3
#define SBI_HSM_STATE_SUSPENDED       4
#define SBI_HSM_SUSPEND_RETENTIVE     0x00000000L
#define SBI_HSM_SUSPEND_NON_RETENTIVE 0x80000000L

/* [SBI "System Reset Extension"] */
#define SBI_EID_SRST                   0x53525354L
#define SBI_SRST_SYSTEM_RESET          0
#define SBI_SRST_TYPE_SHUTDOWN         0
#define SBI_SRST_TYPE_COLD_REBOOT      1
#define SBI_SRST_TYPE_WARM_REBOOT      2
#define SBI_SRST_REASON_NONE           0
#define SBI_SRST_REASON_SYSTEM_FAILURE 1

/* [SBI "Debug Console Extension"] */
#define SBI_EID_DBCN                0x4442434EL
#define SBI_DBCN_CONSOLE_WRITE      0
#define SBI_DBCN_CONSOLE_READ       1
#define SBI_DBCN_CONSOLE_WRITE_BYTE 2

/* A hart mask base of all ones means: every hart.  [SBI "Hart list parameter"] */
#define SBI_HART_MASK_BASE_ALL -1UL
