# SPDX-License-Identifier: BSD-2-Clause
# Host unit tests and fuzz harnesses: one program, build/host/tests.
tests-y := \
    tests/fuzz/bundle.c \
    tests/fuzz/fuzz.c \
    tests/fuzz/image.c \
    tests/fuzz/insn.c \
    tests/fuzz/machine_opts.c \
    tests/host/bundle_test.c \
    tests/host/image_test.c \
    tests/host/insn_test.c \
    tests/host/mkimage_test.c \
    tests/host/runner.c \
    tests/host/sample.c
