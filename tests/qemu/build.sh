# shellcheck shell=bash disable=SC2154 # lib.sh, tests/run
# SPDX-License-Identifier: BSD-2-Clause
#
# How images are made and looked at: tools/ukcc as a compiler of programs from elsewhere, what it links and
# what not, make gdb, make size.  Then programs of others, from Debian's source packages.
#
#     name                     tier  s    function arguments

entry build_ukcc_calls         quick  60   ukcc_calls
entry build_ukcc_refuses       quick  60   ukcc_refuses
entry build_ukcc_finds         quick  60   ukcc_finds
entry build_ukcc_runs          quick  60   ukcc_runs
entry build_ukcc_runs_bare     quick  60   ukcc_runs BARE=1
entry build_components         quick  60   components_of_images
entry build_symbols            quick  60   symbols_of_images
entry gdb                      quick  60   debugger
entry gdb_bare                 quick  60   debugger BARE=1
entry build_size               quick  60   make_size
entry program_lua              full   300  program_lua
entry program_gmp              full   900  program_gmp

# ---- tools/ukcc ----------------------------------------------------------------------------------

# In a folder whose name has a space, and with one in the names, as users have them.
ukcc_program() {
    ukcc=$PWD/tools/ukcc
    cross=riscv64-unknown-elf-
    rm -rf "$out/a program"
    mkdir -p "$out/a program/parts"
    cd "$out/a program" || fail "no folder"
    cat >'the main.c' <<'END'
#include <math.h>
#include <stdio.h>
#include <string.h>
#include "twice.h"
int main(void)
{
    char text[16];
    strcpy(text, "twice");
    printf("%s %d is %d, cos 0 is %.1f\n", text, NUMBER, twice(NUMBER), cos(0.0));
    return 3;
}
END
    echo 'int twice(int n);' >parts/twice.h
    printf '#include "twice.h"\nint twice(int n) { return 2 * n; }\n' >parts/twice.c
}

# is_image FILE: an executable that a loader takes
is_image() {
    "${cross}readelf" -h "$1" | grep -q 'Type: *EXEC' || fail "$1 is no image"
    rm "$1"
}

# Each way in which make and configure call a compiler.
ukcc_calls() {
    ukcc_program
    local flags=(-O2 -Wall -Werror -Iparts -DNUMBER=4)
    "$ukcc" "${flags[@]}" 'the main.c' parts/twice.c -lm
    is_image a.out
    "$ukcc" "${flags[@]}" -MMD -c 'the main.c' -o 'the main.o'
    grep -q 'parts/twice.h' 'the main.d' || fail "no dependencies were written"
    "$ukcc" "${flags[@]}" -c parts/twice.c -oparts/twice.o
    "${cross}ar" rcs parts/libtwice.a parts/twice.o
    "$ukcc" -static -pthread -rdynamic 'the main.o' -Lparts -ltwice -lm -lpthread -ldl -o 'parts/the image'
    is_image 'parts/the image'
    "$ukcc" -pie 'the main.o' parts/libtwice.a -lm -Wl,-Map="the map" -o image
    is_image image
    grep -q libtwice.a 'the map' || fail "no map was written"
    printf '"the main.o" parts/twice.o\n-lm -o image' >arguments
    "$ukcc" @arguments
    is_image image
    "$ukcc" -fPIC -g -O0 "${flags[@]:2}" -x c 'the main.c' parts/twice.c -x none -lm -o image
    is_image image
    echo 'int main(void) { return 0; }' | "$ukcc" -x c - -o image
    is_image image
    [ "$(printf '#define A B\nA\n' | "$ukcc" -E -P -)" = B ] || fail "-E - does not preprocess"
    "$ukcc" -S parts/twice.c -Iparts -o - | grep -q '^twice:' || fail "-S does not compile"
    "$ukcc" -r 'the main.o' parts/twice.o -o all.o
    "$ukcc" all.o -lm -o image
    is_image image
    # what configure asks
    "$ukcc" --version | grep -q '^riscv64-unknown-elf-gcc' || fail "no version"
    [ "$("$ukcc" -dumpmachine)" = riscv64-unknown-elf ] || fail "another machine"
    "$("$ukcc" -print-prog-name=ld)" -v | grep -q 'GNU ld' || fail "no linker"
    say 1 "$ukcc"
    want 'no input files'
}

# refuses PATTERN ARGUMENT...
refuses() {
    local pattern=$1
    shift
    say 1 "$ukcc" "$@"
    want "$pattern"
}

