# SPDX-License-Identifier: BSD-2-Clause
#
# Whether the lines of forktree are a tree of the given depth and width: every pid once, under the
# process that names it as its child, and as deep as it says by its indentation.
/forktree: +pid / {
    line = $0
    sub(/.*forktree: /, "", line)
    match(line, /^ */)
    level = (RLENGTH - 1) / 2
    gsub(/[,:]/, " ", line)
    n = split(line, word, " ")
    pid = word[2]
    if ((pid in parent) || word[n] != "ok")
        wrong = wrong "\n" $0
    parent[pid] = word[4]
    level_of[pid] = level
    at_level[level]++
    for (i = 6; i < n; i += 2) {
        named_by[word[i]] = pid
        children[pid]++
        if (word[i + 1] != 0)
            wrong = wrong "\n" $0
    }
}
END {
    for (pid in parent) {
        if (level_of[pid] > 0 && (named_by[pid] != parent[pid] || level_of[parent[pid]] != level_of[pid] - 1))
            wrong = wrong "\nparent of " pid
        if (children[pid] != (level_of[pid] < depth ? width : 0))
            wrong = wrong "\nchildren of " pid
    }
    if (parent[1] != 0 || level_of[1] != 0)
        wrong = wrong "\npid 1"
    for (level = 0; level <= depth; level++)
        if (at_level[level] != width ^ level)
            wrong = wrong "\nlevel " level
    if (wrong != "")
        print "forktree.awk:" wrong
    exit wrong != ""
}
