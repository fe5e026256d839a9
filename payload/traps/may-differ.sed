# SPDX-License-Identifier: BSD-2-Clause
#
# What may differ between the bare machine and a VM, as a filter (sed -Ef) over the output of both.
# Each rule has its reason; README.md says what is compared.

# [PRIV "Supervisor Trap Value (stval) Register"]: of a misaligned access that faults, stval is the address of
# the portion that faulted.  Bare, QEMU 7.2 splits the access and reports the first portion's
# beginning; the G-stage refuses it as a whole.
s/^(s 00143003 5 100000000)[01] /\1* /

# [PRIV "Supervisor Trap Value (stval) Register"]: stval is the instruction or 0.  QEMU 10 breaks this for mret,
# bare as well: it leaves some instruction of before.
s/^([su] 30200073 2) [0-9a-f]+ /\1 * /
