# shellcheck shell=bash disable=SC2154 # lib.sh, tests/run
# SPDX-License-Identifier: BSD-2-Clause
#
# Bad input: a clear message and an exit status.  64 is run.sh's, 1 mkimage's, 2 the hypervisor's (and
# make's own).
#
#     name                     tier  s    function arguments

# What is misspelt or makes no sense, by variables.
entry bad_payload              quick 30   refused 64 'neither a payload nor a file; did you mean hello\?.* Payloads: .*forktree' PAYLOAD=helo
entry bad_payload_file         quick 30   refused 64 'PAYLOAD=./nothing.elf: neither a payload nor a file' PAYLOAD=./nothing.elf
entry bad_payload_folder       quick 30   refused 64 'a folder that is no payload' PAYLOAD=hv
entry bad_fork                 quick 30   refused 64 'FORK=cwo: must be one of: cow copy; did you mean cow\?' FORK=cwo
entry bad_door                 quick 30   refused 64 'DOOR=mimo: must be one of: ecall invalid mmio; did you mean mmio\?' DOOR=mimo
entry bad_sstc                 quick 30   refused 64 'SSTC=1: must be one of: on off' SSTC=1
entry bad_bare                 quick 30   refused 64 'BARE=yes: must be one of: 0 1' BARE=yes
entry bad_mem                  quick 30   refused 64 'MEM=128X: must be a size like' PAYLOAD=hello MEM=128X
entry bad_hostmem              quick 30   refused 64 'HOSTMEM=lots: must be a size like' HOSTMEM=lots
entry bad_harts                quick 30   refused 64 'HARTS=0: must be a number, 1 or more' HARTS=0
entry bad_vcpus                quick 30   refused 64 'VCPUS=two: must be a number' PAYLOAD=hello VCPUS=two
entry bad_timeout              quick 30   refused 64 'TIMEOUT=soon: must be a number' TIMEOUT=soon
entry bad_disk                 quick 60   bad_disk
entry bad_disk_in_use          quick 30   bad_disk_in_use
entry bad_initrd               quick 30   bad_initrd
entry bad_pflash               quick 30   refused 64 'PFLASH=/nowhere: no such file' PAYLOAD=hello PFLASH=/nowhere
entry bad_machine              quick 30   refused 1 'unknown machine option; there are mhartid=NUMBER' PAYLOAD=hello MACHINE=mhartld=1
entry bad_machine_number       quick 30   refused 1 "a machine option's number is not decimal" PAYLOAD=hello MACHINE=mhartid=many
entry bad_machine_place        quick 30   refused 2 'word@0x10000000 is where its .* is; move it' PAYLOAD=hello MACHINE=word@0x10000000=1
entry bad_guests_file          quick 30   refused 64 'GUESTS=/nowhere: no such file' GUESTS=/nowhere
entry bad_guests_and_payload   quick 30   refused 64 'PAYLOAD: means nothing with GUESTS' GUESTS=README.md PAYLOAD=hello
entry bad_guests_word          quick 30   bad_guests 'guests:2: word=mme: must be one of: .*; did you mean mem\?' 'hello mem=8M' 'hello mme=8M'
entry bad_guests_quote         quick 30   bad_guests 'guests:1: cannot read: cmdline="x' 'hello cmdline="x'
entry bad_guests_empty         quick 30   bad_guests 'names no guest' '# nobody'
entry bad_guests_65            quick 30   bad_guests_65