ukcc_refuses() {
    ukcc_program
    echo 'int main(void) { return 0; }' >main.c
    refuses '^ukcc: no component is named pagng; did you mean paging\? \(components: .* paging .*\)$' --components=pagng main.c
    refuses '^ukcc: slab and buddy: an image has one allocator; leave out one' --components=slab,buddy main.c
    refuses '^ukcc: -tlsf: only these are in every image: symbols$' --components=-tlsf main.c
    refuses '^ukcc: -shared: a payload is one image' -shared main.c
    refuses "^ukcc: -Tmy.ld: an image's layout is that of" -Tmy.ld main.c
    refuses '^ukcc: --stack=5: must be a multiple of 16' --stack=5 main.c
    refuses '^ukcc: --stack=much: must be a size' --stack=much main.c
    refuses 'there.c: No such file' there.c
    refuses '^ukcc: @there: no such file' @there
    printf 'void *malloc(unsigned long);\nint here(void);\nint main(void) { return malloc(8) ? here() : 0; }\n' >main.c
    refuses "undefined reference to .here'" --components=heap main.c
    forbid '^ukcc: '
    refuses '^ukcc: malloc is in the component heap: add it to --components$' --components=pages -nostdlib main.c
    # elsewhere there is no library OS to link
    mkdir -p tree/tools
    cp "$ukcc" tree/tools/
    say 1 tree/tools/ukcc main.c
    want '^ukcc: the library OS is not built; first: make -C .*/tree$'
}

# has_components IMAGE NAME...: those that its map has objects of
has_components() {
    local found
    found=$(cd "$root" && tools/size.sh "$OLDPWD/$1" | awk 'NR == 2 { $1 = $2 = $3 = $4 = $5 = $6 = $7 = $8 = ""; print $0 }' | xargs)
    shift
    [ "$found" = "$*" ] || fail "components: $found; not: $*"
}

# What nobody names is found from what is referred to.
ukcc_finds() {
    ukcc_program
    local hosted
    hosted=$(sed -n 's/^always=.* hosted="\(.*\)"$/\1/p' "$root/build/ukcc.conf")
    echo 'int main(void) { return 0; }' >main.c
    "$ukcc" main.c -o image.elf -Wl,-Map=image.map
    [ -n "$hosted" ] || has_components image.elf symbols
    printf '#include <stdlib.h>\nint main(void) { return malloc(8) == 0; }\n' >main.c
    "$ukcc" main.c -o image.elf -Wl,-Map=image.map
    grep -q '/guest/heap_tlsf.c.o$' image.map || fail "malloc did not bring the default allocator"
    "$ukcc" --components=bump main.c -o image.elf -Wl,-Map=image.map
    has_components image.elf bump heap pages symbols
    # what the library OS itself refers to: threads need memory
    printf '#include <pthread.h>\nstatic void *run(void *x) { return x; }\nint main(void) { pthread_t t; return pthread_create(&t, NULL, run, NULL); }\n' >main.c
    "$ukcc" main.c -o image.elf -Wl,-Map=image.map
    grep -q '/guest/heap_tlsf.c.o$' image.map || fail "threads did not bring the default allocator"
    # files, and what they may be on; but not for the console alone
    printf '#include <stdio.h>\n#include <unistd.h>\nint main(void) { char c; fprintf(stderr, "x"); return fwrite("y", 1, 1, stdout) + read(0, &c, 1) + isatty(0); }\n' >main.c
    "$ukcc" main.c -o image.elf -Wl,-Map=image.map
    ! grep -q '^LOAD .*/guest/fs/.*.o$' image.map || fail "the console brought files"
    printf '#include <stdio.h>\nint main(void) { return fopen("x", "r") == NULL; }\n' >main.c
    "$ukcc" main.c -o image.elf -Wl,-Map=image.map
    has_components image.elf archive devices fat32 heap irq libc pages paging plic static_devices symbols tlsf vfs virtio_blk
    # a program's own functions come before those of components
    printf '#include <stdlib.h>\nvoid *malloc(size_t n) { return (void *)n; }\nint main(void) { return malloc(8) == 0; }\n' >main.c
    "$ukcc" main.c -fno-builtin -o image.elf -Wl,-Map=image.map
    ! grep -q '^LOAD .*/guest/heap.c.o$' image.map || fail "two mallocs"
}

ukcc_runs() {
    ukcc_program
    "$ukcc" -O2 -Iparts -DNUMBER=21 'the main.c' parts/twice.c -lm -o 'the image.elf'
    cd "$root" || fail "no folder"
    run 3 PAYLOAD="$out/a program/the image.elf" "$@"
    golden <<<'twice 21 is 42, cos 0 is 1.0'
}

# ---- what is in images ---------------------------------------------------------------------------

