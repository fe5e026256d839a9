#!/bin/bash
# SPDX-License-Identifier: BSD-2-Clause
#
# Measures what things cost, prints a table and writes build/bench.json: `make bench`.  With words, as in
# `tools/bench.sh forks totals`, just these parts, and only the table (after `make all`).
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
failed=0
mkdir -p $out
: >$rows

# Name, peer, floor, aim.  A peer is a figure of tools/linux/figures (Linux:NAME is NAME_linux there, KVM:NAME
# is NAME_kvm), or a number.  An aim may be a part of the peer's: peer, peer/2, peer*2.  What is to be above its
# limit has a + before it.
targets='
sbi_call           KVM:sbi_call       160    80
sbi_call_64vms     KVM:sbi_call       160    80
sbi_call_trace     KVM:sbi_call       -      -
mmio_access        KVM:mmio_access    500    250
mmio_access_64vms  KVM:mmio_access    500    250
mmio_access_trace  KVM:mmio_access    -      -
mmio_store         KVM:mmio_access    500    250
mmio_load          KVM:mmio_access    500    250
vm_create          KVM:vm_create      30000  10000
fork_parent_1m     Linux:fork_parent_1m    20000 1500
fork_parent_64m    Linux:fork_parent_64m   -  1500
fork_parent_1g     Linux:fork_parent_1g    -  1500
fork_parent_4g     Linux:fork_parent_4g    -  1500
fork_parent_4g_over_1m -                   -  1.3
fork_child_1m      Linux:fork_child_1m     -  1500
fork_child_64m     Linux:fork_child_64m    -  1500
fork_child_1g      Linux:fork_child_1g     -  1500
fork_child_4g      Linux:fork_child_4g     -  1500
fork_exit_wait_1m  Linux:fork_exit_wait_1m 40000 6500
fork_exit_wait_64m Linux:fork_exit_wait_64m -  6500
fork_exit_wait_1g  Linux:fork_exit_wait_1g -   6500
fork_total_1m      Linux:fork_total_1m     -  peer/3
fork_total_64m     Linux:fork_total_64m    -  peer/3
fork_total_1g      Linux:fork_total_1g     -  peer/3
spawn_first        Linux:vfork_exec_first  -  3000
spawn_reaped       Linux:vfork_exec_reaped -  6000
spawn_least_reaped Linux:vfork_exec_reaped -  -
cow_fault          Linux:cow_fault         1600 1300
cow_takeover       Linux:cow_takeover      -  200
first_touch        Linux:first_touch       900  750
first_touch_zicboz Linux:first_touch       900  400
pipe_roundtrip     Linux:pipe_roundtrip    -  peer/2
pipe_stream        Linux:pipe_stream       -  +peer*2
pipe_create        Linux:pipe_create       -  -
vms_live_1g        -                       -  +25000
vm_bytes           KVM:vm_memory           -  40960
vms_asleep_1g      -                       -  +40000
vm_asleep_bytes    KVM:vm_memory           -  24576
vm_memory          KVM:vm_memory           -  -
fork_memory        Linux:process_bytes     -  -
scale4_fork        -                       -  +3.5
scale4_compute     -                       -  +3.9
wake_latency       Linux:wake_latency      -  3000000
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
blk_read4k_bare    Linux:blk_read4k -   -
blk_read4k_vm      Linux:blk_read4k -   -
vm_over_bare_read4k -            -      1.5
blk_read4k_exits_vm -            -      3
blk_exits_qd32_vm  -             -      0.25
fat_seq_read_bare  Linux:fat_seq_read - peer
fat_seq_read_vm    Linux:fat_seq_read - peer
vm_over_bare_fat_seq_read -      -      1.1
fat_seq_write_bare Linux:fat_seq_write - peer
fat_seq_write_vm   Linux:fat_seq_write - peer
vm_over_bare_fat_seq_write -     -      1.1
fat_small_files_250_bare Linux:fat_small_files_250 - peer
fat_small_files_250_vm Linux:fat_small_files_250 - peer
fat_small_files_500_bare Linux:fat_small_files_500 - peer
fat_small_files_500_vm Linux:fat_small_files_500 - peer
fat_small_files_bare Linux:fat_small_files - peer
fat_small_files_vm Linux:fat_small_files - peer
open_read_close_bare Linux:open_read_close - peer
open_read_close_vm Linux:open_read_close - peer
'

