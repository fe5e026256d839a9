#!/bin/bash
# SPDX-License-Identifier: BSD-2-Clause
#
# Which functions the instructions of a measurement were in:
#
#     tools/profile.sh [-l] PAYLOAD CMDLINE [OTHER]     tools/profile.sh bench "what=fork_exit_wait mib=1"
#
# Counted is what the whole machine executes between the payload's marks (lib/riscv/mark.h), from each
# MARK_BEGIN to the next MARK_END, by tools/insns.c, exactly; the table is of one such stretch, the mean of
# all.  "calls" is how often the function's first instruction was executed.  What the compiler inlined is
# in the function that it was inlined into; -l lists source lines, which are where they were written.
# The guest's are looked up in PAYLOAD's image, or in that of OTHER, which it starts.
#
# The hypervisor is the image that `make gdb` uses, linked where no guest's code is.  The other variables
# of `make run` go through (MEM=, HOSTMEM=, HARTS=, ...).  It wants what `make all` builds, and a QEMU with
# plugins.  Files stay in build/profile.
set -euo pipefail
cd "$(dirname "$0")/.."
. tools/storage.sh

out=build/profile
hv=build/hv/gdb.elf
by_lines=

die() {
    printf 'profile: %s\n' "$*" >&2
    exit 1
}

# symbols ELF OWNER: "ADDRESS s OWNER FUNCTION", decimal
symbols() {
    riscv64-unknown-elf-nm -t d "$1" | awk -v owner="$2" '$2 ~ /^[tTwW]$/ && $3 !~ /^[.$]/ {
        sub(/^0+/, "", $1); print $1, "s", owner, $3 }'
}

# Counts of addresses, and functions that they are in, in the order of addresses.
by_function() {
    # "s" before "c" at the same address
    { symbols $hv hv && symbols "$elf" guest && awk '{ print $1, "c", $2 }' $out/counts; } |
        sort -k1,1n -k2,2r | awk -v stretches="$stretches" '
        BEGIN { at = "firmware -" }
        $2 == "s" { at = $3 " " $4; begin[$1] = at; next }
        { insns[at] += $3; sum += $3; if ($1 in begin) calls[at] += $3 }
        END { for (at in insns)
                  printf "%.1f %.1f%% %.1f %s\n", insns[at] / stretches, insns[at] * 100 / sum,
                         calls[at] / stretches, at }' | sort -k1,1nr -k5,5 |
        awk 'BEGIN { line = "%12s %7s %9s  %-9s %s\n"; printf line, "insns", "share", "calls", "in", "function" }
             { printf line, $1, $2, $3, $4, $5 }'
}

# lines ELF FIRST LAST: "COUNT FILE:LINE" of the counts in [FIRST, LAST)
lines() {
    awk -v first="$2" -v last="$3" '$1 >= first && $1 < last' $out/counts >$out/counts.part
    awk '{ printf "%x\n", $1 }' $out/counts.part | riscv64-unknown-elf-addr2line -e "$1" |
        sed -E "s/ \(discriminator [0-9]+\)//; s,^$PWD/,,; s,^(\./)+,," | paste -d ' ' <(awk '{ print $2 }' $out/counts.part) -
}

by_line() {
    local base
    base=$(riscv64-unknown-elf-objdump -f $hv | sed -n 's/^start address 0x0*//p')
    base=$((16#$base))
    { lines $hv $base $((base + (64 << 20))) && lines "$elf" $((16#80200000)) $base; } |
        awk -v stretches="$stretches" '{ insns[$2] += $1; sum += $1 }
        END { for (at in insns) printf "%.1f %.1f%% %s\n", insns[at] / stretches, insns[at] * 100 / sum, at }' |
        sort -k1,1nr -k3,3 | awk 'BEGIN { line = "%12s %7s  %s\n"; printf line, "insns", "share", "line" }
             { printf line, $1, $2, $3 }'
}

if [ "${1:-}" = -l ]; then
    by_lines=yes
    shift
fi
[ $# = 2 ] || [ $# = 3 ] ||
    die 'usage: tools/profile.sh [-l] PAYLOAD CMDLINE [OTHER], as in: tools/profile.sh bench "what=fork_parent mib=1"'
elf=build/payload/${3:-$1}.elf
[ -e "$elf" ] || die "there is no $elf; PAYLOAD and OTHER are payloads' names, built by make all"
can_count "${FV_QEMU:-qemu-system-riscv64}" || die "this QEMU was built without plugins, which count instructions"
make -s $hv build/host/insns.so
mkdir -p $out
env FV_OUT=$out FV_HV=$hv FV_QEMU_ARGS="-icount shift=0 $(counting $out/marks),profile=$out/addresses" \
    TIMEOUT="${TIMEOUT:-300}" PAYLOAD="$1" CMDLINE="$2" tools/run.sh >$out/run.log 2>&1 </dev/null ||
    die "this run failed, its words are in $out/run.log"
awk '{ count[$1] += $2 } END { for (address in count) printf "%s %.0f\n", address, count[address] }' $out/addresses |
    sort -n >$out/counts
stretches=$(awk '$1 == 1 { begun = 1 } $1 == 2 && begun { n++; begun = 0 } END { print n + 0 }' $out/marks)
[ "$stretches" != 0 ] || die "the payload has executed no marks: nothing to count between"
awk -v stretches="$stretches" -v what="$1 $2" '{ sum += $2 }
    END { printf "%s: %d stretches, %.1f instructions each\n\n", what, stretches, sum / stretches }' $out/counts
if [ "$by_lines" ]; then by_line; else by_function; fi
