#!/bin/bash
# SPDX-License-Identifier: BSD-2-Clause
#
# tools/linux/initramfs.sh FOLDER: makes FOLDER/initramfs, with the programs here, payload/fsbench and the
# modules of Debian's kernel (tools/deps.sh linux).
set -euo pipefail
cd "$(dirname "$0")/../.."

out=$1
programs=(init blkbench first fsbench kvmbench pipebench procbench)

compile() {
    local cc=(riscv64-linux-gnu-gcc -std=gnu17 -O2 -Wall -Wextra -Werror -static -I.)
    "${cc[@]}" -o "$out/init" tools/linux/init.c
    "${cc[@]}" -o "$out/blkbench" tools/linux/blkbench.c
    "${cc[@]}" -o "$out/fsbench" payload/fsbench/fsbench.c tools/linux/waited.c
    "${cc[@]}" -o "$out/pipebench" payload/pipebench.c
    "${cc[@]}" -o "$out/procbench" tools/linux/{procbench,ticks}.c
    "${cc[@]}" -o "$out/kvmbench" tools/linux/{kvmbench,ticks}.c tools/linux/kvmguest.S
    "${cc[@]}" -nostdlib -Wl,--build-id=none -o "$out/first" tools/linux/first.c
}

# pad BYTES: zeros up to the next multiple of 4
pad() {
    head -c $((-$1 & 3)) /dev/zero
}

# pack PATH MODE FILE: an entry of an initramfs; no FILE: the last one
#
# [the kernel's Documentation/driver-api/early-userspace/buffer-format.rst]
pack() {
    local bytes=0
    [ -z "${3:-}" ] || bytes=$(stat -c %s "$3")
    number=$((number + 1))
    printf '070701%08X%08X%08X%08X%08X%08X%08X' $number "$2" 0 0 1 0 "$bytes"
    printf '%08X%08X%08X%08X%08X%08X' 0 0 0 0 $((${#1} + 1)) 0
    printf '%s\0' "$1"
    pad $((110 + ${#1} + 1))
    [ -z "${3:-}" ] || cat "$3"
    pad "$bytes"
}

pack_all() {
    local number=0 program module
    for program in "${programs[@]}"; do
        pack "$program" $((8#100755)) "$out/$program"
    done
    for module in build/deps/linux/*.ko.xz; do
        pack "${module##*/}" $((8#100644)) "$module"
    done
    pack 'TRAILER!!!' 0
}

compile
pack_all >"$out/initramfs"
