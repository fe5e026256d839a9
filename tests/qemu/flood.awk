# SPDX-License-Identifier: BSD-2-Clause
#
# Whether stdin is what the payload evil prints in its act "flood", 1 MiB: byte i is the letter
# i mod 26, but each 80th byte of the first half is a newline.  Longer lines may come in pieces.
BEGIN {
    bytes = 1048576
    while (length(letters) < 4096)
        letters = letters "abcdefghijklmnopqrstuvwxyz"
}
{
    if ($0 != substr(letters, at % 26 + 1, length($0))) {
        print "line " NR ", byte " at ": " $0
        wrong = 1
        exit
    }
    at += length($0)
    if (at < bytes / 2 && at % 80 == 79)
        at++
}
END {
    if (!wrong && at != bytes)
        print at " bytes, not " bytes
    exit wrong || at != bytes
}
