# shellcheck shell=bash disable=SC2154 # lib.sh, tests/run
# SPDX-License-Identifier: BSD-2-Clause
#
# The C library: each test bare and in a VM, from the same image.
#
#     name                     tier  s    function arguments
entry libc_words_vm            quick 30   words
entry libc_words_bare          quick 30   words BARE=1
entry libc_words_bad           quick 60   words_bad
entry libc_ends_vm             quick 90   ends
entry libc_ends_bare           quick 90   ends BARE=1
entry libc_input_vm            quick 60   input
entry libc_input_bare          quick 60   input BARE=1
entry libc_terminal_vm         quick 30   terminal
entry libc_terminal_bare       quick 30   terminal BARE=1
entry libc_files_vm            quick 30   files
entry libc_files_bare          quick 30   files BARE=1
entry libc_clock_vm            quick 60   clocks CMDLINE=rtc
entry libc_clock_bare          quick 60   clocks BARE=1 CMDLINE=rtc
entry libc_random_vm           quick 60   random
entry libc_random_bare         quick 60   random BARE=1
entry libc_no_seed             quick 60   no_seed
entry libc_seed_of_device      quick 60   seed_of_device
entry libc_fork_ecall          quick 60   fork DOOR=ecall
entry libc_fork_invalid        quick 60   fork DOOR=invalid
entry libc_fork_mmio           quick 60   fork DOOR=mmio
entry libc_fork_copy           quick 60   fork FORK=copy HARTS=2
entry libc_fork_bare           quick 30   fork_bare
entry libc_pthreads_vm         quick 60   pthreads pthreads
entry libc_pthreads_bare       quick 60   pthreads pthreads BARE=1
entry libc_preempt_vm          quick 60   pthreads pthreads_preempt
entry libc_preempt_bare        quick 60   pthreads pthreads_preempt BARE=1
entry libc_smp_vm              quick 60   pthreads pthreads_smp VCPUS=4 HARTS=2
entry libc_smp_bare            quick 60   pthreads pthreads_smp VCPUS=4 BARE=1
entry libc_posixfork            quick 60   posixfork posixfork
entry libc_posixfork_doors      full  90   posixfork_doors
entry libc_posixfork_preempt    quick 60   posixfork posixfork_preempt
entry libc_posixfork_smp       quick 60   posixfork posixfork_smp VCPUS=4 HARTS=2
entry libc_posixfork_1000_smp  full  180  posixfork_1000_smp
entry libc_posixfork_1000       quick 90   posixfork_1000
entry libc_posixfork_bare       quick 30   posixfork_bare

guest=build/tests/guest/libc.elf

words() {
    run 0 PAYLOAD=$guest DOOR=mmio CMDLINE="A=1 Q='x y' -- words a\\ b \"c \\\" d\" '' --" "$@"
    golden <<'END'
libc: argc 6
libc: <libc>
libc: <words>
libc: <a b>
libc: <c " d>
libc: <>
libc: <-->
libc: environment <A=1>
libc: environment <Q=x y>
libc: A is 1
libc: A is new, B is more
libc: destructor
END
    run 0 PAYLOAD=$guest "$@"
    golden <<'END'
libc: argc 1
libc: <libc>
libc: destructor
END
}

words_bad() {
    run 2 PAYLOAD=$guest CMDLINE="words 'a"
    want '^libc: bootargs: a quote is not closed$'
    run 2 PAYLOAD=$guest BARE=1 CMDLINE="words a\\"
    want '^libc: bootargs: nothing follows the last backslash$'
    run 2 PAYLOAD=$guest CMDLINE='words -- a'
    want '^libc: bootargs: what stands before -- must be NAME=VALUE'
    run 2 PAYLOAD=$guest BARE=1 CMDLINE="$(printf '%8000s' a)"
    want '^libc: bootargs: they need more than half of the stack'
}

# ends_with STATUS CMDLINE PATTERN [VARIABLE=VALUE...]: what is said after the half line
ends_with() {
    local status=$1 cmdline=$2 pattern=$3
    shift 3
    run "$status" PAYLOAD=$guest CMDLINE="$cmdline" "$@"
    want '^libc: constructor yes$'
    grep -av '^\[hv\]' "$words" | tr '\n' '|' | grep -qE "libc: half a line$pattern\$" || fail "not as expected: $pattern"
}

