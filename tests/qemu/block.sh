# shellcheck shell=bash disable=SC2154 # out, disk: lib.sh, tests/run
# SPDX-License-Identifier: BSD-2-Clause
#
# Disks of payloads: what is read and written, what goes wrong.

# NAME is in a VM, NAME_bare without.
for place in '' _bare; do
    bare=BARE=$([ -z "$place" ]; echo $?)
    entry "blockio_poll$place"    quick 60   blockio blockio_poll 'do=model ops=300' "$bare"
    entry "blockio_1task$place"   quick 60   blockio blockio 'do=model ops=300' "$bare"
    entry "blockio_8tasks$place"  quick 60   blockio blockio 'do=model tasks=8 ops=100' "$bare"
    entry "blockio_4vcpus$place"  quick 60   blockio blockio_smp 'do=model tasks=8 ops=100' VCPUS=4 "$bare"
    for image in blockio blockio_poll blockio_smp; do
        entry "${image}_full$place" quick 60   blockio $image do=full "$bare"
        entry "${image}_sleep$place" quick 60  sleepy_disk $image "$bare"
    done
    entry "blockio_limits$place"  quick 30   blockio blockio do=limits "$bare"
    entry "blockio_readonly$place" quick 30  readonly_disk "$bare"
    entry "blockio_broken$place"  quick 30   broken_disk "$bare"
done
entry blockio_4harts          quick 90   blockio blockio_smp 'do=model tasks=8 ops=100' VCPUS=4 HARTS=2
for image in blockio blockio_poll blockio_smp; do
    entry "${image}_silent"     quick 60   silent_disk_vm $image
    entry "${image}_silent_bare" quick 60  silent_disk_bare $image
done
entry blockio_slow_bare       quick 60   slow_disk
entry blockio_2disks_bare     quick 60   two_disks blockio 'do=model tasks=4 ops=100 disks=2' BARE=1
entry blockio_2disks_4harts_bare quick 60 two_disks blockio_smp 'do=model tasks=4 ops=100 disks=2' BARE=1 VCPUS=4
entry blockio_static_bare     quick 60   two_disks blockio_poll 'do=model' BARE=1
entry blockfork               quick 60   blockfork blockfork 10
entry blockfork_copy          quick 60   blockfork blockfork 10 FORK=copy
entry blockfork_smp           quick 90   blockfork blockfork_smp 4 VCPUS=4 HARTS=2
entry blockfork_200           full  180  blockfork blockfork 200 HARTS=2

entry disk_shared           quick 60   disk_shared
entry disk_shared_payloads  quick 60   disk_shared_payloads
entry disk_unwritable       quick 60   disk_unwritable
entry disk_unwritable_bare  quick 60   disk_unwritable BARE=1
entry disks_of_the_machine  quick 60   disks_of_the_machine

# empty_disk NAME: 8 MiB; its file is in $disk
empty_disk() {
    disk=$out/$1.img
    rm -f "$disk"
    truncate -s 8M "$disk"
}

# blockio IMAGE CMDLINE [VARIABLE=VALUE...]
blockio() {
    local image=$1 cmdline=$2
    shift 2
    empty_disk disk
    run 0 PAYLOAD="build/tests/guest/$image.elf" DISK="$disk" CMDLINE="$cmdline" "$@"
    want '^blockio: [a-z]+ ok$'
}

# second BLOCKDEV: in $args the words for QEMU that make one more disk, behind DISK=
second() {
    args="-blockdev $1,node-name=second -device virtio-blk-device,drive=second,bus=virtio-mmio-bus.1"
}

two_disks() {
    local image=$1 cmdline=$2 args=
    shift 2
    empty_disk second
    second "driver=file,filename=$disk"
    blockio "$image" "$cmdline" FV_QEMU_ARGS="$args" "$@"
}

readonly_disk() {
    blockio blockio do=readonly FV_DISK="driver=file,filename=$out/disk.img,read-only=on" "$@"
}

# Each read of sector 100 fails.
broken_disk() {
    printf '[inject-error]\nevent = "read_aio"\nerrno = "5"\nsector = "100"\n' >"$out/errors"
    blockio blockio do=broken "$@" \
        FV_DISK="driver=raw,file.driver=blkdebug,file.config=$out/errors,file.image.driver=file,file.image.filename=$out/disk.img"
}

# So slow that who waits sleeps.
sleepy_disk() {
    local image=$1
    shift
    blockio "$image" 'do=model ops=50 log=info' "$@" FV_QEMU_ARGS='-object throttle-group,id=slow,x-iops-total=400' \
        FV_DISK="driver=throttle,throttle-group=slow,file.driver=file,file.filename=$out/disk.img"
    want '^blockio: 1 disks, 1 tasks each, with sleep$' 'info: virtio_blk at 0x10001000: 16384 sectors, with interrupts$'
}

# silent_disk IMAGE WORDS [VARIABLE=VALUE...]: a byte in a second, so no request is answered, until a reset
# drops the limit; words for QEMU.
silent_disk() {
    local image=$1 args="-object throttle-group,id=slow,x-bps-total=1 $2"
    shift 2
    blockio "$image" 'do=silent blk_timeout_ms=500' FV_QEMU_ARGS="$args" "$@" \
        FV_DISK=driver=throttle,throttle-group=slow,file.driver=null-co,file.size=8388608,file.read-zeroes=on
    count 2 'error: virtio_blk at 0x10001000: no answer within 500 ms'
    want 'it was reset and is there again$' 'it was reset and does not come back: it is gone$'
}