# needed_by COMPONENT...: adds them and what they need to closure; of a kind, who is named or the default
needed_by() {
    local name
    for name; do
        if [ -n "${default[$name]:-}" ]; then
            local k=$name
            name=${default[$k]}
            for c in "${named[@]}"; do
                [ "${kind[$c]:-}" != "$k" ] || name=$c
            done
        fi
        [ -z "${closure[$name]:-}" ] || continue
        closure[$name]=yes
        # shellcheck disable=SC2086 # names
        needed_by ${needs[$name]}
    done
}

# From the link maps: an image has not one byte of a component that nobody asked for.
components_of_images() {
    local map program name object named count=0 c
    # shellcheck source=/dev/null
    . build/ukcc.conf
    for map in build/payload/*.map build/tests/guest/*.map; do
        program=${map##*/}
        program=${program%.map}
        # of a program that is no more
        cat payload/payload.mk tests/tests.mk | grep -qE "^(payloads|test-guests)-y \\+= $program\$" || continue
        mapfile -t named < <(cat payload/payload.mk tests/tests.mk |
            sed -nE "s/^components-$program *[:+]= *//p" | tr -s ' ' '\n')
        declare -A closure=()
        for name in $always; do
            [[ " ${named[*]} " == *" -$name "* ]] || needed_by "$name"
        done
        for name in "${named[@]}"; do
            [[ $name == -* ]] || needed_by "$name"
        done
        # an image that links nothing else
        ! grep -qE "^payload-raw \\+= $program\$" payload/payload.mk || closure=()
        for name in "${!objects[@]}"; do
            for object in ${objects[$name]}; do
                if [ -n "${closure[$name]:-}" ]; then
                    grep -qE "^LOAD .*/$object\$" "$map" || fail "$program lacks $object of $name"
                else
                    ! grep -nE "/(component/$name\\.a|${object//./\\.}\$)" "$map" ||
                        fail "$program has $object, of $name, which nobody asked for"
                fi
                count=$((count + 1))
            done
        done
    done
    [ $count -gt 100 ] || fail "only $count objects were looked for"
    figure "$count objects of components looked for in images"
}

