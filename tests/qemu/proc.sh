# shellcheck shell=bash disable=SC2154 # lib.sh, tests/run
# SPDX-License-Identifier: BSD-2-Clause
#
# The process calls, each from a real guest.
#
#     name                     tier  s    function arguments

entry proccalls                quick 60   proccalls lives
entry proccalls_4harts         quick 60   proccalls lives HARTS=4
entry proccalls_no_sstc        quick 60   proccalls lives SSTC=off
entry procwords                quick 60   proccalls words
entry words_shared             quick 60   words_shared VCPUS=4 HARTS=4
entry words_shared_1hart       quick 60   words_shared VCPUS=4
entry procwords_no_sstc        quick 60   proccalls words SSTC=off
entry procwords_4harts         quick 60   proccalls words HARTS=4
entry procranges               quick 60   proccalls ranges
entry procranges_4harts        quick 60   proccalls ranges HARTS=4
entry procmemory               quick 60   procmemory
entry procmemory_copy          full  60   procmemory FORK=copy HARTS=2
entry procstrangers            quick 60   procstrangers
entry procstrangers_4harts     quick 60   procstrangers HARTS=4
entry proc_scarce              quick 120  proc_scarce
entry proc_scarce_no_sstc      full  120  proc_scarce SSTC=off
entry proc_oracle              quick 120  proc_oracle 4 12 'HARTS=1 FORK=copy' 'HARTS=4'
entry proc_oracle_longer       full  300  proc_oracle 1000 25 'HARTS=2 FORK=copy' 'HARTS=1' 'HARTS=4' 'HARTS=8'
entry proc_oracle_long         soak  7200 proc_oracle 100000 2000 'HARTS=4 FORK=copy' 'HARTS=4'
entry proccontrol              quick 60   proccontrol
entry proccontrol_4harts       quick 60   proccontrol HARTS=4

# On each number of harts what matters most; where a line above has one of them, not again.
for harts in 2 4 8; do
    entry "exec_chain_${harts}harts"     full 60  images chain left=100 "HARTS=$harts"
    entry "ipc_processes_${harts}harts"  full 90  processes pipeforks "HARTS=$harts"
    entry "processes_task_${harts}harts" full 90  guest processes_task "HARTS=$harts"
    entry "forks_in_a_row_${harts}harts" full 90  forks 3000 0 HOSTMEM=64M MEM=16M "HARTS=$harts"
    entry "forks_deep_${harts}harts"     full 90  forks 0 200 "HARTS=$harts"
    [ $harts != 4 ] || continue
    entry "spawn_row_${harts}harts"      full 90  images spawn row=300 "HARTS=$harts"
    entry "proccalls_${harts}harts"      full 60  proccalls lives "HARTS=$harts"
    entry "procwords_${harts}harts"      full 60  proccalls words "HARTS=$harts"
    entry "procstrangers_${harts}harts"  full 60  procstrangers "HARTS=$harts"
    entry "proccontrol_${harts}harts"    full 60  proccontrol "HARTS=$harts"
    entry "control_${harts}harts"        full 60  control "HARTS=$harts"
    entry "procfuzz_${harts}harts"       full 60  procfuzz "1$harts" 5000 2 "HARTS=$harts"
done

# proccalls PART [VARIABLE=VALUE...]
proccalls() {
    run 0 PAYLOAD=build/tests/guest/proccalls.elf CMDLINE="do=$1" "${@:2}"
    want '^(\[1\] )?proccalls: ok$'
    [ "$1" != lives ] || want '^\[hv\] pid [0-9]+ ends by signal 9: its tree has as much memory as it may have'
}

procmemory() {
    run 0 PAYLOAD=build/tests/guest/procmemory.elf "$@"
    want '^(\[1\] )?procmemory: ok$'
}

# Two guests that may not touch each other.
procstrangers() {
    cat >"$out/guests" <<END
build/tests/guest/proccalls.elf mem=16M cmdline="do=strangers"
build/tests/guest/proccalls.elf mem=16M cmdline="do=strangers"
END
    run 0 GUESTS="$out/guests" "$@"
    count 2 '^\[[12]\] proccalls: ok$'
}

# One that may.
proccontrol() {
    cat >"$out/guests" <<END
build/tests/guest/proccalls.elf mem=16M control cmdline="do=strangers control=1"
build/tests/guest/proccalls.elf mem=16M cmdline="do=stay ms=20000"
END
    run 0 GUESTS="$out/guests" "$@"
    want '^\[1\] proccalls: ok$' '^\[hv\] pid 2: signal, status 9'
}

# Every call that needs memory, and every kind of touch, without its n-th frame.
proc_scarce() {
    cat >"$out/guests" <<END
build/tests/guest/scarce.elf mem=32M control initrd=build/payload/hello.elf
END
    run 0 GUESTS="$out/guests" HOSTMEM=40M "$@"
    want '^(\[1\] )?scarce: ok$'
}

# proc_oracle SEED COUNT WAY...: random programs leave the same memory, whatever the way
proc_oracle() {
    local seed=$1 programs=$2 way first=$out/first
    shift 2
    rm -f "$first"
    for way; do
        # shellcheck disable=SC2086 # words
        run 0 PAYLOAD=build/tests/guest/oracle.elf CMDLINE="seed=$seed count=$programs" $way
        count "$programs" 'oracle: seed [0-9]+: [0-9]+ processes, [0-9a-f]{16}$'
        want 'oracle: done$'
        sed -n 's/^.*oracle: seed/seed/p' "$words" >"$out/hashes"
        [ -e "$first" ] || cp "$out/hashes" "$first"
        same "$first" "$out/hashes"
    done
}

# While vCPUs wait for words their page becomes shared, and private again.
words_shared() {
    run 0 PAYLOAD=build/tests/guest/wordshare.elf "$@"
    want 'wordshare: ok$'
}
