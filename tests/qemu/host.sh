# shellcheck shell=bash disable=SC2154 # lib.sh, tests/run
# SPDX-License-Identifier: BSD-2-Clause
#
# What needs no guest: unit tests, fuzz harnesses, proofs, device trees.
#
#     name                     tier  s    function arguments

entry host                     quick 300  unit_tests quick
entry host_longer              full  1200 unit_tests full
entry host_long                soak  14400 unit_tests soak
entry fuzz                     quick 60   fuzz 10
entry fuzz_longer              full  200  fuzz 120
entry fuzz_long                soak  3800 fuzz 3600
entry prove                    full  900  prove quick
entry prove_longer             soak  3600 prove full
entry dts                      quick 30   tests/dts.sh
entry runner_twins             quick 30   runner_twins
entry hazard_matrix            quick 30   hazard_matrix

# unit_tests TIER: some of them do more of the same in a higher one
unit_tests() {
    TIER=$1 build/host/tests
}

# prove TIER
prove() {
    tools/deps.sh prove && tools/prove.sh "$1"
}

# fuzz SECONDS: of all harnesses
fuzz() {
    say 0 build/host/tests --fuzz "$1"
    figure "$(tail -n 1 "$words")"
}

# Two tests of one name, and two functions: of a table and another, of a table and the runner.
runner_twins() {
    local tables=$out/tests/qemu
    mkdir -p "$tables"
    cp tests/run "$out/tests"
    printf 'entry one quick 1 first\nfirst() {\n    :\n}\n' >"$tables/a.sh"
    say 0 "$out/tests/run" -l
    want '^one +quick +1 +first'
    printf 'second() {\n    :\n}\nfirst() {\n    :\n}\n' >"$tables/b.sh"
    say 2 "$out/tests/run" -l
    want 'tests/run: two functions are named first\(\), in tests/qemu/a.sh and tests/qemu/b.sh$'
    printf 'finish() {\n    :\n}\n' >"$tables/b.sh"
    say 2 "$out/tests/run" -l
    want 'two functions are named finish\(\), in .*/tests/run and tests/qemu/b.sh$'
    printf 'entry one full 1 first\n' >"$tables/b.sh"
    say 2 "$out/tests/run" -l
    want 'two tests are named one$'
}

# All tests that hv/README.md names for a hazard are there; and a name that is wrong is found.
hazard_matrix() {
    {
        printf '%s\n' "${names[@]}"
        build/host/tests --list | sed 's/ .*/()/'
    } >"$out/names"
    awk -f tests/qemu/matrix.awk "$out/names" hv/README.md || fail "hv/README.md names tests that do not exist"
    sed 's/fork_bomb/fork_bomber/' hv/README.md >"$out/wrong.md"
    say 1 awk -f tests/qemu/matrix.awk "$out/names" "$out/wrong.md"
    want '^there is no test fork_bomber, which is named for: quota is reached$'
}
