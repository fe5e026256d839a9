/* SPDX-License-Identifier: BSD-2-Clause */
#pragma once
/* Accesses to devices.  See mmio.c. */
struct vcpu;
enum verdict;

enum verdict mmio_serve(struct vcpu *vcpu);
