# shellcheck shell=bash disable=SC2154 # lib.sh, tests/run
# SPDX-License-Identifier: BSD-2-Clause
#
# Files of guests.  The program of most tests says the same on Linux, where it is run as well.
#
#     name                     tier  s    function arguments
entry files_linux              quick 60   files_linux
entry files_vm                 quick 60   posix_files files
entry files_bare               quick 60   posix_files files BARE=1
entry files_smp_vm             quick 60   posix_files files_smp VCPUS=2 HARTS=2
entry files_smp_bare           quick 60   posix_files files_smp VCPUS=2 BARE=1
entry files_fork               quick 60   files_end_ok CMDLINE=fork
entry files_full_vm            quick 60   files_end_ok CMDLINE=full MEM=32M
entry files_full_bare          quick 60   files_end_ok CMDLINE=full MEM=32M BARE=1
entry files_initrd_vm          quick 60   files_initrd
entry files_initrd_bare        quick 60   files_initrd BARE=1
entry files_at_exit            quick 60   files_at_exit
entry files_tasks_vm           quick 60   tasks_in_files filestasks
entry files_tasks_smp_vm       quick 90   tasks_in_files filestasks_smp VCPUS=4 HARTS=2
entry files_tasks_smp_bare     quick 90   tasks_in_files filestasks_smp VCPUS=4 BARE=1
entry row_ramfs_rename_vm      quick 30   fstest
entry row_ramfs_rename_bare    quick 30   fstest BARE=1
entry row_u_8_0_vm             quick 60   loadapp
entry row_u_8_0_bare           quick 60   loadapp BARE=1

# The judge of what tests/guest/files expects.
files_linux() {
    gcc -Wall -Wextra -O1 -I. -o "$out/files" tests/guest/files/*.c
    rm -rf "$out/empty"
    mkdir "$out/empty"
    ulimit -n 1024
    say 0 "$out/files" "$out/empty" </dev/null
    want '^files: [0-9]+ checks, 0 failed$'
}

# posix_files GUEST [VARIABLE=VALUE...]
posix_files() {
    local guest=build/tests/guest/$1.elf
    shift
    run 0 PAYLOAD="$guest" "$@" </dev/null
    want '^files: [0-9]+ checks, 0 failed$'
}

fstest() {
    run 0 PAYLOAD=fstest "$@"
    golden <<'END'
fstest: /tmp/f2: hello
fstest: /tmp/dirb/f2: hello
fstest: ok
END
}

loadapp() {
    disk_image
    run 0 PAYLOAD=loadapp DISK="$disk" "$@"
    golden <<'END'
loadapp: read 12 bytes
loadapp: /sbin/origin.bin begins with 71 11 2a c0 93 08 d0 05
END
    fsck.fat -n "$disk" >/dev/null || fail "fsck.fat finds something"
    run 1 PAYLOAD=loadapp "$@"
    want '^/sbin/origin.bin: No such file or directory$'
    truncate -s 1M "$out/zeros"
    run 1 PAYLOAD=loadapp DISK="$out/zeros" "$@"
    want 'error: disk 0 is not mounted: .*; / is in memory$'
}

files_end_ok() {
    run 0 PAYLOAD=build/tests/guest/filesends.elf "$@"
    want '^(\[[0-9]+\] )?files: ok$'
}

files_initrd() {
    rm -rf "$out/tree"
    mkdir -p "$out/tree/etc/rc"
    printf hello >"$out/tree/etc/greeting"
    printf first >"$out/tree/first"
    tar --sort=name -C "$out/tree" -cf "$out/tree.tar" .
    run 0 PAYLOAD=build/tests/guest/filesends.elf CMDLINE=initrd INITRD="$out/tree.tar" "$@"
    golden <<'END'
files: /initrd/etc/
files: /initrd/etc/greeting: hello
files: /initrd/etc/rc/
files: /initrd/first: first
files: ok
END
    printf 'no archive' >"$out/blob"
    run 0 PAYLOAD=build/tests/guest/filesends.elf CMDLINE=initrd INITRD="$out/blob" "$@"
    want '^files: /initrd/initrd: no archive$'
}

files_at_exit() {
    run 0 PAYLOAD=build/tests/guest/filesends.elf CMDLINE=close
    want '^half a linefiles: atexit$'
    forbid 'into the file'
}

tasks_in_files() {
    local guest=build/tests/guest/$1.elf
    shift
    run 0 PAYLOAD="$guest" "$@"
    want '^filestasks: [0-9]+ of 12000 calls did something$'
}
