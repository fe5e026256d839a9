# shellcheck shell=bash disable=SC2154,SC2119 # lib.sh, tests/run
# SPDX-License-Identifier: BSD-2-Clause
#
# The payloads, each by what it must say; row ids are explained in the README.  Then processes: fork,
# exit, wait.
#
#     name                     tier  s    function arguments

entry row_h_1_0                quick 30   skernel
entry row_simple_hv            quick 30   skernel2
entry skernel2_without_option  quick 30   skernel2_without_option
entry row_u_1_0                quick 60   hello
entry row_print_with_color     quick 60   hello_color
for door in ecall invalid mmio; do
    entry "row_fork_$door"      quick 60  forktree 3 3 DOOR=$door
    entry "row_fork_${door}_copy" quick 60 forktree 3 3 DOOR=$door FORK=copy
done
entry forktree_4harts          quick 60   forktree 3 3 HARTS=4
entry forktree_4harts_copy     full  60   forktree 3 3 HARTS=4 FORK=copy
entry forktree_no_sstc         full  60   forktree 3 3 SSTC=off
entry forktree_deep            full  120  forktree 50 1 HARTS=2
entry forktree_wide            full  120  forktree 2 16 HARTS=4
entry forktree_bare            quick 30   forktree_bare
for fork in cow copy; do
    entry "sv39fork_$fork"       quick 60 payload 'sv39fork: 4 processes, all ok' PAYLOAD=sv39fork FORK=$fork
    entry "sv39fork_4harts_$fork" quick 90 payload 'sv39fork: 4 processes, all ok' PAYLOAD=sv39fork FORK=$fork HARTS=4
done
entry sv39fork_invalid         full  60   payload 'sv39fork: 4 processes, all ok' PAYLOAD=sv39fork DOOR=invalid
entry sv39fork_mmio            full  60   payload 'sv39fork: 4 processes, all ok' PAYLOAD=sv39fork DOOR=mmio
entry fork_software_pending     quick 30   payload 'hazards: ok' PAYLOAD=build/tests/guest/hazards.elf CMDLINE=hazard=software
entry fork_timer_armed          quick 30   payload 'hazards: ok' PAYLOAD=build/tests/guest/hazards.elf CMDLINE=hazard=armed SSTC=on
entry fork_timer_armed_no_sstc  quick 30   payload 'hazards: ok' PAYLOAD=build/tests/guest/hazards.elf CMDLINE=hazard=armed SSTC=off
entry fork_timer_pending        quick 30   payload 'hazards: ok' PAYLOAD=build/tests/guest/hazards.elf CMDLINE=hazard=pending SSTC=on
entry fork_timer_pending_no_sstc quick 30   payload 'hazards: ok' PAYLOAD=build/tests/guest/hazards.elf CMDLINE=hazard=pending SSTC=off
entry fork_timer_handler        quick 30   payload 'hazards: ok' PAYLOAD=build/tests/guest/hazards.elf CMDLINE=hazard=handler SSTC=on
entry fork_timer_handler_no_sstc quick 30   payload 'hazards: ok' PAYLOAD=build/tests/guest/hazards.elf CMDLINE=hazard=handler SSTC=off
entry fork_reservation          quick 30   fork_reservation
entry smpfork_1hart             quick 60   payload 'smpfork: ok' PAYLOAD=build/tests/guest/smpfork.elf VCPUS=2
entry smpfork_2harts            quick 60   payload 'smpfork: ok' PAYLOAD=build/tests/guest/smpfork.elf VCPUS=2 HARTS=2
entry smpfork_2harts_copy       quick 60   payload 'smpfork: ok' PAYLOAD=build/tests/guest/smpfork.elf VCPUS=2 HARTS=2 FORK=copy
entry smpfork_4harts_no_sstc    quick 60   payload 'smpfork: ok' PAYLOAD=build/tests/guest/smpfork.elf VCPUS=2 HARTS=4 SSTC=off
entry mmio_registers            quick 30   payload 'registers: ok' PAYLOAD=build/tests/guest/registers.elf
entry smp_1hart                quick 60   payload 'smp: 4 harts, ok' PAYLOAD=smp
entry smp_4harts               quick 60   payload 'smp: 4 harts, ok' PAYLOAD=smp HARTS=4
entry smp_8vcpus               full  120  payload 'smp: 8 harts, ok' PAYLOAD=smp HARTS=2 VCPUS=8
entry smp_no_sstc              full  60   payload 'smp: 4 harts, ok' PAYLOAD=smp HARTS=4 SSTC=off
entry smp_bare                 full  60   payload 'smp: 4 harts, ok' PAYLOAD=smp BARE=1
entry good                     quick 60   good
entry good_no_sstc             quick 60   good SSTC=off
entry good_bare                quick 60   good BARE=1
entry hog                      quick 60   payload 'hog: ok' PAYLOAD=hog CMDLINE='mib=32 forks=4'
entry hog_copy                 quick 60   payload 'hog: ok' PAYLOAD=hog CMDLINE='mib=32 forks=4' FORK=copy
entry traps                    quick 60   traps
entry exit_status              quick 60   exit_status
entry children                 quick 30   children
entry reset                    quick 30   reset
entry out_of_memory            quick 60   out_of_memory
entry sleepers                 quick 60   sleepers 3000
entry sleepers_4harts          quick 60   sleepers 3000 HARTS=4
entry forks_in_a_row           quick 60   forks 5000 0 HOSTMEM=40M MEM=16M
entry forks_deep               quick 60   forks 0 200
entry megapage                 quick 60   megapage 3
entry megapage_copy            quick 60   megapage 0 FORK=copy
entry megapage_harts           quick 60   megapage 3 HARTS=2
entry megapage_scarce          quick 60   megapage 0 HOSTMEM=32M

