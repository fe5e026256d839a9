# SPDX-License-Identifier: BSD-2-Clause
# Host unit tests and fuzz harnesses: one program, build/host/tests.
tests-y := \
    dts/guest.dts \
    dts/guest_fdt.c \
    dts/machine.c \
    dts/virt.dts \
    hv/options.c \
    tests/fuzz/fuzz.c \
    tests/fuzz/insn.c \
    tests/fuzz/machine.c \
    tests/fuzz/machine_opts.c \
    tests/host/insn_test.c \
    tests/host/machine_test.c \
    tests/host/options_test.c \
    tests/host/runner.c
