#!/bin/bash
# SPDX-License-Identifier: BSD-2-Clause
#
# Gets what the build needs from the system's package manager: programs as packages, libfdt as a
# Debian source package in build/deps/libfdt.  Nothing is installed that is there already.
set -euo pipefail
cd "$(dirname "$0")/.."
deps=build/deps
package=device-tree-compiler # the source package that holds libfdt

rm -rf "$deps/new" && mkdir -p "$deps/new/lists/partial"
cd "$deps/new"
for suite in bookworm trixie; do
    cat >private.sources <<END
Types: deb-src
URIs: http://deb.debian.org/debian
Suites: $suite
Components: main
Signed-By: /usr/share/keyrings/debian-archive-keyring.gpg
END
    options=(-o "Dir::Etc::sourcelist=$PWD/private.sources" -o Dir::Etc::sourceparts=/dev/null
        -o "Dir::State::lists=$PWD/lists" -o Dir::State::status=/dev/null -o APT::Sandbox::User=root)
    apt-get -qq "${options[@]}" update
    apt-get -qq "${options[@]}" source --tar-only "$package" && break
done
tar xf "$package"_*.orig.tar.* --strip-components=1 --wildcards '*/libfdt/*.[ch]'
cd ../../..
rm -rf "$deps/libfdt" && mv "$deps/new/libfdt" "$deps/libfdt" && rm -rf "$deps/new"
touch "$deps"/libfdt/* && touch "$deps/ready"
