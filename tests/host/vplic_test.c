/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The guest's interrupt controller against the rules of the specification, which are written down
 * here a second time as a model; and with the driver on top.  Below is a VM that is nothing but
 * vCPUs.
 */
#include <stdlib.h>
#include <string.h>

#include "lib/drv/mmio.h"
#include "lib/drv/plic.h"

#include "hv/dev/dev.h"
#include "hv/vm.h"
#include "hv/vmexit.h"

#include "tests/test.h"

#define mmio_read32  fake_mmio_read32
#define mmio_write32 fake_mmio_write32

#define VCPUS   3
#define CHANGES 200000

static struct vm *vm;
static struct device device;

void vcpu_set_external(struct vcpu *vcpu, bool raised)
{
    vcpu->external = raised;
}

static u32 fake_mmio_read32(u64 offset)
{
    return (u32)vplic_ops.read(&device, vm->vcpu[0], offset, 4);
}

static void fake_mmio_write32(u64 offset, u32 value)
{
    CHECK_EQ(vplic_ops.write(&device, vm->vcpu[0], offset, 4, value), VERDICT_SKIP);
}

/* The driver, with the device below it. */
#include "lib/drv/plic.c" // NOLINT(bugprone-suspicious-include)

static struct vm *make_vm(void)
{
    struct vm *made = calloc(1, sizeof(*made));

    made->vcpus = VCPUS;
    for (u32 i = 0; i < VCPUS; i++)
        made->vcpu[i] = calloc(1, sizeof(struct vcpu));
    return made;
}

static void free_vm(struct vm *of)
{
    for (u32 i = 0; i < VCPUS; i++)
        free(of->vcpu[i]);
    free(of);
}

static void begin(void)
{
    vm = make_vm();
    device = (struct device){.ops = &vplic_ops, .bytes = VPLIC_BYTES, .vm = vm};
}

static struct plic driver(u32 hart)
{
    struct plic plic;

    plic_init(&plic, 0, PLIC_VIRT_S_CONTEXT(hart), PLIC_VIRT_SOURCES);
    return plic;
}

static bool is_raised(u32 hart)
{
    return vm->vcpu[hart]->external != 0;
}

TEST(vplic_one_interrupt_from_line_to_completion)
{
    struct plic plic;

    begin();
    plic = driver(1);
    plic_set_priority(&plic, 10, 1);
    plic_enable(&plic, 10);
    CHECK_EQ(plic_claim(&plic), 0);
    vplic_set_level(vm, 10, true);
    CHECK(is_raised(1) && !is_raised(0) && !is_raised(2));
    CHECK_EQ(fake_mmio_read32(PLIC_PENDING), 1 << 10);
    CHECK_EQ(plic_claim(&plic), 10);
    CHECK(!is_raised(1));
    CHECK_EQ(fake_mmio_read32(PLIC_PENDING), 0);
    CHECK_EQ(plic_claim(&plic), 0);
    plic_complete(&plic, 10);
    CHECK(is_raised(1)); /* the line is still up */
    CHECK_EQ(plic_claim(&plic), 10);
    vplic_set_level(vm, 10, false);
    plic_complete(&plic, 10);
    CHECK(!is_raised(1));
    free_vm(vm);
}

/* A request stays when its line falls; what comes while one is in service comes after it. */
TEST(vplic_gateway_keeps_a_request)
{
    struct plic plic;

    begin();
    plic = driver(0);
    plic_set_priority(&plic, 95, 7);
    plic_enable(&plic, 95);
    vplic_set_level(vm, 95, true);
    vplic_set_level(vm, 95, false);
    CHECK(is_raised(0));
    CHECK_EQ(plic_claim(&plic), 95);
    vplic_set_level(vm, 95, true);
    CHECK(!is_raised(0));
    CHECK_EQ(fake_mmio_read32(PLIC_PENDING + 8), 0);
    plic_complete(&plic, 95);
    CHECK_EQ(fake_mmio_read32(PLIC_PENDING + 8), 1U << 31);
    CHECK(is_raised(0));
    free_vm(vm);
}

