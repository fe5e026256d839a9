#!/bin/bash
# SPDX-License-Identifier: BSD-2-Clause
#
# Puts the figures of build/bench.json, and those of peers, into the tables of README.md: tools/readme.sh,
# after `make bench`.
#
# A table is one of figures if a heading begins with `bench.json`: in that column are their names, in
# backticks, several with commas between.  Columns are filled by their headings: "forkvisor" with the figures of
# these names, "bare" and "in a VM" with those of NAME_bare and NAME_vm, "peer" and "Linux" with the first
# one's peer, as tools/bench.sh says, "huge pages" with that of NAME_huge.  What stands in parentheses stays, and
# so does all of a cell of which a figure is not there.
set -euo pipefail
cd "$(dirname "$0")/.."

[ -s build/bench.json ] || {
    echo "readme: there is no build/bench.json; first: make bench" >&2
    exit 1
}

# "value NAME VALUE" and "peer NAME FIGURE"
known() {
    sed -nE 's/.*"name":"([^"]+)", "value":([0-9.]+).*/value \1 \2/p' build/bench.json
    tail -n +4 tools/linux/figures | awk '{ print "value", $1, $2 }'
    sed -nE "/^targets=/,/^'/s/^([a-z0-9_]+) +(Linux|KVM):([a-z0-9_]+) .*/peer \1 \3 \2/p" tools/bench.sh |
        awk '{ print $1, $2, $3, tolower($4) }'
}

known | awk '
    # 1234567.8 -> 1,234,568; of small ones two digits stay
    function shown(number,    text, rest) {
        if (number < 20 && number != int(number)) return sprintf("%.2f", number)
        for (text = sprintf("%.0f", number); length(text) > 3; text = substr(text, 1, length(text) - 3))
            rest = "," substr(text, length(text) - 2) rest
        return text rest
    }
    # the cell with the figures that these names have with the suffix
    function filled(names, suffix, cell,    name, n, i, text) {
        n = split(names, name, ",")
        for (i = 1; i <= n; i++) {
            gsub(/[` ]/, "", name[i])
            if (!((name[i] suffix) in value)) return cell
            text = text (i > 1 ? "; " : "") shown(value[name[i] suffix])
        }
        return " " text " "
    }
    function filled_peer(names, middle, cell,    name, figure) {
        split(names, name, ",")
        gsub(/[` ]/, "", name[1])
        if (name[1] "_bare" in peer) name[1] = name[1] "_bare"
        figure = peer[name[1]] middle "_" whose[name[1]]
        if (!(figure in value)) return cell
        sub(/^[^(]*/, "", cell)
        return " " shown(value[figure]) " " cell
    }
    FNR == NR && $1 == "value" { value[$2] = $3; next }
    FNR == NR { peer[$2] = $3; whose[$2] = $4; next }
    !/^[|]/ { at = 0; print; next }
    {
        n = split($0, cell, "|")
        if (!at)
            for (i = 1; i <= n; i++) {
                heading[i] = cell[i]
                gsub(/^ +| +$/, "", heading[i])
                if (heading[i] ~ /^`bench.json`/) at = i
            }
        else if (at && cell[at] ~ /^ `[a-z0-9_`, ]+` $/)
            for (i = at + 1; i <= n; i++) {
                if (heading[i] == "forkvisor") cell[i] = filled(cell[at], "", cell[i])
                if (heading[i] == "bare") cell[i] = filled(cell[at], "_bare", cell[i])
                if (heading[i] == "in a VM") cell[i] = filled(cell[at], "_vm", cell[i])
                if (heading[i] ~ /^(peer|Linux)$/) cell[i] = filled_peer(cell[at], "", cell[i])
                if (heading[i] == "huge pages") cell[i] = filled_peer(cell[at], "_huge", cell[i])
            }
        text = cell[1]
        for (i = 2; i <= n; i++) text = text "|" cell[i]
        print text
    }' - README.md >build/README.md
mv build/README.md README.md
git diff --stat -- README.md
