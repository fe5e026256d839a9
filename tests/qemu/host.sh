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
