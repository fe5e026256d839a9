# shellcheck shell=bash disable=SC2154 # lib.sh, tests/run
# SPDX-License-Identifier: BSD-2-Clause
#
# The machine around the guests: many of them, the console, flash, plain QEMU.
#
#     name                     tier  s    function arguments

entry guests_64                quick 60   guests_64
entry guests_64_4harts         quick 60   guests_64 HARTS=4
entry guests_many_kinds        quick 60   guests_many_kinds HARTS=4
entry input_pipe               quick 60   input_pipe
entry input_closed             quick 60   input_closed
entry input_of_child           quick 60   input_of_child
entry uart_interrupts          quick 60   uart_interrupts
entry uart_interrupts_4harts   quick 60   uart_interrupts HARTS=4 VCPUS=2
entry uart_interrupts_bare     quick 60   uart_interrupts BARE=1
entry stdin_interrupts         quick 60   stdin_interrupts
entry stdin_interrupts_bare    quick 60   stdin_interrupts BARE=1
entry console_device_bare      quick 60   console_device
entry irqroute_bare            quick 60   payload "irqroute: ok" PAYLOAD=build/tests/guest/irqroute.elf VCPUS=4 BARE=1
entry irqroute                 quick 60   payload "irqroute: ok" PAYLOAD=build/tests/guest/irqroute.elf VCPUS=4 HARTS=2
entry uart_interrupts_fork     quick 60   uart_interrupts_fork
entry uart_interrupts_fork_copy quick 60  uart_interrupts_fork FORK=copy HARTS=2
entry entropy                  quick 60   entropy
entry entropy_copy_4harts      quick 60   entropy FORK=copy HARTS=4
entry entropy_no_seed          quick 60   entropy_no_seed
entry pflash                   quick 60   pflash
entry pflash_passthrough       quick 60   pflash_passthrough
entry pflash_passthrough_copy  quick 60   pflash_passthrough FORK=copy HARTS=2
entry initrd                   quick 60   initrd
entry initrd_bare              quick 60   initrd BARE=1
entry initrd_fork              quick 60   initrd_fork
entry initrd_folder            quick 60   initrd_folder
entry initrd_too_large         quick 60   initrd_too_large
entry linux_guest              full  300  linux_guest
entry plain_qemu               quick 60   plain_qemu
entry first_screen             quick 30   first_screen
entry timeout                  quick 30   timeout_ends
entry demonstration            quick 60   demonstration

# All the guests that there can be; each forks, and none sees the others.
guests_64() {
    local i
    for ((i = 1; i <= 64; i++)); do
        case $((i % 4)) in
        0) echo 'forktree mem=8M cmdline="depth=1 width=2"' ;;
        1) echo 'hello mem=8M' ;;
        2) echo 'good mem=8M cmdline="rounds=1 ms=50"' ;;
        3) echo 'sv39fork mem=8M cmdline="forks=1 rounds=2"' ;;
        esac
    done >"$out/guests"
    run 0 GUESTS="$out/guests" "$@"
    count 16 '^\[[0-9]+\] forktree: 3 processes, all ok$'
    count 16 '^\[[0-9]+\] Hello, forkvisor!$'
    count 16 '^\[[0-9]+\] good: ok$'
    count 16 '^\[[0-9]+\] sv39fork: 2 processes, all ok$'
    count 64 '^\[hv\] pid [0-9]+: [a-z0-9]+, 8 MiB, 1 vCPU$'
    forbid 'status [1-9]'
}

