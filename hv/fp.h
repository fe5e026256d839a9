/* SPDX-License-Identifier: BSD-2-Clause */
#pragma once
/* Floating-point registers, moved only when they have to be.  See fp.c. */
struct vcpu;

/* Before the vCPU enters its guest on this hart; its sstatus says Clean afterwards. */
void fp_load(struct vcpu *vcpu);
/* The loaded vCPU's registers are in vcpu->fp afterwards, whoever changed them last. */
void fp_save(struct vcpu *vcpu);

/* fp.S.  sstatus.FS is not Off. */
struct fp_regs;
void fp_regs_load(const struct fp_regs *from);
void fp_regs_save(struct fp_regs *to);
