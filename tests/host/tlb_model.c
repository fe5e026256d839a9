/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The worst machine that the specification allows.
 *
 * Each hart caches every PTE that it may read, valid or not, at every moment that the model is told
 * of, and keeps each value it ever saw: hardware may do so, and may use any of them.
 *
 *     cache            key                            forgotten by
 *     G-stage PTEs     VMID, level, GPA               hfence.gvma: of the VMID, or of all; with an
 *                                                     address, the leaves of that page alone, of
 *                                                     either size
 *     VS-stage         VMID, ASID                     hfence.vvma, under hgatp's VMID
 *     instructions     page                           fence.i
 *
 * A hart walks the G-stage while hgatp holds a table, and the VS-stage while vsatp does too,
 * whether a guest runs or not: speculation.  That an address given to hfence.gvma orders leaf PTEs
 * only, and that an invalid PTE above the leaves is none, is the manual's letter; hardware is
 * kinder.  Nor is a PTE of level 1 that was a leaf and points to a table now.
 *
 * hfence.gvma leaves VS-stage entries alone: a number that is given to another vCPU needs both.
 *
 * Each fence is known by the two source lines that led to it; one of them can be made to do
 * nothing.
 *
 * [PRIV "Hypervisor Memory-Management Instructions", "Supervisor Memory-Management Fence
 * Instruction", "Hypervisor Guest Address Translation and Protection Register (hgatp)"]
 */
#include "tests/host/tlb_model.h"

#include <sanitizer/common_interface_defs.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>

#include "lib/riscv/csr.h"
#include "lib/riscv/fence.h"
#include "lib/riscv/pgtable.h"

#include "hv/firmware.h"

#include "tests/host/hv_world.h"
#include "tests/test.h"

#define LEVELS     3
#define NODES      (LEVELS * TLB_PAGES)
#define VMIDS      4
#define ASIDS      2
#define VALUES     8
#define FRAMES_MAX 8192
#define TABLE_IDS  256

#define SATP_MODE       (15UL << 60)
#define SATP_ASID_SHIFT 44
#define ASID_MASK       0xffffUL
#define VMID_OF(hgatp)  (((hgatp)&HGATP_VMID) >> HGATP_VMID_SHIFT)
#define BARE_G_STAGE    (1UL << 63) /* tag: walked with GPA == HPA */

/* Values seen; small, since whatever is right keeps few. */
struct seen {
    u32 count;
    u64 value[VALUES];
};

/* A PTE on the way to a watched page; its parent stands before it. */
struct node {
    gpa_t gpa;
    u32 level;
    u32 parent; /* itself in the root */
};

static struct {
    u64 hgatp, vsatp;
    struct seen gstage[VMIDS][NODES];
    struct seen vstage[VMIDS][ASIDS]; /* tags: whose table, in which version */
    u64 fence_i_at;
} harts[WORLD_HARTS];

static struct node nodes[NODES];
static u32 node_count;
static u32 leaf_of[TLB_PAGES];
static gpa_t pages[TLB_PAGES];
static u64 table_version[TABLE_IDS]; /* of a guest's tables, by the PPN in vsatp */

static u64 now;
static u64 changed_at[FRAMES_MAX * ICACHE_PARTS], first_word[FRAMES_MAX * ICACHE_PARTS];

static struct tlb_site *sites;
struct tlb_model tlb;

static const struct pgtable_mode sv39x4 = SV39X4_MODE;

/* ---- caches ---- */

static void see(struct seen *seen, u64 value)
{
    for (u32 i = 0; i < seen->count; i++) {
        if (seen->value[i] == value)
            return;
    }
    if (seen->count == VALUES)
        FAIL("a hart holds more translations of one page than can be right");
    seen->value[seen->count++] = value;
}

static bool is_pointer(u64 pte)
{
    return pte_valid((pte_t){pte}) && !pte_leaf((pte_t){pte});
}

static bool is_leaf(u64 pte)
{
    return pte_valid((pte_t){pte}) && pte_leaf((pte_t){pte});
}

/* The true PTE at a node under `root`, by the true PTE above; 0 where the walk has ended. */
static u64 true_pte(hpa_t root, const struct node *node, const u64 *pte)
{
    hpa_t table = root;

    if (node->level < LEVELS - 1) {
        if (!is_pointer(pte[node->parent]))
            return 0;
        table = pte_hpa((pte_t){pte[node->parent]});
    }
    return ((pte_t *)hpa_ptr(table))[pgtable_index(&sv39x4, node->gpa.v, node->level)].v;
}

static void walk(hpa_t root, u64 *pte)
{
    for (u32 i = 0; i < node_count; i++)
        pte[i] = true_pte(root, &nodes[i], pte);
}

static hpa_t root_of(u64 hgatp)
{
    return (hpa_t){(hgatp & HGATP_PPN) << PAGE_SHIFT};
}

static u64 tag_of(u64 vsatp)
{
    u64 id = vsatp & HGATP_PPN;

    return id << 32 | table_version[id];
}

static struct seen *vs_seen(u32 hart)
{
    return &harts[hart].vstage[VMID_OF(harts[hart].hgatp)]
                              [harts[hart].vsatp >> SATP_ASID_SHIFT & ASID_MASK];
}

static void observe(u32 hart)
{
    u64 hgatp = harts[hart].hgatp, vsatp = harts[hart].vsatp, pte[NODES];

    if (vsatp & SATP_MODE)
        see(vs_seen(hart), tag_of(vsatp) | (hgatp == 0 ? BARE_G_STAGE : 0));
    if (hgatp == 0)
        return;
    walk(root_of(hgatp), pte);
    for (u32 i = 0; i < node_count; i++) {
        if (nodes[i].parent == i || is_pointer(pte[nodes[i].parent]))
            see(&harts[hart].gstage[VMID_OF(hgatp)][i], pte[i]);
    }
}

void tlb_observe(void)
{
    for (u32 hart = 0; hart < hart_count(); hart++)
        observe(hart);
}

static void forget_gstage(u32 hart, u64 vmid)
{
    for (u32 i = 0; i < node_count; i++)
        harts[hart].gstage[vmid][i].count = 0;
}

/* ---- what a hart may do with them ---- */

/* A cached value may be weaker than the true one: the guest faults and asks again. */
static bool is_harmless(u64 cached, u64 pte)
{
    if (cached == pte || !(cached & PTE_V))
        return true;
    return is_leaf(cached) && is_leaf(pte) && (cached & PTE_PPN) == (pte & PTE_PPN) &&
           (cached & PTE_RWX & ~pte) == 0;
}

void tlb_check(void)
{
    u32 hart = this_hart()->index;
    u64 hgatp = harts[hart].hgatp, vmid = VMID_OF(hgatp), pte[NODES];

    walk(root_of(hgatp), pte);
    for (u32 i = 0; i < node_count; i++) {
        const struct seen *seen = &harts[hart].gstage[vmid][i];

        for (u32 k = 0; k < seen->count; k++) {
            if (!is_harmless(seen->value[k], pte[i]))
                FAIL("hart %u uses a stale PTE of level %u for GPA %#lx under VMID %lu: %#lx, the "
                     "true one is %#lx",
                     hart, nodes[i].level, nodes[i].gpa.v, vmid, seen->value[k], pte[i]);
        }
    }
    if (harts[hart].vsatp & SATP_MODE) {
        const struct seen *seen = vs_seen(hart);

        for (u32 k = 0; k < seen->count; k++) {
            if (seen->value[k] != tag_of(harts[hart].vsatp))
                FAIL("hart %u uses a VS-stage translation of table %#lx under VMID %lu, its own is "
                     "%#lx",
                     hart, seen->value[k], vmid, tag_of(harts[hart].vsatp));
        }
    }
}

static u32 page_index(gpa_t gpa)
{
    for (u32 i = 0; i < TLB_PAGES; i++) {
        if (pages[i].v == align_down(gpa.v, PAGE_BYTES))
            return i;
    }
    return TLB_PAGES;
}

static bool node_may_refuse(u32 node, enum access access)
{
    const struct seen *seen = &harts[this_hart()->index].gstage[VMID_OF(hgatp_read())][node];

    for (u32 i = 0; i < seen->count; i++) {
        u64 needed = is_pointer(seen->value[i]) ? PTE_V : PTE_V | access;

        if ((seen->value[i] & needed) != needed)
            return true;
    }
    return false;
}

/* Where the true walk to a page ends. */
static u32 end_of_walk(u32 page, const u64 *pte)
{
    u32 node = leaf_of[page];

    while (nodes[node].parent != node && !is_pointer(pte[nodes[node].parent]))
        node = nodes[node].parent;
    return node;
}

bool tlb_leaf_may_refuse(gpa_t gpa, enum access access)
{
    u64 pte[NODES];

    walk(root_of(hgatp_read()), pte);
    return node_may_refuse(end_of_walk(page_index(gpa), pte), access);
}

bool tlb_may_refuse(gpa_t gpa, enum access access)
{
    u32 node = leaf_of[page_index(gpa)];

    while (!node_may_refuse(node, access)) {
        if (nodes[node].parent == node)
            return false;
        node = nodes[node].parent;
    }
    return true;
}

/* The frame of a page, by a leaf of either size; {0} if it is none. */
static hpa_t frame_by(u64 pte, u32 level, u32 page)
{
    if (!is_leaf(pte))
        return (hpa_t){0};
    return (hpa_t){pte_hpa((pte_t){pte}).v +
                   (pages[page].v - align_down(pages[page].v, pgtable_entry_bytes(level)))};
}

/* Where a cached PTE leads: its own frame, or what the table that it points to says now. */
static hpa_t frame_through(u64 pte, u32 level, u32 page)
{
    const pte_t *below = hpa_ptr(pte_hpa((pte_t){pte}));

    if (level == 1 && is_pointer(pte))
        return frame_by(below[pgtable_index(&sv39x4, pages[page].v, 0)].v, 0, page);
    return frame_by(pte, level, page);
}

/* This hart saw a leaf for the page. */
static bool was_there(u32 page)
{
    const struct seen *seen =
        &harts[this_hart()->index].gstage[VMID_OF(hgatp_read())][leaf_of[page]];

    for (u32 k = 0; k < seen->count; k++) {
        if (is_leaf(seen->value[k]))
            return true;
    }
    return false;
}

static void visit_stale(u32 page, u32 node, hpa_t truth, void (*visit)(hpa_t frame))
{
    const struct seen *seen = &harts[this_hart()->index].gstage[VMID_OF(hgatp_read())][node];

    for (u32 k = 0; k < seen->count; k++) {
        hpa_t frame = frame_through(seen->value[k], nodes[node].level, page);

        if (is_pointer(seen->value[k]) && frame.v == 0 && truth.v != 0 && was_there(page))
            FAIL("a table was emptied while a hart can still walk it");
        if (frame.v != 0 && frame.v != truth.v)
            visit(frame);
    }
}

void tlb_each_stale_frame(void (*visit)(hpa_t frame))
{
    u64 hgatp = hgatp_read(), pte[NODES];

    walk(root_of(hgatp), pte);
    for (u32 page = 0; page < TLB_PAGES; page++) {
        u32 end = end_of_walk(page, pte), leaf = leaf_of[page];
        hpa_t truth = frame_by(pte[end], nodes[end].level, page);

        visit_stale(page, leaf, truth, visit);
        visit_stale(page, nodes[leaf].parent, truth, visit);
    }
}

void tlb_guest_changes(u64 vsatp)
{
    table_version[vsatp & HGATP_PPN]++;
}

static void forget_vstage(u32 hart, u64 vmid)
{
    for (u32 asid = 0; asid < ASIDS; asid++)
        harts[hart].vstage[vmid][asid].count = 0;
}

void tlb_guest_sfence(void)
{
    forget_vstage(this_hart()->index, VMID_OF(hgatp_read()));
}

void tlb_set_vsatp(u64 vsatp)
{
    harts[this_hart()->index].vsatp = vsatp;
    tlb_observe();
}

/* ---- instructions ---- */

#define PART_BYTES (PAGE_BYTES / ICACHE_PARTS)

static u64 part_index(hpa_t at)
{
    return (at.v - world_ram().v) / PART_BYTES;
}

static u64 first_word_of(u64 part)
{
    return *(u64 *)hpa_ptr((hpa_t){world_ram().v + part * PART_BYTES});
}

void icache_changed(hpa_t at)
{
    u64 part = part_index(at);

    changed_at[part] = ++now;
    first_word[part] = first_word_of(part);
}

void icache_observe(void)
{
    const u8 *ram = hpa_ptr(world_ram());
    u64 parts = tlb.knows_no_code ? 0 : world_frames() * ICACHE_PARTS;

    now++;
    for (u64 part = 0; part < parts; part++) {
        u64 word = *(const u64 *)(ram + part * PART_BYTES);

        if (word != first_word[part]) {
            first_word[part] = word;
            changed_at[part] = now;
        }
    }
}

u64 icache_now(void)
{
    return now;
}

void icache_mapped(hpa_t page, u64 since)
{
    for (u64 part = part_index(page), end = part + ICACHE_PARTS; part < end; part++)
        changed_at[part] = changed_at[part] > since ? changed_at[part] : since;
}

void icache_guest_fence_i(void)
{
    harts[this_hart()->index].fence_i_at = ++now;
}

bool icache_is_stale(hpa_t at)
{
    return !tlb.knows_no_code && harts[this_hart()->index].fence_i_at < changed_at[part_index(at)];
}

/* ---- where a fence stands ---- */

struct tlb_site *tlb_sites(void)
{
    if (sites == NULL) {
        sites = mmap(NULL, TLB_SITES * sizeof(*sites), PROT_READ | PROT_WRITE,
                     MAP_SHARED | MAP_ANONYMOUS, -1, 0);
        CHECK(sites != MAP_FAILED);
    }
    return sites;
}

static struct tlb_site *site_named(const char *name)
{
    struct tlb_site *site = tlb_sites();

    while (site->name[0] != '\0' && strcmp(site->name, name) != 0)
        site++;
    CHECK(site < sites + TLB_SITES - 1);
    snprintf(site->name, sizeof(site->name), "%s", name);
    return site;
}

/* Appends the functions and lines that an address stands for, inlined ones first.  gstage_fence()
 * is but a word for several fences: its callers tell more.
 */
static void append_lines(char *name, size_t bytes, u64 return_address, u32 *lines)
{
    char text[1024] = {0};

    __sanitizer_symbolize_pc((void *)(return_address - 1), "%f %s:%l", text, sizeof(text) - 1);
    for (const char *line = text; *line != '\0' && *lines < 2; line += strlen(line) + 1, ++*lines) {
        size_t length = strlen(name);

        if (strncmp(line, "gstage_fence ", strlen("gstage_fence ")) == 0) {
            --*lines;
            continue;
        }
        snprintf(name + length, bytes - length, "%s%s", *lines == 0 ? ": " : " < ", line);
    }
}

/* Names are costly: each pair of return addresses is looked up once. */
static struct tlb_site *site_of(const char *what, u64 caller, u64 callers_caller)
{
    static struct {
        const char *what;
        u64 caller, callers_caller;
        struct tlb_site *site;
    } known[256];
    static u32 count;
    char name[sizeof(sites->name)];
    u32 lines = 0;

    for (u32 i = 0; i < count; i++) {
        if (known[i].caller == caller && known[i].callers_caller == callers_caller &&
            known[i].what == what)
            return known[i].site;
    }
    CHECK(count < ARRAY_LEN(known));
    snprintf(name, sizeof(name), "%s", what);
    append_lines(name, sizeof(name), caller, &lines);
    append_lines(name, sizeof(name), callers_caller, &lines);
    known[count].what = what;
    known[count].caller = caller;
    known[count].callers_caller = callers_caller;
    known[count].site = site_named(name);
    return known[count++].site;
}

static bool counts(struct tlb_site *site)
{
    site->calls++;
    return site != tlb.without;
}

bool tlb_left_out(const char *name)
{
    return !counts(site_named(name));
}

/*
 * A fence function opens with this: true if the fence is to work.  frame[0] is the caller's frame
 * pointer, frame[1] where the fence returns to.
 */
#define FENCE_WORKS()                                             \
    ({                                                            \
        u64 *frame_ = __builtin_frame_address(0);                 \
        before_fence(__func__, frame_[1], ((u64 *)frame_[0])[1]); \
    })

static bool before_fence(const char *what, u64 caller, u64 callers_caller)
{
    tlb_observe();
    if (tlb.at_fence != NULL)
        tlb.at_fence();
    return counts(site_of(what, caller, callers_caller));
}

/* ---- lib/riscv/fence.h, hv/firmware.h ---- */

/* Level 1 alone: what is a leaf and was one, or was nothing. */
static void forget_leaves(struct seen *seen, u64 pte)
{
    u32 kept = 0;

    for (u32 i = 0; i < seen->count && is_leaf(pte); i++) {
        if (!is_leaf(seen->value[i]))
            seen->value[kept++] = seen->value[i];
    }
    if (is_leaf(pte))
        seen->count = kept;
}

static void forget_page(u32 hart, u64 vmid, gpa_t gpa)
{
    u32 page = page_index(gpa), leaf = leaf_of[page % TLB_PAGES], above = nodes[leaf].parent;
    u64 pte[NODES];

    if (page == TLB_PAGES)
        return;
    harts[hart].gstage[vmid][leaf].count = 0;
    if (harts[hart].hgatp == 0 || VMID_OF(harts[hart].hgatp) != vmid)
        return;
    walk(root_of(harts[hart].hgatp), pte);
    forget_leaves(&harts[hart].gstage[vmid][above], pte[above]);
}

void hfence_gvma_page(gpa_t gpa, u64 vmid)
{
    if (FENCE_WORKS())
        forget_page(this_hart()->index, vmid, gpa);
    tlb_observe();
}

void hfence_gvma_vmid(u64 vmid)
{
    if (FENCE_WORKS())
        forget_gstage(this_hart()->index, vmid);
    tlb_observe();
}

void hfence_gvma_all(void)
{
    if (FENCE_WORKS()) {
        for (u64 vmid = 0; vmid < VMIDS; vmid++)
            forget_gstage(this_hart()->index, vmid);
    }
    tlb_observe();
}

void hfence_vvma_all(void)
{
    if (FENCE_WORKS())
        tlb_guest_sfence();
    tlb_observe();
}

static void refetch(u32 hart)
{
    icache_observe();
    harts[hart].fence_i_at = ++now;
}

void fence_i(void)
{
    if (FENCE_WORKS())
        refetch(this_hart()->index);
}

/* SBI names harts by ids, hv by indices. */
static u32 hart_with_id(u64 id)
{
    u32 hart = 0;

    while (hart < hart_count() && hart_at(hart)->id != id)
        hart++;
    CHECK(hart < hart_count());
    return hart;
}

void firmware_remote_hfence_gvma_vmid(u64 hart_id, u64 vmid)
{
    if (FENCE_WORKS())
        forget_gstage(hart_with_id(hart_id), vmid);
    tlb_observe();
}

/* Under the VMID of the hart that asks. */
void firmware_remote_hfence_vvma(u64 hart_id)
{
    if (FENCE_WORKS())
        forget_vstage(hart_with_id(hart_id), VMID_OF(hgatp_read()));
    tlb_observe();
}

void firmware_remote_fence_i(u64 hart_id)
{
    if (FENCE_WORKS())
        refetch(hart_with_id(hart_id));
}

void hgatp_write(u64 value)
{
    tlb_observe();
    if (tlb.at_switch != NULL)
        tlb.at_switch();
    harts[this_hart()->index].hgatp = value;
    tlb_observe();
}

void vsatp_write(u64 value)
{
    if (FENCE_WORKS())
        harts[this_hart()->index].vsatp = value;
    tlb_observe();
}

u64 hgatp_read(void)
{
    return harts[this_hart()->index].hgatp;
}

u64 vsatp_read(void)
{
    return harts[this_hart()->index].vsatp;
}

/* ---- start ---- */

static u32 node_for(gpa_t gpa, u32 level, u32 parent)
{
    u64 base = align_down(gpa.v, pgtable_entry_bytes(level));

    for (u32 i = 0; i < node_count; i++) {
        if (nodes[i].level == level && nodes[i].gpa.v == base)
            return i;
    }
    nodes[node_count] = (struct node){
        .gpa = {base}, .level = level, .parent = level == LEVELS - 1 ? node_count : parent};
    return node_count++;
}

void tlb_start(const gpa_t *gpas)
{
    memset(harts, 0, sizeof(harts));
    node_count = 0;
    CHECK(world_frames() <= FRAMES_MAX);
    for (u32 page = 0; page < TLB_PAGES; page++) {
        u32 node = 0;

        pages[page] = gpas[page];
        for (u32 level = LEVELS; level-- > 0;)
            node = node_for(gpas[page], level, node);
        leaf_of[page] = node;
    }
    icache_observe();
}
