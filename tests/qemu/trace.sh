# shellcheck shell=bash disable=SC2154 # lib.sh, tests/run
# SPDX-License-Identifier: BSD-2-Clause
#
# TRACE=exits: the log, its filter, the histogram, the file for Perfetto.
#
#     name                     tier  s    function arguments

entry trace_skernel2           quick 30   trace_skernel2
entry trace_filter             quick 60   trace_filter
entry trace_forktree           quick 60   trace_forktree
entry trace_forktree_4harts    quick 60   trace_forktree HARTS=4
entry trace_timer              quick 60   trace_timer
entry trace_timer_4harts       full  60   trace_timer HARTS=4
entry trace_lossless           full  120  trace_lossless

# log_without_times: what is left is the same in every run
log_without_times() {
    sed -E 's/^[0-9]+\.[0-9]{9} //; s/ hv=[0-9]+$//' "$out/exits.log"
}

trace_skernel2() {
    run 0 PAYLOAD=skernel2 TRACE=exits
    # its slice may end meanwhile
    log_without_times | grep -av ' supervisor timer interrupt ' >"$out/actual"
    cat >"$out/expected" <<'END'
1.0 h0 instruction guest-page fault pc=0x80200000 fault fetch gpa=0x80200000 fill
1.0 h0 illegal instruction pc=0x80200000 csr 0xf14 value=0x1234
1.0 h0 load guest-page fault pc=0x80200004 mmio load8 gpa=0x40 -> 0x6688
1.0 h0 environment call from VS-mode pc=0x8020000c sbi LEGACY.shutdown -> 0
END
    same "$out/expected" "$out/actual"
}

# only PATTERN: every line of the log matches, and there is one
only() {
    log_without_times >"$out/log.text"
    [ -s "$out/log.text" ] || fail "the log is empty"
    ! grep -vE "$1" "$out/log.text" || fail "these lines do not match: $1"
}

trace_filter() {
    local tree=(PAYLOAD=forktree CMDLINE='depth=2 width=2 door=invalid')
    run 0 "${tree[@]}" TRACE=exits:pid=2,cause=ecall
    only '^2\.0 h0 environment call from VS-mode pc=0x[0-9a-f]+ sbi '
    run 0 "${tree[@]}" TRACE=exits:cause=illegal
    only '^[0-9]+\.0 h0 illegal instruction pc='
    [ "$(grep -c ' fork -> ' "$out/log.text")" = 6 ] || fail "not six forks"
    run 0 "${tree[@]}" TRACE=exits:pid=1+3,cause=store+load
    only '^[13]\.0 h0 (store/AMO|load) guest-page fault '
    run 0 "${tree[@]}" TRACE=exits:pid=999
    want 'exits.log: 0 VM exits$'
    say 64 env FV_OUT="$out" PAYLOAD=hello TRACE=exits:pdi=3 tools/run.sh
    want '^TRACE=exits:pdi=3: '
    say 64 env FV_OUT="$out" PAYLOAD=hello TRACE=exit tools/run.sh
    want '^TRACE=exit: must be off, exits or exits:FILTER$'
}

# An exit for each thing that the processes did; what the three readers say agrees.
trace_forktree() {
    local exits
    run 0 PAYLOAD=forktree CMDLINE='depth=2 width=3' TRACE=exits "$@"
    want '^\[1\] forktree: 13 processes, all ok$'
    exits=$(wc -l <"$out/exits.log")
    want "exits.log: $exits VM exits\$"
    log_without_times >"$out/log.text"
    [ "$(grep -cE ' fork -> [1-9]' "$out/log.text")" = 12 ] || fail "not twelve forks"
    grep -q ' cow' "$out/log.text" || fail "no page was copied on write"
    awk '{ if ($1 < before) exit 1; before = $1 }' "$out/exits.log" || fail "not in the order of time"
    say 0 build/host/trace histogram "$out/exits.bin"
    want 'environment call from VS-mode' 'store/AMO guest-page fault'
    say 0 build/host/trace perfetto "$out/exits.bin" "$out/exits.json"
    awk -f tests/qemu/json.awk "$out/exits.json" || fail "exits.json is no JSON"
    grep -o '"ph": *"[a-zA-Z]"' "$out/exits.json" | tr -d ' ' | sort | uniq -c >"$out/phases"
    cat "$out/phases"
    [ "$(awk '/"s"/ { s = $1 } /"f"/ { f = $1 } END { print s + 0, f + 0 }' "$out/phases")" = '12 12' ] ||
        fail "not an arrow for each of the twelve forks"
}

# An injected timer interrupt for each set_timer at most, and one for what a child has from its parent;
# with Sstc none, and nobody asks for one.
trace_timer() {
    local guests=PAYLOAD=good,good,build/tests/guest/hazards.elf
    run 0 $guests CMDLINE='rounds=2 ms=200 hazard=armed' SSTC=off TRACE=exits "$@"
    awk '{ split($2, id, ".") }
        / inject timer / { injected[id[1]]++; all++ }
        / sbi (TIME|LEGACY)\.set_timer -> 0 / { set[id[1]]++ }
        END { for (pid in injected) if (injected[pid] > set[pid] + 1) exit 1
              exit all < 10 }' "$out/exits.log" || fail "too few injected timer interrupts, or too many"
    say 0 build/host/trace histogram "$out/exits.bin"
    want ' inject timer$' ' sbi TIME.set_timer$'
    run 0 $guests CMDLINE='rounds=2 ms=200 hazard=armed' SSTC=on TRACE=exits "$@"
    ! grep -E ' inject timer| set_timer ' "$out/exits.log" || fail "a timer was injected, or asked for"
}

# Far more records than the ring of a hart holds: none is lost.
trace_lossless() {
    run 0 PAYLOAD=build/tests/guest/forks.elf CMDLINE='row=2000' TRACE=exits
    log_without_times >"$out/log.text"
    [ "$(grep -cE ' fork -> [1-9]' "$out/log.text")" = 2000 ] || fail "not 2000 forks in the log"
    [ "$(grep -c ' sbi PRC\.exit -> 0' "$out/log.text")" = 2001 ] || fail "not 2000 exits, and the parent's, in the log"
    figure "$(wc -l <"$out/log.text") VM exits recorded"
    rm "$out/exits.bin" "$out/exits.log" "$out/log.text"
}
