# SPDX-License-Identifier: BSD-2-Clause
dts-y += dts/guest.dts
dts-y += dts/guest_fdt.c
dts-y += dts/machine.c
