# shellcheck shell=bash disable=SC2016,SC2154 # $ in single quotes is the guest's; out, limit, words, disk: lib.sh, tests/run
# SPDX-License-Identifier: BSD-2-Clause
#
# The shell, as scripts use it and as a person does, who has a terminal: build/host/pty types.

for where in '' _bare; do
    bare=${where:+BARE=1}
    # shellcheck disable=SC2086 # a word or none
    {
        entry "row_shell$where"       quick 60  row_shell $bare
        entry "shell_status$where"    quick 60  shell_status $bare
        entry "shell_cmdline$where"   quick 60  shell_cmdline $bare
        entry "shell_disk$where"      quick 120 shell_disk $bare
        entry "shell_edits$where"     quick 60  shell_edits $bare
        entry "shell_history$where"   quick 60  shell_history $bare
        entry "shell_completes$where" quick 60  shell_completes $bare
        entry "shell_interrupt$where" quick 60  shell_interrupt $bare
        entry "shell_jobs$where"      quick 60  shell_jobs $bare
    }
done
entry shell_bare              quick 60  shell_bare
entry shell_pipelines         quick 60  shell_pipelines
entry shell_programs          quick 60  shell_programs
entry shell_signals           quick 60  shell_signals
entry shell_foreground        quick 60  shell_foreground
entry shell_computes          quick 60  shell_computes
entry shell_computes_4harts   quick 60  shell_computes HARTS=4
entry shell_prefixes          quick 60  shell_prefixes
entry shell_initrd            quick 60  shell_initrd
entry shell_no_disk           quick 60  shell_no_disk
entry shell_deep              quick 60  shell_deep
entry shell_tree              full  120 shell_tree
entry make_disk               quick 30  make_disk

# shell STATUS [VARIABLE=VALUE...]: stdin are its commands
shell() {
    local status=$1
    shift
    run "$status" PAYLOAD=shell "$@"
}

# made_disk: as `make disk` does; its file is in $disk
made_disk() {
    disk=$out/disk.img
    rm -f "$disk"
    tools/mkdisk.sh "$disk"
}

# typed STATUS [VARIABLE=VALUE...]: stdin is for pty, and a line "$ /path" waits for a prompt there that is new,
# not one that is drawn again.  Nobody's colours: they would be in the texts.
typed() {
    local status=$1
    shift
    sed 's/^\$ \(.*\)/= \\n\\r\\e[Jforkvisor:\1$ /' >"$out/keys"
    say "$status" env FV_OUT="$out" TIMEOUT="$limit" NO_COLOR=1 PAYLOAD=shell "$@" \
        build/host/pty 20 tools/run.sh <"$out/keys"
    forbid '^\[hv\] (panic|.* leaked)'
}

row_shell() {
    made_disk
    shell 0 DISK="$disk" "$@" <<'END'
mkdir dira; rename dira dirb; echo "hello" > a.txt; rename a.txt b.txt; mv b.txt ./dirb; ls ./dirb
cat dirb/b.txt
pwd
cd dirb
pwd
rm b.txt
ls
cd ..
rmdir dirb
uname
END
    golden <<'END'
b.txt
hello
/
/dirb
forkvisor
END
    fsck.fat -n "$disk"
}

shell_status() {
    shell 0 "$@" <<<'true'
    shell 1 "$@" <<<'cat nothing'
    want '^cat: nothing: No such file or directory$'
    shell 127 "$@" <<<'nothing'
    want 'shell: nothing: command not found$'
    shell 7 "$@" <<<'echo before; exit 7; echo behind'
    want '^before$'
    forbid '^behind$'
    shell 0 "$@" </dev/null
    shell 0 "$@" <<'END'
cat
what cat reads
END
    want '^what cat reads$'
}

shell_cmdline() {
    shell 0 CMDLINE="-c 'echo \"\$1 and \$2\"; ls /' name one two" "$@" </dev/null
    golden <<'END'
one and two
dev
tmp
END
    shell 3 CMDLINE='A=b C=d -- -c "echo $A; env; exit 3"' "$@" </dev/null
    want '^b$' '^A=b$' '^C=d$' '^HOME=/$'
    shell 127 CMDLINE=/nothing.sh "$@" </dev/null
    want 'shell: /nothing.sh: No such file or directory$'
    shell 2 CMDLINE=-x "$@" </dev/null
    want '^shell: -x: usage: '
}

