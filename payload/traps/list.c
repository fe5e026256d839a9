/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The encodings.  Not among them: htimedelta, which QEMU 7.2 grants without the hypervisor
 * extension, and time, which firmware emulates for U-mode whatever scounteren says.
 *
 * Each is refused by every machine with the modes M, S and U and without the
 * hypervisor extension; a hart that has it executes some of them in HS-mode, without harm.
 */
#include "lib/riscv/csr.h"
#include "sbi/proc.h"

#include "payload/traps/traps.h"

#define LIST(name, words) const struct traps_list name = {words, ARRAY_LEN(words)}

#define RD(n)  ((u32)(n) << 7)
#define RS1(n) ((u32)(n) << 15)
#define RS2(n) ((u32)(n) << 20)
#define F3(n)  ((u32)(n) << 12)
#define F7(n)  ((u32)(n) << 25)

#define AT  RS1(TRAPS_X_ALIGNED)
#define ODD RS1(TRAPS_X_RAM_ODD)
#define TOP RS1(TRAPS_X_TOP)
#define WID RS1(TRAPS_X_WIDE)

/* Hypervisor loads and stores: F3 is 4, width in funct7, kind in rs2. */
#define HLV(width, kind) (0x60004073U | (width) << 26 | RS2(kind) | RD(5) | ODD)
#define HSV(width)       (0x62004073U | (width) << 26 | RS2(5) | ODD)

static const u32 everyone[] = {
    /* never an instruction */
    0x00000000, 0xffffffff, 0xc0001073, 0x0000ffff,
    /* the neighbours of our fork */
    PROC_FORK_INSN | RS1(1), PROC_FORK_INSN | RD(1), PROC_FORK_INSN ^ F3(2), PROC_FORK_INSN ^ F3(4),
    PROC_FORK_INSN ^ RS2(1), PROC_FORK_INSN ^ F7(1),
    /* returns of other modes, and what never returned */
    0x30200073, 0x7b200073, 0x00200073, 0x20200073, 0x70200073,
    /* fences of the hypervisor, with and without operands; their halves of Svinval */
    0x22000073, 0x62000073, 0x22000073 | RS1(5) | RS2(6), 0x62000073 | RS1(5) | RS2(6), 0x26000073,
    0x66000073, 0x26000073 | RS1(5), 0x66000073 | RS1(5),
    /* loads and stores of the hypervisor */
    HLV(0, 0), HLV(0, 1), HLV(1, 0), HLV(1, 1), HLV(1, 3), HLV(2, 0), HLV(2, 1), HLV(2, 3),
    HLV(3, 0), HSV(0), HSV(1), HSV(2), HSV(3),
    /* ... and the reserved encodings between them */
    HLV(0, 2), HLV(0, 3), HLV(1, 2), HLV(2, 2), HLV(3, 1), HLV(3, 3), HLV(0, 4), HSV(0) | RD(1),
    HSV(3) | RD(1),
    /* breakpoints */
    0x00100073, 0x9002,
    /* opcodes of nobody: custom-0 to 3, reserved, longer than 32 bits */
    0x0000000b, 0x0000002b, 0x0000005b, 0x0000007b, 0x0000006b, 0x00000077, 0x0000001f, 0x0000003f,
    0x0000007f,
    /* reserved 16-bit ones: c.addi4spn 0, c.addiw x0, c.lwsp x0, c.ldsp x0, c.jr x0, c.lui 0,
     * c.addi16sp 0, and the free places of quadrants 0 and 1 */
    0x0004, 0x2001, 0x4002, 0x6002, 0x8002, 0x6081, 0x6101, 0x8000, 0x9c41, 0x9c61,
    /* atomics with a reserved operation, and load-reserved with an rs2 */
    0xf800202f | AT, 0x9800302f | AT, 0x1010202f | AT,
    /* floating point with a reserved rounding mode or format */
    0x00005053, 0x00006053, 0x0400005b, 0x06000053};

static const u32 user[] = {
    PROC_FORK_INSN, /* a process of the guest's own does not fork the guest */
    0x10200073,     /* sret */
    0x12000073,     /* sfence.vma */
    0x12000073 | RS1(5) | RS2(6)};

static const u32 access[] = {
    /* loads, integer and floating point, from where nothing is; from beyond all addresses */
    0x00000003 | AT, 0x00001003 | AT, 0x00002003 | AT, 0x00003003 | AT, 0x00004003 | AT,
    0x00005003 | AT, 0x00006003 | AT, 0x00002007 | AT, 0x00003007 | AT, 0x7f803003 | AT,
    0x00103003 | AT, 0xff803003 | AT, 0x00003003 | TOP, 0x00003007 | TOP, 0x00003003 | WID,
    0x00000003, 0x04003003, 0x7f803003,
    /* stores */
    0x00000023 | AT, 0x00001023 | AT, 0x00002023 | AT, 0x00003023 | AT, 0x00002027 | AT,
    0x00003027 | AT, 0x000030a3 | AT, 0x00003023 | TOP, 0x00003027 | TOP, 0x00003023 | WID,
    0x00000023, 0x00003023,
    /* compressed loads and stores: c.lw, c.ld, c.fld, c.sw, c.sd, c.fsd at (x8) */
    0x4004, 0x6004, 0x2004, 0xc004, 0xe004, 0xa004, 0x5c7c, 0x7c7c, 0xdc7c, 0xfc7c,
    /* lr, sc, every amo.w and amo.d, where nothing is */
    0x1000202f | AT, 0x1000302f | AT, 0x1800202f | AT, 0x1800302f | AT, 0x0000202f | AT,
    0x0000302f | AT, 0x0800202f | AT, 0x0800302f | AT, 0x2000202f | AT, 0x2000302f | AT,
    0x4000202f | AT, 0x4000302f | AT, 0x6000202f | AT, 0x6000302f | AT, 0x8000202f | AT,
    0x8000302f | AT, 0xa000202f | AT, 0xa000302f | AT, 0xc000202f | AT, 0xc000302f | AT,
    0xe000202f | AT, 0xe000302f | AT, 0x0000302f | WID, 0x1000302f | TOP,
    /* ... misaligned in RAM */
    0x1000202f | ODD, 0x1000302f | ODD, 0x1800202f | ODD, 0x1800302f | ODD, 0x0000202f | ODD,
    0x0000302f | ODD, 0x0800202f | ODD, 0x0800302f | ODD, 0x2000302f | ODD, 0x4000302f | ODD,
    0x6000302f | ODD, 0x8000302f | ODD, 0xa000302f | ODD, 0xc000302f | ODD, 0xe000302f | ODD,
    /* jumps: jalr, c.jr */
    0x00000067 | AT, 0x7fe00067 | AT, 0x80000067 | AT, 0x00000067 | WID, 0x00000067, 0x8402};