# What the words of a line are for.
guests_many_kinds() {
    head -c 64 /dev/urandom >"$out/flash"
    cat >"$out/guests" <<END
# a comment, and an empty line

smp        vcpus=3 mem=32M
skernel2
  payload/hello cmdline="color"
forktree   procs=8 cmdline="depth=3 width=3"
build/tests/guest/flash.elf pflash=$out/flash
END
    run 0 GUESTS="$out/guests" "$@"
    want '^\[1\] smp: 3 harts, ok$' '^\[hv\] pid 2: shutdown, status 0, a0 = 0x6688, a1 = 0x1234$' \
        $'^\\[3\\] \033\\[32mHello' '^\[[0-9]+\] forktree: pid [0-9]+: fork at ' \
        "^\\[5\\] flash: $(od -An -tx1 -N 20 "$out/flash" | tr -s ' \n' ' ' | sed 's/^ //; s/ $//')\$"
}

# One that reads until end of input, by each of the three ways to the console.
echo_guest=PAYLOAD=build/tests/guest/echo.elf

input_pipe() {
    local way
    for way in dbcn legacy uart; do
        printf 'one\ntwo words\n' | run 0 $echo_guest CMDLINE="way=$way"
        golden <<'END'
one
two words
echo: 14 bytes
END
        run 0 $echo_guest CMDLINE="way=$way" </dev/null
        golden <<<'echo: 0 bytes'
    done
    # more than any buffer on the way holds
    awk 'BEGIN { for (i = 0; i < 800; i++) printf "%031d\n", i }' >"$out/input"
    run 0 $echo_guest <"$out/input"
    { cat "$out/input" && echo 'echo: 25600 bytes'; } | golden
}

input_closed() {
    run 0 $echo_guest <&-
    golden <<<'echo: 0 bytes'
}

# A child reads end of input, and leaves its parent's to the parent.
input_of_child() {
    printf 'for the parent\n' | run 0 $echo_guest CMDLINE='fork way=dbcn'
    golden_of 1 <<'END'
echo: child's status 0
for the parent
echo: 15 bytes
END
    golden_of 2 <<<'echo: 0 bytes'
}

# A guest that sleeps until its UART interrupts: what is typed comes while it does.
uart_interrupts() {
    { sleep 2 && printf 'one' && sleep 1 && printf ' two.'; } |
        run 0 PAYLOAD=build/tests/guest/uartirq.elf "$@"
    want '^uartirq: one two\.$' '^uartirq: ok$'
}

# Who reads sleeps meanwhile.
stdin_interrupts() {
    { sleep 1 && printf 'one\ntwo\n' && sleep 1 && printf 'thr' && sleep 0.5 && printf 'ee\nend'; } |
        run 0 PAYLOAD=build/tests/guest/stdinirq.elf "$@"
    golden <<'END'
stdinirq: <one>
stdinirq: <two>
stdinirq: <three>
stdinirq: <end>
stdinirq: ok, few exits
END
}

# A virtio console: there is standard input and output; the machine's own console stays silent.
console_device() {
    rm -f "$out"/device.{in,out} && mkfifo "$out"/device.{in,out}
    cat "$out/device.out" >"$out/said" &
    { sleep 1 && printf 'one\ntwo\n' && sleep 1 && printf 'three\nend\004'; } >"$out/device.in" &
    run 0 PAYLOAD=build/tests/guest/stdinirq_console.elf BARE=1 FV_QEMU_ARGS="-global virtio-mmio.force-legacy=false
        -device virtio-serial-device,bus=virtio-mmio-bus.3 -device virtconsole,chardev=device
        -chardev pipe,id=device,path=$out/device"
    wait
    forbid stdinirq
    printf 'stdinirq: <%s>\n' one two three end >"$out/expected"
    echo 'stdinirq: ok, few exits' >>"$out/expected"
    same "$out/expected" "$out/said"
}

# Pending or in service: the child has it, too, and both complete it.
uart_interrupts_fork() {
    printf 'x' | run 0 PAYLOAD=build/tests/guest/uartirq.elf CMDLINE=fork "$@"
    want 'uartirq: child of pending: ok' 'uartirq: child of in service: ok' 'uartirq: ok'
}

