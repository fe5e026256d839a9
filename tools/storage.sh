# shellcheck shell=bash
# SPDX-License-Identifier: BSD-2-Clause
#
# What tools/bench.sh and tools/bench_linux.sh have in common, so that both measure the same: above all
# disks and files.
#
# Counted are the instructions that the machine executes between two marks of the program
# (tools/insns.c): a hart that sleeps until the disk answers executes none, and what ours executes to look
# for the answer is subtracted (payload/fsbench/waited.h).  When QEMU's thread has the answer
# is chance, and whether the hart has gone to sleep by then: figures of files differ by 1 % from run to run.

# What is asked of payload/fsbench/fsbench.c, each from a disk that no run has touched.
# shellcheck disable=SC2034 # who reads this file uses it
file_runs=(seq_read seq_write "small_files=250 small_files=500 small_files=1000" open_read_close)

# For blk_read4k: zeros that come late enough, after 200 us, for every hart to have gone to sleep.
# shellcheck disable=SC2034
slow_disk=driver=null-co,size=536870912,read-zeroes=on,latency-ns=200000

# make_disk FILE: a FAT32 of 512 MiB with 4 KiB a cluster and a file of 64 MiB
make_disk() {
    [ ! -e "$1" ] || return 0
    yes 'sixty-three characters and a newline are a line of 64 bytes ...' | head -c 64M >"$1.seq" || true
    truncate -s 512M "$1.new"
    /usr/sbin/mkfs.fat -F 32 -s 8 -i 666f726b "$1.new" >/dev/null
    mcopy -i "$1.new" "$1.seq" ::seq.bin
    mv "$1.new" "$1"
    rm "$1.seq"
}

# counting MARKS: words for QEMU, beside -icount shift=0
counting() {
    echo "-global virtio-mmio.ioeventfd=off -plugin build/host/insns.so,out=$1"
}

# can_count QEMU: it was built with plugins
can_count() {
    "$1" --help | grep -q '^-plugin'
}

# marked CONSOLE MARKS SUFFIX SECONDS: rows "name value unit n seconds" of all that the program measured; a SUFFIX
# that is not empty comes behind a _
marked() {
    tr -d '\r' <"$1" | sed -nE 's/.*marked ([a-z0-9_]+) n=([0-9]+) waited=([0-9]+)$/\1 \2 \3/p' >"$1.marked"
    awk '$1 == 1 { begin = $2 } $1 == 2 { printf "%.0f\n", $2 - begin }' "$2" | paste "$1.marked" - |
        awk -v suffix="$3" -v seconds="$4" 'NF != 4 { exit 1 }
            { sub(/_1000$/, "", $1) }
            { each = ($4 - $3) / $2
              printf "%s%s " (each < 10 ? "%.4f" : "%.1f") " insn %d %s\n", $1, suffix == "" ? "" : "_" suffix, each, $2, seconds }'
}

# printed CONSOLE SED-SCRIPT SECONDS: such rows of the lines "bench NAME VALUE UNIT n=N"; the script edits
# lines "name value unit n"
printed() {
    # a line may carry the pid of its process in front
    tr -d '\r' <"$1" | sed -nE 's/.*bench ([a-z0-9_]+) (-?[0-9.]+) ([a-z]+) n=([0-9]+)$/\1 \2 \3 \4/p' |
        sed -E "$2" | sed "s/\$/ $3/"
}

# per_instruction ROWS NAME: that figure, of instructions per byte, becomes bytes per instruction
per_instruction() {
    awk -v name="$2" '$1 == name { $2 = sprintf("%.2f", 1 / $2); $3 = "B/insn" } { print }' "$1" >"$1.new"
    mv "$1.new" "$1"
}
