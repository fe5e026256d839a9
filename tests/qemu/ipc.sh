# shellcheck shell=bash disable=SC2154 # lib.sh, tests/run
# SPDX-License-Identifier: BSD-2-Clause
#
# Channels: pipes, shared memory and semaphores, between threads and between processes.
#
#     name                     tier  s    function arguments
entry ipc_threads_vm           quick 60   threads pipes
entry ipc_threads_bare         quick 60   threads pipes BARE=1
entry ipc_preempt_vm           quick 60   threads pipes_preempt
entry ipc_preempt_bare         quick 60   threads pipes_preempt BARE=1
entry ipc_smp_vm               quick 60   threads pipes_smp VCPUS=4 HARTS=2
entry ipc_smp_bare             quick 60   threads pipes_smp VCPUS=4 BARE=1
entry ipc_processes            quick 90   processes pipeforks
entry ipc_processes_preempt    quick 90   processes pipeforks_preempt HARTS=2
entry ipc_processes_smp        quick 90   processes pipeforks_smp VCPUS=2 HARTS=2
entry ipc_processes_copy       full  90   processes pipeforks FORK=copy
entry ipc_shared               quick 90   shared pshared
entry ipc_shared_preempt       quick 90   shared pshared_preempt HARTS=4
entry ipc_shared_smp           quick 90   shared pshared_smp VCPUS=2 HARTS=2
entry ipc_exec                 quick 60   pipe_execs
entry ipc_exec_disk            quick 60   pipe_execs_disk

# threads GUEST [VARIABLE=VALUE...]
threads() {
    local guest=$1
    shift
    run 0 PAYLOAD="build/tests/guest/$guest.elf" "$@"
    want 'pipes: ok$'
}

# processes GUEST [VARIABLE=VALUE...]
processes() {
    local guest=$1
    shift
    run 0 PAYLOAD="build/tests/guest/$guest.elf" "$@"
    want 'pipeforks: ok$'
}

# shared GUEST [VARIABLE=VALUE...]
shared() {
    local guest=$1
    shift
    run 0 PAYLOAD="build/tests/guest/$guest.elf" "$@"
    want 'pshared: ok$'
}

pipe_execs() {
    run 0 PAYLOAD=build/tests/guest/pipeexec.elf "$@"
    want 'pipeexec: ok$'
}

pipe_execs_disk() {
    disk_image
    pipe_execs DISK="$disk" CMDLINE=disk
}