# distinct NUMBER: so many pieces of 16 bytes were printed, each once
distinct() {
    sed -n 's/^.*entropy: [a-z]* \([0-9a-f]\{32\}\)$/\1/p' "$words" | sort >"$out/numbers"
    [ "$(wc -l <"$out/numbers")" = "$1" ] || fail "$(wc -l <"$out/numbers") random numbers, not $1"
    [ -z "$(uniq -d "$out/numbers")" ] || fail "random numbers that came twice: $(uniq -d "$out/numbers")"
}

# Of each boot: a seed in two pieces, and three times four pieces in the parent and in a child.
entropy() {
    local guest=build/tests/guest/entropy.elf
    run 0 PAYLOAD=$guest,$guest "$@"
    count 2 'entropy: ok$'
    distinct $((2 * (2 + 3 * 8)))
    cp "$out/numbers" "$out/earlier"
    run 0 PAYLOAD=$guest CMDLINE=reset "$@"
    want '^(\[1\] )?entropy: ok$'
    distinct $((2 * (2 + 3 * 8)))
    [ -z "$(sort "$out/numbers" "$out/earlier" | uniq -d)" ] || fail "two runs have random numbers in common"
}

entropy_no_seed() {
    shim_without_seed
    run 0 PAYLOAD=build/tests/guest/entropy.elf \
        FV_QEMU_ARGS="-kernel $out/shim -device loader,file=$root/build/hv/forkvisor.elf"
    want '^\[hv\] no rng-seed: guests get no random numbers$'
    golden <<<'entropy: no random numbers'
    run 0 PAYLOAD=hello
    forbid 'rng-seed'
}

pflash() {
    { printf 'pfld\0\0\0\001\0\0\0\004\0\0\0\0\161\021\052\300' && head -c 100 /dev/zero; } >"$out/short"
    run 0 PAYLOAD=build/tests/guest/flash.elf PFLASH="$out/short"
    cp "$words" "$out/words.short"
    golden <<'END'
flash: 70 66 6c 64 00 00 00 01 00 00 00 04 00 00 00 00 71 11 2a c0
flash: 6670 646c 646c6670 0000000004000000
flash: 0000000000000000
END
    # all of it, and bare: the machine's own
    { cat "$out/short" && head -c $(((32 << 20) - $(stat -c %s "$out/short") - 8)) /dev/zero &&
        printf 'the end\n'; } >"$out/whole"
    run 0 PAYLOAD=build/tests/guest/flash.elf PFLASH="$out/whole"
    want '^flash: 0a646e6520656874$'
    run 0 PAYLOAD=build/tests/guest/flash.elf PFLASH="$out/whole" BARE=1
    want '^flash: 6670 646c 646c6670 0000000004000000$' '^flash: 0a646e6520656874$'
    rm "$out/whole"
}

# The machine's own, read by guests and their children as an emulated one is, and never written.
pflash_passthrough() {
    local guest=build/tests/guest/flash.elf mode=(PFLASH="$out/flash" PFLASH_MODE=passthrough "$@")
    { printf 'pfld\0\0\0\001' && head -c $(((32 << 20) - 16)) /dev/zero && printf 'the end\n'; } >"$out/flash"
    run 0 PAYLOAD=$guest PFLASH="$out/flash"
    grep -a '^flash:' "$words" >"$out/emulated"
    run 0 PAYLOAD=$guest "${mode[@]}" TRACE=exits
    golden <"$out/emulated"
    [ "$(grep -c ' fault load gpa=0x2[23][0-9a-f]* passthrough ' "$out/exits.log")" = 2 ] ||
        fail "not two pages were mapped"
    ! grep ' mmio .*gpa=0x2[23]' "$out/exits.log" || fail "a load of flash was emulated"
    run 0 PAYLOAD=$guest,$guest,hello CMDLINE=fork "${mode[@]}"
    for _ in 1 2 3 4 5; do cat "$out/emulated"; done >"$out/five"
    sed -n 's/^\[[0-9]*\] flash/flash/p' "$words" | sort >"$out/said"
    sort "$out/five" "$out/five" >"$out/expected"
    same "$out/expected" "$out/said"
    run 1 PAYLOAD=$guest CMDLINE=store "${mode[@]}"
    want '^trap: store/AMO access fault \(7\), '
    forbid 'stored'
    run 1 PAYLOAD=$guest CMDLINE=fetch "${mode[@]}"
    want '^trap: instruction access fault \(1\), '
    run 0 PAYLOAD=$guest CMDLINE=store PFLASH="$out/flash" "$@"
    { cat "$out/emulated" && echo 'flash: stored' && cat "$out/emulated"; } | golden
    # a machine option where the flash is
    run 2 PAYLOAD=$guest MACHINE='word@0x22000008=1' "${mode[@]}"
    want 'machine option word@0x22000008 is where its pflash is; move it'
    rm "$out/flash"
}

