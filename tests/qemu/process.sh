# shellcheck shell=bash disable=SC2154 # lib.sh, tests/run
# SPDX-License-Identifier: BSD-2-Clause
#
# Signals and processes of the library OS, by the guests `signals`, within one process, and
# `processes`, between several; with tasks and without, and with several harts.
#
#     name                     tier  s    function arguments
entry signals_vm               quick 30   guest signals
entry signals_bare             quick 30   guest signals BARE=1
entry signals_task_vm          quick 30   guest signals_task
entry signals_task_bare        quick 30   guest signals_task BARE=1
entry signals_smp_vm           quick 60   guest signals_smp VCPUS=4 HARTS=2
entry signals_smp_bare         quick 30   guest signals_smp VCPUS=4 BARE=1
entry signals_no_sstc          full  60   guest signals_task SSTC=off
entry signals_ends_vm          quick 90   signal_ends
entry signals_ends_bare        quick 90   signal_ends BARE=1
entry signals_read_vm          quick 30   reading signals
entry signals_read_bare        quick 30   reading signals BARE=1
entry signals_read_task_vm     quick 30   reading signals_task
entry signals_threads_vm       quick 30   guest threadsignals
entry signals_threads_bare     quick 30   guest threadsignals BARE=1
entry signals_threads_preempt  quick 30   guest threadsignals_preempt
entry signals_threads_smp      quick 60   guest threadsignals_smp VCPUS=4 HARTS=2
entry signals_threads_smp_bare quick 30   guest threadsignals_smp VCPUS=4 BARE=1
entry processes                quick 60   guest processes
entry processes_task           quick 60   guest processes_task
entry processes_smp            quick 90   guest processes_smp VCPUS=4 HARTS=2
entry processes_harts          full  90   guest processes HARTS=4
entry processes_eager          full  90   guest processes FORK=copy
entry programs                 quick 60   guest programs
entry programs_bare            quick 30   guest programs BARE=1 CMDLINE=bare

guest() {
    local name=$1
    shift
    run 0 PAYLOAD="build/tests/guest/$name.elf" "$@"
    want "^(\\[1\\] )?${name%_*}: done\$"
    forbid ': line [0-9]+: '
}

# What a program waits for is typed after it was interrupted.
reading() {
    guest "$@" CMDLINE=read < <(sleep 3 && echo x)
}

# end STATUS HOW [VARIABLE=VALUE...]
end() {
    local status=$1 how=$2
    shift 2
    run "$status" PAYLOAD=build/tests/guest/signals_task.elf CMDLINE="end $how" "$@"
    forbid 'still there'
}

# The status tells which signal it was, with and without a hypervisor; a fault is reported once.
signal_ends() {
    end 143 term "$@"
    end 142 alarm "$@"
    end 134 abort "$@"
    count 1 '^aborted$'
    end 139 segv "$@"
    count 1 '^trap: store/AMO page fault'
    end 139 segv_twice "$@"
    count 1 '^trap: store/AMO page fault .* fault\+'
}
