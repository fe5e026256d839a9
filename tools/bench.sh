#!/bin/bash
# SPDX-License-Identifier: BSD-2-Clause
#
# Measures what things cost, prints a table and writes build/bench.json: `make bench`.
#
# The payloads bench and osbench count, inside a guest; here is only which runs are made and what the figures are
# held against.  Under -icount shift=0 the unit is instructions executed by the whole machine, the
# same in every run.  Wall time is that of a whole run, for information.  Nothing is asserted.
set -euo pipefail
cd "$(dirname "$0")/.."
. tools/storage.sh

out=build/bench
console=$out/console.log
rows=$out/rows # name value unit n seconds
mkdir -p $out
: >$rows

# Name, peer, floor, aim.  Peers: Linux 6.12 and its KVM on the same emulated machine, tuned.  For disks and
# files they come from `make bench-linux`.
targets='
sbi_call           KVM:931       160    80
sbi_call_64vms     KVM:931       160    80
sbi_call_trace     KVM:931       -      -
mmio_access        KVM:2922      500    250
mmio_access_64vms  KVM:2922      500    250
mmio_access_trace  KVM:2922      -      -
mmio_store         KVM:2922      500    250
mmio_load          KVM:2922      500    250
vm_create          KVM:217083    30000  10000
fork_parent_1m     Linux:108377  20000  10000
fork_parent_16m    Linux:654507  -      -
fork_parent_64m    Linux:2433802 -      -
fork_parent_256m   Linux:9446945 -      -
fork_child_1m      Linux:149625  -      -
fork_exit_wait_1m  Linux:304492  40000  23000
cow_fault          Linux:4423    1600   1300
takeover           Linux:1490    -      -
first_touch        Linux:3175    900    750
first_touch_zicboz Linux:3175    900    400
vm_memory          KVM:227328    -      -
yield_bare         -             -      250
yield_vm           -             -      250
mutex_bare         -             -      30
mutex_vm           -             -      30
malloc_tlsf_bare   -             -      150
malloc_tlsf_vm     -             -      150
lab1_bare          study:170     -      +170
lab1_vm            study:170     -      +170
hello_bytes        -             -      8192
boot_hello_bare    -             -      5000
boot_hello_vm      -             -      5000
vm_over_bare_compute -           -      1.01
vm_over_bare_tick  -             -      1.05
tick_bare          -             -      400
tick_vm            -             -      400
blk_read4k_bare    Linux:20100   -      -
blk_read4k_vm      Linux:20100   -      -
vm_over_bare_read4k -            -      1.5
blk_read4k_exits_vm -            -      3
blk_exits_qd32_vm  -             -      0.25
fat_seq_read_bare  Linux:98598   -      98598
fat_seq_read_vm    Linux:98598   -      98598
vm_over_bare_fat_seq_read -      -      1.1
fat_seq_write_bare Linux:386308  -      386308
fat_seq_write_vm   Linux:386308  -      386308
vm_over_bare_fat_seq_write -     -      1.1
fat_small_files_250_bare Linux:1178310 - 1178310
fat_small_files_250_vm Linux:1178310 -  1178310
fat_small_files_500_bare Linux:2278914 - 2278914
fat_small_files_500_vm Linux:2278914 -  2278914
fat_small_files_bare Linux:4529843 -    4529843
fat_small_files_vm Linux:4529843 -      4529843
open_read_close_bare Linux:8856  -      8856
open_read_close_vm Linux:8856    -      8856
'

# run VARIABLE=VALUE...: one run of the machine; afterwards $wall is how long it took
#
# Without ioeventfd a virtio device, here the trace's port, answers before the driver's notification
# returns.  With it, as QEMU 10 would have it, the driver polls for as long as the host takes.
run() {
    local begin=$EPOCHREALTIME end
    local args="${clock--icount shift=0} -global virtio-mmio.ioeventfd=off"
    if ! env FV_OUT=$out FV_QEMU_ARGS="$args ${qemu_args:-}" HOSTMEM="${hostmem-4G}" TIMEOUT=300 "$@" \
        tools/run.sh >$out/run.log 2>&1 </dev/null; then
        echo "bench: this run failed, its words are in $out/run.log: $*" >&2
        return 1
    fi
    end=$EPOCHREALTIME
    wall=$(((${end/./} - ${begin/./}) / 100000))
    wall=$((wall / 10)).$((wall % 10))
}

# collect [SED-SCRIPT]: the payload's figures; the script edits lines "name value unit n"
collect() {
    # a line may carry the pid of its process in front
    tr -d '\r' <$console | sed -nE 's/.*bench ([a-z0-9_]+) ([0-9.]+) ([a-z]+) n=([0-9]+)$/\1 \2 \3 \4/p' |
        sed -E "${1:-}" | sed "s/\$/ $wall/" >>$rows
}

