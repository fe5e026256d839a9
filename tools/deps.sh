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
    elif [ "$1" = disk ]; then
        need /usr/sbin/mkfs.fat dosfstools # not in everybody's PATH
        need mcopy mtools
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

# The machine's own package sources, as sources of source packages, into folder $1.
private_sources() {
    local file
    mkdir -p "$1/sources.list.d"
    for file in /etc/apt/sources.list /etc/apt/sources.list.d/*.list; do
        [ -r "$file" ] && sed -n 's/^[[:space:]]*deb[[:space:]]/deb-src /p' "$file"
    done | grep -v 'cdrom:' | sort -u >"$1/sources.list" || true
    for file in /etc/apt/sources.list.d/*.sources; do
        [ -r "$file" ] && sed 's/^[Tt]ypes:.*/Types: deb-src/' "$file" \
            >"$1/sources.list.d/${file##*/}"
    done
    return 0
}

# Fetches the upstream archive of source package $2, as orig.tar in folder $1, from the suite that
# the sources there name.  Nothing else of the package: mirrors may lack parts that nobody wants.
fetch_archive() (
    cd "$1"
    # Without the status file apt does not insist on the version that is installed as a binary.
    options=(-o "Dir::Etc::sourcelist=$PWD/sources.list" -o "Dir::Etc::sourceparts=$PWD/sources.list.d"
        -o "Dir::State=$PWD/state" -o "Dir::State::lists=$PWD/lists" -o Dir::State::status=/dev/null
        -o "Dir::Cache=$PWD/cache" -o APT::Sandbox::User=)
    mkdir -p state lists/partial cache/archives/partial
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
        private_sources "$new"
        find "$new" -type f -exec sed -i "s/\\b$own\\b/$suite/g" {} +
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

what=${1:-run}
if [ "$what" = source ]; then
    shift
    for name; do
        [ -e "$deps/$name" ] || fetch_source "$name" "$name" .
    done
    exit
fi
[[ $what == @(run|check|disk|gdb) && $# -le 1 ]] || die "usage: tools/deps.sh [check | disk | gdb | source PACKAGE...]"
[[ ${DEPS:-auto} == @(auto|manual) ]] ||
    die "DEPS=$DEPS: auto installs what is missing, manual only prints the commands"

find_missing "$what"
missing=() # names of sources
for source in "${sources[@]}"; do
    [ -e "$deps/${source%% *}" ] || missing+=("${source%% *}")
done

if [ ${#packages[@]} != 0 ] && ! command -v apt-get >/dev/null; then
    die "this system has no apt-get; install what these Debian packages hold: ${packages[*]}"
fi
if [ "${DEPS:-auto}" = manual ] && [ $((${#packages[@]} + ${#missing[@]})) != 0 ]; then
    echo "deps.sh: missing; as root or with sudo, and then without DEPS=manual:" >&2
    [ ${#packages[@]} = 0 ] || echo "    apt-get install --no-install-recommends ${packages[*]}" >&2
    [ ${#missing[@]} = 0 ] || echo "    tools/deps.sh    # fetches the source of: ${missing[*]}" >&2
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
touch $deps/ready
