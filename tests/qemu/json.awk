# SPDX-License-Identifier: BSD-2-Clause
#
# Whether stdin is one JSON value [RFC 8259].  Tokens are read a line at a time, so a string must not
# be cut by a newline, which JSON does not allow anyway.
#
# state: what may come.  v value, V value or "]", n name or "}", N name, c colon, e "," or the end of
# what is open.  open: the brackets that are open, as a string.
function wrong(what) {
    if (!failed)
        print "json.awk: line " NR ": " what
    failed = 1
    exit 1
}
function value_ended() { state = "e" }
BEGIN { state = "v"; open = "" }
{
    line = $0
    while (1) {
        sub(/^[ \t\r]+/, "", line)
        if (line == "")
            break
        c = substr(line, 1, 1)
        taken = 1
        if (state == "e" && open == "")
            wrong("something behind the end: " substr(line, 1, 40))
        if (c == "\"") {
            if (!match(line, /^"([^"\\]|\\["\\\/bfnrt]|\\u[0-9a-fA-F][0-9a-fA-F][0-9a-fA-F][0-9a-fA-F])*"/))
                wrong("a string without an end: " substr(line, 1, 40))
            taken = RLENGTH
            if (state == "n" || state == "N")
                state = "c"
            else if (state == "v" || state == "V")
                value_ended()
            else
                wrong("a string where none may be: " substr(line, 1, 40))
        } else if (c == "{" || c == "[") {
            if (state != "v" && state != "V")
                wrong(c " where no value may be")
            open = open c
            state = c == "{" ? "n" : "V"
        } else if (c == "}" || c == "]") {
            if (substr(open, length(open)) != (c == "}" ? "{" : "[") ||
                !(state == "e" || state == (c == "}" ? "n" : "V")))
                wrong(c " where nothing may end")
            open = substr(open, 1, length(open) - 1)
            value_ended()
        } else if (c == ",") {
            if (state != "e")
                wrong(", behind no value")
            state = substr(open, length(open)) == "{" ? "N" : "v"
        } else if (c == ":") {
            if (state != "c")
                wrong(": behind no name")
            state = "v"
        } else if (match(line, /^(-?(0|[1-9][0-9]*)(\.[0-9]+)?([eE][-+]?[0-9]+)?|true|false|null)/)) {
            taken = RLENGTH
            if (state != "v" && state != "V")
                wrong("a value where none may be: " substr(line, 1, 40))
            value_ended()
        } else {
            wrong("no JSON: " substr(line, 1, 40))
        }
        line = substr(line, taken + 1)
    }
}
END {
    if (!failed && (state != "e" || open != "")) {
        print "json.awk: the end is missing"
        failed = 1
    }
    exit failed
}
