#!/bin/bash
# SPDX-License-Identifier: BSD-2-Clause
#
# Gets what the build needs and this machine lacks.
#
#   tools/deps.sh          what `make run` and `make test` need: compilers, QEMU, firmware as packages,
#                          and third-party sources in build/deps
#   tools/deps.sh check    also what `make check` needs
#   tools/deps.sh disk     also what makes and checks disk images, for `make test` and `make disk`
#   tools/deps.sh gdb      also what `make gdb` needs
#   tools/deps.sh linux    also what `make bench-linux` needs: a compiler for Linux programs, what makes disks, and
#                          Debian's kernel for riscv64 in build/deps/linux
#   tools/deps.sh prove    also what `make prove` needs: Debian's CBMC in build/deps/cbmc, with libraries of its own
#   tools/deps.sh source PACKAGE...
#                          all of these Debian source packages, each in build/deps/PACKAGE: programs that tests
#                          build; status 3 if one cannot be had
#
# Nothing is installed that is there already, and nothing without being named first.  With DEPS=manual
# the commands are printed and the script fails.  A broken download leaves nothing behind: a thing
# appears in build/deps under its name when it is complete.  apt checks the signatures.
set -euo pipefail
cd "$(dirname "$0")/.."

deps=build/deps

# Third-party sources: folder in build/deps, Debian source package, the package's folder that it is.
# Of that folder the .c and .h files are taken.
sources=(
    "libfdt device-tree-compiler libfdt"
    "uthash uthash               src"
)

# Debian's kernel: the suite that has the one that is compared with, and the modules that are taken.
linux_suite=trixie
linux_modules=(virtio_mmio virtio_blk fat vfat nls_ascii nls_cp437 kvm)

# The model checker, from the first suite with a recent one, and all that it loads: the machine may be older.
cbmc_suite=trixie
cbmc_packages=(cbmc minisat libc6 libgcc-s1 libstdc++6)

die() {
    printf 'deps.sh: %s\n' "$*" >&2
    exit 1
}