# size NAME VALUE UNIT
size() {
    echo "$1 $2 $3 1 -" >>$rows
}

# ---- what is measured ----------------------------------------------------------------------------

# One call and one access: alone, beside 64 sleeping VMs, and traced.
measure_exits() {
    run PAYLOAD=bench CMDLINE="what=sbi_call,mmio_access"
    collect
    run PAYLOAD=bench CMDLINE="what=sbi_call,mmio_access vms=64"
    collect '/^mmio_(store|load)/d; s/ /_64vms /'
    run PAYLOAD=bench CMDLINE="what=sbi_call,mmio_access" TRACE=exits
    collect '/^mmio_(store|load)/d; s/ /_trace /'
}

# From the first instruction of making the first and only VM, whose image lies loaded in the bundle
# and whose FDT is made, to the first instruction of its guest: that is allocating and clearing the
# VM, its vCPU and the root of its page table, attaching its devices, a pid, the way through the
# scheduler, loading the vCPU, entering the guest, and its first guest-page fault, which makes two
# page tables and copies the first page of the image.  Of recording itself, two records are counted
# in, some 200 instructions: that the VM was made, and the fault.
#
# The begin is in the record of TRACE_DID_CREATE (sbi/trace.h: cycle, 64 bits, less hv_cycles, 32
# bits; then kind and did, 16 bits each), the end is what the payload reads and the last screen shows.
measure_vm_create() {
    local begin end
    run PAYLOAD=idle MEM=16M TRACE=exits
    begin=$(od -An -v -w64 -tu4 $out/exits.bin |
        awk '$4 == 2 + 15 * 65536 { printf "%d", $1 + $2 * 4294967296 - $3; exit }')
    end=$(sed -nE 's/.*pid 1: shutdown.* a1 = (0x[0-9a-f]+).*/\1/p' $console)
    echo "vm_create $((end - begin)) insn 1 $wall" >>$rows
}

measure_forks() {
    local mib
    for mib in 1 16 64 256; do
        run PAYLOAD=bench CMDLINE="what=fork_parent mib=$mib" MEM=$((mib * 2 + 16))M
        collect
    done
    for mib in 1 16 64; do
        run PAYLOAD=bench CMDLINE="what=fork_parent mib=$mib" MEM=$((mib * 2 + 16))M FORK=copy
        collect 's/^fork_parent/fork_copy/'
    done
    run PAYLOAD=bench CMDLINE="what=fork_child,fork_exit_wait mib=1"
    collect
}

# A machine with Zicboz is also looked at without it.
measure_faults() {
    run PAYLOAD=bench CMDLINE="what=first_touch,cow_fault,takeover"
    if grep -q '^\[hv\] ISA .*_zicboz' $console; then
        collect 's/^first_touch /first_touch_zicboz /'
        qemu_args='-cpu rv64,zicboz=off' run PAYLOAD=bench CMDLINE="what=first_touch"
    fi
    collect
}

# Frames that only one VM has: of idle guests, each of which touched one page, itself counted in; and
# of children that were forked with 1 MiB touched, and wrote nothing since.
measure_memory() {
    {
        echo 'bench mem=16M control cmdline="what=memory"'
        printf 'idle mem=16M # %d\n' {1..32}
    } >$out/guests
    run GUESTS=$out/guests
    collect 's/^memory/vm_memory/'
    run PAYLOAD=bench CMDLINE="what=memory vms=32 mib=1"
    collect 's/^memory/fork_memory/'
}

# run_both VARIABLE=VALUE...: bare and in a VM; figures get these as a suffix
run_both() {
    hostmem='' run BARE=1 "$@"
    collect 's/ /_bare /'
    run "$@"
    collect 's/ /_vm /'
}

# ratio NAME FIGURE: of a figure in a VM to the same bare
ratio() {
    awk -v name="$1" -v figure="$2" '$1 == figure "_bare" { bare = $2 } $1 == figure "_vm" { vm = $2 }
        END { printf "%s %.4f x 1 -\n", name, vm / bare }' $rows >$out/ratio
    cat $out/ratio >>$rows
}

# What the library OS costs, each with the components that it is about.
measure_library_os() {
    local allocator
    run_both PAYLOAD=osbench CMDLINE="what=yield"
    run_both PAYLOAD=osbench CMDLINE="what=mutex"
    run_both PAYLOAD=osbench CMDLINE="what=malloc heap=tlsf"
    for allocator in buddy slab bump picolibc; do
        run_both PAYLOAD=osbench_$allocator CMDLINE="what=malloc heap=$allocator"
    done
    run_both PAYLOAD=osbench_tick CMDLINE="what=tick"
    run_both PAYLOAD=osbench_tick CMDLINE="what=compute"
    ratio vm_over_bare_compute compute
    ratio vm_over_bare_tick tick_loop
    [ ! -e build/payload/allocbench.elf ] || measure_lab1
    measure_boot
    measure_walk
    size hello_bytes "$(riscv64-unknown-elf-size -A build/payload/hello.elf |
        awk '$3 > 0 { sum += $2 } END { print sum }')" bytes
}

