# SPDX-License-Identifier: BSD-2-Clause
# Programs of this machine, one .c each.
tools-y += mkimage
tools-y += pty
tools-y += trace
