#!/bin/bash
# SPDX-License-Identifier: BSD-2-Clause
#
# Builds the sources twice, in two folders whose names differ in length, and compares every program:
# `make reproducible`.
set -euo pipefail
cd "$(dirname "$0")/.."

top=build/reproducible
rm -rf $top
for copy in a another/copy; do
    mkdir -p $top/$copy/build
    git ls-files -co --exclude-standard -z | tar -c --null -T - | tar -x -C $top/$copy
    cp -a build/deps $top/$copy/build/
    make -s -C $top/$copy all
done

cd $top/a
different=0
# not the link maps, which say where it was linked
programs=(build/hv/forkvisor.elf build/payload/*.elf build/payload/*.bin build/host/*)
for program in "${programs[@]}"; do
    [ -f "$program" ] || continue
    cmp "$program" "../another/copy/$program" || different=$((different + 1))
done
[ $different = 0 ] || {
    echo "reproducible: $different of ${#programs[@]} files differ" >&2
    exit 1
}
echo "reproducible: ${#programs[@]} files, all equal"
