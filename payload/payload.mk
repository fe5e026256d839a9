# SPDX-License-Identifier: BSD-2-Clause
payloads-y  := bench demo evil forktree good hello hog skernel skernel2 smp sv39fork traps
payload-raw := skernel skernel2
payloads-y  := bench evil forktree good hello hog idle skernel skernel2 smp sv39fork traps
payload-raw := idle skernel skernel2
