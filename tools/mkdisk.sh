#!/bin/bash
# SPDX-License-Identifier: BSD-2-Clause
#
# Makes a disk for guests, without root: 64 MiB of FAT32 with the study's program /sbin/origin.bin and
# some files to look at.  `make disk` calls it.
#
#   tools/mkdisk.sh FILE     FILE must not be there yet
#
# The same bytes each time: the volume's number and all times are fixed.
set -euo pipefail

bytes=64M
volume=f04b0004
time=2026-01-01T00:00:00Z

die() {
    printf 'mkdisk: %s\n' "$*" >&2
    exit 1
}

[ $# = 1 ] || die "usage: tools/mkdisk.sh FILE"
disk=$1
[ ! -e "$disk" ] || die "$disk is there already, and may hold what you need; remove it first, or name another by DISK=file"
mkdir -p "$(dirname "$disk")"

work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
SOURCE_DATE_EPOCH=$(date -d $time +%s)
export SOURCE_DATE_EPOCH TZ=UTC0 LC_ALL=C

# What is on it.
tree=$work/tree
mkdir -p "$tree/sbin" "$tree/etc" "$tree/home"
printf '\161\021\052\300\223\010\320\005\163\0\0\0' >"$tree/sbin/origin.bin" # ... li a7, 93; ecall
cat >"$tree/README.TXT" <<'END'
This is the disk of a guest.  What is written here stays; "sync" or leaving
the shell by "exit" brings it to the file on the host.
END
cat >"$tree/etc/motd" <<'END'
Welcome.
END
cat >"$tree/home/count.sh" <<'END'
# run count.sh WORD...: the words, one a line
for word in "$@"; do
    echo "$word"
done
END
find "$tree" -exec touch -d $time {} +

# FAT's own times are without a zone; -m keeps the files'.
image=$work/disk.img
truncate -s $bytes "$image"
PATH=$PATH:/usr/sbin mkfs.fat -F 32 --invariant -i $volume "$image" >"$work/log" || { cat "$work/log" >&2 && exit 1; }
(cd "$tree" && mcopy -i "$image" -s -m -Q -- * ::/)
cp --sparse=always "$image" "$disk"
echo "$disk: 64 MiB, FAT32; make run PAYLOAD=shell DISK=$disk"
