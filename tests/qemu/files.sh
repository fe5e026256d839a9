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