skernel() {
    run 0 PAYLOAD=skernel
    want '^\[hv\] pid 1: shutdown, status 0' '^\[hv\] run over, status 0'
    golden </dev/null
    # that VM alone ends
    run 0 PAYLOAD=skernel,hello
    want '^\[hv\] pid 1: shutdown, status 0'
    golden_of 2 <<<'Hello, forkvisor!'
}

skernel2() {
    run 0 PAYLOAD=payload/skernel2
    want '^\[hv\] pid 1: shutdown, status 0, a0 = 0x6688, a1 = 0x1234$'
}

# Without the machine option it gets its own illegal-instruction trap, for which it has no handler.
skernel2_without_option() {
    run 139 PAYLOAD=build/payload/skernel2.elf TRACE=exits
    want '^\[hv\] pid 1: signal, status 11' '^\[hv\] run over, status 139'
    grep -q 'illegal instruction pc=0x80200000 inject illegal instruction' "$out/exits.log" ||
        fail "its illegal instruction was not injected"
}

hello() {
    run 0 PAYLOAD=hello
    golden <<<'Hello, forkvisor!'
    run 0 PAYLOAD=hello BARE=1
    golden <<<'Hello, forkvisor!'
    ! riscv64-unknown-elf-nm build/payload/hello.elf | grep -i ' t malloc$' ||
        fail "there is an allocator in the image"
}

hello_color() {
    run 0 PAYLOAD=hello CMDLINE=color
    want $'\033\\[32m'
    sed -i $'s/\033\\[[0-9;]*m//g' "$words"
    golden <<<'Hello, forkvisor!'
}

# forktree DEPTH WIDTH [VARIABLE=VALUE...]: pids depend on who runs when, the shape of the tree does not
forktree() {
    local depth=$1 width=$2 processes
    shift 2
    run 0 PAYLOAD=forktree CMDLINE="depth=$depth width=$width" "$@"
    awk -v depth="$depth" -v width="$width" -f tests/qemu/forktree.awk "$words" ||
        fail "this is no tree of depth $depth and width $width"
    processes=$(awk -v d="$depth" -v w="$width" 'BEGIN { for (n = 1; d >= 0; d--) { s += n; n *= w } print s }')
    want "^\\[1\\] forktree: $processes processes, all ok\$"
    forbid ' signal, status | status [1-9]'
}

forktree_bare() {
    run 2 PAYLOAD=forktree BARE=1
    golden <<<'forktree: fork is not supported here: -2'
}

# payload LAST-LINE VARIABLE=VALUE...
payload() {
    local last=$1
    shift
    run 0 "$@"
    want "^(\\[1\\] )?$last\$"
}

good_says() {
    cat <<'END'
good: round 1, checksum 4415d330525d1b30
good: round 2, checksum 2acf1e00d0970788
good: round 3, checksum fecff7e413b080a1
good: ok
END
}

good() {
    run 0 PAYLOAD=good CMDLINE='rounds=3 ms=300' "$@"
    good_says | golden
}

# What a VM says about 1,000 encodings, against the machine that it is told it has.
traps() {
    run 0 PAYLOAD=traps BARE=1 FV_QEMU_ARGS='-cpu rv64,h=false'
    golden_traps >"$out/bare"
    run 0 PAYLOAD=traps
    golden_traps >"$out/vm"
    want '^traps: 1000 encodings, ok$'
    count 1000 '^[su] [0-9a-f]{8} '
    same "$out/bare" "$out/vm"
}