# The row's own words: rounds until 128 MiB are full.
measure_lab1() {
    local place
    for place in bare vm; do
        if [ $place = bare ]; then hostmem='' run BARE=1 PAYLOAD=allocbench; else run PAYLOAD=allocbench; fi
        echo "lab1_$place $(tr -d '\r' <$console | sed -n 's/.*lab1: indicator //p') rounds 1 $wall" >>$rows
    done
}

# From the first instruction to main, in ticks of 100 ns of a clock on which an instruction takes 128.
measure_boot() {
    local clock='-icount shift=7'
    run_both PAYLOAD=boot
    awk '$3 == "ticks" { $2 = int($2 * 100 / 128); $3 = "insn" } { print }' $rows >$out/rows.insn
    mv $out/rows.insn $rows
}

# Wall time: of a walk over 512 MiB, whose translations no cache holds.
measure_walk() {
    local clock=
    run_both PAYLOAD=osbench_tick MEM=700M CMDLINE="what=walk"
}

# A disk: reads of 4 KiB from random places, one after the other, and 32 at once.  Waiting is not counted:
# payload/blkbench.c says how.  So the figures vary by a few instructions: how often who waits looks at the
# time depends on how long the host takes.
measure_disk() {
    rm -f $out/disk.img
    truncate -s 64M $out/disk.img
    run_both PAYLOAD=blkbench DISK=$out/disk.img CMDLINE="what=read4k"
    run_both PAYLOAD=blkbench DISK=$out/disk.img CMDLINE="what=qd32"
    ratio vm_over_bare_read4k blk_read4k
}

# Files, bare and in a VM, each from a disk of its own.
measure_files() {
    local words place
    can_count "${FV_QEMU:-qemu-system-riscv64}" || {
        echo "bench: this QEMU was built without plugins: no figures of files" >&2
        return 0
    }
    make_disk $out/disk
    for words in "${file_runs[@]}"; do
        for place in bare vm; do
            cp --sparse=always $out/disk $out/disk.img
            if [ $place = bare ]; then
                hostmem='' qemu_args=$(counting $out/marks) run PAYLOAD=fsbench CMDLINE="$words" DISK=$out/disk.img BARE=1
            else
                qemu_args=$(counting $out/marks) run PAYLOAD=fsbench CMDLINE="$words" DISK=$out/disk.img
            fi
            marked $console $out/marks $place "$wall" >>$rows
        done
    done
    ratio vm_over_bare_fat_seq_read fat_seq_read
    ratio vm_over_bare_fat_seq_write fat_seq_write
    rm $out/disk.img
}

# What is linked into the hypervisor, and what was written for it: lines of C, assembly and headers.
measure_size() {
    local elf=build/hv/forkvisor.elf layer
    size hv_image "$(riscv64-unknown-elf-size $elf | awk 'NR == 2 { print $1 + $2 }')" bytes
    size hv_bss "$(riscv64-unknown-elf-size $elf | awk 'NR == 2 { print $3 }')" bytes
    for layer in hv guest lib sbi dts; do
        size ${layer}_lines "$(find $layer \( -name '*.[chS]' -o -name '*.def' -o -name '*.dts' \) -exec cat {} + | wc -l)" lines
    done
}

# ---- what comes of it ----------------------------------------------------------------------------

print_table() {
    { echo "$targets" && echo . && cat $rows; } | awk '
    # a limit with a sign is one to be above
    function held(value, limit) {
        return limit == "-" ? "" : (limit ~ /^[+]/ ? value > limit + 0 : value <= limit) ? "ok" : "missed"
    }
    BEGIN { line = "%-26s %10s %-6s %6s  %-14s %8s %-7s %8s %-7s %6s\n"
            printf line, "name", "value", "unit", "n", "peer", "at least", "", "aim", "", "wall s" }
    $1 == "." { body = 1; next }
    !body && NF { peer[$1] = $2; floor[$1] = $3; aim[$1] = $4; next }
    NF { known = $1 in peer
         printf line, $1, $2, $3, $4, known ? peer[$1] : "-", known ? floor[$1] : "-",
                known ? held($2, floor[$1]) : "", known ? aim[$1] : "-",
                known ? held($2, aim[$1]) : "", $5 }'
}

print_json() {
    awk 'BEGIN { print "[" }
         { printf "%s{\"name\":\"%s\", \"value\":%s, \"unit\":\"%s\", \"n\":%s}", sep, $1, $2, $3, $4; sep = ",\n" }
         END { print "\n]" }' $rows
}

measure_exits
measure_vm_create
measure_forks
measure_faults
measure_memory
measure_library_os
measure_disk
measure_files
measure_size
print_table
print_json >build/bench.json
