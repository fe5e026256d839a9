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
entry row_ramfs_rename_vm      quick 30   fstest
entry row_ramfs_rename_bare    quick 30   fstest BARE=1
entry row_u_8_0_vm             quick 60   loadapp
entry row_u_8_0_bare           quick 60   loadapp BARE=1

# The judge of what files.c expects.
files_linux() {
    gcc -Wall -Wextra -O1 -o "$out/files" tests/guest/files.c
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
