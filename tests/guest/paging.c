/* SPDX-License-Identifier: BSD-2-Clause */
/* The component paging: what may be done where, page by page, and that nothing else may. */
#include "guest/paging.h"

#include <stdio.h>
#include <stdlib.h>

#include "lib/riscv/cause.h"
#include "lib/riscv/pgtable.h"

#include "guest/guest.h"
#include "guest/machine.h"
#include "guest/pages.h"
#include "guest/trap.h"

static u64 cause, address; /* of the last trap; cause is ~0 if there was none */
static int failures;
static const u64 constant = 4711;
static u64 variable;

static bool skip(struct trap *t)
{
    cause = t->cause;
    address = t->tval;
    t->pc = cause == CAUSE_FETCH_PAGE ? t->ra : t->pc + trap_insn_bytes(t->pc);
    return true;
}

static u64 cause_of(enum access access, const volatile void *at)
{
    u64 value;

    cause = ~0UL;
    switch (access) {
    case ACCESS_READ: __asm__ volatile("lbu %0, 0(%1)" : "=r"(value) : "r"(at) : "memory"); break;
    case ACCESS_WRITE:
        __asm__ volatile("lbu %0, 0(%1)\n"
                         "sb %0, 0(%1)"
                         : "=&r"(value)
                         : "r"(at)
                         : "memory");
        break;
    case ACCESS_EXEC: __asm__ volatile("jalr ra, 0(%0)" : : "r"(at) : "ra", "memory"); break;
    }
    return cause;
}

static void expect(const char *what, u64 found, u64 expected)
{
    if (found != expected) {
        printf("paging: %s: trap %ld at 0x%lx, not %ld\n", what, (long)found, address,
               (long)expected);
        failures++;
    }
}

/* Two instructions: ret, and as data something that may be executed. */
static u32 code[2] = {0x00008067, 0x00008067};

/* rights: those that do not fault. */
static void expect_rights(const char *what, const volatile void *at, u64 rights)
{
    expect(what, cause_of(ACCESS_READ, at), rights & PTE_R ? ~0UL : CAUSE_LOAD_PAGE);
    if (rights & PTE_R) {
        expect(what, cause_of(ACCESS_WRITE, at), rights & PTE_W ? ~0UL : CAUSE_STORE_PAGE);
    }
    if (!(rights & PTE_X)) {
        expect(what, cause_of(ACCESS_EXEC, at), CAUSE_FETCH_PAGE);
    }
}

static volatile void *linear(const volatile void *at)
{
    return paging_linear((u64)at);
}

static void try_guard(void)
{
    char *pages = pages_alloc(3, 1);

    expect_rights("a page", pages + 4096, PTE_R | PTE_W);
    paging_guard(pages + 4096);
    expect_rights("a guard page", pages + 4096, 0);
    expect_rights("the page below it", pages + 4095, PTE_R | PTE_W);
    expect_rights("the page above it", pages + 8192, PTE_R | PTE_W);
    expect("paging_is_guard", paging_is_guard((u64)pages + 5000), true);
    expect("paging_is_guard elsewhere", paging_is_guard((u64)pages), false);
    paging_unguard(pages + 4096);
    expect_rights("a page that was a guard page", pages + 4096, PTE_R | PTE_W);
    pages_free(pages);
}

int main(void)
{
    struct range ram = machine_ram();

    trap_hook(skip);
    expect_rights("code", (void *)main, PTE_R | PTE_X);
    expect_rights("code in the linear map", linear((void *)main), PTE_R);
    expect_rights("constants", &constant, PTE_R);
    expect_rights("constants in the linear map", linear(&constant), PTE_R);
    expect_rights("variables", &variable, PTE_R | PTE_W);
    expect_rights("data that is code", code, PTE_R | PTE_W);
    expect_rights("variables in the linear map", linear(code), PTE_R | PTE_W);
    expect_rights("stack", __builtin_frame_address(0), PTE_R | PTE_W);
    expect_rights("guard page of the stack", boot_guard, 0);
    expect_rights("guard page of the trap stack", boot_trap_guard, 0);
    expect_rights("first of RAM in the linear map", paging_linear(ram.base + 0x200000 - 64),
                  PTE_R | PTE_W);
    expect_rights("last of RAM", (void *)(ram.end - 8), PTE_R | PTE_W);
    expect_rights("behind RAM", (void *)ram.end, 0);
    expect_rights("behind RAM in the linear map", paging_linear(ram.end), 0);
    expect_rights("nothing", NULL, 0);
    expect_rights("a device at its own address", (void *)machine_device("ns16550a"), 0);
    expect_rights("a device in the linear map", paging_linear(machine_device("ns16550a") + 7),
                  PTE_R | PTE_W);
    try_guard();
    trap_hook(NULL);
    printf("paging: %s\n", failures ? "failed" : "ok");
    return failures != 0;
}
