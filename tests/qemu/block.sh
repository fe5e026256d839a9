# shellcheck shell=bash disable=SC2154 # out, disk: lib.sh, tests/run
# SPDX-License-Identifier: BSD-2-Clause
#
# Disks of payloads: what is read and written, what goes wrong.

entry blockio_poll_bare     quick 60   blockio blockio_poll 'do=model ops=300' BARE=1
entry blockio_1task_bare    quick 60   blockio blockio 'do=model ops=300' BARE=1
entry blockio_8tasks_bare   quick 60   blockio blockio 'do=model tasks=8 ops=100' BARE=1
entry blockio_4harts_bare   quick 60   blockio blockio_smp 'do=model tasks=8 ops=100' BARE=1 VCPUS=4
entry blockio_2disks_bare   quick 60   two_disks blockio 'do=model tasks=4 ops=100 disks=2' BARE=1
entry blockio_2disks_4harts_bare quick 60 two_disks blockio_smp 'do=model tasks=4 ops=100 disks=2' BARE=1 VCPUS=4
entry blockio_static_bare   quick 60   two_disks blockio_poll 'do=model' BARE=1
for image in blockio blockio_poll blockio_smp; do
    entry "${image}_full_bare"  quick 60   blockio $image do=full BARE=1
done
entry blockio_limits_bare   quick 30   blockio blockio do=limits BARE=1
entry blockio_readonly_bare quick 30   readonly_disk BARE=1
entry blockio_broken_bare   quick 30   broken_disk BARE=1
for image in blockio blockio_poll blockio_smp; do
    entry "${image}_silent_bare" quick 60  silent_disk $image BARE=1
done
entry blockio_slow_bare     quick 60   slow_disk BARE=1

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

# on_bus NUMBER BLOCKDEV: in $args the words for QEMU that make one more disk
on_bus() {
    args="${args:-} -global virtio-mmio.force-legacy=false -blockdev $2,node-name=bus$1
        -device virtio-blk-device,drive=bus$1,bus=virtio-mmio-bus.$1"
}

two_disks() {
    local image=$1 cmdline=$2 args=
    shift 2
    empty_disk second
    on_bus 1 "driver=file,filename=$disk"
    blockio "$image" "$cmdline" FV_QEMU_ARGS="$args" "$@"
}

# odd_disk IMAGE CMDLINE [VARIABLE=VALUE...]: with the disks of $args alone
odd_disk() {
    local image=$1 cmdline=$2
    shift 2
    run 0 PAYLOAD="build/tests/guest/$image.elf" CMDLINE="$cmdline" FV_QEMU_ARGS="$args" "$@"
    want '^blockio: [a-z]+ ok$'
}

readonly_disk() {
    local args=
    empty_disk disk
    on_bus 0 "driver=file,filename=$disk,read-only=on"
    odd_disk blockio do=readonly "$@"
}

# Each read of sector 100 fails.
broken_disk() {
    local args=
    empty_disk disk
    printf '[inject-error]\nevent = "read_aio"\nerrno = "5"\nsector = "100"\n' >"$out/errors"
    on_bus 0 "driver=raw,file.driver=blkdebug,file.config=$out/errors,file.image.driver=file,file.image.filename=$disk"
    odd_disk blockio do=broken "$@"
}

# A byte in a second: none is answered, until a reset drops the limit.
silent_disk() {
    local image=$1 args='-object throttle-group,id=slow,x-bps-total=1'
    shift
    empty_disk disk
    on_bus 0 'driver=throttle,throttle-group=slow,file.driver=null-co,file.size=8388608,file.read-zeroes=on'
    on_bus 1 "driver=file,filename=$disk"
    odd_disk "$image" 'do=silent blk_timeout_ms=500' "$@"
    count 2 'error: virtio_blk at 0x10001000: no answer within 500 ms'
    want 'it was reset and is there again$' 'it was reset and does not come back: it is gone$'
}

# An answer after 2 s, which a reset waits for as well.
slow_disk() {
    local args=
    empty_disk disk
    on_bus 0 'driver=null-co,size=8388608,read-zeroes=on,latency-ns=2000000000'
    on_bus 1 "driver=file,filename=$disk"
    odd_disk blockio 'do=silent blk_timeout_ms=500' "$@"
}
