# shellcheck shell=bash disable=SC2154 # out: tests/run
# SPDX-License-Identifier: BSD-2-Clause
#
# Pages, page tables, heaps and devices of payloads.
entry paging        quick 60 pagings
entry paging_bare   quick 60 pagings BARE=1
entry heap          quick 60 heaps
entry heap_bare     quick 60 heaps BARE=1
entry heap_misuse   quick 60 heap_misuse
entry memory_too_small quick 60 memory_too_small
entry devices               quick 30 devices devices "flash=1 magic" "a clock, 0 without room"
entry devices_dynamic       quick 30 devices devices_dynamic "flash=1 magic" "a clock, 0 without room"
entry devices_bare          quick 30 devices devices "flash=1 log=info" "a clock, 1 without room" BARE=1
entry devices_dynamic_bare  quick 30 devices devices_dynamic "flash=2 magic" "a clock, 0 without room" BARE=1

# Also with RAM that does not fit into one leaf of 1 GiB.
pagings() {
    local mem
    for mem in 16M 2050M; do
        run 0 PAYLOAD=build/tests/guest/paging.elf MEM=$mem "${1:-HOSTMEM=3G}"
        want '^paging: ok$'
    done
}

heaps() {
    local heap
    for heap in heap heap_bitmap heap_buddy heap_bump heap_checked heap_slab; do
        run 0 PAYLOAD=build/tests/guest/$heap.elf MEM=256M "$@"
        want '^heap: ok$'
    done
}

# heap_misuse: each act is told with the block's address
heap_misuse() {
    misuse 'twice' 'free\(0x[0-9a-f]+\): freed already'
    misuse 'past' 'free\(0x[0-9a-f]+\): written past its end, which is at 100 bytes'
    misuse 'before' 'free\(0x[0-9a-f]+\): no block, or overwritten in front of it'
    misuse 'after' 'heap: the block 0x[0-9a-f]+ was written after it was freed'
    misuse 'inside' 'free\(0x[0-9a-f]+\): no block'
    misuse 'realloc' 'realloc\(0x[0-9a-f]+\): freed already'
    run 1 PAYLOAD=build/tests/guest/heap.elf CMDLINE=act=twice
    want 'free\(0x[0-9a-f]+\): freed already'
}

misuse() {
    run 1 PAYLOAD=build/tests/guest/heap_checked.elf CMDLINE="act=$1"
    want "$2"
}

# Less memory than the image, the stacks or the page tables need.
memory_too_small() {
    local guest=build/tests/guest/paging.elf end
    say 1 env FV_OUT="$out" TIMEOUT="$limit" PAYLOAD=$guest MEM=2M tools/run.sh
    want "^mkimage: $guest: a part lies beyond guest RAM; give the guest more memory"
    say 64 env FV_OUT="$out" TIMEOUT="$limit" PAYLOAD=$guest MEM=4M BARE=1 tools/run.sh
    want '^run: MEM: too little for a bare machine'
    end=$(riscv64-unknown-elf-nm $guest | sed -n 's/ B _image_end//p')
    run 1 PAYLOAD=$guest MEM=$(((0x$end - 0x80000000) / 1024 + 28))K
    want 'raise MEM|MEM is too small'
}

# devices NAME FOUND SAID [VARIABLE=VALUE...]
devices() {
    local name=$1 found=$2 said=$3
    shift 3
    printf 'pfld\0\0\0\001' >"$out/flash"
    run 0 PAYLOAD="build/tests/guest/$name.elf" PFLASH="$out/flash" CMDLINE="$found" "$@"
    want "^devices: ok, $said\$"
}
