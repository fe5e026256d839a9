#!/bin/bash
# SPDX-License-Identifier: BSD-2-Clause
#
# Measures what Linux takes for what tools/bench.sh measures of ours, on the same QEMU and from the
# same disks: `make bench-linux` prints a table and writes build/bench-linux.json.
# tools/linux/figures is a copy of build/bench-linux/table, which tools/bench.sh compares with.  With words,
# as in `tools/bench_linux.sh kvm`, just these parts, and only the table.
#
# The kernel is Debian's (tools/deps.sh linux), with the options that suit it best; tools/linux/init.c
# is process 1.  It is run as any other bare image, by tools/run.sh.  How figures come about is in
# tools/README.md; files and pipes are counted by the plugin, processes and KVM by the clock.
set -euo pipefail
cd "$(dirname "$0")/.."
. tools/storage.sh

out=build/bench-linux
rows=$out/rows # name value unit n seconds
tuned='init_on_alloc=0 hardened_usercopy=off cgroup_disable=memory lsm=yama audit=0 no4lvl'
mkdir -p $out
: >$rows

# boot "PROGRAM WORD..." [VARIABLE=VALUE...]: runs it once the kernel has booted; $wall is how long it took
boot() {
    local begin=$EPOCHREALTIME end words=$1
    shift
    if ! env FV_OUT=$out FV_QEMU_ARGS="-icount shift=0 -seed 1 -rtc base=2026-01-01,clock=vm ${qemu_args:-}" \
        TIMEOUT=600 BARE=1 MEM="${memory:-4G}" PAYLOAD=build/deps/linux/vmlinux INITRD=$out/initramfs \
        CMDLINE="console=ttyS0 quiet norandmaps panic=-1 $tuned -- $words" "$@" \
        tools/run.sh >$out/run.log 2>&1 </dev/null || ! grep -q 'ended with status 0' $out/run.log; then
        echo "bench-linux: this run failed, its words are in $out/run.log: $words" >&2
        return 1
    fi
    end=$EPOCHREALTIME
    wall=$(((${end/./} - ${begin/./}) / 1000000))
}

# count "PROGRAM WORD..." [VARIABLE=VALUE...]: what it marked
count() {
    qemu_args=$(counting $out/marks) boot "$@"
    marked $out/console.log $out/marks linux "$wall" >>$rows
}

# measure SUFFIX "PROGRAM WORD...": what it printed; the names get the suffix
measure() {
    boot "$2"
    printed $out/console.log "s/ /_$1 /" "$wall" >>$rows
}

measure_files() {
    make_disk $out/disk
    for words in "${file_runs[@]}"; do
        cp --sparse=always $out/disk $out/disk.run
        count "/fsbench dir=/mnt $words" DISK=$out/disk.run
    done
    FV_DISK=$slow_disk count /blkbench DISK=$out/disk.run
    rm $out/disk.run
}

measure_processes() {
    measure linux "/procbench calls faults exec memory fork=1 fork=16 fork=64 fork=256 fork=1024"
    measure linux "/procbench forkhuge=1 forkhuge=16 forkhuge=64 forkhuge=256 forkhuge=1024"
    measure linux "/procbench total=1 total=64 total=1024"
    memory=6G measure linux "/procbench forkhuge=4096 fork=4096"
    measure linux "/procbench wake"
    count "/pipebench roundtrip stream create"
    per_instruction $rows pipe_stream_linux
}

measure_kvm() {
    measure kvm "/kvmbench life exits faults fork=1 fork=64 fork=256 forkhuge=16 forkhuge=64 forkhuge=256"
    measure kvm "/kvmbench template=1 template=64 pool=1 pool=64 memory"
}

print_table() {
    echo "# SPDX-License-Identifier: BSD-2-Clause"
    echo "Linux $(<build/deps/linux/version) of Debian, $tuned; $("${FV_QEMU:-qemu-system-riscv64}" --version | head -n 1)"
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
parts=(processes kvm files)
for part in "${@:-${parts[@]}}"; do
    [[ " ${parts[*]} " == *" $part "* ]] || {
        echo "bench-linux: $part: must be of: ${parts[*]}" >&2
        exit 64
    }
    "measure_$part"
done
print_table >$out/table
cat $out/table
[ $# != 0 ] || print_json >build/bench-linux.json
