#!/bin/bash
# SPDX-License-Identifier: BSD-2-Clause
#
# Proves what tests/prove/*.c state, with CBMC: for all inputs within their bounds, not for examples.
#
#   tools/prove.sh quick|full|soak [HARNESS...]      tools/deps.sh prove first
#
# A harness includes the sources that it is about.  Lines of its opening comment say what to do:
#
#   bound FILE SED           what is smaller in a proof: FILE is edited in a copy, which the harness includes
#   prove TIER NAME OPTION...
#                            NAME holds: cbmc with these options and PROVE=prove_NAME finds no way to fail
#   break NAME FILE SED      with this edit of FILE, too, NAME does not hold.  A proof that cannot fail is none.
#
# An edit that changes nothing is an error.  One line each, with its seconds; what cbmc says is in build/prove.
set -euo pipefail
cd "$(dirname "$0")/.."

work=build/prove
root=build/deps/cbmc
failures=0

die() {
    printf 'prove.sh: %s\n' "$*" >&2
    exit 2
}

cbmc() {
    local loader
    for loader in "$root"/usr/lib*/ld-linux*.so.*; do
        "$loader" --library-path "$(echo "$root"/usr/lib/*-linux-gnu):$root/usr/lib" "$root/usr/bin/cbmc" "$@"
        return
    done
    die "no loader in $root; remove that folder and call tools/deps.sh prove"
}

# edit FOLDER FILE SED: the copy of FILE in the folder
edit() {
    mkdir -p "$1/${2%/*}"
    [ -e "$1/$2" ] || cp "$2" "$1/$2"
    sed "$3" "$1/$2" >"$1/edited"
    ! cmp -s "$1/edited" "$1/$2" || die "$harness: this changes nothing in $2: $3"
    mv "$1/edited" "$1/$2"
}

# judge WANTED WORDS FOLDER NAME OPTION...: a line
judge() {
    local wanted=$1 words=$2 folder=$3 name=$4 start=$SECONDS said
    shift 4
    cbmc -I "$folder" -I. -DPROVE="prove_$name" --slice-formula "$@" "tests/prove/$harness.c" >"$folder/log" 2>&1 || true
    said=$(sed -n 's/^VERIFICATION //p' "$folder/log")
    if [ "$said" = "$wanted" ]; then
        printf 'ok    %s %s (%d s)\n' "$harness" "$words" $((SECONDS - start))
    else
        failures=$((failures + 1))
        printf 'FAIL  %s %s (%d s): %s, not %s; see %s\n' "$harness" "$words" $((SECONDS - start)) \
            "${said:-nothing was found out}" "$wanted" "$folder/log"
        grep ': FAILURE' "$folder/log" || tail -n 5 "$folder/log"
    fi
}

# The opening comment's lines that begin with the word.
lines() {
    sed -n "1,/^ \*\//s/^ \* $1 //p" "tests/prove/$harness.c"
}

# bounded FOLDER: a new one, with the copies that are smaller
bounded() {
    local file script
    rm -rf "$1"
    mkdir -p "$1"
    while read -r file script; do
        edit "$1" "$file" "$script"
    done < <(lines bound)
}

prove_harness() {
    local tier name options broken file script number=0
    while read -r tier name options; do
        [ "$wanted_tier" != quick ] || [ "$tier" = quick ] || continue
        bounded "$work/$harness/$name"
        # shellcheck disable=SC2086 # options are words
        judge SUCCESSFUL "$name" "$work/$harness/$name" "$name" $options
        while read -r broken file script; do
            [ "$broken" = "$name" ] || continue
            number=$((number + 1))
            bounded "$work/$harness/$name.$number"
            edit "$work/$harness/$name.$number" "$file" "$script"
            # shellcheck disable=SC2086
            judge FAILED "$name fails with $script" "$work/$harness/$name.$number" "$name" $options
        done < <(lines break)
    done < <(lines prove)
}

[[ ${1:-} == @(quick|full|soak) ]] || die "usage: tools/prove.sh quick|full|soak [HARNESS...]"
wanted_tier=$1
shift
[ $# != 0 ] || set -- tests/prove/*.c
for harness; do
    harness=$(basename "$harness" .c)
    [ -e "tests/prove/$harness.c" ] || die "there is no tests/prove/$harness.c"
    prove_harness
done
[ "$failures" = 0 ] || die "$failures failed"
