# shellcheck shell=bash disable=SC2154,SC2119 # lib.sh, tests/run
# SPDX-License-Identifier: BSD-2-Clause
#
# exec and spawn, by name and from memory.  That nothing is lost is seen at the end of each run.
#
#     name                     tier  s    function arguments

entry exec_name                quick 30   images_began name
entry exec_memory              quick 30   images_began memory INITRD=build/tests/guest/execs.elf
entry exec_chain               quick 60   images chain left=100
entry exec_chain_memory        quick 60   images chain left=100 INITRD=build/tests/guest/execs.elf
entry exec_other               quick 60   images other VCPUS=2 HARTS=2
entry exec_other_1hart         quick 60   images other VCPUS=2
entry exec_shared              quick 30   images shared
entry exec_bad                 quick 60   images_bad
entry exec_has_disk            quick 60   images_disk
entry exec_has_disk_2harts     full  60   images_disk HARTS=2 VCPUS=2
entry spawn_row                quick 90   images spawn row=1000
entry spawn_memory             quick 90   images spawn row=300 INITRD=build/tests/guest/execs.elf
entry spawn_row_4harts         quick 90   images spawn row=300 HARTS=4
entry spawn_many               quick 60   images many row=200 MEM=16M HOSTMEM=64M
entry spawn_many_4harts        full  60   images many row=500 HARTS=4
entry spawn_quota              quick 30   images quota

# images HOW [WORD=VALUE...] [VARIABLE=VALUE...]
images() {
    local how=$1 given=()
    shift
    while [[ ${1:-} = [a-z]* ]]; do
        given+=("$1")
        shift
    done
    run 0 PAYLOAD=build/tests/guest/execs.elf CMDLINE="how=$how ${given[*]:-}" "$@"
    want "execs: $how ok\$"
}

# The second and the third time after a reset.
images_began() {
    local how=$1
    shift
    run 0 PAYLOAD=build/tests/guest/execs.elf CMDLINE="how=$how" "$@"
    count 3 '^\[1\] execs: pid 1 began, child [234]$'
}

images_bad() {
    images bad INITRD=build/tests/guest/execs.elf
    want '^\[hv\] pid 2: exec memory: the ELF.s program headers are outside the file' \
        '^\[hv\] pid 2: spawn execs: a part of the image at 0x80[0-9a-f]+ lies in memory that is shared'
    forbid 'exec .\[2J'
}

images_disk() {
    { printf '...on disk!' && head -c 65525 /dev/zero; } >"$out/disk.img"
    run 0 PAYLOAD=build/tests/guest/execs.elf CMDLINE=how=disk DISK="$out/disk.img" "$@"
    want '^\[1\] readblock: OEM name on disk!$' '^\[2\] readblock: OEM name on disk!$'
}