# The table in an image against what nm says of it: the second link must have moved nothing.
symbols_of_images() {
    local elf count=0
    for elf in build/payload/*.elf; do
        riscv64-unknown-elf-nm "$elf" | awk '$3 == "symbols" || $3 == "symbols_end"' >"$out/bounds"
        [ -s "$out/bounds" ] || continue
        count=$((count + 1))
        riscv64-unknown-elf-objcopy -O binary -j .symbols "$elf" "$out/table"
        # pairs: a function's offset in the image, its name's in the table
        od -An -v -tu4 -w8 -N "$((0x$(sed -n 's/ . symbols_end$//p' "$out/bounds") - 0x$(sed -n 's/ . symbols$//p' "$out/bounds")))" \
            "$out/table" | while read -r offset name; do
            printf '%016x %s\n' $((0x80200000 + offset)) "$(tail -c "+$((name + 1))" "$out/table" | head -c 100 | tr '\0' '\n' | head -n 1)"
        done | sort >"$out/shown" || true
        riscv64-unknown-elf-nm "$elf" | awk '$2 ~ /^[tTwW]$/ { print $1, $3 }' | sort >"$out/there"
        [ -z "$(comm -23 "$out/shown" "$out/there")" ] || fail "$elf: its table has what is not there"
        [ "$(wc -l <"$out/shown")" -gt 20 ] || fail "$elf: its table is too short"
        [ $count -lt 3 ] || break
    done
    [ $count != 0 ] || fail "no image has names"
}

make_size() {
    say 0 tools/size.sh build/payload/*.elf
    want '^image +text +rodata +data +other +bss +stacks +total  components$' '^hello +[0-9]+ .* [0-9]+$' \
        '^good .* symbols$'
    sed 1d "$words" | awk '{ sum = $2 + $3 + $4 + $5 + $6 + $7 } sum != $8 || $8 < last { exit 1 } { last = $8 }' ||
        fail "the totals are no sums, or not sorted"
}

# ---- make gdb ------------------------------------------------------------------------------------

# A breakpoint is the guest's alone, and one of its children, too; the stack is readable.
debugger() {
    command -v gdb-multiarch >/dev/null || skip "there is no gdb-multiarch; make gdb installs it"
    make -s build/hv/gdb.elf
    say 0 env FV_OUT="$out" TIMEOUT="$limit" "$@" PAYLOAD=hello tools/gdb.sh < /dev/null
    forbid '^Breakpoint'
    say 0 env FV_OUT="$out" TIMEOUT="$limit" "$@" PAYLOAD=good CMDLINE=rounds=1 GDBFLAGS="-batch -ex 'break guest_exit' \
        -ex 'tbreak main' -ex continue -ex 'backtrace -past-main' -ex continue -ex backtrace -ex continue" tools/gdb.sh
    want '^Temporary breakpoint 2, main \(\) at payload/good.c' '^#1 .* in guest_run \(\) at .*guest/main.c' \
        '^Breakpoint 1, guest_exit \(status=0\)' '^good: ok$' 'Remote connection closed|Target disconnected|exited normally'
    count 1 '^Breakpoint 1, '
}

# ---- programs of others --------------------------------------------------------------------------

# sources_of PACKAGE: its tree twice, in host/ and guest/ of the test's folder
sources_of() {
    local status=0
    tools/deps.sh source "$1" || status=$?
    [ $status != 3 ] || skip "the source package $1 cannot be had: no network, or no archive"
    [ $status = 0 ] || fail "tools/deps.sh source $1: status $status"
    rm -rf "$out/host" "$out/guest"
    cp -r "build/deps/$1" "$out/host"
    cp -r "build/deps/$1" "$out/guest"
    cross=riscv64-unknown-elf-
    tools=("CC=$root/tools/ukcc" "AR=${cross}ar" "RANLIB=${cross}ranlib" "NM=${cross}nm")
}

# same_as_host PROGRAM INPUT CMDLINE [ARGUMENT...]: in a VM and bare it says what it says here
same_as_host() {
    local program=$1 input=$2 cmdline=$3 place
    shift 3
    "$out/host/$program" "$@" <"$input" >"$out/here" || fail "$program fails on this machine"
    [ -s "$out/here" ] || fail "$program says nothing on this machine"
    for place in BARE=0 BARE=1; do
        run 0 PAYLOAD="$out/guest/$program" CMDLINE="$cmdline" MEM=256M $place <"$input"
        golden <"$out/here"
    done
}

# Lua: a plain Makefile, which is told CC.
program_lua() {
    sources_of lua5.4
    make -s -C "$out/host/src" generic
    make -s -C "$out/guest/src" generic "${tools[0]}" "AR=${cross}ar rc" "${tools[2]}"
    cat >"$out/script.lua" <<'END'
local words = {}
for word in ("the quick brown fox jumps over the lazy dog"):gmatch("%a+") do words[#words + 1] = word end
table.sort(words)
print(_VERSION, table.concat(words, " "), #words)
local function fib(n) if n < 2 then return n end return fib(n - 1) + fib(n - 2) end
print(fib(22), ("%.14g %a"):format(math.pi, 0.1), 7 // 2, 2 ^ 0.5, math.maxinteger)
local generator = coroutine.wrap(function() for i = 1, 3 do coroutine.yield(i) end end)
print(generator(), generator(), generator(), pcall(error, {}) , select("#", 1, nil))
print(io.open("/no/such/file"))
local kept = {}
for i = 1, 200000 do kept[i % 1000] = { tostring(i) } end
collectgarbage()
print(kept[7][1], utf8.char(955, 8364), os.time { year = 2024, month = 2, day = 29, hour = 12 } // 86400)
END
    same_as_host src/lua "$out/script.lua" '-- -' -
}

# GMP: ./configure, and hundreds of files.
program_gmp() {
    local place
    sources_of gmp
    for place in host guest; do
        # Debian takes the manual out of the archive, and this of its build goes with it
        mkdir "$out/$place/doc"
        echo 'all:' >"$out/$place/doc/Makefile.in"
    done
    # taken for a machine that GMP has only C for, too: where it has more, m4 is asked for
    (cd "$out/host" && ./configure -q --build=riscv64-pc-linux-gnu CC=gcc CC_FOR_BUILD=gcc --disable-assembly --disable-shared &&
        make -s -j2 && make -s -C demos factorize pexpr) >"$out/host.log" 2>&1 ||
        fail "GMP cannot be built for this machine: $out/host.log"
    (cd "$out/guest" && ./configure -q --host=riscv64 --disable-assembly --disable-shared "${tools[@]}" CC_FOR_BUILD=gcc &&
        make -s -j2 && make -s -C demos factorize pexpr) >"$out/guest.log" 2>&1 || {
        tail -n 20 "$out/guest.log"
        fail "GMP cannot be built: $out/guest.log"
    }
    figure "$("${cross}ar" t "$out/guest/.libs/libgmp.a" | wc -l) objects in libgmp.a"
    printf '1000000007\n18446744073709551617\n123456789012345678901234567890\n' >"$out/stdin"
    same_as_host demos/factorize "$out/stdin" ''
    same_as_host demos/pexpr /dev/null "'2^1000 + fib(300) * gcd(12, 18) - 100!'" '2^1000 + fib(300) * gcd(12, 18) - 100!'
}