# need PROGRAM-OR-FILE PACKAGE: remembers the package if the program or file is not there
packages=()
need() {
    if [[ $1 == /* ]]; then
        [ -e "$1" ] || packages+=("$2")
    else
        command -v "$1" >/dev/null || packages+=("$2")
    fi
}

need_linux_compiler() {
    need riscv64-linux-gnu-gcc gcc-riscv64-linux-gnu
    need /usr/riscv64-linux-gnu/lib/libc.a libc6-dev-riscv64-cross
}

find_missing() {
    need riscv64-unknown-elf-gcc gcc-riscv64-unknown-elf
    need /usr/lib/picolibc/riscv64-unknown-elf/picolibc.specs picolibc-riscv64-unknown-elf
    need qemu-system-riscv64 qemu-system-misc
    need /usr/share/qemu/opensbi-riscv64-generic-fw_dynamic.bin opensbi
    need dtc device-tree-compiler
    need gcc gcc
    need /usr/include/stdio.h libc6-dev
    need xz xz-utils
    if [ "$1" = check ]; then
        need clang-format clang-format
        need cppcheck cppcheck
        need shellcheck shellcheck
    elif [ "$1" = disk ] || [ "$1" = linux ]; then
        need /usr/sbin/mkfs.fat dosfstools # not in everybody's PATH
        need mcopy mtools
        [ "$1" = disk ] || need_linux_compiler
    elif [ "$1" = gdb ]; then
        need gdb-multiarch gdb-multiarch
    fi
    # since Debian 13 QEMU's RISC-V machines have a package of their own
    if [[ " ${packages[*]} " == *" qemu-system-misc "* ]] &&
        apt-cache show qemu-system-riscv >/dev/null 2>&1; then
        packages=("${packages[@]/qemu-system-misc/qemu-system-riscv}")
    fi
}

# Installs the missing packages; "$@" is what gives root's rights: nothing, or sudo.
install_packages() {
    local log=$deps/apt.log
    echo "Installing: ${packages[*]}"
    mkdir -p "$deps"
    if ! { "$@" apt-get -q update &&
        "$@" env DEBIAN_FRONTEND=noninteractive apt-get -q -y -o DPkg::Lock::Timeout=300 \
            install --no-install-recommends "${packages[@]}"; } >"$log" 2>&1; then
        tail -n 20 "$log" >&2
        die "apt-get failed; all of its words are in $log"
    fi
}

# private_sources FOLDER TYPE SUITE: the machine's own package sources, for packages of that type (deb,
# deb-src) and with that suite instead of the machine's
private_sources() {
    local file own
    own=$(sed -n 's/^VERSION_CODENAME=//p' /etc/os-release)
    mkdir -p "$1/sources.list.d"
    for file in /etc/apt/sources.list /etc/apt/sources.list.d/*.list; do
        [ -r "$file" ] && sed -n "s/^[[:space:]]*deb[[:space:]]/$2 /p" "$file"
    done | grep -v 'cdrom:' | sort -u >"$1/sources.list" || true
    for file in /etc/apt/sources.list.d/*.sources; do
        [ -r "$file" ] && sed "s/^[Tt]ypes:.*/Types: $2/" "$file" >"$1/sources.list.d/${file##*/}"
    done
    find "$1" -type f -exec sed -i "s/\\b$own\\b/$3/g" {} +
}

# private_apt [OPTION...]: in options, what makes apt work in this folder, with the sources there, and these.
# Without the status file it does not insist on versions that are installed.
private_apt() {
    options=(-o "Dir::Etc::sourcelist=$PWD/sources.list" -o "Dir::Etc::sourceparts=$PWD/sources.list.d"
        -o "Dir::State=$PWD/state" -o "Dir::State::lists=$PWD/lists" -o Dir::State::status=/dev/null
        -o "Dir::Cache=$PWD/cache" -o APT::Sandbox::User= "$@")
    mkdir -p state lists/partial cache/archives/partial
}

# Fetches the upstream archive of source package $2, as orig.tar in folder $1, from the suite that
# the sources there name.  Nothing else of the package: mirrors may lack parts that nobody wants.
fetch_archive() (
    cd "$1"
    private_apt
    # update also fails when only an unrelated source of this machine does: the fetch decides
    apt-get -q "${options[@]}" update || true
    # one line a file: 'URI' NAME BYTES HASH, from signed lists
    read -r uri _ _ hash < <(apt-get -q "${options[@]}" source --tar-only --print-uris "$2" |
        grep -E '/[^/]*\.orig\.tar\.[a-z0-9]+. ')
    [ -n "$hash" ] || return 1
    /usr/lib/apt/apt-helper "${options[@]}" download-file "${uri//\'/}" orig.tar "$hash"
)

# unpack NEW FOLDER: the archive in folder NEW as NEW/tree; "." is all of it
unpack() {
    local only=()
    [ "$2" = . ] || only=(--wildcards "*/$2/*.[ch]")
    mkdir "$1/tree" && tar -C "$1/tree" -xf "$1/orig.tar" --strip-components=1 "${only[@]}"
}

# fetch_source NAME PACKAGE FOLDER: one of `sources`
fetch_source() {
    local name=$1 package=$2 folder=$3 own suite new=$deps/new.$$ log=$deps/source.log
    own=$(sed -n 's/^VERSION_CODENAME=//p' /etc/os-release)
    echo "Fetching the source of $name (Debian source package $package)"
    trap 'rm -rf "$deps/new.$$"' EXIT
    # An archive may lack an old source package: then a newer suite has it.
    for suite in "$own" trixie forky; do
        private_sources "$new" deb-src "$suite"
        if fetch_archive "$new" "$package" >"$log" 2>&1 && unpack "$new" "$folder" 2>>"$log"; then
            mv -T "$(readlink -f "$new/tree/$folder")" "$deps/$name"
        fi
        rm -rf "$new"
        [ ! -e "$deps/$name" ] || return 0
    done
    tail -n 20 "$log" >&2
    printf 'deps.sh: the source of %s cannot be fetched; all of apt'\''s words are in %s\n' "$name" "$log" >&2
    exit 3
}

# Fetches the newest kernel of the suite as linux.deb in folder $1.
fetch_kernel() (
    cd "$1"
    private_apt -o APT::Architecture=riscv64 -o APT::Architectures=riscv64
    apt-get -q "${options[@]}" update || true # as in fetch_archive
    package=$(apt-cache "${options[@]}" depends linux-image-riscv64 | sed -n 's/^ *Depends: \(linux-image-[0-9].*\)/\1/p')
    [ -n "$package" ] || return 1
    apt-get -q "${options[@]}" download "$package"
    mv linux-image-*.deb linux.deb
)

# has_linux FOLDER: the kernel is there, with all of the modules; some may not have been wanted once
has_linux() {
    local file
    for file in vmlinux version "${linux_modules[@]/%/.ko.xz}"; do
        [ -e "$1/$file" ] || return 1
    done
}

# The kernel and some modules, each a file in build/deps/linux, and its version.
fetch_linux() {
    local module new=$deps/new.$$ log=$deps/linux.log
    echo "Fetching Debian's kernel for riscv64 (package linux-image-riscv64 of $linux_suite)"
    trap 'rm -rf "$deps/new.$$"' EXIT
    private_sources "$new" deb $linux_suite
    if fetch_kernel "$new" >"$log" 2>&1 && dpkg-deb -x "$new/linux.deb" "$new/tree" 2>>"$log"; then
        mkdir "$new/linux"
        mv "$new"/tree/boot/vmlinux-* "$new/linux/vmlinux"
        for module in "${linux_modules[@]}"; do
            find "$new/tree" -name "$module.ko.xz" -exec mv {} "$new/linux/" \;
        done
        dpkg-deb -f "$new/linux.deb" Version >"$new/linux/version"
        if has_linux "$new/linux"; then
            rm -rf $deps/linux
            mv -T "$new/linux" $deps/linux
        fi
    fi
    rm -rf "$new"
    has_linux $deps/linux || { tail -n 20 "$log" >&2 && die "the kernel cannot be fetched; all of apt's words are in $log"; }
}

# Fetches the packages into folder $1.
fetch_cbmc_packages() (
    cd "$1"
    private_apt
    apt-get -q "${options[@]}" update || true # as in fetch_archive
    apt-get -q "${options[@]}" download "${cbmc_packages[@]}"
)

# Unpacked, not installed: tools/prove.sh starts it with its own loader and libraries.
fetch_cbmc() {
    local package new=$deps/new.$$ log=$deps/cbmc.log
    echo "Fetching CBMC (packages of $cbmc_suite: ${cbmc_packages[*]})"
    trap 'rm -rf "$deps/new.$$"' EXIT
    private_sources "$new" deb $cbmc_suite
    if fetch_cbmc_packages "$new" >"$log" 2>&1; then
        for package in "$new"/*.deb; do
            dpkg-deb -x "$package" "$new/tree" 2>>"$log" || rm -rf "$new/tree"
        done
        [ ! -e "$new/tree/usr/bin/cbmc" ] || mv -T "$new/tree" $deps/cbmc
    fi
    rm -rf "$new"
    [ -e $deps/cbmc ] || { tail -n 20 "$log" >&2 && die "CBMC cannot be fetched; all of apt's words are in $log"; }
}

what=${1:-run}
if [ "$what" = source ]; then
    shift
    for name; do
        [ -e "$deps/$name" ] || fetch_source "$name" "$name" .
    done
    exit
fi
[[ $what == @(run|check|disk|gdb|linux|prove) && $# -le 1 ]] || die "usage: tools/deps.sh [check | disk | gdb | linux | prove | source PACKAGE...]"
[[ ${DEPS:-auto} == @(auto|manual) ]] ||
    die "DEPS=$DEPS: auto installs what is missing, manual only prints the commands"

find_missing "$what"
missing=() # names of sources
for source in "${sources[@]}"; do
    [ -e "$deps/${source%% *}" ] || missing+=("${source%% *}")
done
linux= # the goal, if Debian's kernel is to be fetched
[ "$what" != linux ] || has_linux $deps/linux || linux=linux
cbmc= # the goal, if CBMC is to be fetched
[ "$what" != prove ] || [ -e $deps/cbmc ] || cbmc=prove

if [ ${#packages[@]} != 0 ] && ! command -v apt-get >/dev/null; then
    die "this system has no apt-get; install what these Debian packages hold: ${packages[*]}"
fi
if [ "${DEPS:-auto}" = manual ] && [ -n "${packages[*]}${missing[*]}$linux$cbmc" ]; then
    echo "deps.sh: missing; as root or with sudo, and then without DEPS=manual:" >&2
    [ ${#packages[@]} = 0 ] || echo "    apt-get install --no-install-recommends ${packages[*]}" >&2
    [ ${#missing[@]} = 0 ] || echo "    tools/deps.sh    # fetches the source of: ${missing[*]}" >&2
    [ -z "$linux" ] || echo "    tools/deps.sh linux    # fetches Debian's kernel for riscv64" >&2
    [ -z "$cbmc" ] || echo "    tools/deps.sh prove    # fetches CBMC: ${cbmc_packages[*]} of $cbmc_suite, unpacked in $deps/cbmc" >&2
    exit 1
fi
if [ ${#packages[@]} != 0 ]; then
    if [ "$(id -u)" = 0 ]; then
        install_packages
    elif command -v sudo >/dev/null; then
        install_packages sudo
    else
        die "not root and no sudo; as root: apt-get install --no-install-recommends ${packages[*]}"
    fi
fi
for source in "${sources[@]}"; do
    [ -e "$deps/${source%% *}" ] && continue
    read -r name package folder <<<"$source"
    fetch_source "$name" "$package" "$folder"
done
[ -z "$linux" ] || fetch_linux
[ -z "$cbmc" ] || fetch_cbmc
touch $deps/ready
