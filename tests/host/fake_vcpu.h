/* SPDX-License-Identifier: BSD-2-Clause */
#pragma once
/* vCPUs that are on no hart, for tests of vm.c: what hv/vcpu.c does to them, less the CSRs. */
#include "hv/vcpu.h"

#define vcpu_continue fake_vcpu_continue
#define vcpu_init     fake_vcpu_init
#define vcpu_save     fake_vcpu_save

static inline void fake_vcpu_init(struct vcpu *vcpu, struct vm *vm, u32 id)
{
    *vcpu = (struct vcpu){.vm = vm, .id = id};
}

static inline void fake_vcpu_continue(struct vcpu *vcpu, struct vm *vm, const struct vcpu *from)
{
    *vcpu = (struct vcpu){.vm = vm, .id = from->id, .regs = from->regs, .csr = from->csr};
}

static inline void fake_vcpu_save(struct vcpu *vcpu)
{
    (void)vcpu;
}