TEST(vplic_order_and_threshold)
{
    struct plic plic;

    begin();
    plic = driver(0);
    for (u32 source = 1; source <= PLIC_VIRT_SOURCES; source++) {
        plic_set_priority(&plic, source, source % 8);
        plic_enable(&plic, source);
        vplic_set_level(vm, source, true);
    }
    fake_mmio_write32(PLIC_CONTEXT + PLIC_CONTEXT_BYTES, 7);
    CHECK(!is_raised(0));
    CHECK_EQ(plic_claim(&plic), 7); /* a claim does not look at the threshold */
    CHECK_EQ(plic_claim(&plic), 15);
    plic_disable(&plic, 23);
    CHECK_EQ(plic_claim(&plic), 31);
    fake_mmio_write32(PLIC_CONTEXT + PLIC_CONTEXT_BYTES, 6);
    CHECK(is_raised(0));
    while (plic_claim(&plic) != 0)
        ;
    CHECK(!is_raised(0));
    CHECK_EQ(fake_mmio_read32(PLIC_PENDING), 1U << 8 | 1U << 16 | 1U << 23 | 1U << 24);
    free_vm(vm);
}

TEST(vplic_completion_is_for_who_has_it_enabled)
{
    struct plic first, second;

    begin();
    first = driver(0);
    second = driver(1);
    plic_set_priority(&first, 3, 1);
    plic_enable(&first, 3);
    vplic_set_level(vm, 3, true);
    CHECK_EQ(plic_claim(&second), 0);
    CHECK_EQ(plic_claim(&first), 3);
    plic_complete(&second, 3);
    CHECK(!is_raised(0));
    plic_enable(&second, 3);
    plic_complete(&second, 3);
    CHECK(is_raised(0) && is_raised(1));
    CHECK_EQ(plic_claim(&second), 3);
    CHECK(!is_raised(0) && !is_raised(1));
    free_vm(vm);
}

/* Nothing there: source 0 and those from 96 on, M-mode's contexts, those of harts that there are
 * not, what lies between registers, other widths. */
TEST(vplic_reserved_is_zero)
{
    static const struct vplic before;

    begin();
    for (u64 offset = 0; offset < VPLIC_BYTES; offset += offset < PLIC_CONTEXT ? 4 : 0x5fc) {
        u64 context = (offset - PLIC_ENABLE) / PLIC_ENABLE_BYTES, in = offset % PLIC_ENABLE_BYTES;

        if (offset > 0 && offset < 96 * 4)
            continue;
        if (offset >= PLIC_ENABLE && offset < PLIC_CONTEXT && context % 2 == 1 &&
            context < 2 * VCPUS && in < 12)
            continue;
        if (offset > PLIC_CONTEXT && (offset - PLIC_CONTEXT) % PLIC_CONTEXT_BYTES == 0)
            continue;
        fake_mmio_write32(offset, UINT32_MAX);
        CHECK_EQ(fake_mmio_read32(offset), 0);
    }
    for (u32 bytes = 1; bytes <= 8; bytes *= 2) {
        if (bytes == 4)
            continue;
        vplic_ops.write(&device, vm->vcpu[0], 40, bytes, 7);
        CHECK_EQ(vplic_ops.read(&device, vm->vcpu[0], 40, bytes), 0);
    }
    CHECK_EQ(memcmp(&before, &vm->plic, sizeof(before)), 0);
    fake_mmio_write32(PLIC_ENABLE + PLIC_ENABLE_BYTES, UINT32_MAX);
    CHECK_EQ(fake_mmio_read32(PLIC_ENABLE + PLIC_ENABLE_BYTES), ~1U);
    fake_mmio_write32(PLIC_CLAIM + PLIC_CONTEXT + PLIC_CONTEXT_BYTES, UINT32_MAX);
    free_vm(vm);
}

