# shellcheck shell=bash disable=SC2154,SC2119,SC2120 # lib.sh, tests/run
# SPDX-License-Identifier: BSD-2-Clause
#
# Guests that crash, tests/guest/crash.c: cause, address and place are told, all registers, and by which
# calls the program came there.  Whatever went wrong, the guest ends, with status 1.
#
#     name                     tier  s    function, way; cause or words; address; the calls, innermost first

chain='fourth third second first main guest_run guest_main'
entry crash_leaf               quick 20   crash leaf 'load page fault (13)' 0x22000000 "by_leaf $chain"
entry crash_leaf_bare          quick 20   crash leaf 'load page fault (13)' 0x22000000 "by_leaf $chain" BARE=1
entry crash_store              quick 20   crash store 'store/AMO page fault (15)' 0x22000040 "by_store $chain"
entry crash_libc               quick 20   crash libc 'load page fault (13)' 0x22000000 "strlen by_libc $chain"
entry crash_callback           quick 20   crash callback 'load page fault (13)' 0x22000000 "compare qsort by_callback $chain"
entry crash_null               quick 20   crash null 'instruction page fault (12)' 0x0 "0x0 by_null_call $chain"
entry crash_sp                 quick 20   crash sp 'load page fault (13)' 0x123456789abcdef8 "by_wild_sp fourth"
entry crash_tp                 quick 20   crash tp 'load page fault (13)' 0x30 "by_wild_tp $chain"
entry crash_tp_bare            quick 20   crash tp 'load page fault (13)' 0x30 "by_wild_tp $chain" BARE=1
entry crash_in_hook            quick 20   crash hook 'load page fault (13)' 0x22000008 "faults_again trap_take trap_vector -- by_leaf by_hook $chain"
entry crash_in_report          quick 20   crash_in_report
entry crash_in_report_bare     quick 20   crash_in_report BARE=1
entry crash_recursion          quick 20   crash_recursion
entry crash_recursion_bare     quick 20   crash_recursion BARE=1
entry crash_illegal            quick 20   crash_illegal
entry crash_panic              quick 20   crash_panic
entry crash_abort              quick 20   crash_abort
entry crash_assert             quick 20   crash_abort BARE=1 CMDLINE=by=assert
entry crash_without_symbols    quick 20   crash_without_symbols
entry log_levels               quick 60   log_levels
unset chain

# calls_are NAMES: those that the report lists, in this order
calls_are() {
    local found
    found=$(sed -n '/^calls, innermost first:$/,$p' "$words" |
        sed -nE 's/^  (0x[0-9a-f]+ )?([^+]+)(\+0x[0-9a-f]+)?$/\2/p' | sed -E 's/^-- .*/--/' | paste -sd ' ')
    [ "$found" = "$1" ] || fail "the calls are: $found; not: $1"
}

# crash WAY CAUSE ADDRESS CALLS [VARIABLE=VALUE...]
crash() {
    local way=$1 cause=$2 address=$3 calls=$4 first
    shift 4
    run 1 PAYLOAD=build/tests/guest/crash.elf CMDLINE="by=$way" "$@"
    first=${calls%% *}
    cause=${cause//(/\\(}
    [ "$first" = 0x0 ] || first="0x[0-9a-f]+ $first\\+0x[0-9a-f]+"
    want "^trap: ${cause//)/\\)}, pc $first, address $address\$"
    # all but zero, four a line
    [ "$(grep -oE '^  ra +[0-9a-f]{16}|  [a-z][a-z0-9]+ +[0-9a-f]{16}' "$words" | wc -l)" = 31 ] ||
        fail "not all registers are shown"
    calls_are "$calls"
}

# Nobody can be told of a report that fails twice; it must end.
crash_in_report() {
    run 1 PAYLOAD=build/tests/guest/crash.elf CMDLINE='by=report' "$@"
    count 1 '^trap: load page fault \(13\), pc 0x[0-9a-f]+ by_leaf\+'
    count 1 '^\(within the report\) load page fault \(13\), pc 0x[0-9a-f]+ report_thread\+.*, address 0x22000010$'
}

crash_recursion() {
    run 1 PAYLOAD=build/tests/guest/crash_paging.elf CMDLINE='by=recursion' "$@"
    want '^trap: store/AMO page fault \(15\), ' '^  0x[0-9a-f]+ by_recursion\+' '^  \.\.\. [0-9]+ more of these$' \
        '^  0x[0-9a-f]+ main\+'
    count 1 '^trap: '
}

crash_illegal() {
    run 1 PAYLOAD=build/tests/guest/crash.elf CMDLINE='by=illegal'
    want '^trap: illegal instruction \(2\), pc 0x[0-9a-f]+ by_illegal\+0x0, instruction 0x0$'
}

crash_panic() {
    run 1 PAYLOAD=build/tests/guest/crash.elf CMDLINE='by=panic'
    want '^crash: 42 of it, 1 2 3 4 5 6 7 8$' '^  ra  *[0-9a-f]{16}'
    calls_are 'by_panic fourth third second first main guest_run guest_main'
}

# abort, and what an assertion makes of it.
crash_abort() {
    run 134 PAYLOAD=build/tests/guest/crash.elf CMDLINE='by=abort' "$@"
    [[ $* != *assert* ]] || want 'assertion "sink == 12345" failed: file "tests/guest/crash.c", line [0-9]+, function: by_assert$'
    want '^aborted$' ' abort\+0x[0-9a-f]+$' ' by_(abort|assert)\+0x[0-9a-f]+$' ' main\+0x[0-9a-f]+$'
}

# An image without names still says the rest.
crash_without_symbols() {
    run 1 PAYLOAD=build/tests/guest/crash_bare.elf CMDLINE='by=leaf'
    want '^trap: load page fault \(13\), pc 0x[0-9a-f]+, address 0x22000000$' '^  ra 0x[0-9a-f]+, sp 0x[0-9a-f]+$'
    forbid '^calls,'
}

log_levels() {
    local level last=0
    for level in error warn info debug; do
        last=$((last + 1))
        run "$((last < 4 ? 0 : 3))" PAYLOAD=build/tests/guest/log.elf CMDLINE="log=$level"
        count $last '^\[0\] (error|warning|info|debug): line [1-4]$'
    done
    run 0 PAYLOAD=build/tests/guest/log.elf BARE=1
    golden <<<$'[0] error: line 1\n[0] warning: line 2'
    run 0 PAYLOAD=build/tests/guest/log.elf CMDLINE='log=loud color'
    golden <<<$'[0] \e[31merror\e[m: log= takes error, warn, info or debug; warn is taken\n[0] \e[31merror\e[m: line 1\n[0] \e[33mwarning\e[m: line 2'
}
