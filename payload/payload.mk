# SPDX-License-Identifier: BSD-2-Clause
payloads-y  := bench evil forktree hello skernel skernel2 traps
payload-raw := skernel skernel2