# initrd_lines FILE BYTES TIMES: what the guest says of it
initrd_lines() {
    local i
    for ((i = 0; i < $3; i++)); do
        echo "initrd: $2 bytes at 0 of a page"
        cat "$1"
    done
}

# What the guest finds, also after it has written to all memory that it can have; of one page, and of some.
initrd() {
    local bytes
    for bytes in 20 4096 50000; do
        printf 'line %05d\n' {1..5000} | head -c $((bytes - 1)) >"$out/words of it" || true # the pipe is cut
        echo >>"$out/words of it"
        run 0 PAYLOAD=build/tests/guest/initrd.elf INITRD="$out/words of it" MEM=32M "$@"
        initrd_lines "$out/words of it" "$bytes" 2 | golden
    done
}

# Each guest and child has its own; one without has none.
initrd_fork() {
    echo 'what lies there' >"$out/a"
    echo 'something else' >"$out/b"
    printf '%s\n' "build/tests/guest/initrd.elf initrd=$out/a mem=16M cmdline=fork" \
        "build/tests/guest/initrd.elf initrd=$out/b mem=24M" 'build/tests/guest/initrd.elf mem=16M' >"$out/guests"
    run 0 GUESTS="$out/guests"
    initrd_lines "$out/a" 16 2 | golden_of 1
    initrd_lines "$out/b" 15 2 | golden_of 2
    of_pid 3 | sort -u >"$out/none"
    echo 'initrd: 0 bytes at 0 of a page' | same - "$out/none"
    initrd_lines "$out/a" 16 1 | golden_of 4
}

# An archive of the same bytes, whoever made the folder and when.
initrd_folder() {
    mkdir -p "$out/one/sub" "$out/two"
    echo a >"$out/one/sub/file" && echo b >"$out/one/.hidden"
    run 0 PAYLOAD=build/tests/guest/initrd.elf,hello INITRD="$out/one"
    want "^\\[1\\] initrd: $(stat -c %s "$out/initrd0.tar") bytes"
    [ "$(tar tf "$out/initrd0.tar" | xargs)" = './ ./.hidden ./sub/ ./sub/file' ] || fail "not what is in the folder"
    mv "$out/initrd0.tar" "$out/first"
    cp "$out/one/.hidden" "$out/two/" && mkdir "$out/two/sub" && cp "$out/one/sub/file" "$out/two/sub/"
    run 0 PAYLOAD=build/tests/guest/initrd.elf INITRD="$out/two" BARE=1
    same "$out/first" "$out/initrd0.tar"
}

