#!/bin/bash
# SPDX-License-Identifier: BSD-2-Clause
#
# Proves what tests/prove/*.c state for all inputs within their bounds, not for examples.
#
#   tools/prove.sh quick|full|soak [HARNESS...]      tools/deps.sh prove first
#
# A harness includes the sources that it is about.  Lines of its opening comment say what to do:
#
#   bound FILE SED           what is smaller in a proof: FILE is edited in a copy, which the harness includes
#   prove TIER NAME OPTION...
#                            NAME holds: cbmc with these options and PROVE=prove_NAME finds no way to fail
#   every TIER NAME OPTION...
#                            the same without cbmc: compiled with these options, it goes through every run itself
#                            (tests/prove/every.h); for what has too many pointers for cbmc
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

# every FOLDER NAME OPTION..., prove FOLDER NAME OPTION...: what a line of that word does.  What the harness never
# calls need not be there; if it is called, that is a failure, but not one that is wanted.
every() {
    gcc -std=gnu17 -w -g -O1 -static -fsanitize=undefined -fsanitize-undefined-trap-on-error -I "$1" -I. -Ibuild \
        -Wl,--unresolved-symbols=ignore-all -o "$1/run" "${@:3}" "tests/prove/$harness.c" && "$1/run"
}

prove() {
    cbmc -I "$1" -I. -DPROVE="prove_$2" --slice-formula "${@:3}" "tests/prove/$harness.c"
}

# judge WANTED WORDS HOW FOLDER NAME OPTION...: a line
judge() {
    local wanted=$1 words=$2 how=$3 folder=$4 start=$SECONDS said
    shift 3
    "$how" "$@" >"$folder/log" 2>&1 || true
    said=$(sed -n 's/^VERIFICATION \([A-Z]*\).*/\1/p' "$folder/log")
    if [ "$said" = "$wanted" ]; then
        printf 'ok    %s %s (%d s)\n' "$harness" "$words" $((SECONDS - start))
    else
        failures=$((failures + 1))
        printf 'FAIL  %s %s (%d s): %s, not %s; see %s\n' "$harness" "$words" $((SECONDS - start)) \
            "${said:-nothing was found out}" "$wanted" "$folder/log"
        grep ': FAILURE' "$folder/log" || tail -n 5 "$folder/log"
    fi
}

# lines WORD [whole]: the opening comment's lines that begin with the word, without it or whole
lines() {
    sed -n "1,/^ \*\//s/^ \* \($1 \)/${2:+\\1}/p" "tests/prove/$harness.c"
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
    local how tier name options broken file script number=0
    while read -r how tier name options; do
        [ "$wanted_tier" = soak ] || [ "$tier" = quick ] || [ "$tier" = "$wanted_tier" ] || continue
        bounded "$work/$harness/$name"
        # shellcheck disable=SC2086 # options are words
        judge SUCCESSFUL "$name" "$how" "$work/$harness/$name" "$name" $options
        while read -r broken file script; do
            [ "$broken" = "$name" ] || continue
            number=$((number + 1))
            bounded "$work/$harness/$name.$number"
            edit "$work/$harness/$name.$number" "$file" "$script"
            # shellcheck disable=SC2086
            judge FAILED "$name fails with $script" "$how" "$work/$harness/$name.$number" "$name" $options
        done < <(lines break)
    done < <(lines '\(prove\|every\)' whole)
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
