# shellcheck shell=bash disable=SC2154 # out, root, limit: tests/run
# SPDX-License-Identifier: BSD-2-Clause
#
# What tests are made of.  A test fails by fail, or by any command that fails.
#
#   out      the test's folder        limit   its time in seconds
#   words    what the last run said, without what firmware says before it

fail() {
    printf 'FAILED: %s\n' "$*"
    exit 1
}

skip() {
    printf '%s\n' "$*"
    exit 77
}

# say STATUS COMMAND...: it must end with that status, or one of a pattern (0|137);
# what it says is in words
say() {
    local expected=$1 status=0
    shift
    printf '+ %s\n' "$*"
    "$@" >"$out/raw" 2>&1 || status=$?
    # OpenSBI's table ends the lines that are not ours
    tr -d '\r' <"$out/raw" | awk '/^OpenSBI v/ { firmware = 1 }
        !firmware || past { print }
        firmware && /^Boot HART MEDELEG/ { past = 1 }' | grep -av '^$' >"$words" || true
    cat "$words"
    # shellcheck disable=SC2053
    [[ $status == @($expected) ]] || fail "exit status $status, not $expected"
}

# run STATUS [VARIABLE=VALUE...]: guests in QEMU, as `make run` would
run() {
    local expected=$1
    shift
    say "$expected" env FV_OUT="$out" TIMEOUT="$limit" "$@" tools/run.sh
    forbid '^\[hv\] (panic|.* leaked)' # the census of each run
}

# want PATTERN...: each (extended, as by grep) is somewhere in words
want() {
    local pattern
    for pattern; do
        grep -aqE -- "$pattern" "$words" || fail "nothing in the output matches: $pattern"
    done
}

# forbid PATTERN...
forbid() {
    local pattern
    for pattern; do
        ! grep -aE -- "$pattern" "$words" || fail "this must not be in the output: $pattern"
    done
}

# count NUMBER PATTERN
count() {
    local found
    found=$(grep -acE -- "$2" "$words" || true)
    [ "$found" = "$1" ] || fail "$found lines, not $1, match: $2"
}

# same EXPECTED ACTUAL: files
same() {
    diff -u --label expected "$1" --label actual "$2" || fail "the output is not as expected"
}

# golden: stdin is what words has but for the hypervisor's own lines and QEMU's version
golden() {
    cat >"$out/expected"
    grep -avE '^\[hv\] |^QEMU emulator version|VM exits$' "$words" >"$out/actual" || true
    same "$out/expected" "$out/actual"
}

# of_pid PID: what a process said, without the prefix; in words there are several
of_pid() {
    sed -n "s/^\\[$1\\] //p" "$words"
}

# golden_of PID: stdin is what the process said
golden_of() {
    cat >"$out/expected"
    of_pid "$1" >"$out/actual"
    same "$out/expected" "$out/actual"
}

# figure WORDS: a result that is shown also when the test passes
figure() {
    printf 'figure: %s\n' "$*"
}

# shim_without_seed: $out/shim, a kernel that takes the seed's name away and goes on at 0x80200000; QEMU cannot
# leave out the seed.
shim_without_seed() {
    riscv64-unknown-elf-gcc -march=rv64imac -mabi=lp64 -nostdlib -Wl,-N -Ttext=0x88000000 \
        -Wl,--build-id=none -o "$out/shim" -x assembler - <<'END'
    .globl  _start
_start:
    mv      t0, a1
    lla     t1, name
    ld      t1, 0(t1)
1:  addi    t0, t0, 1
    ld      t2, 0(t0)
    bne     t2, t1, 1b
    sb      zero, 0(t0)
    li      t0, 0x80200000
    jr      t0
name:
    .ascii  "rng-seed"
END
}

# disk_image [BYTES]: a disk as the study's, 64 MiB: FAT32, in /sbin the program of 12 bytes that it
# loads; its file is in $disk
disk_image() {
    disk=$out/disk.img
    rm -f "$disk"
    truncate -s "${1:-64M}" "$disk"
    mkfs.fat -F 32 "$disk" >/dev/null
    printf '\161\021\052\300\223\010\320\005\163\0\0\0' >"$out/origin.bin" # ... li a7, 93; ecall
    mmd -i "$disk" ::/sbin
    mcopy -i "$disk" "$out/origin.bin" ::/sbin/origin.bin
}
