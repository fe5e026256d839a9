#!/bin/bash
# SPDX-License-Identifier: BSD-2-Clause
#
# Runs guests in QEMU: the one place that knows QEMU's command line.  `make run` calls it; what a user
# may set are the environment variables that `make help` lists.  Tests may set some more:
#
#   FV_OUT         folder for what belongs to this run (build/run), so that several can go at once
#   FV_QEMU        the QEMU to take (qemu-system-riscv64)
#   FV_HV          the hypervisor's image
#   FV_DISK        what disk 0 is, instead of its file: the value of a -blockdev, for disks that are slow
#                  or fail
#   FV_QEMU_ARGS   words that are added to QEMU's command line; without it "-icount shift=0" where
#                  instructions are counted: with TRACE, and in the demonstration
#
# The exit status is that of the machine, which is pid 1's; 124 after TIMEOUT, 64 for a bad variable.
# It does not judge images: build/host/mkimage does.
set -euo pipefail

root=$(cd "$(dirname "$0")/.." && pwd)
out=${FV_OUT:-$root/build/run}
qemu=${FV_QEMU:-qemu-system-riscv64}

guest_keys=(payload mem vcpus disk initrd pflash machine control procs cmdline)
default_keys=(MEM VCPUS PFLASH MACHINE CMDLINE) # what payload/NAME/defaults may set
disks_max=7                                     # of the machine's 8 virtio slots the last is the trace's

die() {
    printf 'run: %s\n' "$*" >&2
    exit 64
}

# ---- checks: each names the right words ----------------------------------------------------------

# meant WORD CANDIDATE...: "; did you mean X?", or nothing
meant() {
    local word=$1 guess
    shift
    guess=$(printf '%s\n' "$@" | awk -v word="$word" -f "$root/tools/nearest.awk")
    printf '%s' "${guess:+; did you mean $guess?}"
}

# one_of VARIABLE VALUE WORD...
one_of() {
    local name=$1 value=$2 word
    shift 2
    for word; do
        [ "$value" != "$word" ] || return 0
    done
    die "$name=$value: must be one of: $*$(meant "$value" "$@")"
}

# number VARIABLE VALUE
number() {
    [[ $2 =~ ^[1-9][0-9]{0,5}$ ]] || die "$1=$2: must be a number, 1 or more"
}

# bytes VARIABLE VALUE: "128M" -> 134217728 in $REPLY
bytes() {
    [[ $2 =~ ^([1-9][0-9]{0,8})([KMG]?)$ ]] || die "$1=$2: must be a size like 512K, 128M or 2G"
    case ${BASH_REMATCH[2]} in
    K) REPLY=$((BASH_REMATCH[1] << 10)) ;;
    M) REPLY=$((BASH_REMATCH[1] << 20)) ;;
    G) REPLY=$((BASH_REMATCH[1] << 30)) ;;
    *) REPLY=${BASH_REMATCH[1]} ;;
    esac
}

# forbid WHEN VARIABLE...: those that mean nothing then
forbid() {
    local when=$1 variable
    shift
    for variable; do
        [ -z "${!variable:-}" ] || die "$variable: means nothing $when; leave it out"
    done
}

check_variables() {
    one_of BARE "${BARE:-0}" 0 1
    one_of FORK "${FORK:-cow}" cow copy
    one_of SSTC "${SSTC:-on}" on off
    one_of OVERCOMMIT "${OVERCOMMIT:-lazy}" lazy strict
    one_of PFLASH_MODE "${PFLASH_MODE:-emulated}" emulated passthrough
    [ -z "${DOOR:-}" ] || one_of DOOR "$DOOR" ecall invalid mmio
    [ -z "${TIMEOUT:-}" ] || number TIMEOUT "$TIMEOUT"
    number HARTS "${HARTS:-1}"
    bytes HOSTMEM "${HOSTMEM:-1G}"
    host_bytes=$REPLY
    trace=${TRACE:-off}
    [ "$trace" = off ] || "$root/build/host/trace" check-filter "$trace" || exit 64
    if [ -n "${GUESTS:-}" ]; then
        forbid "with GUESTS, whose lines say it" PAYLOAD MEM VCPUS DISK INITRD PFLASH MACHINE CMDLINE
    fi
}

