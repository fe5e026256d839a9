# shellcheck shell=bash disable=SC2154 # out, words: tests/run
# SPDX-License-Identifier: BSD-2-Clause
#
# The rows of the library OS, each in a VM and bare, from the same image; ids are explained in the
# README.
#
#     name                     tier  s    function arguments

# both NAME TIER SECONDS FUNCTION: in a VM, and bare
both() {
    entry "$@"
    entry "${1}_bare" "${@:2}" BARE=1
}

both row_u_2_0                 quick 30   collections
both row_u_3_0                 quick 30   readpflash
both row_u_3_0_nopaging        quick 30   readpflash_nopaging
both row_u_4_0                 quick 30   childtask
both row_u_5_0                 quick 30   msgqueue
both row_u_6_0                 quick 60   fairsched
both row_u_6_1                 quick 60   waitqueue 10000
both row_u_6_1_smp             quick 60   waitqueue_smp VCPUS=4
both row_u_6_1_boots           full  300  waitqueue_boots
both row_u_7_0                 quick 30   readblock
both row_support_hashmap       quick 30   hashmap
both row_alt_alloc             quick 60   bump
both row_lab1                  quick 60   lab1
both row_apps                  quick 60   apps
both row_apps_yield            quick 30   apps_yield
both apps_fifo                 full  60   apps_fifo
entry row_print_with_color_bare quick 30  hello_color_bare
entry row_h_2_0                quick 30   readpflash_as_guest
entry row_h_3_0_sstc           quick 60   fairsched_as_guest SSTC=on
entry row_h_3_0_no_sstc        quick 60   fairsched_as_guest SSTC=off

collections() {
    run 0 PAYLOAD=collections "$@"
    golden <<'END'
Hello, string on the heap!
[0, 1, 2, 3]
END
}

# pflash_image: how the study's begins; in $flash
pflash_image() {
    flash=$out/pflash.img
    printf 'pfld\0\0\0\001\0\0\0\004\0\0\0\0\161\021\052\300' >"$flash"
}

readpflash() {
    pflash_image
    run 0 PAYLOAD=readpflash PFLASH="$flash" "$@"
    golden <<'END'
readpflash: flash is seen at 0xffffffc022000000
readpflash: 0x646C6670, pfld
END
}

readblock() {
    disk_image
    run 0 PAYLOAD=readblock DISK="$disk" "$@"
    golden <<'END'
readblock: virtio_blk at 0x10001000: 131072 blocks of 512 bytes
readblock: OEM name mkfs.fat
END
}

# Emulated, each load is an exit; passed through, none is but for the page that is mapped by the first.
readpflash_as_guest() {
    readpflash PFLASH_MODE=emulated TRACE=exits
    grep -q ' mmio .*gpa=0x22000000' "$out/exits.log" || fail "no load of flash was emulated"
    readpflash PFLASH_MODE=passthrough TRACE=exits
    grep -q ' fault load gpa=0x22000000 passthrough ' "$out/exits.log" || fail "no page of flash was mapped"
    ! grep ' mmio .*gpa=0x22' "$out/exits.log" || fail "a load of flash was emulated"
}

# The same source without the component paging: the fault is reported.
readpflash_nopaging() {
    pflash_image
    run 1 PAYLOAD=readpflash_nopaging PFLASH="$flash" "$@"
    want '^readpflash: flash is seen at 0xffffffc022000000$' \
        '^trap: load page fault \(13\), pc 0x80200[0-9a-f]{3} main\+0x[0-9a-f]+, address 0xffffffc022000000'
    forbid 646C6670
}

childtask() {
    pflash_image
    run 0 PAYLOAD=childtask PFLASH="$flash" "$@"
    golden <<'END'
childtask: start
childtask: spawned
childtask: flash begins with 0x646C6670
childtask: ok, exit code 42
END
}

msgqueue() {
    run 0 PAYLOAD=msgqueue "$@"
    {
        for ((i = 0; i <= 64; i++)); do
            printf 'worker1: pushed %d\nworker2: popped %d\n' $i $i
            [ $i = 64 ] || echo 'worker2: nothing to do'
        done
        printf 'worker2: ends\nworker1: ends\nmsgqueue: ok\n'
    } | golden
}

