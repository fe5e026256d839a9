# SPDX-License-Identifier: BSD-2-Clause
#
# awk -f matrix.awk NAMES README: each row of the hazard matrix names tests in its last column, and each of them is
# one of NAMES, a line each: names of tests/run, and those of the unit tests with () behind them.  A name may have *;
# one that begins with _ goes on where the one before it in its row ends.

FNR == NR { names[$1]; next }

/^## / { inside = $0 == "## The hazard matrix" }

inside && /^\| / && !/^\| hazard / {
    rows++
    split($0, cell, " *\\| *")
    rest = cell[4]
    before = ""
    found = 0
    while (match(rest, /`[^`]*`/)) {
        name = substr(rest, RSTART + 1, RLENGTH - 2)
        rest = substr(rest, RSTART + RLENGTH)
        if (name ~ /^_/)
            name = before name
        else
            before = name
        found++
        check(name, cell[2])
    }
    if (!found) {
        print "no test is named for: " cell[2]
        wrong = 1
    }
}

END {
    print rows + 0 " hazards"
    exit wrong || !rows
}

function check(name, hazard, pattern, known) {
    pattern = name
    gsub(/[()]/, "\\\\&", pattern)
    gsub(/\*/, ".*", pattern)
    for (known in names)
        if (known ~ "^" pattern "$")
            return
    print "there is no test " name ", which is named for: " hazard
    wrong = 1
}
