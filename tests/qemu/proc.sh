# shellcheck shell=bash disable=SC2154 # lib.sh, tests/run
# SPDX-License-Identifier: BSD-2-Clause
#
# The process calls, each from a real guest.
#
#     name                     tier  s    function arguments

entry proccalls                quick 60   proccalls lives
entry proccalls_4harts         quick 60   proccalls lives HARTS=4
entry proccalls_no_sstc        quick 60   proccalls lives SSTC=off
entry procwords                quick 60   proccalls words
entry procwords_no_sstc        quick 60   proccalls words SSTC=off
entry procwords_4harts         quick 60   proccalls words HARTS=4
entry procranges               quick 60   proccalls ranges
entry procranges_4harts        quick 60   proccalls ranges HARTS=4
entry procstrangers            quick 60   procstrangers
entry procstrangers_4harts     quick 60   procstrangers HARTS=4
entry proccontrol              quick 60   proccontrol
entry proccontrol_4harts       quick 60   proccontrol HARTS=4

# proccalls PART [VARIABLE=VALUE...]
proccalls() {
    run 0 PAYLOAD=build/tests/guest/proccalls.elf CMDLINE="do=$1" "${@:2}"
    want '^(\[1\] )?proccalls: ok$'
    [ "$1" != lives ] || want '^\[hv\] pid [0-9]+ ends by signal 9: its tree has as much memory as it may have'
}

# Two guests that may not touch each other.
procstrangers() {
    cat >"$out/guests" <<END
build/tests/guest/proccalls.elf mem=16M cmdline="do=strangers"
build/tests/guest/proccalls.elf mem=16M cmdline="do=strangers"
END
    run 0 GUESTS="$out/guests" "$@"
    count 2 '^\[[12]\] proccalls: ok$'
}

# One that may.
proccontrol() {
    cat >"$out/guests" <<END
build/tests/guest/proccalls.elf mem=16M control cmdline="do=strangers control=1"
build/tests/guest/proccalls.elf mem=16M cmdline="do=stay ms=20000"
END
    run 0 GUESTS="$out/guests" "$@"
    want '^\[1\] proccalls: ok$' '^\[hv\] pid 2: signal, status 9'
}