# in_order LAST: each worker says its numbers, 0 to LAST, in order; these lines are then not in words
in_order() {
    local last=$1
    seq -f 'worker1: pushed %g' 0 "$last" >"$out/worker1"
    seq -f 'worker2: popped %g' 0 "$last" >"$out/worker2"
    grep -a '^worker1: pushed' "$words" >"$out/pushed"
    same "$out/worker1" "$out/pushed"
    grep -a '^worker2: popped' "$words" >"$out/popped"
    same "$out/worker2" "$out/popped"
    sed -i -E '/^worker[12]: (pushed|popped) /d' "$words"
}

fairsched() {
    run 0 PAYLOAD=fairsched "$@"
    in_order 256
    sed -i '/^worker2: nothing to do$/d' "$words"
    golden <<'END'
worker2: ends
worker1: ends
fairsched: ok
END
}

# Not more timer interrupts are injected than were asked for; with Sstc the guest has a timer of its own.
fairsched_as_guest() {
    local injected set_timer
    fairsched TRACE=exits "$@"
    injected=$(grep -c ' inject timer' "$out/exits.log" || true)
    set_timer=$(grep -cE ' sbi (TIME|LEGACY)\.set_timer ' "$out/exits.log" || true)
    figure "$* $injected timer interrupts injected, $set_timer calls of set_timer"
    [ "$injected" -le $((set_timer + 1)) ] || fail "more were injected than asked for"
    case $1 in
    SSTC=on) [ "$injected" = 0 ] || fail "a timer interrupt was injected" ;;
    SSTC=off) [ "$injected" != 0 ] || fail "no timer interrupt was injected" ;;
    esac
}

# waitqueue RUNS [BARE=1]
waitqueue() {
    run 0 PAYLOAD=waitqueue CMDLINE="runs=$1" "${@:2}"
    in_order 64
    golden <<<"waitqueue: ok, runs: $1"
}

# Bare, lines of several harts may mix: the program's own judgement is taken.
waitqueue_smp() {
    local harts=(HARTS=2)
    [[ $* != *BARE=1* ]] || harts=()
    run 0 PAYLOAD=waitqueue_smp CMDLINE=runs=2000 "${harts[@]}" "$@"
    want '^waitqueue: ok, runs: 2000$'
}

waitqueue_boots() {
    for ((boots = 0; boots < 20; boots++)); do
        waitqueue 1000 "$@"
    done
}

hashmap() {
    run 0 PAYLOAD=hashmap "$@"
    golden <<<'hashmap: ok'
}

bump() {
    run 0 PAYLOAD=bump "$@"
    sed -i -E 's/0x8[0-9a-f]{7}/ADDRESS/g' "$words"
    golden <<'END'
bump: blocks at ADDRESS, ADDRESS; pages at ADDRESS, ADDRESS
bump: 3000000 words sorted
bump: ok
END
}

# In 128 MiB; the study's own figures are 170 and less.
lab1() {
    local indicator
    run 0 PAYLOAD=allocbench "$@"
    indicator=$(sed -n 's/^lab1: indicator //p' "$words")
    [ "${indicator:-0}" -gt 170 ] || fail "the indicator is not above 170"
    figure "$(grep -a '^lab1:' "$words")"
}

hello_color_bare() {
    run 0 PAYLOAD=hello CMDLINE=color BARE=1
    golden <<<$'\033[32mHello, forkvisor!\033[m'
}

# Two images of the same sources: the one, under CFS, says the order of nice values, the other, under
# FIFO, takes turns.
apps() {
    run 0 PAYLOAD=apps "$@"
    apps_golden 'priority: nice -5, 0, 5' 'apps: priority ok' ''
}

apps_fifo() {
    run 0 PAYLOAD=apps_fifo "$@"
    apps_golden '' '' 'apps: yield ok'
}

apps_yield() {
    run 0 PAYLOAD=apps_fifo CMDLINE=app=yield "$@"
    golden <<<'apps: yield ok'
}

# apps_golden PRIORITY PRIORITY-OK YIELD-OK: the lines that not both say
apps_golden() {
    sed -i -E 's/^(faults: .* pc )0x80[0-9a-f]+/\1PC/; s/^(faults: breakpoint .*tval ).*/\1TVAL/' "$words"
    grep -v '^$' <<END | golden
faults: breakpoint (3), pc PC, tval TVAL
faults: load page fault (13), pc PC, tval 0x123000
apps: faults ok
apps: map ok
apps: pipe ok
$1
$2
sleep: 100, 200, 300 ms
apps: sleep ok
apps: sort ok
apps: timeout ok
$3
END
}