initrd_too_large() {
    local guest=build/tests/guest/initrd.elf needed
    head -c 20M /dev/zero >"$out/zeros"
    run 2 PAYLOAD=$guest INITRD="$out/zeros" MEM=16M
    want 'no room behind its image for its initrd, 20971520 bytes; give it [0-9]+ MiB of memory \(mem=\)$'
    needed=$(sed -nE 's/.*; give it ([0-9]+) MiB of memory.*/\1/p' "$words")
    run 2 PAYLOAD=$guest INITRD="$out/zeros" MEM=$((needed - 1))M
    run 0 PAYLOAD=hello INITRD="$out/zeros" MEM="$needed"M
    # an image that is where the initrd would have to be
    printf '.globl _start\n_start: j _start\n.data\n.word 1\n' | riscv64-unknown-elf-as -o "$out/a.o" -
    riscv64-unknown-elf-ld -Ttext=0x80200000 -Tdata=0xbff00000 -o "$out/a.elf" "$out/a.o"
    run 2 PAYLOAD="$out/a.elf" INITRD="$out/zeros" MEM=2G HOSTMEM=3G
    want 'its initrd, 20971520 bytes, has no room in the first GiB of its memory; make it smaller$'
    rm "$out/zeros"
}

# Debian's kernel as a guest, with a disk and an initramfs, on which it runs a program.
linux_guest() {
    { [ -e build/deps/linux ] && command -v riscv64-linux-gnu-gcc >/dev/null; } ||
        skip "there is no kernel, or no compiler for Linux programs: tools/deps.sh linux gets them"
    tools/linux/initramfs.sh "$out"
    disk_image
    run 0 PAYLOAD=build/deps/linux/vmlinux MEM=1G HOSTMEM=2G INITRD="$out/initramfs" DISK="$disk" "$@" \
        CMDLINE='console=ttyS0 -- /fsbench dir=/mnt small_files=20 open_read_close'
    want 'virtio_blk virtio0: \[vda\] 131072 512-byte logical blocks' 'marked fat_small_files_20 ' \
        'marked open_read_close ' 'init: /fsbench ended with status 0'
    fsck.fat -n "$disk" >"$out/fsck" || fail "$(<"$out/fsck")"
}

# The lines of the README, as they stand there.
plain_qemu() {
    ln -sfn "$root/build" "$out/build"
    sed -n '/^    build\/host\/mkimage -o/p; /^    qemu-system-riscv64 /p' README.md >"$out/lines"
    [ "$(wc -l <"$out/lines")" = 2 ] || fail "the README has other lines now"
    (cd "$out" && say 0 timeout "$limit" bash -eu lines)
    golden <<<'Hello, forkvisor!'
}

first_screen() {
    run 0 PAYLOAD=hello,hello HARTS=2 MEM=24M
    want '^QEMU emulator version [0-9]+' '^\[hv\] forkvisor [^ ]+, 2 harts, [0-9]+ MiB of memory free' \
        '^\[hv\] ISA rv64' '^\[hv\] firmware OpenSBI [0-9.]+, SBI [0-9.]+' \
        '^\[hv\] pid 1: hello, 24 MiB, 1 vCPU$' '^\[hv\] pid 2: hello, 24 MiB, 1 vCPU$' \
        '^\[hv\] pid 1: exit, status 0, a0 = (0x)?[0-9a-f]+, a1 = (0x)?[0-9a-f]+$'
}

timeout_ends() {
    run 124 PAYLOAD=evil CMDLINE='act=irq-off-loop' TIMEOUT=3
    want '^run: not finished after TIMEOUT=3 s$'
}

# `make run` by itself.
demonstration() {
    say 0 make --no-print-directory run
    want '^\[2\] I am pid 2, child of 1, made by an SBI call' 'made by an invalid instruction' \
        'made by a store to a doorbell' '4 workers, forked before, have done 12 jobs: there are 196 primes below 1200$' \
        'three unikernels: the squares of 1 to 100 make 338350$' '^\[1\] a byte to a process, and one back +[0-9]+ ' '^\[1\] fork\(\) in the parent +[0-9]+ ' \
        '^\[hv\] run over, status 0'
    say 2 make --no-print-directory run PAYLOAD=build/tests/guest/ends.elf CMDLINE='how=exit status=3'
    want 'Error 3$'
}
