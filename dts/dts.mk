# SPDX-License-Identifier: BSD-2-Clause
dts-y := dts/guest.dts dts/guest_fdt.c dts/machine.c
