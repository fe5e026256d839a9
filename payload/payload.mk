# SPDX-License-Identifier: BSD-2-Clause
payloads-y += bench
payloads-y += demo
payloads-y += evil
payloads-y += forktree
payloads-y += good
payloads-y += hello
payloads-y += hog
payloads-y += idle
payloads-y += skernel
payloads-y += skernel2
payloads-y += smp
payloads-y += sv39fork
payloads-y += traps
# Those that bring their own start-up and link nothing else.
payload-raw += idle
payload-raw += skernel
payload-raw += skernel2
