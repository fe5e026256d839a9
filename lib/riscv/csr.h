/* SPDX-License-Identifier: BSD-2-Clause */
#pragma once
/*
 * CSR numbers and fields, one mask a field, and access by number: GCC 12 knows no H extension, and
 * the assembler takes any CSR as a 12-bit number.
 *
 * [PRIV "CSR Listing", "Supervisor CSRs", "Hypervisor and Virtual Supervisor CSRs"]
 */
#define CSR_TIME    0xc01
#define CSR_CYCLE   0xc00
#define CSR_INSTRET 0xc02

#define CSR_SSTATUS    0x100
#define CSR_SIE        0x104
#define CSR_STVEC      0x105
#define CSR_SCOUNTEREN 0x106
#define CSR_SENVCFG    0x10a
#define CSR_SSCRATCH   0x140
#define CSR_SEPC       0x141
#define CSR_SCAUSE     0x142
#define CSR_STVAL      0x143
#define CSR_SIP        0x144
#define CSR_STIMECMP   0x14d
#define CSR_SATP       0x180

#define CSR_HSTATUS    0x600
#define CSR_HEDELEG    0x602
#define CSR_HIDELEG    0x603
#define CSR_HIE        0x604
#define CSR_HTIMEDELTA 0x605
#define CSR_HCOUNTEREN 0x606
#define CSR_HGEIE      0x607
#define CSR_HENVCFG    0x60a
#define CSR_HTVAL      0x643
#define CSR_HIP        0x644
#define CSR_HVIP       0x645
#define CSR_HTINST     0x64a
#define CSR_HGATP      0x680
#define CSR_HGEIP      0xe12

#define CSR_VSSTATUS  0x200
#define CSR_VSIE      0x204
#define CSR_VSTVEC    0x205
#define CSR_VSSCRATCH 0x240
#define CSR_VSEPC     0x241
#define CSR_VSCAUSE   0x242
#define CSR_VSTVAL    0x243
#define CSR_VSIP      0x244
#define CSR_VSTIMECMP 0x24d
#define CSR_VSATP     0x280

#define CSR_MHARTID 0xf14

/* sstatus, vsstatus */
#define SSTATUS_SIE        (1UL << 1)
#define SSTATUS_SPIE       (1UL << 5)
#define SSTATUS_SPP        (1UL << 8)
#define SSTATUS_VS         (3UL << 9)
#define SSTATUS_FS         (3UL << 13)
#define SSTATUS_FS_INITIAL (1UL << 13)
#define SSTATUS_FS_CLEAN   (2UL << 13)
#define SSTATUS_FS_DIRTY   (3UL << 13)
#define SSTATUS_SUM        (1UL << 18)
#define SSTATUS_MXR        (1UL << 19)
#define SSTATUS_UXL        (3UL << 32)
#define SSTATUS_UXL_64     (2UL << 32)

/* hstatus */
#define HSTATUS_GVA     (1UL << 6)
#define HSTATUS_SPV     (1UL << 7)
#define HSTATUS_SPVP    (1UL << 8)
#define HSTATUS_HU      (1UL << 9)
#define HSTATUS_VTVM    (1UL << 20)
#define HSTATUS_VTW     (1UL << 21)
#define HSTATUS_VTSR    (1UL << 22)
#define HSTATUS_VSXL    (3UL << 32)
#define HSTATUS_VSXL_64 (2UL << 32)

/* sip, sie, hip, hie, hvip, hideleg */
#define IRQ_SSOFT   1
#define IRQ_VSSOFT  2
#define IRQ_STIMER  5
#define IRQ_VSTIMER 6
#define IRQ_SEXT    9
#define IRQ_VSEXT   10
#define IRQ_SGEXT   12
#define IP_SSIP     (1UL << IRQ_SSOFT)
#define IP_VSSIP    (1UL << IRQ_VSSOFT)
#define IP_STIP     (1UL << IRQ_STIMER)
#define IP_VSTIP    (1UL << IRQ_VSTIMER)
#define IP_SEIP     (1UL << IRQ_SEXT)
#define IP_VSEIP    (1UL << IRQ_VSEXT)

/* counteren */
#define COUNTEREN_CY (1UL << 0)
#define COUNTEREN_TM (1UL << 1)
#define COUNTEREN_IR (1UL << 2)

/* henvcfg */
#define HENVCFG_FIOM       (1UL << 0)
#define HENVCFG_CBIE_FLUSH (1UL << 4)
#define HENVCFG_CBCFE      (1UL << 6)
#define HENVCFG_CBZE       (1UL << 7)
#define HENVCFG_ADUE       (1UL << 61)
#define HENVCFG_PBMTE      (1UL << 62)
#define HENVCFG_STCE       (1UL << 63)

/* satp, vsatp; hgatp */
#define SATP_MODE         (15UL << 60)
#define SATP_MODE_SV39    (8UL << 60)
#define SATP_ASID         (0xffffUL << 44)
#define SATP_PPN          ((1UL << 44) - 1)
#define HGATP_MODE_SV39X4 (8UL << 60)
#define HGATP_VMID        (0x3fffUL << 44)
#define HGATP_VMID_SHIFT  44
#define HGATP_PPN         ((1UL << 44) - 1)

/* scause */
#define CAUSE_INTERRUPT (1UL << 63)

#ifndef __ASSEMBLER__

#    define CSR_STR_(x) #    x
#    define CSR_STR(x)  CSR_STR_(x)

#    define csr_read(csr)                                                               \
        ({                                                                              \
            unsigned long csr_value_ = 0;                                               \
            __asm__ volatile("csrr %0, " CSR_STR(csr) : "=r"(csr_value_) : : "memory"); \
            csr_value_;                                                                 \
        })

#    define csr_write(csr, value) \
        __asm__ volatile("csrw " CSR_STR(csr) ", %0" : : "rK"((unsigned long)(value)) : "memory")

#    define csr_set(csr, bits) \
        __asm__ volatile("csrs " CSR_STR(csr) ", %0" : : "rK"((unsigned long)(bits)) : "memory")

#    define csr_clear(csr, bits) \
        __asm__ volatile("csrc " CSR_STR(csr) ", %0" : : "rK"((unsigned long)(bits)) : "memory")

#endif
