#!/bin/bash
# SPDX-License-Identifier: BSD-2-Clause
#
# How large images are, the smallest first, and which components they have: `make size` calls it.
#
#   tools/size.sh ELF...
#
# text, rodata and data are what is in the image file, `other` what is beside them (names, initial
# thread-local data); bss and the stacks are memory that it takes when it runs.  The components are those
# that the link map beside an image names objects of.
#
# shellcheck disable=SC2154 # cross, objects: build/ukcc.conf
set -euo pipefail
export LC_ALL=C
cd "$(dirname "$0")/.."

# shellcheck source=/dev/null
. build/ukcc.conf

# components_in MAP
components_in() {
    local name object
    for name in $(printf '%s\n' "${!objects[@]}" | sort); do
        for object in ${objects[$name]}; do
            if grep -qE "^LOAD .*build/(guest|smp)/${object//./\\.}\$" "$1"; then
                printf '%s ' "$name"
                break
            fi
        done
    done
}

printf '%-16s %8s %8s %8s %8s %8s %8s %8s  %s\n' image text rodata data other bss stacks total components
for elf; do
    map=${elf%.elf}.map
    name=${elf##*/}
    "${cross}size" -A "$elf" | awk -v name="${name%.elf}" -v with="$([ ! -e "$map" ] || components_in "$map")" '
        $3 + 0 == 0 { next } # not in memory
        { total += $2; part = $1; sub(/^\./, "", part) }
        part == "stack" { part = "stacks" }
        part !~ /^(text|rodata|data|bss|stacks)$/ { part = part == "tbss" ? "bss" : "other" }
        { bytes[part] += $2 }
        END {
            printf "%-16s %8d %8d %8d %8d %8d %8d %8d  %s\n", name, bytes["text"], bytes["rodata"],
                bytes["data"], bytes["other"], bytes["bss"], bytes["stacks"], total, with
        }'
done | sort -k8n -k1,1 | sed 's/ *$//'
