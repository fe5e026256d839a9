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