ends() {
    local handlers='libc: atexit 2\|libc: atexit 1\|libc: destructor\|'
    ends_with 3 'return 3' "$handlers" "$@"
    ends_with 44 'exit 300' "$handlers" "$@"
    ends_with 7 'quick 7' '\|?' "$@"
    ends_with 134 'abort' 'aborted\|.* abort\+.*\|' "$@"
    ends_with 143 'raise 15' '\|?' "$@"
    ends_with 0 'caught' "libc: signal 10\\|$handlers" "$@"
    ends_with 134 'assert' 'assertion .* failed: .*\|aborted\|.* abort\+.*\|' "$@"
}

input() {
    run 0 PAYLOAD=$guest CMDLINE=lines "$@" <<<$'one\ntwo words\n\nlast'
    golden <<'END'
prompt> [one]
[two words]
[]
[last]
libc: 4 lines, eof 1, error 0, tty 0
libc: destructor
END
    printf 'no newline' >"$out/in"
    run 0 PAYLOAD=$guest CMDLINE=lines "$@" <"$out/in"
    want '^prompt> \[no newline\]$' '^libc: 1 lines, eof 1'
    run 0 PAYLOAD=$guest CMDLINE=scan "$@" <<<$'1 2\n39'
    want '^libc: sum 42$'
    run 0 PAYLOAD=$guest CMDLINE=lines "$@" </dev/null
    want '^prompt> libc: 0 lines, eof 1'
    # every byte but ^D
    for ((i = 0; i < 256; i++)); do
        # shellcheck disable=SC2059
        ((i == 4)) || printf "\\x$(printf %x $i)"
    done >"$out/in"
    run 0 PAYLOAD=$guest CMDLINE=bytes "$@" <"$out/in"
    want "^libc: 255 bytes, sum $((255 * 256 / 2 - 4)), end 0$"
}

terminal() {
    printf 'onf\177e\rx\002\ttwo\025last\004\rend\r\004' >"$out/in"
    run 0 PAYLOAD=$guest CMDLINE='lines console=tty' "$@" <"$out/in"
    sed -i 's/\x08/</g' "$words"
    golden <<'END'
prompt> onf< <e
[one]
x^B^Itwo< << << << << << << << <last
[last]
end
[end]
libc: 3 lines, eof 1, error 0, tty 1
libc: destructor
END
    # ^C ends it
    printf 'one\rx\003' >"$out/in"
    run 130 PAYLOAD=$guest CMDLINE='lines console=tty' "$@" <"$out/in"
    want '^\[one\]' '^x\^C'
}

files() {
    run 0 PAYLOAD=$guest CMDLINE=files "$@"
    golden <<'END'
libc: open("/x", O_RDONLY) = -1, No such file or directory
libc: open("/x", O_CREAT | O_WRONLY, 0666) = -1, Read-only file system
libc: fopen gave NULL, No such file or directory
libc: read(3, path, 1) = -1, Bad file number
libc: read(1, path, 1) = -1, Bad file number
libc: write(1, "", 0) = 0, ok
libc: write(-1, "", 0) = -1, Bad file number
libc: lseek(0, 0, SEEK_SET) = -1, Illegal seek
libc: fstat(1, &stat_of) = 0, ok
libc: S_ISCHR(stat_of.st_mode) = 1, ok
libc: isatty(1) = 0, Not a character device
libc: isatty(5) = 0, Bad file number
libc: fileno(stderr) = 2, ok
libc: close(2) = 0, ok
libc: close(2) = -1, Bad file number
libc: write(2, "", 0) = -1, Bad file number
libc: getcwd(path, sizeof(path)) != NULL = 1, ok
libc: sysconf(_SC_PAGESIZE) = 4096, ok
libc: sysconf(-5) = -1, Invalid argument
libc: getpid() > 0 = 1, ok
libc: kill(getpid(), 0) = 0, ok
libc: kill(getpid(), 99) = -1, Invalid argument
libc: destructor
END
}

clocks() {
    run 0 PAYLOAD=build/tests/guest/libcclock.elf "$@"
    want '^clock: ok$'
}

# drawn NUMBER: so many numbers of 16 bytes, no half of one twice, in words; appended to $out/drawn
drawn() {
    sed -n 's/^.*drew \([0-9a-f]\{16\}\)\([0-9a-f]\{16\}\)$/\1\n\2/p' "$words" >"$out/now"
    [ "$(wc -l <"$out/now")" = $((2 * $1)) ] || fail "not $1 numbers"
    cat "$out/now" >>"$out/drawn"
    [ -z "$(sort "$out/drawn" | uniq -d)" ] || fail "a number came twice"
}

