/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Acts against memory: accesses outside RAM, odd accesses to devices, page tables that point
 * anywhere.  Every access either works or is a trap of this guest's own.
 */
#include <stdio.h>

#include "lib/riscv/cause.h"
#include "lib/riscv/csr.h"
#include "sbi/proc.h"

#include "guest/guest.h"
#include "guest/machine.h"

#include "payload/evil/evil.h"

#define PAGE 4096UL
#define MIB  (1UL << 20)
#define GIB  (1UL << 30)

static void jump(u64 to)
{
    register u64 target __asm__("t0") = to;

    __asm__ volatile("jalr ra, 0(%0)" : "+r"(target) : : "ra", "memory");
}

/* Nothing is at these addresses in any machine of ours, and most are no guest-physical address at
 * all: the fetch must fault at the very address. */
void act_unmapped_jump(void)
{
    static const u64 targets[] = {
        0x40,      0x00200000, 0x60000000000, 0x10000000000, 1UL << 41, (1UL << 41) - PAGE,
        1UL << 55, 1UL << 62,  1UL << 63,     -PAGE,         (u64)-2,
    };
    u64 ram_end = machine_ram().end;

    evil_skip_traps();
    for (size_t i = 0; i <= ARRAY_LEN(targets); i++) {
        u64 target = i < ARRAY_LEN(targets) ? targets[i] : ram_end;

        jump(target);
        if (evil_traps != i + 1 || evil_last.cause != CAUSE_FETCH_ACCESS ||
            evil_last.pc != target) {
            evil_fail("jump did not fault as it should", target, evil_last.cause);
        }
    }
}

struct touched {
    u64 accesses;
    u64 faults;
};

/* A load and a store each step, in [from, to); the doorbell's page is left out, since a store
 * there is a fork. */
static struct touched touch(u64 from, u64 to, u64 step)
{
    u64 doorbell = machine_device(PROC_DOORBELL_COMPATIBLE);
    struct touched t = {0, 0};
    u64 before = evil_traps;

    for (u64 at = from; at < to; at += step) {
        if (doorbell && align_down(at, PAGE) == doorbell) {
            continue;
        }
        (void)*(volatile u64 *)at;
        *(volatile u64 *)at = 0;
        t.accesses += 2;
    }
    t.faults = evil_traps - before;
    return t;
}

/* Where there are devices, or may be on one machine and not on another, is left to act_mmio. */
void act_ram_edges(void)
{
    struct range ram = machine_ram();
    struct range nothing[] = {
        {0x00000000, 0x00001000        },
        {0x00200000, 0x01000000        },
        {0x14000000, 0x20000000        },
        {ram.end,    ram.end + 64 * MIB},
    };
    static const u64 bits[] = {37, 38, 39, 40, 41, 42, 47, 48, 55};
    static const struct range maybe[] = {
        {0x00010000, 0x00100000},
        {0x40000000, 0x80000000}
    };

    evil_skip_traps();
    for (size_t i = 0; i < ARRAY_LEN(nothing); i++) {
        struct touched t = touch(nothing[i].base, nothing[i].end, PAGE);

        printf("evil: 0x%lx to 0x%lx: %lu accesses, %lu faults\n", (unsigned long)nothing[i].base,
               (unsigned long)nothing[i].end, (unsigned long)t.accesses, (unsigned long)t.faults);
        if (t.faults != t.accesses) {
            evil_fail("accesses outside RAM that did not fault", nothing[i].base,
                      t.accesses - t.faults);
        }
    }
    for (size_t i = 0; i < ARRAY_LEN(bits); i++) {
        struct touched t = touch((1UL << bits[i]) - 2 * PAGE, (1UL << bits[i]) + 2 * PAGE, PAGE);

        if (t.faults != t.accesses) {
            evil_fail("accesses around a power of two that did not fault", 1UL << bits[i],
                      t.accesses - t.faults);
        }
    }
    for (size_t i = 0; i < ARRAY_LEN(maybe); i++) {
        struct touched t = touch(maybe[i].base, maybe[i].end, i ? 16 * PAGE : PAGE);

        printf("evil: 0x%lx to 0x%lx: %lu accesses, %lu faults\n", (unsigned long)maybe[i].base,
               (unsigned long)maybe[i].end, (unsigned long)t.accesses, (unsigned long)t.faults);
    }
    /* the last words of RAM are ours, one byte further is not */
    evil_traps = 0;
    (void)*(volatile u64 *)(ram.end - 8);
    if (evil_traps) {
        evil_fail("the last word of RAM faulted", ram.end - 8, evil_last.cause);
    }
    (void)*(volatile u64 *)(ram.end - 7);
    *(volatile u64 *)(ram.end - 1) = 0;
    if (evil_traps != 2) {
        evil_fail("accesses across the end of RAM that did not fault", ram.end, evil_traps);
    }
}

#define LOAD(insn, at)  __asm__ volatile(insn " t0, 0(%0)" : : "r"(at) : "t0", "memory")
#define LOADF(insn, at) __asm__ volatile(insn " ft0, 0(%0)" : : "r"(at) : "ft0", "memory")
#define STORE(insn, at) __asm__ volatile(insn " zero, 0(%0)" : : "r"(at) : "memory")
#define AMO(insn, at)   __asm__ volatile(insn " t0, zero, (%0)" : : "r"(at) : "t0", "memory")

