# shellcheck shell=bash disable=SC2154 # out, disk: lib.sh, tests/run
# SPDX-License-Identifier: BSD-2-Clause
#
# The virtio devices that hv gives to guests: forks and ends while a disk is at work, slow disks beside others.

entry busydisk              quick 60   busydisk
entry busydisk_copy         full  60   busydisk FORK=copy
entry busydisk_slow         quick 60   slow_busydisk
entry busydisk_harts        quick 60   busydisk VCPUS=2 HARTS=2
entry busydisk_slow_harts   full  90   slow_busydisk VCPUS=2 HARTS=2
entry busydisk_one_hart     full  90   slow_busydisk VCPUS=2 HARTS=1

# busydisk [VARIABLE=VALUE...]
busydisk() {
    disk=$out/disk.img
    rm -f "$disk"
    truncate -s 8M "$disk"
    run 0 PAYLOAD=build/tests/guest/busydisk.elf DISK="$disk" "$@"
    want '^\[1\] busydisk: ok$'
    forbid leaked 'still ran'
}

# 100 requests a second: each fork and each end comes while the disk has some.
slow_busydisk() {
    busydisk FV_QEMU_ARGS='-object throttle-group,id=slow,x-iops-total=100' \
        FV_DISK="driver=throttle,throttle-group=slow,file.driver=file,file.filename=$out/disk.img" CMDLINE=forks=4 "$@"
}