random() {
    rm -f "$out/drawn"
    run 0 PAYLOAD=$guest CMDLINE=random "$@"
    want '^libc: bad flags -1, too much -1, uniform 0$'
    drawn 8
    run 0 PAYLOAD=$guest CMDLINE=random "$@"
    drawn 8
}

no_seed() {
    shim_without_seed
    run 0 PAYLOAD=$guest CMDLINE='random none' BARE=1 MEM=256M \
        FV_QEMU_ARGS="-kernel $out/shim -device loader,file=$root/$guest"
    no_numbers
    run 0 PAYLOAD=$guest CMDLINE='random none' \
        FV_QEMU_ARGS="-kernel $out/shim -device loader,file=$root/build/hv/forkvisor.elf"
    no_numbers
}

# The seed comes from an entropy device; from one that is dumb, there is none.
seed_of_device() {
    local args
    shim_without_seed
    args="-kernel $out/shim -device loader,file=$root/build/tests/guest/libc_rng.elf
        -global virtio-mmio.force-legacy=false -device virtio-rng-device,bus=virtio-mmio-bus.5"
    rm -f "$out/drawn"
    for _ in 1 2; do
        run 0 PAYLOAD=build/tests/guest/libc_rng.elf CMDLINE=random BARE=1 MEM=256M FV_QEMU_ARGS="$args"
        want '^libc: bad flags -1, too much -1, uniform 0$'
        drawn 8
    done
    run 0 PAYLOAD=build/tests/guest/libc_rng.elf CMDLINE='random none' BARE=1 MEM=256M \
        FV_QEMU_ARGS="${args/virtio-rng-device,/virtio-rng-device,max-bytes=1,period=3600000,}"
    no_numbers
}

no_numbers() {
    golden <<'END'
random: no seed: the machine's FDT has no /chosen/rng-seed of 32 bytes
libc: getrandom -1 -1, Function not implemented
libc: getentropy -1
libc: destructor
END
}

fork() {
    rm -f "$out/drawn"
    run 0 PAYLOAD=build/tests/guest/libcfork.elf "$@"
    want 'fork: ok$' 'trap: store/AMO page fault'
    count 1 'fork: half'
    drawn 5
}

fork_bare() {
    run 0 PAYLOAD=build/tests/guest/libcfork.elf BARE=1 CMDLINE=bare
    want '^fork: ok$'
}

# pthreads GUEST [VARIABLE=VALUE...]
pthreads() {
    local threads=build/tests/guest/$1.elf
    shift
    run 0 PAYLOAD="$threads" "$@"
    want '^pthreads: ok$'
    run 0 PAYLOAD="$threads" CMDLINE=last "$@"
    want '^pthreads: atexit$'
    run 0 PAYLOAD="$threads" CMDLINE=lines "$@"
    count 80 '^thread [0-3] says [0-9]+$'
    seq 500 >"$out/in"
    run 0 PAYLOAD="$threads" CMDLINE=reader "$@" <"$out/in"
    want '^pthreads: read 1892 bytes$'
}

# posixfork GUEST [VARIABLE=VALUE...]
posixfork() {
    local forker=build/tests/guest/$1.elf
    shift
    run 0 PAYLOAD="$forker" "$@"
    want 'posixfork: ok$' 'child of main$' 'child of a task$' 'held mutexes$' 'timer handler$'
}

posixfork_doors() {
    posixfork posixfork DOOR=invalid
    posixfork posixfork_preempt DOOR=mmio
    posixfork posixfork_preempt FORK=copy HARTS=2
}

posixfork_1000() {
    run 0 PAYLOAD=build/tests/guest/posixfork.elf CMDLINE=many
    want 'posixfork: 1000 forks$'
    run 0 PAYLOAD=build/tests/guest/posixfork_preempt.elf CMDLINE=many HARTS=2
    want 'posixfork: 1000 forks$'
}

posixfork_1000_smp() {
    run 0 PAYLOAD=build/tests/guest/posixfork_smp.elf CMDLINE=many VCPUS=4 HARTS=2
    want 'posixfork: 1000 forks$'
}

posixfork_bare() {
    run 0 PAYLOAD=build/tests/guest/posixfork.elf BARE=1 CMDLINE=bare
    want '^posixfork: ok$'
}
