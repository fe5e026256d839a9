/* SPDX-License-Identifier: BSD-2-Clause */
#pragma once
/* Virtual-instruction and illegal-instruction traps.  See vinsn.c. */
struct vcpu;
enum verdict;

enum verdict virtual_serve(struct vcpu *vcpu);
enum verdict illegal_serve(struct vcpu *vcpu);
