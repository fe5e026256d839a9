# SPDX-License-Identifier: BSD-2-Clause
#
# Which of the words on stdin (one a line) was meant by `word`?  Prints the one at the smallest edit
# distance, letter case ignored, or nothing if that is more than a third of its letters.
#
#   printf '%s\n' PAYLOAD MEM | awk -v word=PAYLAOD -f tools/nearest.awk

function min(a, b) { return a < b ? a : b }

# Levenshtein's distance, with two swapped neighbours as one edit: d[i, j] is that of the first i
# letters of a and the first j of b.
function distance(a, b,    d, i, j, same) {
    for (i = 0; i <= length(a); i++)
        d[i, 0] = i
    for (j = 0; j <= length(b); j++)
        d[0, j] = j
    for (i = 1; i <= length(a); i++)
        for (j = 1; j <= length(b); j++) {
            same = substr(a, i, 1) == substr(b, j, 1)
            d[i, j] = min(d[i - 1, j - 1] + !same, min(d[i - 1, j], d[i, j - 1]) + 1)
            if (i > 1 && j > 1 && substr(a, i - 1, 2) == substr(b, j, 1) substr(b, j - 1, 1))
                d[i, j] = min(d[i, j], d[i - 2, j - 2] + 1)
        }
    return d[length(a), length(b)]
}

{
    far = distance(tolower(word), tolower($0))
    if (far <= (length($0) + 1) / 3 && (best == "" || far < best_far)) {
        best = $0
        best_far = far
    }
}

END { if (best != "") print best }
