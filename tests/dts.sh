#!/bin/bash
# SPDX-License-Identifier: BSD-2-Clause
#
# Holds dts/virt.dts against the tree that QEMU 7.2 makes, and prints the differences.  Both are
# compared as text, sorted, without what cannot be equal: numbers of phandles, and what differs from
# run to run.  The status is 77 (skipped) with another QEMU, whose tree may have more in it.
#
#   FV_QEMU   the QEMU to ask (qemu-system-riscv64)
set -euo pipefail

root=$(cd "$(dirname "$0")/.." && pwd)
qemu=${FV_QEMU:-qemu-system-riscv64}
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT

# text FORMAT FILE: the tree as sorted text
text() {
    dtc -q -s -I "$1" -O dts "$2" |
        sed -E '/^\s*(phandle|interrupt-parent|rng-seed) = /d
                /^\s*(regmap|cpu) = /s/<.*>/<\&>/
                /^\s*interrupts-extended = /s/<0x[0-9a-f]+ (0x[0-9a-f]+) 0x[0-9a-f]+ /<\& \1 \& /
                /^\s*interrupt-map = /s/((0x[0-9a-f]+ ){4})0x[0-9a-f]+ (0x[0-9a-f]+)/\1\& \3/g'
}

version=$("$qemu" --version | head -n 1)
if [[ $version != *' version 7.2.'* ]]; then
    echo "dts.sh: skipped: dts/virt.dts is about QEMU 7.2, not $version"
    exit 77
fi
"$qemu" -M virt,dumpdtb="$folder/qemu.dtb" -display none -nodefaults -cpu rv64 -smp 1 -m 1G \
    -kernel "$root/dts/virt.dts" -append 'fork=cow trace=off sstc=on' >"$folder/log" 2>&1 || {
    cat "$folder/log" >&2
    exit 1
}
dtc -q -I dts -O dtb -o "$folder/virt.dtb" "$root/dts/virt.dts"
diff -u --label dts/virt.dts <(text dtb "$folder/virt.dtb") --label QEMU <(text dtb "$folder/qemu.dtb")
