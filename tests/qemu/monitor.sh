# shellcheck shell=bash disable=SC2016,SC2154 # $ in single quotes is the guest's; out, words: lib.sh, tests/run
# SPDX-License-Identifier: BSD-2-Clause
#
# The operator's monitor, by a person who types on a terminal while guests run; and the control calls, by which a
# guest does the same.
#
#     name                     tier  s    function arguments

entry monitor_lists            quick 60   monitor_lists
entry monitor_signals          quick 60   monitor_signals
entry monitor_signals_4harts   quick 60   monitor_signals HARTS=4
entry monitor_spawns           quick 60   monitor_spawns
entry monitor_attaches         quick 60   monitor_attaches
entry monitor_traces           quick 60   monitor_traces
entry monitor_wrong            quick 60   monitor_wrong
entry monitor_keys             quick 60   monitor_keys
entry control                  quick 60   control
entry control_4harts           quick 60   control HARTS=4
entry control_traced           quick 60   control_traced
entry control_refused          quick 60   control_refused

# monitor_guests STATUS [VARIABLE=VALUE...]: beside the shell a guest that does nothing.  Where there are several,
# lines are shown when they are whole, and the shell's prompt only after the console was given to it.
monitor_guests() {
    cat >"$out/guests" <<'END'
shell
shell cmdline="-c 'sleep 60'"
END
    typed_to_monitor "$@" PAYLOAD= GUESTS="$out/guests" < <(
        printf '%s\n' '= pid 2: shell' '< ^]' '> attach 1' '< \r' && cat)
}

# typed_to_monitor STATUS [VARIABLE=VALUE...]: as typed; a line "> COMMAND" is one for the monitor, which has a prompt
typed_to_monitor() {
    sed 's/^> \(.*\)/= hv> \n< \1\\r/' | typed "$@"
}

monitor_lists() {
    monitor_guests 3 <<'END'
$ /
< sleep 100 &\r
= [1] sleep 100
$ /
< shell -c 'echo "beg"un; sleep 100' &\r
= [3] begun
< ^]
= [hv] monitor; help lists the commands, Ctrl-] leaves
> ps
=    PID PARENT  GROUP STATE      OWNED   SHARED    RUN ms   ECALLS   FAULTS  INTERR. OTHERS IMAGE
=      1      0      1 
=  shell
=      3      1 
=    shell
=      2      0      2 
=  shell
> ps 2
=      2      0      2 
=      3      1 
! more:
> ps 4
= IMAGE\r\n
! shell
> top
= since the start, 
=    PID  RUN ms  OF ONE HART STATE   IMAGE
=      1 
> top
= since the last top, 
> mem
= frames of 4 KiB: 
=  in all, 
=  held, 
=  free, 
= 3 processes, 1 harts, up 
> help
= ps [PID]              processes
= top 
= kill PID [SIGNAL] 
= stop PID 
= cont PID 
= attach PID 
= spawn IMAGE [ARG...] 
= trace on|off 
= mem 
= quit 
= help 
= Ctrl-] twice sends one
> kill 2
> quit
< \r
$ /
< kill %2; exit 3\r
= [hv] run over, status 3
END
}

# What is stopped goes on where it was; the shell of pid 1 is told of its child, nobody of pid 2.
monitor_signals() {
    monitor_guests 0 "$@" <<'END'
$ /
< shell -c 'echo "beg"un; sleep 1; echo "sle"pt; sleep 100' &\r
= [3] begun
< ^]
> stop 3
> ps 3
=      3      1 
= stopped
> cont 3
> ps 3
=      3      1 
! stopped
= shell
= hv> 
= [3] slept
< kill 3 15\r
> kill 2
< ^]
< sleep 0.3\r
= [1]  Exit 143
$ /
< ^]
> kill 2
= there is no process 2
> ps
! shell\r\n     2
=      1      0 
> stop 1
> cont 1
< ^]
< \r
$ /
< ^D
= [hv] run over, status 0
END
    want '^\[hv\] pid 2: signal, status 9,' '^\[hv\] pid 3: signal, status 15,'
}

monitor_spawns() {
    monitor_guests 0 <<'END'
$ /
< ^]
> spawn hello
= pid 3
= hv> 
= [3] Hello, forkvisor!
< spawn shell -c exit\r
= pid 4
> spawn nothing
= there is no image nothing
> spawn ../hello
= there is no image ../hello
> spawn
= usage: spawn IMAGE [ARG...]
> spawn hello 1 2 3 4 5 6
= pid 5
= hv> 
= [5] Hello, forkvisor!
< kill 2\r
< ^]
< \r
$ /
< ^D
= [hv] run over, status 0
END
}

