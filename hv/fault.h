/* SPDX-License-Identifier: BSD-2-Clause */
#pragma once
/* Guest-page faults.  See fault.c. */
struct vcpu;
enum verdict;

enum verdict fault_serve(struct vcpu *vcpu);
/* The access fault that a machine answers where there is nothing. */
enum verdict fault_refuse(struct vcpu *vcpu);
/* Serves an access to where there is neither RAM nor an emulated device. */
enum verdict fault_elsewhere(struct vcpu *vcpu);
