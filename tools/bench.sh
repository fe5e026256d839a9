#!/bin/bash
# SPDX-License-Identifier: BSD-2-Clause
#
# Measures what things cost, prints a table and writes build/bench.json: `make bench`.
#
# The payload bench counts, inside a guest; here is only which runs are made and what the figures are
# held against.  Under -icount shift=0 the unit is instructions executed by the whole machine, the
# same in every run.  Wall time is that of a whole run, for information.  Nothing is asserted.
set -euo pipefail
cd "$(dirname "$0")/.."

out=build/bench
rows=$out/rows # name value unit n seconds
mkdir -p $out
: >$rows

# Name, peer, floor, aim.  Peers: Linux 6.12 and its KVM on the same emulated machine, tuned.
targets='
sbi_call          KVM:931       160    80
mmio_store        KVM:2922      500    250
mmio_load         KVM:2922      500    250
vm_create         KVM:217083    30000  10000
first_touch       Linux:3175    900    750
cow_fault         Linux:4423    1600   1300
takeover          Linux:1490    -      -
fork_parent_1m    Linux:108377  20000  10000
fork_parent_16m   Linux:654507  -      -
fork_parent_64m   Linux:2433802 -      -
fork_parent_256m  Linux:9446945 -      -
fork_child_1m     Linux:149625  -      -
fork_exit_wait_1m Linux:304492  40000  23000
'

# measure SED-SCRIPT VARIABLE=VALUE...: runs the payload; the script edits the names
measure() {
    local script=$1 begin=$EPOCHREALTIME log=$out/console.log
    shift
    if ! env FV_OUT=$out FV_QEMU_ARGS="-icount shift=0" PAYLOAD=bench HOSTMEM=4G TIMEOUT=300 "$@" \
        tools/run.sh >$out/run.log 2>&1 </dev/null; then
        echo "bench: this run failed, its words are in $out/run.log: $*" >&2
        return 1
    fi
    # a line may carry the pid of its process in front
    tr -d '\r' <$log | sed -nE 's/.*bench ([a-z0-9_]+) ([0-9.]+) ([a-z]+) n=([0-9]+)$/\1 \2 \3 \4/p' |
        sed -E "$script" |
        awk -v begin="$begin" -v end="$EPOCHREALTIME" '{ print $0, sprintf("%.1f", end - begin) }' >>$rows
}

# size NAME VALUE UNIT
size() {
    echo "$1 $2 $3 1 -" >>$rows
}

print_table() {
    { echo "$targets" && echo . && cat $rows; } | awk '
    function held(value, limit) { return limit == "-" ? "" : value <= limit ? "ok" : "missed" }
    BEGIN { line = "%-24s %12s %-6s %6s  %-14s %8s %-7s %8s %-7s %6s\n"
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

calls=sbi_call,mmio_store,mmio_load
measure '' CMDLINE="what=$calls,first_touch,cow_fault,takeover,fork_parent,fork_child,fork_exit_wait mib=1"
for mib in 16 64 256; do
    measure '' CMDLINE="what=fork_parent mib=$mib" MEM=$((mib * 2))M
done
for mib in 1 16 64; do
    measure 's/^fork_parent/fork_copy/' CMDLINE="what=fork_parent mib=$mib" MEM=$((mib * 2 + 16))M FORK=copy
done
measure 's/ /_traced /' CMDLINE="what=$calls" TRACE=exits

size hv_image "$(stat -c %s build/hv/forkvisor.bin)" bytes
size hv_lines "$(cat hv/*.[chS] hv/*/*.[ch] | wc -l)" lines

print_table
print_json >build/bench.json
