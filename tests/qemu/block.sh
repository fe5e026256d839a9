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
    entry "${image}_sleep_bare" quick 60   sleepy_disk $image BARE=1
    entry "${image}_silent_bare" quick 60  silent_disks $image BARE=1
done
entry blockio_limits_bare   quick 30   blockio blockio do=limits BARE=1
entry blockio_readonly_bare quick 30   readonly_disk BARE=1
entry blockio_broken_bare   quick 30   broken_disk BARE=1
entry blockio_slow_bare     quick 60   slow_disks BARE=1

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

# disk_is BLOCKDEV [WORD...]: what DISK= gives the machine is that instead, and words come before all; in
# $odd the variable that does it
disk_is() {
    cat >"$out/qemu" <<END
#!/bin/bash
for word; do
    shift
    [[ \$word != driver=file,node-name=disk0,* ]] || word=node-name=disk0,$1
    set -- "\$@" "\$word"
done
exec qemu-system-riscv64 ${*:2} "\$@"
END
    chmod +x "$out/qemu"
    odd="FV_QEMU=$out/qemu"
}

readonly_disk() {
    disk_is "driver=file,filename=$out/disk.img,read-only=on"
    blockio blockio do=readonly "$odd" "$@"
}

# Each read of sector 100 fails.
broken_disk() {
    printf '[inject-error]\nevent = "read_aio"\nerrno = "5"\nsector = "100"\n' >"$out/errors"
    disk_is "driver=raw,file.driver=blkdebug,file.config=$out/errors,file.image.driver=file,file.image.filename=$out/disk.img"
    blockio blockio do=broken "$odd" "$@"
}

# So slow that who waits sleeps.
sleepy_disk() {
    local image=$1
    shift
    disk_is "driver=throttle,throttle-group=slow,file.driver=file,file.filename=$out/disk.img" \
        -object throttle-group,id=slow,x-iops-total=400
    blockio "$image" 'do=model ops=50 log=info' "$odd" "$@"
    want '^blockio: 1 disks, 1 tasks each, with sleep$' 'info: virtio_blk at 0x10001000: 16384 sectors, with interrupts$'
}

# A byte in a second: no request is answered, until a reset drops the limit.
silent_disk() {
    local image=$1
    shift
    disk_is driver=throttle,throttle-group=slow,file.driver=null-co,file.size=8388608,file.read-zeroes=on \
        -object throttle-group,id=slow,x-bps-total=1
    blockio "$image" 'do=silent blk_timeout_ms=500' "$odd" "$@"
    count 2 'error: virtio_blk at 0x10001000: no answer within 500 ms'
    want 'it was reset and is there again$' 'it was reset and does not come back: it is gone$'
}

# ... while another one works on.
silent_disks() {
    local args=
    empty_disk second
    second "driver=file,filename=$disk"
    silent_disk "$@" FV_QEMU_ARGS="$args"
}

# An answer after 2 s, which a reset waits for as well.
slow_disks() {
    local args=
    empty_disk second
    second "driver=file,filename=$disk"
    disk_is driver=null-co,size=8388608,read-zeroes=on,latency-ns=2000000000
    blockio blockio 'do=silent blk_timeout_ms=500' "$odd" FV_QEMU_ARGS="$args" "$@"
}