golden_traps() {
    grep -aE '^[su] [0-9a-f]{8} ' "$words" | sed -Ef payload/traps/may-differ.sed
}

# Each way to end, and what status the machine then has.
exit_status() {
    local guest=PAYLOAD=build/tests/guest/ends.elf
    run 3 $guest CMDLINE='how=exit status=3'
    want '^\[hv\] pid 1: exit, status 3' '^\[hv\] run over, status 3'
    run 255 $guest CMDLINE='how=finisher status=255'
    run 0 $guest CMDLINE='how=finisher status=256'
    run 134 $guest CMDLINE='how=failure'
    want '^\[hv\] pid 1: signal, status 6'
    run 0 $guest CMDLINE='how=shutdown'
    want '^\[hv\] pid 1: shutdown, status 0'
    run 0 $guest CMDLINE='how=legacy'
    # pid 1's is the run's, whatever others do, also when they end after it
    printf '%s\n' 'build/tests/guest/ends.elf cmdline="how=exit status=5"' \
        'good cmdline="rounds=1 ms=500"' \
        'build/tests/guest/ends.elf cmdline="how=exit status=7"' >"$out/guests"
    run 5 GUESTS="$out/guests"
    want '^\[2\] good: ok$' '^\[hv\] pid 3: exit, status 7' '^\[hv\] run over, status 5'
}

children() {
    run 0 PAYLOAD=build/tests/guest/ends.elf CMDLINE='how=child'
    golden_of 1 <<'END'
ends: exit, status 0xff00
ends: failure, status 0x0006
ends: its parent, status 0x0000
ends: orphan, status 0x0700
ends: ok
END
}

# The image starts again under the same pid, with its data as at first.
reset() {
    run 0 PAYLOAD=build/tests/guest/ends.elf CMDLINE='how=reset'
    grep -av '^\[hv\]' "$words" | sed 's/^\[1\] //' | grep '^ends' >"$out/actual"
    cat >"$out/expected" <<'END'
ends: pid 1, child 2, counter 0
ends: pid 1, child 3, counter 0
ends: pid 1, child 4, counter 0
ends: ok
END
    same "$out/expected" "$out/actual"
}

# No frame for a page that the guest has a right to.  There is room for one of two; the neighbour does
# not notice.
out_of_memory() {
    printf '%s\n' 'hog mem=120M cmdline="mib=110"' 'hog mem=120M cmdline="mib=110"' \
        'good mem=16M cmdline="rounds=3 ms=300"' >"$out/guests"
    run '0|137' GUESTS="$out/guests" HOSTMEM=128M
    count 1 '^\[hv\] pid [12]: signal, status 9'
    count 1 '^\[[12]\] hog: 110 MiB touched'
    ! grep -aq '^\[hv\] pid 1: signal' "$words" || want '^\[hv\] run over, status 137'
    good_says | golden_of 3
}

# sleepers COUNT [VARIABLE=VALUE...]: with their tables they would need twice the memory
sleepers() {
    run 0 PAYLOAD=build/tests/guest/sleepers.elf CMDLINE="count=$1" MEM=16M HOSTMEM=64M "${@:2}"
    want '^(\[1\] )?sleepers: ok$'
}

# megapage LEAVES [VARIABLE=VALUE...]: how many of 2 MiB the guest must have at least
megapage() {
    local leaves=$1
    shift
    run 0 PAYLOAD=build/tests/guest/megapage.elf CMDLINE="leaves=$leaves" MEM=16M "$@"
    want '^(\[1\] )?megapage: touched$' '^(\[1\] )?megapage: forked$' '^\[1\] megapage: ok$'
}

# forks ROW DEEP [VARIABLE=VALUE...]
forks() {
    local row=$1 deep=$2
    shift 2
    run 0 PAYLOAD=build/tests/guest/forks.elf CMDLINE="row=$row deep=$deep" "$@"
    want "^\\[1\\] forks: $row in a row, $deep deep, [0-9]+ ticks each, ok\$"
    figure "$(of_pid 1 | tail -n 1)"
}

# QEMU drops a reservation at every trap by itself, so that hv does is seen in its code only.
fork_reservation() {
    payload 'hazards: ok' PAYLOAD=build/tests/guest/hazards.elf CMDLINE=hazard=reserved
    riscv64-unknown-elf-objdump -d --no-show-raw-insn --disassemble=vcpu_load build/hv/forkvisor.elf >"$out/code"
    grep -qE '\ssc\.d\s+zero,zero,' "$out/code" || fail "vcpu_load has no store-conditional"
}