static const u32 csrs[] = {
    /* machine */
    0x300, 0x301, 0x302, 0x303, 0x304, 0x305, 0x306, 0x30a, 0x310, 0x31a, 0x320, 0x323, 0x33f,
    0x340, 0x341, 0x342, 0x343, 0x344, 0x34a, 0x34b, 0x3a0, 0x3a1, 0x3b0, 0x3bf, 0x3ef, 0x747,
    0x7a0, 0x7a1, 0x7a2, 0x7a3, 0x7a8, 0x7b0, 0x7b1, 0x7b2, 0xb00, 0xb02, 0xb03, 0xb1f, 0xb80,
    0xf11, 0xf12, 0xf13, 0xf14, 0xf15, 0xfff,
    /* hypervisor, and the virtual supervisor's by their own numbers */
    CSR_HSTATUS, CSR_HEDELEG, CSR_HIDELEG, CSR_HIE, CSR_HCOUNTEREN, CSR_HGEIE, CSR_HENVCFG, 0x612,
    0x615, 0x61a, CSR_HTVAL, CSR_HIP, CSR_HVIP, CSR_HTINST, CSR_HGATP, 0x6a8, CSR_HGEIP,
    CSR_VSSTATUS, CSR_VSIE, CSR_VSTVEC, CSR_VSSCRATCH, CSR_VSEPC, CSR_VSCAUSE, CSR_VSTVAL, CSR_VSIP,
    CSR_VSTIMECMP, CSR_VSATP, 0x215, 0x250, 0x251, 0x254,
    /* nobody's: reserved and custom, read-write and read-only, of each mode */
    0x008, 0x044, 0x0ff, 0x1ff, 0x2ff, 0x400, 0x4c0, 0x5c0, 0x5ff, 0x6c0, 0x6ff, 0x7c0, 0x7ff,
    0x800, 0x8ff, 0x9c0, 0x9ff, 0xa00, 0xac0, 0xaff, 0xbc0, 0xcbf, 0xccf, 0xcff, 0xdc0, 0xdff,
    0xec0, 0xeff, 0xfc0,
    /* not on RV64 */
    0xc80, 0xc81, 0xc82, 0xc83};

static const u32 user_csrs[] = {CSR_SSTATUS,  CSR_SIE,  CSR_STVEC,  CSR_SCOUNTEREN, CSR_SENVCFG,
                                CSR_SSCRATCH, CSR_SEPC, CSR_SCAUSE, CSR_STVAL,      CSR_SIP,
                                CSR_STIMECMP, CSR_SATP, CSR_CYCLE,  CSR_INSTRET};

LIST(traps_everyone, everyone);
LIST(traps_user, user);
LIST(traps_access, access);
LIST(traps_csrs, csrs);
LIST(traps_user_csrs, user_csrs);

/*
 * traps_is_reserved - of a random word: is it certainly no instruction?
 *
 * True for major opcodes that are reserved or custom, and for free places of the others that no
 * ratified extension of our machines has taken.  [UNPRIV "RV32/64G Instruction Set Listings"]
 */
bool traps_is_reserved(u32 insn)
{
    u32 f3 = insn >> 12 & 7;

    if ((insn & 3) != 3) {
        return (insn & 0xe003) == 0x8000; /* quadrant 0, funct3 100 */
    }
    switch (insn & 0x7f) {
    case 0x0b: /* custom-0 */
    case 0x2b: /* custom-1 */
    case 0x5b: /* custom-2 */
    case 0x7b: /* custom-3 */
    case 0x6b:
    case 0x77:
    case 0x1f: /* longer than 32 bits */
    case 0x3f:
    case 0x5f:
    case 0x7f: return true;
    case 0x03: return f3 == 7;                       /* LOAD */
    case 0x23: return f3 >= 4;                       /* STORE */
    case 0x63: return f3 == 2 || f3 == 3;            /* BRANCH */
    case 0x67: return f3 != 0;                       /* JALR */
    case 0x0f: return f3 >= 3;                       /* MISC-MEM */
    case 0x2f: return f3 >= 5;                       /* AMO */
    case 0x1b: return f3 == 2 || f3 == 3 || f3 == 7; /* OP-IMM-32 */
    case 0x73: /* SYSTEM with a result that it has not */ return f3 == 0 && (insn >> 7 & 31) != 0;
    default: return false;
    }
}
