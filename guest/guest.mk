# SPDX-License-Identifier: BSD-2-Clause
guest-y := guest/args.c guest/boot.S guest/console.c guest/fp.S guest/hart.c guest/machine.c \
           guest/main.c guest/probe.S guest/probe.c guest/proc.c guest/timer.c guest/trap.S guest/trap.c