# What does not fit.
entry mem_too_small            quick 30   refused 1 'a part lies beyond guest RAM; give the guest more memory' PAYLOAD=hello MEM=1M
entry mem_too_small_for_fdt    quick 30   mem_too_small_for_fdt
entry mem_above_host           quick 30   refused 64 'MEM: hello gets more memory than the whole machine has' PAYLOAD=hello MEM=2G
entry mem_of_all_the_host      quick 30   refused 2 'its memory, 256 MiB, is more than the machine.s, .* lower MEM or raise HOSTMEM' PAYLOAD=hello MEM=256M HOSTMEM=256M
entry too_many_vcpus           quick 30   refused 1 'a guest has 1 to 8 vCPUs' PAYLOAD=hello VCPUS=9
entry no_h_extension           quick 30   refused 2 'no H extension; run QEMU 7.2 or later' PAYLOAD=hello FV_QEMU_ARGS='-cpu rv64,h=false'
entry no_qemu                  quick 30   refused 64 'there is no /nowhere/qemu' PAYLOAD=hello FV_QEMU=/nowhere/qemu
entry strict_too_many          quick 30   refused 2 'the guests may need more memory than there is; raise HOSTMEM, lower MEM' PAYLOAD=hello,hello MEM=160M HOSTMEM=256M OVERCOMMIT=strict
entry flash_that_cannot_be     quick 30   flash_that_cannot_be

# Images that are none.
entry image_empty              quick 30   bad_image 'the file is empty'
entry image_zeros              quick 30   image_zeros
entry image_of_this_machine    quick 30   refused 1 'an ELF for another machine; build it for RISC-V' PAYLOAD=/bin/bash
entry image_cut                quick 30   image_cut
entry image_overlap            quick 30   image_of_segments 'two ELF segments overlap in memory' 0x80200000
entry image_below_ram          quick 30   image_of_segments 'a part lies below guest RAM; link it at 0x80200000' 0x70000000
entry image_above_ram          quick 30   image_of_segments 'a part lies beyond guest RAM' 0x90000000
entry image_object             quick 30   image_object

# What comes to the hypervisor unchecked.
entry bundle_cut               quick 60   bundle_cut
entry bundle_none              quick 30   plain 2 'no guests: start QEMU with -initrd FILE'
entry bundle_plain             quick 30   plain 0 'Hello, forkvisor!' -initrd build/payload/hello.elf
entry bundle_zeros             quick 30   bundle_zeros
entry bad_own_cmdline          quick 30   plain 2 'fork=cwo: must be fork=cow or fork=copy' -append fork=cwo -initrd build/payload/hello.elf

# make itself.
entry make_variable            quick 30   refused_by_make 'unknown variable PAYLAOD; did you mean PAYLOAD\?' run PAYLAOD=hello
entry make_tier                quick 30   refused_by_make 'TIER=slow: must be one of: quick full soak' test TIER=slow
entry make_target              quick 30   refused_by_make "No rule to make target 'rnu'" rnu
entry deps_manual              quick 60   deps_manual
entry deps_first               quick 60   deps_first
entry deps_value               quick 30   deps_value

# refused STATUS PATTERN [VARIABLE=VALUE...]
refused() {
    local status=$1 pattern=$2
    shift 2
    run "$status" "$@"
    want "$pattern"
    forbid 'unbound variable|line [0-9]+:' # bash's own words
}

refused_by_make() {
    local pattern=$1
    shift
    say 2 make --no-print-directory "$@"
    want "$pattern"
}

# bad_guests PATTERN LINE...
bad_guests() {
    local pattern=$1
    shift
    printf '%s\n' "$@" >"$out/guests"
    refused 64 "$pattern" GUESTS="$out/guests"
}

bad_guests_65() {
    yes 'hello mem=8M' | head -n 65 >"$out/guests" || true
    refused 1 'more than 64 guests; pack fewer' GUESTS="$out/guests"
}