# run VARIABLE=VALUE...: one run of the machine; afterwards $wall is how long it took
#
# Without ioeventfd a virtio device, here the trace's port, answers before the driver's notification
# returns.  With it, as QEMU 10 would have it, the driver polls for as long as the host takes.
#
# A run that fails leaves its figures out, and this script fails at its end.
run() {
    local begin=$EPOCHREALTIME end
    local args="${clock--icount shift=0} -global virtio-mmio.ioeventfd=off"
    if ! env FV_OUT=$out FV_QEMU_ARGS="$args ${qemu_args:-}" HOSTMEM="${hostmem-4G}" TIMEOUT=300 "$@" \
        tools/run.sh >$out/run.log 2>&1 </dev/null; then
        failed=$((failed + 1))
        cp $out/run.log $out/failed$failed.log
        echo "bench: this run failed, its words are in $out/failed$failed.log: $*" >&2
        : >$console
    fi
    end=$EPOCHREALTIME
    wall=$(((${end/./} - ${begin/./}) / 100000))
    wall=$((wall / 10)).$((wall % 10))
}

# collect [SED-SCRIPT]: the payload's figures; the script edits lines "name value unit n"
collect() {
    printed $console "${1:-}" "$wall" >>$rows
}

# collect_marked [SUFFIX]: what the payload marked
collect_marked() {
    [ ! -s $console ] || marked $console $out/marks "${1:-}" "$wall" >>$rows
}

# run_control WORDS GUEST-WORDS [VARIABLE=VALUE...]: the payload bench as a guest with the control right
run_control() {
    echo "bench control $2 cmdline=\"$1\"" >$out/guests
    shift 2
    run GUESTS=$out/guests "$@"
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
    [ -s $console ] || return 0
    begin=$(od -An -v -w64 -tu4 $out/exits.bin |
        awk '$4 == 2 + 15 * 65536 { printf "%d", $1 + $2 * 4294967296 - $3; exit }')
    end=$(sed -nE 's/.*pid 1: shutdown.* a1 = (0x[0-9a-f]+).*/\1/p' $console)
    echo "vm_create $((end - begin)) insn 1 $wall" >>$rows
}

# fork_runs WORDS MIB [HOSTMEM]: a guest has the first GiB of its RAM and the rest in two pieces
fork_runs() {
    local spare=20
    [ "$2" -lt 512 ] || spare=1100
    hostmem=${3:-4G} run PAYLOAD=bench CMDLINE="what=$1 mib=$2" MEM=$(($2 + spare))M
    collect
}

measure_forks() {
    local mib
    for mib in 1 64 1024; do
        fork_runs fork_parent,fork_child,fork_exit_wait $mib
    done
    fork_runs fork_parent,fork_child 4096 6G
    awk '$1 == "fork_parent_1m" { small = $2 } $1 == "fork_parent_4g" { large = $2 }
        END { if (small && large) printf "fork_parent_4g_over_1m %.4f x 1 -\n", large / small }' $rows >$out/ratio
    cat $out/ratio >>$rows
    for mib in 1 64; do
        run PAYLOAD=bench CMDLINE="what=fork_parent mib=$mib" MEM=$((mib * 2 + 20))M FORK=copy
        collect 's/^fork_parent/fork_copy/'
    done
}

# Counted with the plugin, for which waiting is nothing.  The machine has little more memory than parent and
# child need, so that what a child leaves behind cannot be put off for long.
measure_totals() {
    local size
    for size in "1 100 96" "64 10 192" "1024 3 2300"; do
        # shellcheck disable=SC2086 # words
        set -- $size
        hostmem=$3M qemu_args=$(counting $out/marks) run_control "what=fork_total mib=$1 cycles=$2" "mem=$(($1 < 512 ? $1 + 20 : $1 + 1100))M"
        collect_marked
        collect "s/^fork_total_kept/fork_total_$1m_kept/; s/_1024m/_1g/"
    done
}