# ---- guests --------------------------------------------------------------------------------------

declare -A guest # the guest at hand: a value for each of guest_keys that was given
bundle=()        # mkimage's arguments
titles=()        # names of the guests
flash=           # the file that is in the machine's own flash
disks=()         # files that are the machine's disks: number n is in virtio slot n
declare -A archives=() # of folders that are somebody's INITRD

# find_image WORD: the file and the name of a payload, given by name, folder or image file
find_image() {
    local word=${1%/} known
    name=${word#./}
    name=${name#payload/}
    folder=$root/payload/$name
    image=$root/build/payload/$name.elf
    [ ! -f "$image" ] || return 0
    image=$word
    folder=
    name=${word##*/}
    name=${name%.*}
    name=${name//[^A-Za-z0-9._-]/_}
    name=${name:0:31}
    [ -d "$word" ] && die "PAYLOAD=$word: a folder that is no payload's; payloads are in payload/"
    [ -e "$word" ] && return 0
    known=("$root"/build/payload/*.elf)
    known=("${known[@]##*/}")
    known=("${known[@]%.elf}")
    die "PAYLOAD=$word: neither a payload nor a file$(meant "$word" "${known[@]}")." \
        "Payloads: ${known[*]}"
}

# What the payload's own folder wants, where nothing else was said.
read_defaults() {
    local line key
    [ -n "$folder" ] && [ -f "$folder/defaults" ] || return 0
    while read -r line; do
        [[ $line != '' && $line != '#'* ]] || continue
        key=${line%%=*}
        one_of "$folder/defaults: variable" "$key" "${default_keys[@]}"
        [ -n "${guest[${key,,}]+set}" ] || guest[${key,,}]=${line#*=}
    done <"$folder/defaults"
}

# Looks up the image of guest[payload], and completes guest[].
complete_guest() {
    local cmdline
    find_image "${guest[payload]}"
    read_defaults
    cmdline=${guest[cmdline]:-}
    [ -z "${DOOR:-}" ] || cmdline="${cmdline:+$cmdline }door=$DOOR"
    [ ! -t 0 ] || cmdline="${cmdline:+$cmdline }console=tty"
    [ ! -t 1 ] || [ -n "${NO_COLOR:-}" ] || cmdline="${cmdline:+$cmdline }color=yes"
    guest[cmdline]=$cmdline
    bytes MEM "${guest[mem]:-128M}"
    guest[mem]=$REPLY
    number VCPUS "${guest[vcpus]:=1}"
    [ -z "${guest[pflash]:-}" ] || [ -f "${guest[pflash]}" ] ||
        die "PFLASH=${guest[pflash]}: no such file"
}

# in_flash FILE: it is what the machine's own flash holds
in_flash() {
    [ -z "$flash" ] || [ "$flash" -ef "$1" ] ||
        die "PFLASH_MODE=passthrough: the machine has one flash, which cannot hold both $flash and $1;" \
            "use one file, or PFLASH_MODE=emulated"
    [ -s "$1" ] || die "PFLASH=$1: an empty file"
    [ "$(stat -L -c %s "$1")" -le $((32 << 20)) ] || die "PFLASH=$1: pflash holds at most 32 MiB; cut the file"
    flash=$1
}

# check_disk FILE: it can be a disk
check_disk() {
    local bytes
    [ -e "$1" ] || die "DISK=$1: no such file"
    [ ! -d "$1" ] || die "DISK=$1: a folder; name a disk image, or give the folder as INITRD"
    [ -f "$1" ] || die "DISK=$1: not a file; name a disk image"
    [ -r "$1" ] || die "DISK=$1: you may not read it"
    bytes=$(stat -L -c %s "$1")
    [ "$bytes" != 0 ] || die "DISK=$1: an empty file; give it a size: truncate -s 64M"
    [ $((bytes % 512)) = 0 ] ||
        die "DISK=$1: its $bytes bytes are no whole sectors of 512; is it cut? To round it up: truncate -s %512"
}

# add_disk FILE: a disk of the machine, one for all who name the file; its number is in $REPLY
add_disk() {
    for REPLY in "${!disks[@]}"; do
        [ ! "${disks[REPLY]}" -ef "$1" ] || return 0
    done
    check_disk "$1"
    REPLY=${#disks[@]}
    [ "$REPLY" -lt $disks_max ] ||
        die "DISK=$1: the machine has at most $disks_max disks; put some into memory (disk=ram:FILE)"
    [ -w "$1" ] || echo "run: $1: you may not write it, so the disk is read-only"
    disks+=("$1")
}

disk_args() {
    local number mode source
    [ ${#disks[@]} = 0 ] || args+=(-global virtio-mmio.force-legacy=false)
    for number in "${!disks[@]}"; do
        mode=on
        [ ! -w "${disks[number]}" ] || mode=off
        source="driver=file,read-only=$mode,filename=${disks[number]//,/,,}"
        [ "$number" != 0 ] || source=${FV_DISK:-$source}
        args+=(-blockdev "node-name=disk$number,$source"
            -device "virtio-blk-device,drive=disk$number,bus=virtio-mmio-bus.$number")
    done
}

# find_initrd FILE-OR-FOLDER: the file with its contents is in $REPLY; a folder becomes a ustar archive,
# of the same bytes each time
find_initrd() {
    REPLY=$1
    [ -e "$1" ] || die "INITRD=$1: neither a file nor a folder"
    [ -r "$1" ] || die "INITRD=$1: you may not read it"
    if [ -d "$1" ]; then
        REPLY=${archives[$1]:-$out/initrd${#archives[@]}.tar}
        [ -n "${archives[$1]:-}" ] || tar --format=ustar --sort=name --mtime=@0 --owner=0 --group=0 \
            --numeric-owner -C "$1" -cf "$REPLY" . || die "INITRD=$1: the folder does not fit a ustar archive"
        archives[$1]=$REPLY
    fi
    [ -s "$REPLY" ] || die "INITRD=$1: an empty file"
}

# An if=pflash drive would be booted from instead of -kernel.
flash_args() {
    [ -z "$flash" ] || args+=(-device "loader,file=${flash//,/,,},addr=0x22000000,force-raw=on")
}

# Puts guest[] into the bundle.
add_guest() {
    complete_guest
    [ "${guest[mem]}" -le "$host_bytes" ] ||
        die "MEM: $name gets more memory than the whole machine has: lower MEM or raise HOSTMEM"
    bundle+=(--guest "image=$image" "name=$name" "mem=${guest[mem]}" "vcpus=${guest[vcpus]}")
    [ -z "${guest[procs]:-}" ] || bundle+=("procs=${guest[procs]}")
    [ -z "${guest[control]:-}" ] || bundle+=(control)
    [ -z "${guest[machine]:-}" ] || bundle+=("machine=${guest[machine]}")
    if [ -n "${guest[pflash]:-}" ] && [ "${PFLASH_MODE:-emulated}" = passthrough ]; then
        in_flash "${guest[pflash]}"
        bundle+=(passthrough)
    elif [ -n "${guest[pflash]:-}" ]; then
        bundle+=("pflash=${guest[pflash]}")
    fi
    if [[ ${guest[disk]:-} = ram:* ]]; then
        check_disk "${guest[disk]#ram:}"
        bundle+=("ramdisk=${guest[disk]#ram:}")
    elif [ -n "${guest[disk]:-}" ]; then
        add_disk "${guest[disk]}"
        bundle+=("disk=$REPLY")
    fi
    if [ -n "${guest[initrd]:-}" ]; then
        find_initrd "${guest[initrd]}"
        bundle+=("initrd=$REPLY")
    fi
    [ -z "${guest[cmdline]:-}" ] || bundle+=("cmdline=${guest[cmdline]}")
    titles+=("$name")
}

# All payloads, by name, for exec and spawn.
add_images() {
    local image folder line cmdline
    for image in "$root"/build/payload/*.elf; do
        folder=$root/payload/$(basename "$image" .elf)
        cmdline=
        if [ -f "$folder/defaults" ]; then
            while read -r line; do
                [[ $line != CMDLINE=* ]] || cmdline=${line#CMDLINE=}
            done <"$folder/defaults"
        fi
        bundle+=(--image "image=$image")
        [ -z "$cmdline" ] || bundle+=("cmdline=$cmdline")
    done
}

# guest_from_variables PAYLOAD: guest[] as the user's variables say
guest_from_variables() {
    local key variable
    guest=([payload]=$1)
    for key in mem vcpus disk initrd pflash machine cmdline; do
        variable=${key^^}
        [ -z "${!variable+set}" ] || guest[$key]=${!variable}
    done
}

# guest_from_line FILE:LINE TEXT: guest[] from a line of a GUESTS file, or status 1 for an empty one
guest_from_line() {
    local where=$1 rest=$2 key value
    local word='^([^[:space:]="]+)(="([^"]*)"|=([^[:space:]"]*))?([[:space:]]+|$)'
    guest=()
    rest=${rest#"${rest%%[![:space:]]*}"}
    while [[ $rest != '' && $rest != '#'* ]]; do
        [[ $rest =~ $word ]] || die "$where: cannot read: $rest"
        key=${BASH_REMATCH[1]}
        value=${BASH_REMATCH[3]}${BASH_REMATCH[4]}
        rest=${rest:${#BASH_REMATCH[0]}}
        if [ -z "${guest[payload]:-}" ]; then
            guest[payload]=$key
        else
            one_of "$where: word" "$key" "${guest_keys[@]:1}"
            [ "$key" != control ] || value=yes
            [ "$key" != procs ] || number "$where: procs" "$value"
            guest[$key]=$value
        fi
    done
    [ -n "${guest[payload]:-}" ]
}

# Without PAYLOAD a demonstration: a unikernel that forks, and what that costs.
collect_guests() {
    local payload text line=0
    local payloads
    if [ -n "${GUESTS:-}" ]; then
        [ -f "$GUESTS" ] || die "GUESTS=$GUESTS: no such file"
        while IFS= read -r -u 3 text || [ -n "$text" ]; do
            line=$((line + 1))
            guest_from_line "$GUESTS:$line" "$text" && add_guest
        done 3<"$GUESTS" # the standard input is the guests'
        [ ${#titles[@]} != 0 ] || die "GUESTS=$GUESTS: names no guest"
        return
    fi
    if [ -z "${PAYLOAD:-}" ]; then
        PAYLOAD=demo
        CMDLINE=${CMDLINE:-instructions}
        count_instructions
    fi
    IFS=, read -ra payloads <<<"$PAYLOAD"
    for payload in "${payloads[@]}"; do
        guest_from_variables "$payload"
        add_guest
    done
}

# ---- QEMU ----------------------------------------------------------------------------------------

# One instruction of the machine is one cycle of its counter, the same in every run.
count_instructions() {
    FV_QEMU_ARGS=${FV_QEMU_ARGS--icount shift=0}
}

check_qemu() {
    local version
    command -v "$qemu" >/dev/null || die "there is no $qemu; tools/deps.sh installs it"
    version=$("$qemu" --version | head -n 1)
    [[ $version =~ version\ ([0-9]+)\.([0-9]+) ]] || die "$qemu: tells no version"
    ((BASH_REMATCH[1] * 100 + BASH_REMATCH[2] >= 702)) ||
        die "$version: has no hypervisor extension switched on; 7.2 or newer does"
    echo "$version"
}

# feed: stdin and then one ^D, once the machine has said something: what comes before the firmware
# has set up the UART is lost.
feed() {
    until [ -s "$out/console.log" ]; do
        sleep 0.02
    done
    exec cat - <(printf '\004') 2>/dev/null # one process, so that it can be ended when QEMU has
}

# run_qemu ARGUMENT...: on a terminal, which is then the guest's; else the guest gets what feed gives.
run_qemu() {
    local limit=() input feeder status=0
    local chardev="stdio,id=console,logfile=${out//,/,,}/console.log"
    [ -z "${TIMEOUT:-}" ] || limit=(timeout --foreground "$TIMEOUT")
    : >"$out/console.log"
    set -- "$qemu" -M virt -display none -nodefaults -monitor none -serial chardev:console "$@"
    # shellcheck disable=SC2086 # words
    set -- "${limit[@]}" "$@" ${FV_QEMU_ARGS:-}
    if [ -t 0 ]; then
        echo "To leave: Ctrl-A x (Ctrl-A twice sends one)"
        "$@" -chardev "$chardev,mux=on,signal=off" -mon chardev=console || status=$?
    else
        exec {input}< <(feed)
        feeder=$!
        "$@" -chardev "$chardev" <&"$input" || status=$?
        # it may have ended long ago, and its number be another's
        if grep -qs "^PPid:[[:space:]]*$BASHPID\$" "/proc/$feeder/status"; then
            kill "$feeder" 2>/dev/null || true # it may end by itself just now
        fi
    fi
    return $status
}

# The payload itself on the bare machine.
run_bare() {
    local cpu=rv64 args=()
    forbid "with BARE=1" GUESTS MACHINE HARTS HOSTMEM FORK OVERCOMMIT TRACE PFLASH_MODE
    [[ ${PAYLOAD:-} != *,* ]] || die "PAYLOAD=$PAYLOAD: a bare machine runs one payload"
    guest_from_variables "${PAYLOAD:-hello}"
    complete_guest
    [ -s "$image" ] || die "PAYLOAD=$image: an empty file"
    [ "${guest[mem]}" -ge $((6 << 20)) ] ||
        die "MEM: too little for a bare machine, which holds firmware, image and device tree; 6M or more"
    [ "${SSTC:-on}" = on ] || cpu=rv64,sstc=off
    args=(-cpu "$cpu" -smp "${guest[vcpus]}" -m "${guest[mem]}B" -kernel "$image")
    [ -z "${guest[cmdline]}" ] || args+=(-append "${guest[cmdline]}")
    [ -z "${guest[pflash]:-}" ] || in_flash "${guest[pflash]}"
    flash_args
    [[ ${guest[disk]:-} != ram:* ]] ||
        die "DISK=${guest[disk]}: a bare machine has no disk in memory; leave out ram:"
    [ -z "${guest[disk]:-}" ] || add_disk "${guest[disk]}"
    disk_args
    if [ -n "${guest[initrd]:-}" ]; then
        find_initrd "${guest[initrd]}"
        args+=(-initrd "$REPLY")
    fi
    run_qemu "${args[@]}"
}

# Guests in the hypervisor.
run_guests() {
    local args status=0 monitor=off
    [ ! -t 0 ] || monitor=on # where nobody types, input may be anything
    collect_guests
    add_images
    [ "${PFLASH_MODE:-emulated}" = emulated ] || [ -n "$flash" ] ||
        die "PFLASH_MODE=passthrough: no guest has a flash; add PFLASH=file"
    "$root/build/host/mkimage" -o "$out/bundle" "${bundle[@]}" || exit
    args=(-cpu rv64 -smp "${HARTS:-1}" -m "${HOSTMEM:-1G}"
        -kernel "${FV_HV:-$root/build/hv/forkvisor.elf}" -initrd "$out/bundle"
        -append "fork=${FORK:-cow} trace=$trace sstc=${SSTC:-on} overcommit=${OVERCOMMIT:-lazy} monitor=$monitor")
    flash_args
    disk_args
    if [ "$trace" != off ]; then
        count_instructions
        rm -f "$out/exits.bin" "$out/exits.log"
        args+=(-global virtio-mmio.force-legacy=false -device "virtio-serial-device,bus=virtio-mmio-bus.7"
            -chardev "file,id=trace,path=${out//,/,,}/exits.bin" -device "virtconsole,chardev=trace")
    fi
    run_qemu "${args[@]}" || status=$?
    if [ "$trace" != off ]; then
        "$root/build/host/trace" text "$out/exits.bin" "$out/exits.log" || status=$((status ? status : 1))
    fi
    return $status
}

{ : <&0; } 2>/dev/null || exec </dev/null # stdin may be closed
check_variables
check_qemu
mkdir -p "$out"
status=0
if [ "${BARE:-0}" = 1 ]; then
    run_bare || status=$?
else
    run_guests || status=$?
fi
[ $status != 124 ] || echo "run: not finished after TIMEOUT=${TIMEOUT:-} s" >&2
exit $status
