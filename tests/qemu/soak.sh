# shellcheck shell=bash disable=SC2154 # lib.sh, tests/run
# SPDX-License-Identifier: BSD-2-Clause
#
# What takes long: endurance, and races, which only many runs find.  Each names its figure.
#
#     name                     tier  s     function arguments

entry forks_100000             full  300   forks 100000 0 HOSTMEM=40M MEM=16M
entry forks_deep_1000          full  120   forks 0 1000
entry forks_deep_1000_copy     full  120   forks 0 1000 FORK=copy HOSTMEM=2G
entry races_40                 full  400   races 40 kernels
entry storm_2harts             quick 90    storm 1 5 HARTS=2 VCPUS=2
entry storm_4harts             full  150   storm 2 20 HARTS=4
entry storm_4harts_2vcpus      full  150   storm 3 20 HARTS=4 VCPUS=2
entry storm_8harts             full  150   storm 4 20 HARTS=8 VCPUS=2
entry storm_copy               full  150   storm 5 10 HARTS=4 VCPUS=2 FORK=copy
entry storm_disk               full  150   storm_disk 8 20 HARTS=4 VCPUS=2
entry storm_scarce             full  150   storm 7 10 HARTS=4 VCPUS=2 HOSTMEM=64M
entry storm_no_sstc            full  150   storm 6 10 HARTS=4 VCPUS=2 SSTC=off
entry forks_1000000            soak  7200  forks 1000000 0 HOSTMEM=40M MEM=16M
entry forks_1000000_4harts     soak  7200  forks 1000000 0 HOSTMEM=40M MEM=16M HARTS=4
entry races_1000               soak  14400 races 1000 kernels
entry races_libc_300           soak  14400 races 300 programs
entry storms_60                soak  14400 storms 60 60

# shellcheck disable=SC2034 # by races
races_of_kernels=('PAYLOAD=smp' 'PAYLOAD=smp VCPUS=8' 'PAYLOAD=sv39fork' 'PAYLOAD=sv39fork FORK=copy'
    'PAYLOAD=forktree' 'PAYLOAD=forktree DOOR=invalid' 'PAYLOAD=forktree DOOR=mmio FORK=copy'
    'PAYLOAD=smp,sv39fork,forktree,good' 'PAYLOAD=skernel2,hello,skernel2,hello,forktree')
# shellcheck disable=SC2034 # by races
races_of_programs=('PAYLOAD=build/tests/guest/pipeforks.elf HARTS=8'
    'PAYLOAD=build/tests/guest/pipeforks_smp.elf VCPUS=2'
    'PAYLOAD=build/tests/guest/processes_smp.elf VCPUS=4'
    'PAYLOAD=build/tests/guest/signals_smp.elf VCPUS=4')

# races N KIND: N runs of what happens at the same time, on four harts without -icount
races() {
    local runs=$1 i begin=$SECONDS
    local -n of=races_of_$2
    for ((i = 0; i < runs; i++)); do
        # shellcheck disable=SC2086 # words
        (run 0 HARTS=4 TIMEOUT=120 ${of[i % ${#of[@]}]}) >"$out/last" 2>&1 || {
            cat "$out/last"
            fail "in run $((i + 1))"
        }
    done
    figure "$runs runs in $((SECONDS - begin)) s, none failed"
}

# storm SEED SECONDS [VARIABLE=VALUE...]: 200 processes that fork, execute, share, wait, talk, stop,
# continue and kill; nobody is left, and every frame is free again
storm() {
    run 0 PAYLOAD=build/tests/guest/storm.elf CMDLINE="seed=$1 ms=${2}000" MEM=16M "${@:3}"
    want '^\[1\] storm: ok$'
    forbid '^\[hv\] [0-9]+ forked VMs still ran'
}

# With a disk that is slow enough for ends, forks and resets to come while it works.
storm_disk() {
    new_disk disk
    storm "$@" DISK="$disk" FV_QEMU_ARGS='-object throttle-group,id=slow,x-iops-total=2000' \
        FV_DISK="driver=throttle,throttle-group=slow,file.driver=file,file.filename=$disk"
}

# storms RUNS SECONDS: with other seeds, on 2, 4 and 8 harts
storms() {
    local runs=$1 i harts=(2 4 8)
    for ((i = 0; i < runs; i++)); do
        storm "$((i + 100))" "$2" HARTS="${harts[i % 3]}" VCPUS="$((i % 2 + 1))"
    done
    figure "$runs storms of $2 s, none failed"
}