# spawn_figures REAPED [FIRST]: medians, from mark 1 to mark 2, and to where the image begins, which is 0
spawn_figures() {
    awk '$1 == 1 { begin = $2 } $1 == 2 && begin { print $2 - begin; begin = 0 }' $out/marks | sort -n |
        awk -v name="$1" -v wall="$wall" '{ all[NR] = $1 }
            END { if (NR) print name, all[int((NR + 1) / 2)], "insn", NR, wall }' >>$rows
    [ $# = 1 ] || awk '$1 == 1 { begin = $2 } $1 == 0 && begin { print $2 - begin; begin = 0 }' $out/marks |
        sort -n | awk -v name="$2" -v wall="$wall" '{ all[NR] = $1 }
            END { if (NR) print name, all[int((NR + 1) / 2)], "insn", NR, wall }' >>$rows
}

# hello, and an image that does nothing but end.  The hypervisor is the one that lies where no image begins.
measure_spawn() {
    local entry=,entry=0x80200000
    FV_HV=build/hv/gdb.elf qemu_args=$(counting $out/marks)$entry run PAYLOAD=bench CMDLINE="what=spawn image=hello"
    [ ! -s $console ] || spawn_figures spawn_reaped spawn_first
    qemu_args=$(counting $out/marks) run PAYLOAD=bench CMDLINE="what=spawn image=skernel"
    [ ! -s $console ] || spawn_figures spawn_least_reaped
}

# Bytes that a pipe moves, a byte there and back, a pipe made and closed: payload/pipebench.c, the same source as on
# Linux.
measure_pipes() {
    qemu_args=$(counting $out/marks) run PAYLOAD=pipebench CMDLINE="roundtrip stream create"
    collect_marked
    per_instruction $rows pipe_stream
}

# As many VMs as 1 GiB is enough for.
measure_vms() {
    hostmem=1G run_control what=vms "mem=64M procs=200000"
    collect 's/^(vms_live|vms_asleep)/\1_1g/'
    # of lines that repeat a name, the last one
    tac $rows | awk '!seen[$1]++' | tac >$rows.last
    mv $rows.last $rows
}

measure_wake() {
    run PAYLOAD=bench CMDLINE="what=wake"
    collect
}

# batch NAME HARTS: a run of it whose marks are in $out/marks; status 1: there are none
batch() {
    qemu_args=$(counting $out/marks) run PAYLOAD=bench CMDLINE="what=$1" HARTS="$2"
    [ -s $console ]
}

# scale NAME: the same batch on 1 hart and on 4: I1 / (the instructions of the hart that executed most),
# which is 4 * I1 / I4 times the mean by the maximum of what harts did.  Which hart QEMU lets run for how long
# depends on this machine: the median of 5 runs.  And how long the batch took without icount, where each
# hart is a thread; of this machine, for information.
scale() {
    local name=${1/scale/scale4} harts
    batch "$1" 1 || return 0
    mv $out/marks $out/marks.1
    for _ in 1 2 3 4 5; do
        batch "$1" 4 || return 0
        awk 'FNR == 1 { file++ }
            $1 == 1 { for (i = 2; i <= NF; i++) begin[i] = $i }
            $1 == 2 { for (i = 2; i <= NF; i++) count[file, i] = $i - begin[i] }
            END { for (i = 3; i <= 6; i++) if (count[2, i] > max) max = count[2, i]
                  printf "%.3f %.4f\n", count[1, 2] / max, count[2, 2] / count[1, 2] }' $out/marks.1 $out/marks
    done >$out/scale
    sort -n $out/scale | awk -v name="$name" -v wall="$wall" '{ times[NR] = $1; more[NR] = $2 }
        END { if (NR != 5) exit
              printf "%s %.2f x 5 %s\n%s_insns_more %.4f x 5 -\n", name, times[3], wall, name, more[3] }' >>$rows
    for harts in 1 4; do
        clock='' run PAYLOAD=bench CMDLINE="what=$1" HARTS=$harts
        collect "s/^scale(.*)_us/scale${harts}\\1_wall/"
    done
}

# A machine with Zicboz is also looked at without it.
measure_faults() {
    run PAYLOAD=bench CMDLINE="what=first_touch,cow_fault,cow_takeover"
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
        END { if (bare && vm) printf "%s %.4f x 1 -\n", name, vm / bare }' $rows >$out/ratio
    cat $out/ratio >>$rows
}

measure_scaling() {
    scale scale_fork
    scale scale_compute
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
    make_disk $out/disk
    for words in "${file_runs[@]}"; do
        for place in bare vm; do
            cp --sparse=always $out/disk $out/disk.img
            if [ $place = bare ]; then
                hostmem='' qemu_args=$(counting $out/marks) run PAYLOAD=fsbench CMDLINE="$words" DISK=$out/disk.img BARE=1
            else
                qemu_args=$(counting $out/marks) run PAYLOAD=fsbench CMDLINE="$words" DISK=$out/disk.img
            fi
            collect_marked $place
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

# The column "huge" is of the same peer with transparent huge pages.
print_table() {
    echo "peers: $(sed -n 2p tools/linux/figures)"
    { echo "$targets" && echo . && tail -n +4 tools/linux/figures && echo . && cat $rows; } | awk '
    # a limit with a sign is one to be above
    function held(value, limit) {
        return limit == "-" ? "" : (limit ~ /^[+]/ ? value + 0 > limit + 0 : value + 0 <= limit + 0) ? "met" : "missed"
    }
    function figure(peer, huge,    part) {
        if (split(peer, part, ":") != 2) return "-"
        if (part[1] == "study") return huge ? "-" : part[2]
        name = part[2] (huge ? "_huge_" : "_") tolower(part[1])
        return name in figures ? figures[name] : "-"
    }
    # an aim that is a part of the peer
    function number(limit, peer,    sign) {
        if (limit !~ /peer/) return limit
        if (peer == "-") return "-"
        sign = limit ~ /^[+]/ ? "+" : ""
        sub(/^[+]?peer/, "", limit)
        limit = limit ~ /^\// ? peer / substr(limit, 2) : limit ~ /^[*]/ ? peer * substr(limit, 2) : peer
        return sign (limit > 100 ? sprintf("%.0f", limit) : limit)
    }
    BEGIN { OFMT = CONVFMT = "%.10g"
            line = "%-27s %10s %-6s %8s  %-16s %10s %8s %-6s %10s %-6s %5s\n"
            printf line, "name", "value", "unit", "n", "peer", "huge", "at least", "", "aim", "", "wall s" }
    $1 == "." { part++; next }
    part == 0 && NF { peer[$1] = $2; floor[$1] = $3; aim[$1] = $4; next }
    part == 1 { figures[$1] = $2; next }
    NF { known = $1 in peer
         value = known ? figure(peer[$1], 0) : "-"
         who = known ? peer[$1] : ""; sub(/:.*/, "", who)
         limit = known ? number(aim[$1], value) : "-"
         printf line, $1, $2, $3, $4, value == "-" ? "-" : who " " value, known ? figure(peer[$1], 1) : "-",
                known ? floor[$1] : "-", known ? held($2, floor[$1]) : "", limit, held($2, limit), $5 }'
}

print_json() {
    awk 'BEGIN { print "[" }
         { printf "%s{\"name\":\"%s\", \"value\":%s, \"unit\":\"%s\", \"n\":%s}", sep, $1, $2, $3, $4; sep = ",\n" }
         END { print "\n]" }' $rows
}

parts=(exits vm_create forks faults memory totals spawn pipes scaling vms wake library_os disk files size)
by_plugin=' totals spawn pipes scaling files '

for part in "${@:-${parts[@]}}"; do
    [[ " ${parts[*]} " == *" $part "* ]] || {
        echo "bench: $part: must be of: ${parts[*]}" >&2
        exit 64
    }
    if [[ $by_plugin == *" $part "* ]] && ! can_count "${FV_QEMU:-qemu-system-riscv64}"; then
        echo "bench: this QEMU was built without plugins, which count instructions: no figures of $part" >&2
    else
        "measure_$part"
    fi
done
print_table
[ $# != 0 ] || print_json >build/bench.json
[ "$failed" = 0 ]