# RAM that ends where the image does has no room for the device tree.
mem_too_small_for_fdt() {
    local end
    end=$((16#$(riscv64-unknown-elf-nm build/payload/hello.elf | awk '$3 == "_image_end" { print $1 }')))
    end=$(((end + 4095) >> 12 << 2)) # KiB
    refused 2 'no room behind its image for its device tree, .* more memory' \
        PAYLOAD=hello MEM=$((end - 0x80000000 / 1024))K
}

bad_disk() {
    local mode
    head -c 1000 /dev/zero >"$out/odd"
    : >"$out/empty"
    for mode in BARE=0 BARE=1; do
        refused 64 'DISK=/nowhere: no such file' PAYLOAD=hello $mode DISK=/nowhere
        refused 64 'DISK=tests: a folder; name a disk image' PAYLOAD=hello $mode DISK=tests
        refused 64 'DISK=/dev/null: not a file' PAYLOAD=hello $mode DISK=/dev/null
        refused 64 'an empty file; give it a size: truncate -s' PAYLOAD=hello $mode DISK="$out/empty"
        refused 64 'its 1000 bytes are no whole sectors of 512; .* truncate -s' PAYLOAD=hello $mode DISK="$out/odd"
    done
    refused 64 'a bare machine has no disk in memory; leave out ram:' PAYLOAD=hello BARE=1 DISK=ram:README.md
    refused 64 'DISK: means nothing with GUESTS' GUESTS=README.md DISK="$out/odd"
}

# QEMU's own words.
bad_disk_in_use() {
    local other
    truncate -s 1M "$out/disk"
    "${FV_QEMU:-qemu-system-riscv64}" -M virt -display none -nodefaults -S -monitor none -daemonize -pidfile "$out/pid" \
        -blockdev driver=file,node-name=disk,filename="$out/disk" -device virtio-blk-device,drive=disk
    other=$(<"$out/pid")
    run 1 PAYLOAD=hello BARE=1 DISK="$out/disk"
    kill "$other"
    want 'Failed to get .* lock'
}

bad_initrd() {
    local mode
    : >"$out/empty"
    mkdir -p "$out/folder"
    : >"$out/folder/$(printf '%0200d' 0)"
    for mode in BARE=0 BARE=1; do
        refused 64 'INITRD=/nowhere: neither a file nor a folder' PAYLOAD=hello $mode INITRD=/nowhere
        refused 64 'INITRD=.*/empty: an empty file' PAYLOAD=hello $mode INITRD="$out/empty"
        refused 64 'the folder does not fit a ustar archive' PAYLOAD=hello $mode INITRD="$out/folder"
    done
    refused 64 'INITRD: means nothing with GUESTS' GUESTS=README.md INITRD=README.md
}

flash_that_cannot_be() {
    local through=PFLASH_MODE=passthrough
    refused 64 'PFLASH_MODE=passthrough: no guest has a flash; add PFLASH=file' PAYLOAD=hello $through
    refused 64 'PFLASH_MODE=trough: must be one of' PFLASH_MODE=trough
    printf '%s\n' 'hello pflash=README.md' 'hello pflash=Makefile' >"$out/guests"
    refused 64 'the machine has one flash, which cannot hold both README.md and Makefile' GUESTS="$out/guests" $through
    : >"$out/empty"
    refused 64 'an empty file' PAYLOAD=hello PFLASH="$out/empty" $through
    head -c $(((32 << 20) + 1)) /dev/zero >"$out/large"
    refused 64 'pflash holds at most 32 MiB; cut the file' PAYLOAD=hello PFLASH="$out/large" $through
    refused 64 'PFLASH_MODE: means nothing with BARE=1' PAYLOAD=hello BARE=1 PFLASH=README.md $through
    rm "$out/large"
}

# bad_image PATTERN: the bytes are stdin
bad_image() {
    cat >"$out/bad.elf"
    refused 1 "$1" PAYLOAD="$out/bad.elf"
    [ ! -e "$out/bundle" ] || fail "a bundle was left behind"
}

image_cut() {
    head -c 30 build/payload/hello.elf | bad_image 'the ELF header is cut off'
    head -c 80 build/payload/hello.elf | bad_image "the ELF's program headers are outside the file"
    head -c 5000 build/payload/hello.elf | bad_image 'an ELF segment is outside the file'
}

image_zeros() {
    head -c 100000 /dev/zero | bad_image 'not an ELF, not a Linux Image'
}

# image_of_segments PATTERN ADDRESS: code where it should be, and data there
image_of_segments() {
    printf '.globl _start\n_start: j _start\n.data\n.word 1\n' | riscv64-unknown-elf-as -o "$out/a.o" -
    riscv64-unknown-elf-ld --no-check-sections -Ttext=0x80200000 -Tdata="$2" -o "$out/a.elf" "$out/a.o"
    bad_image "$1" <"$out/a.elf"
}

image_object() {
    printf 'nop\n' | riscv64-unknown-elf-as -o "$out/a.o" -
    bad_image 'an ELF that is not an executable; link it' <"$out/a.o"
}

# plain STATUS PATTERN [ARGUMENT...]: QEMU without run.sh
plain() {
    local status=$1 pattern=$2
    shift 2
    say "$status" timeout "$limit" "${FV_QEMU:-qemu-system-riscv64}" -M virt -m 512M -nographic \
        -kernel build/hv/forkvisor.elf "$@"
    want "$pattern"
    forbid panic
}

# At every place where something ends; and one bit turned over.
bundle_cut() {
    local bytes
    build/host/mkimage -o "$out/whole" --guest image=build/payload/hello.elf cmdline=color
    plain 0 'Hello, forkvisor!' -initrd "$out/whole"
    for bytes in 20 100 3000 $(($(stat -c %s "$out/whole") - 1)); do
        head -c "$bytes" "$out/whole" >"$out/cut"
        plain 2 '^\[hv\] the initrd: the bundle is cut off' -initrd "$out/cut"
    done
    { cat "$out/whole" && echo; } >"$out/longer"
    plain 2 '^\[hv\] the initrd: the bundle has bytes behind its end' -initrd "$out/longer"
    { head -c 3000 "$out/whole" && printf '\252' && tail -c +3002 "$out/whole"; } >"$out/damaged"
    ! cmp -s "$out/whole" "$out/damaged" || fail "byte 3000 is 0xaa by itself"
    plain 2 "^\\[hv\\] guest hello: the bundle's contents are damaged" -initrd "$out/damaged"
}

bundle_zeros() {
    head -c 100000 /dev/zero >"$out/zeros"
    plain 2 '^\[hv\] guest initrd: not an ELF, not a Linux Image' -initrd "$out/zeros"
}

# A machine without QEMU, as far as PATH can tell.
deps_manual() {
    cp -rs /usr/bin "$out/bin"
    rm -f "$out/bin/qemu-system-riscv64" "$out/bin/mcopy" "$out/bin/gdb-multiarch"
    say 1 env PATH="$out/bin" DEPS=manual tools/deps.sh
    want 'missing; as root or with sudo' 'apt-get install --no-install-recommends .*qemu-system-'
    forbid '^Installing' 'mtools'
    say 1 env PATH="$out/bin" DEPS=manual tools/deps.sh disk
    want 'apt-get install --no-install-recommends .*mtools'
    forbid '^Installing' 'gdb-multiarch'
    rm -r "${out:?}/bin"
}

# On a machine without a cross compiler nothing is built, or tried, before the missing is named.
deps_first() {
    cp -rs /usr/bin "$out/bin"
    rm -f "$out"/bin/riscv64-unknown-elf-*
    mkdir "$out/tree"
    cp -r Makefile hv guest sbi dts payload tests tools lib "$out/tree"
    say 2 env PATH="$out/bin" DEPS=manual make -k -C "$out/tree" all
    want 'apt-get install --no-install-recommends .*gcc-riscv64-unknown-elf'
    forbid 'not found' 'No such file'
    rm -r "${out:?}/bin" "$out/tree"
}

deps_value() {
    say 1 env DEPS=none tools/deps.sh
    want 'DEPS=none: auto installs what is missing, manual only prints the commands'
}
