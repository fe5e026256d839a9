# shellcheck shell=bash disable=SC2154 # lib.sh, tests/run
# SPDX-License-Identifier: BSD-2-Clause
#
# Guests of ill will, each beside a well-behaved one (pid 1), which must not notice.
#
#     name                     tier  s    function arguments

entry evil_acts                quick 120  evil_acts
entry evil_acts_4harts         quick 120  evil_acts HARTS=4
entry evil_acts_copy           full  120  evil_acts FORK=copy
entry evil_acts_no_sstc        full  120  evil_acts HARTS=4 SSTC=off
entry evil_endless             quick 60   evil_endless
entry evil_endless_4harts      full  60   evil_endless HARTS=4
entry evil_bare                full  60   evil_bare
entry fork_bomb                quick 60   fork_bomb
entry procfuzz                 quick 60   procfuzz 1 2000 1
entry procfuzz_4harts          quick 60   procfuzz 2 2000 1 HARTS=4
entry procfuzz_smp             quick 60   procfuzz 3 2000 2 HARTS=4
entry procfuzz_copy            full  60   procfuzz 4 5000 1 HARTS=4 FORK=copy
entry procfuzz_strict          full  60   procfuzz 5 5000 1 HARTS=4 OVERCOMMIT=strict
entry procfuzz_no_sstc         full  60   procfuzz 6 5000 1 HARTS=4 SSTC=off
entry procfuzz_longer          full  120  procfuzz 7 20000 2 HARTS=4
entry procfuzz_control         full  60   procfuzz_alone control 9 5000 10 HARTS=4 TIMEOUT=12
entry procfuzz_scarce          full  60   procfuzz_alone procs=300 8 5000 200 HARTS=2 HOSTMEM=20M
entry procfuzz_long            soak  7200 procfuzz_long 20
entry console_flood            quick 60   console_flood
entry console_flood_4harts     quick 60   console_flood HARTS=4

# In this order they are pids 2 and up.
ending_acts=(unmapped-jump ram-edges mmio hyp-insns sbi-fuzz strangers wild-satp stack-overflow fork-bomb)
endless_acts=(irq-off-loop wfi-forever trap-loop trap-loop-unmapped lost-satp)

# evil_guests MS ACT...: lines of a GUESTS file, the good one first
evil_guests() {
    local act
    echo "good mem=16M cmdline=\"rounds=3 ms=$1\""
    shift
    for act; do
        echo "evil mem=16M procs=64 cmdline=\"act=$act\""
    done
}

evil_acts() {
    local pid=1 act
    evil_guests 1000 "${ending_acts[@]}" >"$out/guests"
    run 0 GUESTS="$out/guests" "$@"
    good_says | golden_of 1
    for act in "${ending_acts[@]}"; do
        pid=$((pid + 1))
        if [ "$act" = stack-overflow ]; then
            want "^\\[$pid\\] trap: store/AMO access fault \\(7\\), " "^\\[hv\\] pid $pid: exit, status 1,"
        else
            want "^\\[$pid\\] evil: act ok\$" "^\\[hv\\] pid $pid: exit, status 0,"
        fi
    done
    want '^\[hv\] run over, status 0'
}

# They go on until the time is up; pid 1 has ended by then.
evil_endless() {
    evil_guests 300 "${endless_acts[@]}" >"$out/guests"
    run 124 GUESTS="$out/guests" TIMEOUT=15 "$@"
    good_says | golden_of 1
    count ${#endless_acts[@]} '^\[[2-6]\] evil: [a-z]*ing '
    want '^run: not finished after TIMEOUT=15 s$'
    forbid '^\[hv\] (pid [0-9]+: (exit|signal)|panic)'
}

evil_bare() {
    local act
    for act in unmapped-jump ram-edges hyp-insns wild-satp; do
        run 0 PAYLOAD=evil CMDLINE="act=$act" BARE=1
        want '^evil: act ok$'
    done
}

# It ends at its quota with an error to the forker, twice, and leaves nothing behind.
fork_bomb() {
    evil_guests 300 fork-bomb >"$out/guests"
    run 0 GUESTS="$out/guests"
    good_says | golden_of 1
    want '^\[[0-9]+\] evil: 63 deep, then error -1002$'
    count 2 '^\[2\] evil: 63 wide, then error -1002$'
    want '^\[2\] evil: act ok$'
}

# Every byte arrives, in whole lines, whoever else prints.
console_flood() {
    { evil_guests 300 flood flood && echo 'forktree cmdline="depth=2 width=3"'; } >"$out/guests"
    run 0 GUESTS="$out/guests" "$@"
    ! grep -avE '^(\[(hv|[0-9]+)\] |QEMU )' "$words" || fail "these lines are of nobody"
    good_says | golden_of 1
    for pid in 2 3; do
        of_pid $pid | grep -av '^evil:' | awk -f tests/qemu/flood.awk || fail "pid $pid: bytes are missing"
    done
    want '^\[4\] forktree: 13 processes, all ok$'
}

# procfuzz SEED MS VCPUS [VARIABLE=VALUE...]: two guests whose processes make any calls
procfuzz() {
    cat >"$out/guests" <<END
build/tests/guest/procfuzz.elf mem=16M procs=40 vcpus=$3 cmdline="seed=$1 ms=$(($2 + 500)) actors=6"
build/tests/guest/procfuzz.elf mem=16M procs=20 vcpus=$3 cmdline="seed=$(($1 + 100)) ms=$2 actors=3"
END
    run 0 GUESTS="$out/guests" "${@:4}"
    count 2 'procfuzz: [0-9]+ began, [0-9]+ calls$'
    count 2 'procfuzz: ok$'
    forbid 'procfuzz: pid'
}

# procfuzz_alone WORD SEED MS ACTORS [VARIABLE=VALUE...]: its keeper may end as well, where there is too little memory
# for all, or where anybody may end, or stop, everybody (control)
procfuzz_alone() {
    echo "build/tests/guest/procfuzz.elf mem=16M $1 cmdline=\"seed=$2 ms=$3 actors=$4\"" >"$out/guests"
    run '0|1[0-9]*' GUESTS="$out/guests" "${@:5}"
    forbid 'procfuzz: pid'
}

# procfuzz_long RUNS
procfuzz_long() {
    local i kinds=('HARTS=1' 'HARTS=2' 'HARTS=4' 'HARTS=8' 'HARTS=4 FORK=copy' 'HARTS=4 OVERCOMMIT=strict')
    for ((i = 0; i < $1; i++)); do
        # shellcheck disable=SC2086 # words
        procfuzz $((1000 + i)) 60000 $((1 + i % 2)) ${kinds[i % ${#kinds[@]}]} TIMEOUT=200 >"$out/last" || {
            cat "$out/last"
            fail "in run $((i + 1))"
        }
    done
}