# Pid 2 reads what is typed, if it was told before that the input has ended, too; when it ends, the input is pid 1's.
monitor_attaches() {
    cat >"$out/guests" <<'END'
shell
shell cmdline="-c 'sleep 3; until read line; do sleep 0.1; done; echo got $line; exit 5'"
END
    typed_to_monitor 0 PAYLOAD= GUESTS="$out/guests" <<'END'
= pid 2: shell
< ^]
> attach 7
= there is no process 7
> attach 2
< to the other\r
= got to the other
< ^]
> ps
= shell
< ^]
< echo m"in"e\r
= mine
$ /
< ^D
= [hv] run over, status 0
END
    want '^\[hv\] pid 2: exit, status 5,'
}

# A command's fork is in the log if the trace was on.
monitor_traces() {
    typed_to_monitor 0 TRACE=exits <<'END'
$ /
< hello\r
= Hello, forkvisor!
$ /
< ^]
> trace off
> trace off
< ^]
< \r
$ /
< hello\r
= Hello, forkvisor!
$ /
< ^]
> trace on
< ^]
< \r
$ /
< ^D
= [hv] run over, status 0
END
    same <(echo 1) <(grep -c 'fork' "$out/exits.log")
}

monitor_wrong() {
    monitor_guests 0 <<'END'
$ /
< ^]
> kill
= usage: kill PID [SIGNAL]
> kill two
= two: not a number
> kill -1
= -1: not a number
> kill 2 0
= signals are 1 to 31
> kill 2 32
= signals are 1 to 31
> kill 2 9 9
= usage: kill PID [SIGNAL]
> kill 99999999999
= 99999999999: not a number
> kill 0
= there is no process 0
> kill 2147483647
= there is no process 2147483647
> stop
= usage: stop PID
> stop 4000
= there is no process 4000
> cont x
= x: not a number
> cont 1 2
= usage: cont PID
> attach
= usage: attach PID
> attach 1x
= 1x: not a number
> ps 1 2
= usage: ps [PID]
> ps one
= one: not a number
> top 5
= usage: top
> mem all
= usage: mem
> trace
= usage: trace on|off
> trace up
= trace on, or trace off
> trace on
= this run has no log: start it with TRACE=exits
> help me
= usage: help
> quit now
= usage: quit
> ls
= ls: no such command; help lists them
> \t
> 
> kill 2
< ^]
< \r
$ /
< ^D
= [hv] run over, status 0
END
}

# Lines are edited, nothing of them comes to the guest; the key twice does.
monitor_keys() {
    monitor_guests 7 <<'END'
$ /
< ^]
= hv> 
< nonsense^Ukil 4000^H^H^H^H^Hl 4000\r
= there is no process 4000
= hv> 
< nonsense^C
= hv> 
< kill 2\r
= hv> 
< ps 01234567890123456789012345678901234567890123456789012345678901234567890123456789012345678901234567890123456789012345678901234567890123456789\r
= : not a number
= hv> 
< ^D
< \r
$ /
< echo mine\r
= mine
$ /
< cat > key\r
< ^]^]\r
< ^D
$ /
< wc -c < key; exit 7\r
= \n2
= [hv] run over, status 7
END
}

# control [WORD] [VARIABLE=VALUE...]
control() {
    local word=
    [[ ${1:-} != traced=* ]] || { word=" $1" && shift; }
    cat >"$out/guests" <<END
build/tests/guest/control.elf mem=16M control cmdline="do=operate$word"
build/tests/guest/control.elf mem=16M cmdline="do=family"
END
    run 0 GUESTS="$out/guests" "$@"
    want '^\[1\] control: ok$' '^\[hv\] pid 2: signal, status 9'
    count 2 'control: ok$' # what it has spawned has no right
}

# Of three forks one is not in the log.
control_traced() {
    control traced=1 TRACE='exits:pid=1,cause=ecall'
    same <(echo 2) <(grep -c 'fork' "$out/exits.log")
}

control_refused() {
    cat >"$out/guests" <<END
build/tests/guest/control.elf mem=16M cmdline="do=refused"
build/tests/guest/control.elf mem=16M control cmdline="do=family"
END
    run 124 GUESTS="$out/guests" TIMEOUT=5
    want '^\[1\] control: ok$'
    forbid '^\[1\] control:[0-9]'
}
