#!/bin/bash
# SPDX-License-Identifier: BSD-2-Clause
#
# gdb on a guest's symbols, in a VM or bare: `make gdb PAYLOAD=hello [BARE=1]` calls it, with all
# variables of make run.  The machine waits at its first instruction; `break main` and `continue` go to the
# program.  HV=1: on the hypervisor's symbols too.
#
# To gdb, and to the machine's debug port, a breakpoint is an address, whoever executes there.  Guests are
# all linked to one place, so that a breakpoint of one is a breakpoint of its children; the hypervisor is
# linked to another one here (build/hv/gdb.elf), where no guest of less than 128 MiB has anything.
#
# The guest's words appear between gdb's.  It gets no input, since gdb does.  When gdb ends, the machine does.
#
# shellcheck disable=SC2317 # finish() is called
set -euo pipefail

root=$(cd "$(dirname "$0")/.." && pwd)
wait_s=20
end_s=1
flags=()

die() {
    printf 'gdb: %s\n' "$*" >&2
    exit 64
}

[ -n "${PAYLOAD:-}" ] || die "which payload? make gdb PAYLOAD=name|file"
[[ -z ${GUESTS:-} && $PAYLOAD != *,* ]] || die "one guest at a time: PAYLOAD=name|file"
name=${PAYLOAD%/}
name=${name#./}
symbols=$root/build/payload/${name#payload/}.elf
[ -e "$symbols" ] || symbols=$PAYLOAD # run.sh says what is wrong with it

eval "flags=(${GDBFLAGS:-})" # the user's own words, with quotes
commands=(-iex 'set auto-load no' -ex 'set confirm off' -ex 'set pagination off')
[ "${HV:-0}" = 0 ] || commands+=(-ex "add-symbol-file $root/build/hv/gdb.elf")

# QEMU's paths have a limit of about 100 characters
folder=$(mktemp -d)
machine=
finish() {
    [ -z "$machine" ] || kill -- "-$machine" 2>/dev/null || true
    rm -rf "$folder"
}
trap finish EXIT

# in a session of its own: ^C is gdb's
FV_HV=$root/build/hv/gdb.elf FV_QEMU_ARGS="${FV_QEMU_ARGS:-} -S -gdb unix:$folder/port,server=on,wait=off" \
    setsid "$root/tools/run.sh" </dev/null &
machine=$!

# machine_ended SECONDS: it does so within that time; its status is in status then
machine_ended() {
    local polls=$(($1 * 20))
    while kill -0 "$machine" 2>/dev/null; do
        ((polls-- > 0)) || return 1
        [ ! -S "$folder/port" ] || [ "$1" = $end_s ] || return 1
        sleep 0.05
    done
    status=0
    wait "$machine" || status=$?
    machine=
}

# a bad variable ends it at once
! machine_ended $wait_s || exit "$status"
[ -S "$folder/port" ] || die "QEMU did not open its debug port within $wait_s s"
result=0
gdb-multiarch -q "${commands[@]}" -ex "target remote $folder/port" "${flags[@]}" "$symbols" || result=$?
# if the guest came to its end, its status counts: to gdb that is a lost connection
! machine_ended $end_s || exit "$status"
exit "$result"