# What is written is there after another start, and for others.
shell_disk() {
    made_disk
    shell 0 DISK="$disk" "$@" <<'END'
cat /README.TXT /etc/motd
hexdump /sbin/origin.bin
mkdir -p home/a/b
echo first > home/a/b/kept
cp -r home 'other home'
for i in 1 2 3; do echo line $i >> "home/long name with Capitals.txt"; done
run home/count.sh x 'y z'
mv home/a/b /tmp
ls /tmp/b
rm -r 'other home/a/b'
END
    want '^Welcome\.$' '^00000000  71 11 2a c0 93 08 d0 05  73 00 00 00 ' '^y z$' '^kept$'
    fsck.fat -n "$disk"
    [ "$(mtype -i "$disk" '::/home/long name with Capitals.txt')" = $'line 1\nline 2\nline 3' ] || fail "mtools reads something else"
    printf 'from the host\n' >"$out/text"
    mcopy -i "$disk" "$out/text" '::/home/from host'
    shell 0 DISK="$disk" "$@" <<'END'
ls home 'other home/a' home/a
cat 'home/from host' home/long*
df / > /dev/null && rm -r home 'other home' && sync
END
    golden <<'END'
home:
a
count.sh
from host
long name with Capitals.txt
home/a:
other home/a:
from the host
line 1
line 2
line 3
END
    fsck.fat -n "$disk"
    ! mdir -b -i "$disk" ::/ | grep home || fail "home is still there"
}