static void loads(u64 at)
{
    LOAD("lb", at);
    LOAD("lbu", at);
    LOAD("lh", at);
    LOAD("lhu", at);
    LOAD("lw", at);
    LOAD("lwu", at);
    LOAD("ld", at);
    LOADF("flw", at);
    LOADF("fld", at);
    __asm__ volatile("lr.w t0, (%0)" : : "r"(at) : "t0", "memory");
    __asm__ volatile("lr.d t0, (%0)" : : "r"(at) : "t0", "memory");
}

static void stores(u64 at)
{
    STORE("sb", at);
    STORE("sh", at);
    STORE("sw", at);
    STORE("sd", at);
    __asm__ volatile("fsw ft0, 0(%0)" : : "r"(at) : "memory");
    __asm__ volatile("fsd ft0, 0(%0)" : : "r"(at) : "memory");
    AMO("amoadd.w", at);
    AMO("amoswap.d", at);
    AMO("amomaxu.d", at);
    AMO("sc.w", at);
    AMO("sc.d", at);
}

/*
 * Every width at every offset of the first 16 bytes of each device's page, and across its end;
 * fetches from there.  Stores go where they do no harm on real devices either: the UART's scratch
 * register, the PLIC's priority of source 1, what lies between devices.
 */
void act_mmio(void)
{
    static const u64 devices[] = {0x00100000, 0x00101000, 0x0c000000, 0x0c001000, 0x0c002080,
                                  0x0c200000, 0x10000000, 0x10001000, 0x22000000, 0x23fff000};
    static const u64 targets[] = {0x10000007, 0x0c000004, 0x0c000005, 0x0c000ffd, 0x10000ffc};
    u64 doorbell = machine_device(PROC_DOORBELL_COMPATIBLE);

    evil_skip_traps();
    for (size_t i = 0; i <= ARRAY_LEN(devices); i++) {
        u64 base = i < ARRAY_LEN(devices) ? devices[i] : doorbell;

        for (u64 offset = 0; offset < 16; offset++) {
            loads(base + offset);
            loads(base + PAGE - 16 + offset);
        }
        evil_last.cause = 0;
        jump(base + 8);
    }
    for (size_t i = 0; i < ARRAY_LEN(targets); i++) {
        stores(targets[i]);
    }
    printf("evil: %lu traps\n", (unsigned long)evil_traps);
}

/* A call in a call in a call: the stack begins below the image and goes down through RAM until
 * there is none. */
void act_stack_overflow(void)
{
    printf("evil: overflowing the stack\n");
    __asm__ volatile("mv sp, %0\n"
                     "1: addi sp, sp, -64\n"
                     "sd ra, 0(sp)\n"
                     "jal ra, 1b"
                     :
                     : "r"(_start)
                     : "memory");
    __builtin_unreachable();
}

#define PTE_V        1UL
#define PTE_RWX      0xeUL
#define PTE_AD       0xc0UL
#define PTE_OF(addr) ((addr) >> 12 << 10)

static void use_root(const u64 *root)
{
    csr_write(CSR_SATP, SATP_MODE_SV39 | (u64)root >> 12);
    __asm__ volatile("sfence.vma" : : : "memory");
}

/*
 * A root that maps our own gigabyte to itself, so that we go on, and garbage elsewhere: random
 * words, tables outside RAM, a table that is its own next level, addresses of every size.  Each
 * of its other entries is used for a load and a fetch; stores only where no entry can lead to RAM.
 */
void act_wild_satp(void)
{
    u64 *root = machine_take(PAGE);
    u64 self = (u64)_start / GIB;
    u64 seed = 0x2545f4914f6cdd1d;

    evil_skip_traps();
    for (u64 round = 0; round < 4; round++) {
        for (u64 i = 0; i < 512; i++) {
            seed ^= seed << 13;
            seed ^= seed >> 7;
            seed ^= seed << 17;
            switch (round) {
            case 0: root[i] = seed; break;                                 /* anything */
            case 1: root[i] = PTE_OF(1UL << (12 + i % 44)) | PTE_V; break; /* tables anywhere */
            case 2: root[i] = PTE_OF((u64)root) | PTE_V; break;            /* tables: this one */
            default:                                                       /* leaves, no RAM */
                root[i] = PTE_OF((i + 512) * GIB) | PTE_V | PTE_RWX | PTE_AD;
            }
        }
        root[self] = PTE_OF(self * GIB) | PTE_V | PTE_RWX | PTE_AD;
        use_root(root);
        for (u64 i = 0; i < 512; i++) {
            u64 at = (u64)((s64)(i << 55) >> 25) + (i << 21) % GIB + (i * 72) % PAGE;

            if (i == self) {
                continue;
            }
            (void)*(volatile u64 *)align_down(at, 8);
            if (round == 3) {
                *(volatile u64 *)align_down(at, 8) = i;
                jump(align_down(at, 4));
            }
        }
    }
    csr_write(CSR_SATP, 0);
    __asm__ volatile("sfence.vma" : : : "memory");
    printf("evil: %lu traps\n", (unsigned long)evil_traps);
    if (evil_traps < 3 * 512) {
        evil_fail("loads through garbage that did not fault", 3 * 512, evil_traps);
    }
}

/* A root where there is no RAM: not even the trap vector can be fetched. */
void act_lost_satp(void)
{
    printf("evil: losing the page tables\n");
    use_root((const u64 *)machine_ram().end);
    for (;;) {
    }
}
