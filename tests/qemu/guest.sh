# shellcheck shell=bash disable=SC2154 # lib.sh, tests/run
# SPDX-License-Identifier: BSD-2-Clause
#
# The library OS, by guests of tests/guest/: each bare and in a VM.
#
#     name                     tier  s    function arguments

for place in vm bare; do
    entry "tasks_$place"          quick 30   counted tasks $place
    entry "ticks_$place"          quick 60   counted ticks $place
    entry "shares_$place"         quick 60   shares $place
    entry "slices_$place"         quick 30   slices $place
    entry "harts_$place"          quick 60   harts $place
    entry "fatal_$place"          quick 60   fatal $place
done
entry tasks_no_sstc            quick 30   counted tasks vm SSTC=off
entry ticks_no_sstc            quick 60   counted ticks vm SSTC=off
entry ticks_bare_no_sstc       full  60   counted ticks bare FV_QEMU_ARGS='-cpu rv64,sstc=false -icount shift=2'
entry harts_2harts             quick 60   payload 'harts: 4 harts, ok' PAYLOAD=build/tests/guest/harts.elf CMDLINE=harts=4 VCPUS=4 HARTS=2
entry harts_8vcpus             full  120  payload 'harts: 8 harts, ok' PAYLOAD=build/tests/guest/harts.elf CMDLINE=harts=8 VCPUS=8 HARTS=4
entry harts_no_sstc            full  60   payload 'harts: 4 harts, ok' PAYLOAD=build/tests/guest/harts.elf CMDLINE=harts=4 VCPUS=4 HARTS=4 SSTC=off
entry forkcrowd                quick 60   forkcrowd forkcrowd
entry forkcrowd_smp_1vcpu      quick 60   forkcrowd forkcrowd_smp
entry forkcrowd_smp_4vcpus     quick 60   forkcrowd forkcrowd_smp VCPUS=4
entry forkcrowd_smp_2harts     quick 60   forkcrowd forkcrowd_smp VCPUS=4 HARTS=2
entry forkcrowd_no_sstc        full  60   forkcrowd forkcrowd_smp VCPUS=2 HARTS=2 SSTC=off
entry harts_often              soak  900  harts_often 100

# where vm|bare: in $place
where() {
    place=()
    [ "$1" = vm ] || place=(BARE=1)
}

# counted NAME vm|bare [VARIABLE=VALUE...]: time is counted in instructions, so no load of the host
# disturbs
counted() {
    local name=$1
    where "$2"
    shift 2
    payload "$name: ok" PAYLOAD="build/tests/guest/$name.elf" FV_QEMU_ARGS='-icount shift=2' "${place[@]}" "$@"
}

# Over 10 s of the machine's time, which is counted in instructions: the same on any host.
shares() {
    where "$1"
    payload 'ticks: ok' PAYLOAD=build/tests/guest/ticks.elf CMDLINE=ms=10000 \
        FV_QEMU_ARGS='-icount shift=7' "${place[@]}"
}

slices() {
    where "$1"
    payload 'slices: ok' PAYLOAD=build/tests/guest/slices.elf FV_QEMU_ARGS='-icount shift=4' "${place[@]}"
}

harts() {
    where "$1"
    payload 'harts: 4 harts, ok' PAYLOAD=build/tests/guest/harts.elf CMDLINE=harts=4 VCPUS=4 "${place[@]}"
}

# forkcrowd NAME [VARIABLE=VALUE...]
forkcrowd() {
    payload 'forkcrowd: ok' PAYLOAD="build/tests/guest/$1.elf" "${@:2}"
}

harts_often() {
    local i
    for ((i = 0; i < $1; i++)); do
        payload 'harts: 4 harts, ok' PAYLOAD=build/tests/guest/harts.elf CMDLINE=harts=4 VCPUS=4 HARTS=2
    done
}

# fatal vm|bare: each way that tasks must not go
fatal() {
    where "$1"
    local guest=(PAYLOAD=build/tests/guest/fatal.elf "${place[@]}") at='0x[0-9a-f]+ '
    run 1 "${guest[@]}" CMDLINE=how=overflow
    want 'task digger: stack overflow: its stack ends at 0x' 'trap: store/AMO page fault .* dig\+'
    run 1 "${guest[@]}" CMDLINE=how=overflow-main
    want 'task main: stack overflow: '
    run 1 "${guest[@]}" CMDLINE=how=deadlock
    want 'deadlock: every task waits' "task main waits for a mutex 0x.* at $at""main\\+" \
        "task crossed waits for a mutex 0x.* at $at""locks_second\\+" \
        "task receiver waits for a message in a queue 0x.* at $at""receives\\+"
    run 1 "${guest[@]}" CMDLINE=how=lock-again
    want "mutex 0x.*: task main locks it again at $at""main.*; task main has locked it at $at""main\\+"
    run 1 "${guest[@]}" CMDLINE=how=stranger
    want "mutex 0x.*: task stranger unlocks it, and is not its owner, at $at""unlocks.*; task main has locked it at $at""main\\+"
    run 1 "${guest[@]}" CMDLINE=how=unlock-free
    want 'task main unlocks it, and is not its owner, at .*; it is free$'
    run 1 "${guest[@]}" CMDLINE=how=handler-waits
    want "task main: an interrupt handler waits, at $at""waits_in_handler\\+"
    run 1 "${guest[@]}" CMDLINE=how=section-waits
    want "task main: a task waits that must not be switched, at $at""main\\+"
    run 4 "${guest[@]}" CMDLINE=how=main-exits
    want 'fatal: the last one$'
    # without guard pages: at the next switch
    run 1 PAYLOAD=build/tests/guest/tasks.elf CMDLINE=overflow "${place[@]}"
    want 'task digger: stack overflow: its lowest word, at 0x'
}
