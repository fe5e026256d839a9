# SPDX-License-Identifier: BSD-2-Clause
# The base: linked where something refers to it.
guest-y += guest/args.c
guest-y += guest/boot.S
guest-y += guest/console.c
guest-y += guest/fp.S
guest-y += guest/hart.c
guest-y += guest/machine.c
guest-y += guest/main.c
guest-y += guest/probe.S
guest-y += guest/probe.c
guest-y += guest/proc.c
guest-y += guest/report.c
guest-y += guest/timer.c
guest-y += guest/trap.S
guest-y += guest/trap.c

# Components: NAME-y sources, NAME-needs other components or kinds, NAME-kind what it is an alternative for.
# At most one of a kind is in a payload; default-KIND is taken where one is needed and none is named.
components-y += symbols
symbols-y += guest/symbols.c

components-y += smp
