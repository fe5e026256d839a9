#!/bin/bash
# SPDX-License-Identifier: BSD-2-Clause
#
# Judges the sources, tracked and new: `make check`.  Each check prints what it found, and nothing if
# all is well; all are made before the script ends with status 1.
#
# shellcheck disable=SC2317 # functions that only check() calls
set -uo pipefail
cd "$(dirname "$0")/.." || exit
exec 3>&1 # for remarks out of a check

mapfile -t files < <(git ls-files -co --exclude-standard | while read -r f; do [ -f "$f" ] && echo "$f"; done)
of() { printf '%s\n' "${files[@]}" | grep -E "$1"; }
failed=0

# check TITLE COMMAND...: fails if the command does or prints something
check() {
    local title=$1 found
    shift
    if found=$("$@" 2>&1) && [ -z "$found" ]; then
        echo "ok    $title"
    else
        printf 'FAIL  %s\n%s\n' "$title" "$found"
        failed=1
    fi
}

# The house format is that of clang-format 14, which other versions read differently.  A header with
# assembler macros is no C.
format() {
    if clang-format --version | grep -q 'version 14\.'; then
        of '\.[ch]$' | xargs grep -L '^ *\.macro' | xargs clang-format --dry-run -Werror
    else
        echo "skip  format: this is not clang-format 14" >&3
    fi
}

# Every file but the licence itself and the fuzzers' inputs.
licence_lines() {
    of . | grep -vE '^LICENSE$|/corpus/' | xargs grep -L -m 1 'SPDX-License-Identifier: BSD-2-Clause'
    return 0
}

# Which folder may include from which others; <...> is free.
layers() {
    while read -r folder allowed; do
        of "^$folder/.*\.(c|h|S|def)$" | xargs -r grep -nE '^ *# *include "' /dev/null |
            grep -vE "include \"($allowed)"
    done <<'END'
sbi     sbi/
lib     (lib|sbi)/
dts     (dts|lib|sbi)/
hv      (hv|dts|lib|sbi)/|build/version.h"
guest   (guest|dts|lib|sbi)/
payload (payload|guest|lib|sbi)/
END
    return 0
}

scripts() {
    of . | xargs grep -lE '^(#!/bin/(ba)?sh|# shellcheck shell=)' | xargs shellcheck
}

# internalAstError: cppcheck 2.10 stumbles over a compound literal behind a "?".
# tests/guest/heap.c misuses its heap, to be found out.
# comparePointers: to it, the start and the end that a linker script gives a table are two objects.
static_analysis() {
    of '\.c$' | cppcheck --quiet --file-list=- --enable=warning,portability --inline-suppr \
        --std=c11 --platform=unix64 -I. -D__riscv -D__riscv_xlen=64 \
        --suppress=internalAstError --suppress=comparePointers \
        --suppress='*:tests/guest/heap.c' --error-exitcode=1
}

check "format (clang-format)" format
check "licence lines" licence_lines
check "layers" layers
check "scripts (shellcheck)" scripts
check "static analysis (cppcheck)" static_analysis
exit $failed
