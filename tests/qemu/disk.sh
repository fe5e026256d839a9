# shellcheck shell=bash disable=SC2154 # out, disk: lib.sh, tests/run
# SPDX-License-Identifier: BSD-2-Clause
#
# The hypervisor's disks: what forks see of them, and devices that fail.

entry disk_fork             quick 60   disk_fork diskfork
entry disk_fork_irq         quick 60   disk_fork diskfork_irq
entry disk_fork_copy        quick 60   disk_fork diskfork FORK=copy
entry disk_fork_harts       quick 60   disk_fork diskfork HARTS=4
entry disk_fork_ram         quick 60   disk_fork_ram diskfork
entry disk_fork_long        full  300  disk_fork_deep 'depth=60 width=1' 'depth=1 width=200' 'depth=4 width=4'
entry disk_stalled          quick 60   disk_stalled
entry disk_stalled_harts    quick 60   disk_stalled HARTS=2
entry disk_broken           quick 60   disk_broken
entry disk_readonly         quick 60   disk_readonly
entry disk_legacy           quick 30   disk_legacy

# new_disk NAME [BYTES]: of zeros; its file is in $disk
new_disk() {
    disk=$out/$1.img
    rm -f "$disk"
    truncate -s "${2:-8M}" "$disk"
}

# writers: the processes that wrote the sectors of $disk, of those that diskfork uses
writers() {
    od -An -v -t d8 -w512 -N $((600 * 512)) "$disk" | awk '$1 != 0 { print $1 }' | sort -nu | tr '\n' ' '
}

# disk_fork IMAGE [VARIABLE=VALUE...]: what children write is nowhere but in their own views
disk_fork() {
    local image=$1
    shift
    new_disk disk
    run 0 PAYLOAD="build/tests/guest/$image.elf" DISK="$disk" "$@"
    want 'diskfork: ok$' '^\[hv\] disk 0: 8 MiB, read-write$'
    [ "$(writers)" = "1 " ] || fail "on the disk there is what these have written: $(writers)"
}

disk_fork_ram() {
    new_disk disk
    run 0 PAYLOAD="build/tests/guest/$1.elf" DISK="ram:$disk"
    want 'diskfork: ok$'
    [ -z "$(writers)" ] || fail "the file has changed"
}

# disk_fork_deep CMDLINE...
disk_fork_deep() {
    local cmdline
    for cmdline; do
        disk_fork diskfork HARTS=2 CMDLINE="$cmdline"
    done
}

# other_disk NUMBER BLOCKDEV [WORD...]: in $qemu a QEMU that has another disk NUMBER than the run says, gets the
# words first, and whose hypervisor waits 5 s for disks
other_disk() {
    local number=$1 blockdev=$2
    shift 2
    qemu=$out/qemu
    cat >"$qemu" <<END
#!/bin/bash
words=()
for word; do
    case \$word in
    *node-name=disk$number,*) word=$blockdev,node-name=disk$number ;;
    fork=*) word+=" disk_timeout=5" ;;
    esac
    words+=("\$word")
done
[ "\$1" = --version ] || set -- $* "\${words[@]}"
exec ${FV_QEMU:-qemu-system-riscv64} "\$@"
END
    chmod +x "$qemu"
}

# A byte in a second is no answer, until a reset drops the limit.  The guest at that disk gets an error; the other one,
# on the same hart, is done before.
disk_stalled() {
    new_disk second
    local stalled=$disk
    new_disk first
    other_disk 1 driver=throttle,throttle-group=slow,file.driver=null-co,file.size=8388608,file.read-zeroes=on \
        -object throttle-group,id=slow,x-bps-total=1
    printf '%s\n' "build/tests/guest/blockio.elf disk=$disk cmdline=\"do=model ops=20\"" \
        "readblock disk=$stalled" >"$out/guests"
    run 0 GUESTS="$out/guests" FV_QEMU="$qemu" "$@"
    want '^\[1\] blockio: model ok$' '^\[hv\] disk 1: it does not answer: reset, 1 request failed$'
    want '^\[2\] .*I/O error' '^\[hv\] pid 2: exit, status 1'
    awk '/model ok$/ { done = 1 } /does not answer/ && !done { exit 1 }' "$words" ||
        fail "the guest at the other disk waited, too"
}

# Each read of sector 100 fails, and nothing else.
disk_broken() {
    new_disk disk
    printf '[inject-error]\nevent = "read_aio"\nerrno = "5"\nsector = "100"\n' >"$out/errors"
    other_disk 0 "driver=raw,file.driver=blkdebug,file.config=$out/errors,file.image.driver=file,file.image.filename=$disk"
    run 0 PAYLOAD=build/tests/guest/blockio.elf CMDLINE=do=broken DISK="$disk" FV_QEMU="$qemu"
    want '^blockio: broken ok$'
    forbid 'does not answer'
}

disk_readonly() {
    new_disk disk
    other_disk 0 "driver=file,filename=$disk,read-only=on"
    run 0 PAYLOAD=build/tests/guest/blockio.elf CMDLINE=do=readonly DISK="$disk" FV_QEMU="$qemu"
    want '^\[hv\] disk 0: 8 MiB, read-only$' '^blockio: readonly ok$'
}

# A device that speaks the old way is named, with what to do.
disk_legacy() {
    local args
    args="-drive if=none,id=old,driver=null-co,size=1048576 -device virtio-blk-device,drive=old,bus=virtio-mmio-bus.0"
    run 0 PAYLOAD=hello FV_QEMU_ARGS="$args"
    want '^\[hv\] disk 0: cannot be started: it is a legacy device' 'give QEMU -global virtio-mmio.force-legacy=false$'
}
