# shellcheck shell=bash disable=SC2154 # out, disk: lib.sh, tests/run
# SPDX-License-Identifier: BSD-2-Clause
#
# The virtio devices that hv gives to guests: forks and ends while a disk is at work, slow disks beside others.

entry diskfork              quick 60   diskfork
entry diskfork_copy         full  60   diskfork FORK=copy
entry diskfork_slow         quick 60   slow_diskfork
entry diskfork_harts        quick 60   diskfork VCPUS=2 HARTS=2
entry diskfork_slow_harts   full  90   slow_diskfork VCPUS=2 HARTS=2
entry diskfork_one_hart     full  90   slow_diskfork VCPUS=2 HARTS=1

# diskfork [VARIABLE=VALUE...]
diskfork() {
    disk=$out/disk.img
    rm -f "$disk"
    truncate -s 8M "$disk"
    run 0 PAYLOAD=build/tests/guest/diskfork.elf DISK="$disk" "$@"
    want '^\[1\] diskfork: ok$'
    forbid leaked 'still ran'
}

# 100 requests a second: each fork and each end comes while the disk has some.
slow_diskfork() {
    disk_is "driver=throttle,throttle-group=slow,file.driver=file,file.filename=$out/disk.img" \
        -object throttle-group,id=slow,x-iops-total=100
    diskfork "$odd" CMDLINE=forks=4 "$@"
}
