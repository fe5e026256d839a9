#!/bin/bash
# SPDX-License-Identifier: BSD-2-Clause
#
# Measures what Linux takes for what tools/bench.sh measures of ours, on the same QEMU and from the
# same disks: `make bench-linux` prints a table and writes build/bench-linux.json.
#
# The kernel is Debian's (tools/deps.sh linux), with the options that suit it best; tools/linux/init.c
# is process 1.  It is run as any other bare image, by tools/run.sh.  How figures come about is in
# tools/storage.sh.
#
# Not done: processes and KVM, whose figures are in the table of tools/bench.sh.
set -euo pipefail
cd "$(dirname "$0")/.."
. tools/storage.sh

out=build/bench-linux
rows=$out/rows # name value unit n seconds
tuned='init_on_alloc=0 hardened_usercopy=off cgroup_disable=memory lsm=yama audit=0 no4lvl'
mkdir -p $out
: >$rows

# run PROGRAM WORD...: what it measured, once the kernel has booted
run() {
    local begin=$EPOCHREALTIME end
    cp --sparse=always $out/disk $out/disk.run
    if ! env FV_OUT=$out FV_QEMU_ARGS="-icount shift=0 $(counting $out/marks)" TIMEOUT=600 BARE=1 MEM=4G \
        PAYLOAD=build/deps/linux/vmlinux INITRD=$out/initramfs DISK=$out/disk.run \
        CMDLINE="console=ttyS0 quiet norandmaps panic=-1 $tuned -- $*" \
        tools/run.sh >$out/run.log 2>&1 </dev/null || ! grep -q 'ended with status 0' $out/run.log; then
        echo "bench-linux: this run failed, its words are in $out/run.log: $*" >&2
        return 1
    fi
    end=$EPOCHREALTIME
    marked $out/console.log $out/marks linux $(((${end/./} - ${begin/./}) / 1000000)) >>$rows
}

print_table() {
    echo "Linux $(<build/deps/linux/version) of Debian, $tuned"
    awk 'BEGIN { line = "%-28s %12s %-6s %6s %6s\n"; printf line, "name", "value", "unit", "n", "wall s" }
         { printf line, $1, $2, $3, $4, $5 }' $rows
}

print_json() {
    awk 'BEGIN { print "[" }
         { printf "%s{\"name\":\"%s\", \"value\":%s, \"unit\":\"%s\", \"n\":%s}", sep, $1, $2, $3, $4; sep = ",\n" }
         END { print "\n]" }' $rows
}

can_count "${FV_QEMU:-qemu-system-riscv64}" || {
    echo "bench-linux: this QEMU was built without plugins, which count instructions" >&2
    exit 1
}
tools/linux/initramfs.sh $out
make_disk $out/disk
for words in "${file_runs[@]}"; do
    # shellcheck disable=SC2086 # words
    run /fsbench dir=/mnt $words
done
FV_DISK=$slow_disk run /blkbench
rm $out/disk.run
print_table
print_json >build/bench-linux.json