shell_edits() {
    made_disk
    typed 3 DISK="$disk" "$@" <<'END'
= help lists the commands
= disk0 on / type fat32 (rw)
$ /
# left, right, home, end; delete, backspace; ^A ^E ^K ^U ^W ^Y
< echo ac\e[Db\e[H\e[Fd\r
= \nabcd\r
$ /
< xxecho one two tree\e[1~\e[3~^D^E\e[D\e[D\e[Dh\r
= one two three
$ /
< one two\e[D\e[D^U^Kecho ^Y\r
= \nwo\r
$ /
< echo ready\r
= ready
$ /
< echo a b^Wc^A^A^K^Y\r
= \na c\r
$ /
# longer than a row
< echo 0123456789012345678901234567890123456789012345678901234567890123456789012345678901234567890123456789^A^Aset=1 ^E!\r
= 0123456789012345678901234567890123456789012345678901234567890123456789012345678901234567890123456789!
$ /
# UTF-8, lines that go on, redirection, status
< echo Grün^H^H^Hrün\r
= \nGrün\r
$ /
< echo "first\r
= > 
< second" > f && cat < f\r
= first
= second
$ /
< cat nothing 2> e; echo status $? $(\r
= shell: $(...)
$ /
< cat nothing 2> e; echo status $?; cat e\r
= status 1
= cat: nothing: No such file or directory
$ /
< cd /home; pwd\r
= /home
$ /home
< if true; then\r
= > 
< ^D
= syntax error
$ /home
< clear\r
= 2J
= forkvisor:/home$ 
< cat > typed\r
< one\rtwo\r^D
$ /home
< wc typed\r
= 2       2       8 typed
$ /home
< exit 3\r
END
}

shell_history() {
    typed 1 "$@" <<'END'
$ /
< echo one\r
= one
$ /
< echo two\r
= two
$ /
< \e[A\e[A\r
= one
$ /
< \e[A\e[A\e[B!\r
= one!
$ /
< !ec\r
= echo one!
= one!
$ /
< ^Rtwo\r
= (search) 'two': 
= two
$ /
< history\r
=     1  echo one
=     2  echo two
=     3  echo one
=     4  echo one!
=     5  echo two
=     6  history
$ /
< !2 !!\r
= echo two history
= two history
$ /
< !nothing\r
= !nothing: there is no such line
$ /
< ^D
= exit
END
}

shell_completes() {
    made_disk
    typed 0 DISK="$disk" "$@" <<'END'
$ /
< hist\t\r
=     1  history
$ /
< cat RE\t\r
= This is the disk of a guest.
$ /
< cd ho\tx^H\t\r
$ /home
< run cou\ta\r
= \na\r
$ /home
< > "a b"; > abc; > 'x y'\r
$ /home
< ls a\t\t
= \na b  abc\r
= ls a
< ^U
< echo got > x\t\r
$ /home
< cat x*\r
= got
$ /home
< ls /s\tor\t\r
= origin.bin
$ /home
< echo $HO\t\r
= /
$ /home
< ^D
END
}

# The running command ends, the shell goes on.
shell_interrupt() {
    typed 130 "$@" <<'END'
$ /
< sleep 100\r
= sleep 100
< ^C
= ^C
$ /
< echo status $?\r
= status 130
$ /
< while true; do echo again > /dev/null; done\r
= done
< ^C
= ^C
$ /
< cat\r
= cat
< text\r
= text
= text
< ^C
= ^C
$ /
< cat /dev/zero > /dev/null\r
= null
< ^C
= ^C
$ /
< not this^C
= ^C
$ /
! not found
< echo behind\r
= behind
$ /
< run /dev/null; wait; sleep 50 && echo no\r
= no
< ^C
= ^C
$ /
# typed while a command runs: is there afterwards
< sleep 0.5; echo first\r
= first
< echo second\r
= first
$ /
= second
$ /
< sleep 100\r
= 100
< ^C
$ /
< ^D
END
}

shell_jobs() {
    typed 0 "$@" <<'END'
$ /
< sleep 0.3 && echo from the background &\r
= [1] sleep 0.3 && echo from the background
$ /
= from the background
< sleep 0.2\r
= [1]  Done        sleep 0.3
$ /
< while true; do true; done &\r
= [1] while true
$ /
< sleep 100 &\r
= [2] sleep 100
$ /
< jobs\r
= [1]  Running     while true; do true; done
= [2]  Running     sleep 100
$ /
< ps -t\r
= main             running
$ /
< kill %1; wait %1; echo $?\r
= 143
$ /
< jobs\r
= [2]  Running     sleep 100
$ /
< wait\r
= wait
< ^C
$ /
< cat & wait %3; echo status $?\r
= status 0
$ /
< exit\r
END
}

# What needs processes says so.
shell_bare() {
    shell 126 BARE=1 <<<'echo a | cat'
    want '^shell: \|: pipelines need processes, and these the hypervisor$'
    shell 1 BARE=1 <<<'ps'
    want '^ps: processes need the hypervisor; -t: the tasks of this program$'
    printf '\177ELF\0\0' >"$out/program"
    shell 126 BARE=1 INITRD="$out/program" <<<'run /initrd/initrd || /initrd/initrd'
    count 2 '^shell: /initrd/initrd: programs need processes, and these the hypervisor$'
    shell 127 BARE=1 <<<'hello'
    want '^shell: hello: command not found$'
}

# Without a terminal there is no foreground: parts that are children have their pid in front of what they say.
shell_pipelines() {
    shell 3 <<'END'
echo one two three | cat | wc -w
ls / | grep dev
echo a b | { read x y; echo "second $y"; }
for i in 1 2 3; do echo $i; done | grep -v 2 | while read n; do echo "kept $n" >> /tmp/f; done
cat /tmp/f
cat /dev/zero | head -c 3 | wc -c
false | true; echo "first $?"
true | false; echo "last $?"
hello | cat | cat
nothing | cat; echo "after nothing $?"
{ echo in a job | cat; } &
wait
cat | wc -l
one
exit 3
END
    want '^(\[[0-9]+\] )?3$' '^(\[[0-9]+\] )?dev$' 'second b$' 'kept 1$' 'kept 3$' 'first 0$' 'last 1$' \
        'Hello, forkvisor!$' 'shell: nothing: command not found$' 'after nothing 0$' 'in a job$' '^\[hv\] pid [0-9]+: signal, status 13,'
    want 'shell: one: command not found$' # the input stays the shell's
    forbid 'kept 2'
}

shell_programs() {
    shell 7 <<'END'
hello
run hello && /bin/hello && echo "three times"
nothing; echo "nothing $?"
A=1; export A; B=2 shell -c 'echo "$A$B and $1"; exit 9' name 'one two'; echo "shell $?"
shell -c 'kill -9 $$'; echo "killed $?"
echo text | shell -c 'read a; echo "got $a"; cd /nothing 2> /dev/null; echo $?' | grep got
ps
shell -c 'exit 7'
END
    count 3 'Hello, forkvisor!$'
    want 'three times$' 'shell: nothing: command not found$' 'nothing 127$' '12 and one two$' 'shell 9$' \
        'killed 137$' 'got text$' ' PID +PPID +GROUP ' ' 1 +0 +1 running .* shell$'
}

shell_signals() {
    shell 0 <<'END'
shell -c 'sleep 100' &
sleep 0.2
jobs
kill -STOP %1
sleep 0.1
jobs
ps
bg
sleep 0.1
kill %1
wait %1
echo "term $?"
shell -c 'sleep 100' | cat &
sleep 0.2
kill -9 %1; wait %1; echo "pipeline $?"
kill -0 1 && echo "alive"
kill 4000 || echo "none"
kill -9 1x || echo "no pid"
jobs
END
    want '\[1\]  Running     shell -c' '\[1\]  Stopped     shell -c' ' stopped .* shell$' 'term 143$' \
        'pipeline 137$' 'alive$' 'none$' 'no pid$'
}

# ^C ends the whole group, also the part that reads nothing; the shell and its jobs go on.
shell_foreground() {
    typed 130 <<'END'
$ /
< shell -c 'sleep 100'\r
= sleep 100
< ^C
$ /
< echo status $?\r
= status 130
$ /
< sleep 100 | cat | cat\r
= cat
< ^C
$ /
< echo pipe $?\r
= pipe 130
$ /
< shell\r
= forkvisor
< echo inner $$\r
= inner
< exit 5\r
$ /
< echo outer $?\r
= outer 5
$ /
< shell -c 'sleep 100' &\r
= [1] shell -c
$ /
< sleep 100 | shell -c 'cat; sleep 100'\r
= sleep 100'\r
< ^C
$ /
< jobs\r
= [1]  Running     shell -c
$ /
< fg\r
= shell -c
< ^C
$ /
< jobs; echo end of jobs\r
= end of jobs
$ /
< shell -c 'kill $$'\r
= Terminated
$ /
< cat | cat\r
= cat
< text\r
= text
= text
< ^D
$ /
< sleep 100 | cat\r
= cat
< ^C
$ /
< ^D
END
}

# What only computes is interrupted, too, alone, in a pipeline and below another shell; who takes ^C as input, as a
# shell does at its prompt, is not.
shell_computes() {
    typed 0 "$@" <<'END'
$ /
< good rounds=1000 ms=200\r
= checksum
< ^C
= ^C
$ /
< echo alone $?\r
= alone 130
$ /
< good rounds=1000 ms=200 | cat\r
= checksum
< ^C
$ /
< shell\r
$ /
< not this^C
$ /
< good rounds=1000 ms=200\r
= checksum
< ^C
$ /
< echo inner $?\r
= inner 130
$ /
< exit 6\r
$ /
< echo outer $?\r
= outer 6
$ /
< exit 0\r
END
}

# In the foreground nobody's lines have a prefix; a job's have.
shell_prefixes() {
    typed 0 <<'END'
$ /
< hello | cat | cat\r
! ] Hello
= Hello, forkvisor!
$ /
< echo unread | hello\r
! ] Hello
= Hello, forkvisor!
$ /
< hello | sort > /dev/null; run /dev/null\r
$ /
< sleep 0.3 && hello &\r
= [1]
$ /
= ] Hello, forkvisor!
< exit 0\r
END
}

shell_initrd() {
    mkdir -p "$out/files"
    printf 'for i in "$@"; do echo "<$i>"; done; cat /initrd/text; exit 4\n' >"$out/files/script"
    echo text >"$out/files/text"
    shell 4 INITRD="$out/files" CMDLINE='/initrd/script a "b c"' </dev/null
    golden <<'END'
<a>
<b c>
text
END
    shell 1 INITRD="$out/files" <<<'echo x > /initrd/text'
    want '^shell: /initrd/text: Read-only file system$'
}

# The root is in memory then.
shell_no_disk() {
    shell 0 <<'END'
mount
echo kept > /a
cat /a
mkdir /m
mount -t ramfs /m
echo x > /m/y
umount /m
ls -a /m
mount -t fat32 disk0 /m || ls /
END
    want '^ramfs on / type ramfs \(rw\)$' '^kept$'
    want '^mount: /m: .*: the types are ramfs and devfs; disks are mounted when the program begins$'
}

# Scripts in scripts, with compounds as deep as they may be: stacks are large enough, a job's, too.
shell_deep() {
    local text='run s' i
    for ((i = 0; i < 31; i++)); do
        text="if true; then true && $text; fi"
    done
    shell 0 <<END
cd /tmp
echo '$text' > s
run s
run s &
wait
echo end
END
    count 2 'too many scripts run each other$'
    want '^end$'
}

# Many files, deep directories, and a file of some MiB, judged by mtools.
shell_tree() {
    local bytes
    made_disk
    head -c 3000000 /dev/urandom >"$out/random"
    mcopy -i "$disk" "$out/random" ::/random
    shell 0 DISK="$disk" <<'END'
mkdir -p a/b/c/d/e
for i in a a/b a/b/c a/b/c/d a/b/c/d/e; do for j in 0 1 2 3 4 5 6 7 8 9; do echo $i > $i/file$j; done; done
cp random a/b/copy
cp -r a z
rm -r a
mv z/b/copy z/moved
rm random
END
    fsck.fat -n "$disk"
    mcopy -i "$disk" ::/z/moved "$out/back"
    cmp "$out/random" "$out/back" || fail "the copy is not the same"
    bytes=$(mdir -b -/ -i "$disk" ::/z | grep -c file)
    [ "$bytes" = 50 ] || fail "$bytes files, not 50"
    rm "$out/random" "$out/back"
}

make_disk() {
    tools/mkdisk.sh "$out/one.img"
    sleep 2 # FAT's times have 2 seconds
    tools/mkdisk.sh "$out/two.img"
    cmp "$out/one.img" "$out/two.img" || fail "two disks differ"
    say 1 tools/mkdisk.sh "$out/one.img"
    want 'one.img is there already, and may hold what you need; remove it first, or name another by DISK=file'
    fsck.fat -n "$out/one.img"
}
