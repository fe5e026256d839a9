/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The payload's own page tables, in place of the early one.  What is where: paging.h.
 *
 *                      at its own address      in the linear map
 *     code             R X                     R
 *     constants        R                       R
 *     other RAM        R W                     R W
 *     devices                                  R W
 *     guard pages
 *
 * Devices are what the FDT gives an address outside RAM.  Leaves are as large as they can be and
 * are split where a guard page is taken out.
 *
 * Invariant: an entry that grants something is only ever replaced by one that grants the same and
 * by an invalid one; so a hart that has not heard of a change can at worst miss a guard page.  A
 * fault whose page is there by now is an old translation of this hart's: it is forgotten and tried
 * again.
 *
 * A and D are set from the start: the hart has nothing to write here.
 * [PRIV "Sv39: Page-Based 39-bit Virtual-Memory System"]
 */
#include "guest/paging.h"

#include <string.h>

#include "lib/riscv/cause.h"
#include "lib/riscv/pgtable.h"

#include "guest/guest.h"
#include "guest/init.h"
#include "guest/machine.h"
#include "guest/pages.h"
#include "guest/panic.h"
#include "guest/spin.h"

#define PTE_BASE  (PTE_V | PTE_A | PTE_D | PTE_G)
#define PTE_GUARD (1UL << 8) /* not valid, and this is why */

static const struct pgtable_mode sv39 = SV39_MODE;
static struct spin lock;
static pte_t *root;

static pte_t *table_alloc(void)
{
    pte_t *table = pages_alloc(1, 1);

    if (!table) {
        panic("paging: no memory for a page table; raise MEM");
    }
    return memset(table, 0, PAGE_BYTES);
}

/* The table below an entry at `level`: made where there is none, and of a leaf with its contents.
 */
static pte_t *table_below(pte_t *entry, u32 level)
{
    pte_t *table;

    if (pte_valid(*entry) && !pte_leaf(*entry)) {
        return hpa_ptr(pte_hpa(*entry));
    }
    table = table_alloc();
    for (u64 i = 0; pte_valid(*entry) && i < TABLE_ENTRIES; i++) {
        table[i].v = entry->v + (i * pgtable_entry_bytes(level - 1) >> PAGE_SHIFT << PTE_PPN_SHIFT);
    }
    __atomic_store_n(&entry->v, pte_of(hpa_of(table), PTE_V).v, __ATOMIC_RELEASE);
    return table;
}

/* The entry of the page at address, for a leaf of the level. */
static pte_t *entry_of(u64 address, u32 level)
{
    pte_t *table = root;

    for (u32 at = sv39.levels - 1; at > level; at--) {
        table = table_below(&table[pgtable_index(&sv39, address, at)], at);
    }
    return &table[pgtable_index(&sv39, address, level)];
}

/* Show what is at `physical` to physical + bytes, rounded to pages, at `address`. */
static void map(u64 address, u64 physical, u64 bytes, u64 rights)
{
    u64 end = align_up(physical + bytes, PAGE_BYTES);

    address = align_down(address, PAGE_BYTES);
    physical = align_down(physical, PAGE_BYTES);
    while (physical < end) {
        u32 level = sv39.levels - 1;
        u64 step = pgtable_entry_bytes(level);

        while ((address | physical) & (step - 1) || step > end - physical) {
            step = pgtable_entry_bytes(--level);
        }
        *entry_of(address, level) = pte_of((hpa_t){physical}, PTE_BASE | rights);
        address += step;
        physical += step;
    }
}

static void map_part(const void *from, const void *to, u64 rights)
{
    u64 base = (u64)from, bytes = (u64)to - (u64)from;

    map(base, base, bytes, rights);
    map(base + PAGING_LINEAR, base, bytes, rights & ~PTE_X);
}

static void map_device(struct range device)
{
    struct range ram = machine_ram();

    if (device.base < device.end && (device.end <= ram.base || device.base >= ram.end)) {
        map(device.base + PAGING_LINEAR, device.base, device.end - device.base, PTE_R | PTE_W);
    }
}

/* Take the page at this address out, for good: an access to it faults. */
void paging_guard(void *page)
{
    spin_lock(&lock);
    entry_of((u64)page, 0)->v = PTE_GUARD;
    spin_unlock(&lock);
    __asm__ volatile("sfence.vma %0" : : "r"(page) : "memory");
}

/* Give a page that was taken out back. */
void paging_unguard(void *page)
{
    spin_lock(&lock);
    *entry_of((u64)page, 0) = pte_of(hpa_of(page), PTE_BASE | PTE_R | PTE_W);
    spin_unlock(&lock);
    __asm__ volatile("sfence.vma %0" : : "r"(page) : "memory");
}

bool paging_is_guard(u64 address)
{
    u32 level;

    return pgtable_find(&sv39, hpa_of(root), address, &level)->v == PTE_GUARD;
}

bool trap_page_fault(struct trap *t)
{
    static const u64 wanted[] = {
        [CAUSE_FETCH_PAGE] = PTE_X, [CAUSE_LOAD_PAGE] = PTE_R, [CAUSE_STORE_PAGE] = PTE_W};
    u32 level;
    pte_t entry = {0};

    if (root) {
        entry = *pgtable_find(&sv39, hpa_of(root), t->tval, &level);
    }
    if (!(entry.v & PTE_V) || !(entry.v & wanted[t->cause])) {
        return false;
    }
    __asm__ volatile("sfence.vma %0" : : "r"(t->tval) : "memory");
    return true;
}

static GUEST_INIT(INIT_PAGING) void bring_up(void)
{
    struct range ram = machine_ram();

    root = table_alloc();
    map_part((void *)ram.base, _text_start, PTE_R | PTE_W);
    map_part(_text_start, _rodata_start, PTE_R | PTE_X);
    map_part(_rodata_start, _data_start, PTE_R);
    map_part(_data_start, (void *)ram.end, PTE_R | PTE_W);
    machine_ranges(map_device);
    paging_guard(boot_guard);
    paging_guard(boot_trap_guard);
    paging_satp = SATP_MODE_SV39 | (u64)root >> PAGE_SHIFT;
    csr_write(CSR_SATP, paging_satp);
    __asm__ volatile("sfence.vma" ::: "memory");
}