/* What is pending and what is in service is so in both, and goes on in each alone. */
TEST(vplic_is_cloned)
{
    struct vm *parent, *child;
    struct device parents;
    struct plic plic;

    begin();
    plic = driver(0);
    for (u32 source = 4; source <= 5; source++) {
        plic_set_priority(&plic, source, source);
        plic_enable(&plic, source);
        vplic_set_level(vm, source, true);
    }
    CHECK_EQ(plic_claim(&plic), 5);
    parent = vm;
    parents = device;
    child = make_vm();
    device.vm = child;
    vplic_ops.clone(&device, &parents, child);
    for (u32 i = 0; i < 2; i++) {
        vm = i == 0 ? child : parent;
        device.vm = vm;
        CHECK(is_raised(0));
        CHECK_EQ(plic_claim(&plic), 4);
        CHECK(!is_raised(0));
        plic_complete(&plic, 5);
        CHECK(is_raised(0));
        CHECK_EQ(plic_claim(&plic), 5);
    }
    vplic_ops.reset(&device);
    CHECK_EQ(plic_claim(&plic), 0);
    free_vm(child);
    free_vm(parent);
}

/* ---- the model: every rule by looking at every source -----------------------------------------
 */

static struct {
    bool line, pending, served, enabled[VCPUS];
    u32 priority;
} model[VPLIC_SOURCES];
static u32 model_threshold[VCPUS];

static u32 model_best(u32 hart, u32 above)
{
    u32 best = 0;

    for (u32 s = VPLIC_SOURCES - 1; s > 0; s--) {
        if (model[s].pending && model[s].enabled[hart] && model[s].priority > above &&
            (best == 0 || model[s].priority >= model[best].priority))
            best = s;
    }
    return best;
}

static void model_gateway(u32 s)
{
    if (model[s].line && !model[s].served)
        model[s].pending = true;
}

static void change(const struct plic *plic, u32 hart, u32 s, u32 what)
{
    switch (what % 6) {
    case 0:
        model[s].line = what / 6 % 2;
        model_gateway(s);
        vplic_set_level(vm, s, model[s].line);
        break;
    case 1:
        model[s].priority = what / 6 % 8;
        plic_set_priority(plic, s, what / 6);
        break;
    case 2:
        model[s].enabled[hart] = what / 6 % 4 != 0;
        (model[s].enabled[hart] ? plic_enable : plic_disable)(plic, s);
        if (model[s].enabled[hart])
            model_threshold[hart] = 0;
        break;
    case 3: {
        u32 best = model_best(hart, 0);

        model[best].pending = false;
        model[best].served = best != 0;
        CHECK_EQ(plic_claim(plic), best);
        break;
    }
    case 4:
        if (model[s].enabled[hart] && model[s].served) {
            model[s].served = false;
            model_gateway(s);
        }
        plic_complete(plic, s);
        break;
    default:
        model_threshold[hart] = what / 6 % 8;
        fake_mmio_write32(PLIC_CONTEXT + plic->context * PLIC_CONTEXT_BYTES, what / 6);
    }
}

TEST(vplic_does_what_the_model_does)
{
    struct plic plic[VCPUS];
    u64 random = 1;

    begin();
    memset(model, 0, sizeof(model));
    memset(model_threshold, 0, sizeof(model_threshold));
    for (u32 hart = 0; hart < VCPUS; hart++)
        plic[hart] = driver(hart);
    for (u32 i = 0; i < CHANGES; i++) {
        u32 hart, s;

        random = random * 6364136223846793005UL + 1442695040888963407UL;
        hart = (u32)(random >> 60) % VCPUS;
        s = 1 + (u32)(random >> 50) % PLIC_VIRT_SOURCES;
        change(&plic[hart], hart, s, (u32)(random >> 20));
        for (hart = 0; hart < VCPUS; hart++)
            CHECK_EQ(is_raised(hart), model_best(hart, model_threshold[hart]) != 0);
        CHECK_EQ(fake_mmio_read32(PLIC_PENDING + s / 32 * 4) >> s % 32 & 1, model[s].pending);
    }
    free_vm(vm);
}