# In a VM the device's reset waits for that of the machine's disk.
silent_disk_vm() {
    silent_disk "$1" '-append disk_timeout=2'
}

# ... while another one works on.
silent_disk_bare() {
    local args=
    empty_disk second
    second "driver=file,filename=$disk"
    silent_disk "$1" "$args" BARE=1
}

# An answer after 2 s, which a reset waits for as well.
slow_disk() {
    local args=
    empty_disk second
    second "driver=file,filename=$disk"
    blockio blockio 'do=silent blk_timeout_ms=500' FV_QEMU_ARGS="$args" BARE=1 \
        FV_DISK=driver=null-co,size=8388608,read-zeroes=on,latency-ns=2000000000
}

# blockfork IMAGE ROUNDS [VARIABLE=VALUE...]: and the parent's writes are what the file has
blockfork() {
    local image=$1 rounds=$2
    shift 2
    empty_disk disk
    run 0 PAYLOAD="build/tests/guest/$image.elf" DISK="$disk" CMDLINE="rounds=$rounds" "$@"
    want '^\[1\] blockfork: ok$'
    printf "%4096s" '' | tr ' ' "\\$(printf %o "$rounds")" | cmp -n 4096 - "$disk" ||
        fail "the file does not have what the first process wrote last"
}

# ---- whose disk it is ----------------------------------------------------------------------------

# text_disk NAME TEXT: 8 KiB that begin with the text
text_disk() {
    printf '%s' "$2" >"$out/$1"
    truncate -s 8K "$out/$1"
}

# says PID BEFORE AFTER
says() {
    golden_of "$1" <<END
diskshare: 16 sectors, $2
diskshare: 16 sectors, $3
END
}

# is_text NAME TEXT
is_text() {
    [ "$(head -c 512 "$out/$1" | tr -d '\0')" = "$2" ] || fail "$1 does not say: $2"
}

# The first who names a file writes to it, by whatever name; the others, and those in memory, to their own.
disk_shared() {
    local guest=build/tests/guest/diskshare.elf
    rm -f "$out/same"
    text_disk 'a, b' start
    text_disk other begin
    ln "$out/a, b" "$out/same"
    cat >"$out/guests" <<END
$guest disk="$out/a, b" cmdline=text=one
$guest disk=$out/same cmdline=text=two
$guest disk="ram:$out/a, b" cmdline=text=three
$guest disk="ram:$out/a, b" cmdline=text=four
$guest disk=$out/other cmdline=text=five
END
    run 0 GUESTS="$out/guests"
    says 1 start one
    says 2 start two
    says 3 start three
    says 4 start four
    says 5 begin five
    is_text same one
    is_text other five
}

disk_shared_payloads() {
    local guest=build/tests/guest/diskshare.elf
    text_disk disk start
    run 0 PAYLOAD=$guest,hello,$guest DISK="$out/disk" CMDLINE=text=mine HARTS=2
    says 1 start mine
    says 3 start mine
    is_text disk mine
    run 0 PAYLOAD=$guest DISK="ram:$out/disk" CMDLINE=text=other
    is_text disk mine
}

# For root there is no such file.
disk_unwritable() {
    local as=()
    text_disk disk start
    mkdir -p "$out/run"
    chmod a-w,a+r "$out/disk"
    if [ "$(id -u)" = 0 ]; then
        chown 65534 "$out/run"
        as=(setpriv --reuid=65534 --clear-groups)
        "${as[@]}" test -r "$out/disk" || skip "nobody but root sees $out"
    fi
    say 0 "${as[@]}" env FV_OUT="$out/run" TIMEOUT="$limit" "$@" PAYLOAD=build/tests/guest/diskshare.elf \
        DISK="$out/disk" CMDLINE=text=mine tools/run.sh
    want '^run: .*/disk: you may not write it, so the disk is read-only$' '^diskshare: Read-only file system$'
    is_text disk start
}

# As many as there are slots, one of them the trace's; and fewer than a bundle asks for.
disks_of_the_machine() {
    local i guest=build/tests/guest/diskshare.elf
    for i in {1..8}; do
        text_disk "disk$i" "text$i"
        echo "$guest disk=$out/disk$i mem=16M cmdline=text=new$i"
    done >"$out/eight"
    run 64 GUESTS="$out/eight"
    want 'disk8: the machine has at most 7 disks; put some into memory'
    head -n 7 "$out/eight" >"$out/seven"
    run 0 GUESTS="$out/seven" TRACE=exits
    for i in {1..7}; do
        says "$i" "text$i" "new$i"
        is_text "disk$i" "new$i"
    done
    build/host/mkimage -o "$out/bundle" --guest image=$guest name=it disk=0
    say 2 timeout "$limit" "${FV_QEMU:-qemu-system-riscv64}" -M virt -m 512M -nographic \
        -kernel build/hv/forkvisor.elf -initrd "$out/bundle"
    want '^\[hv\] guest it: the machine has no disk 0 in its virtio slots; start QEMU with more of them'
}
