/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The shell as a whole.  Where it should behave as a Unix shell with its tools does, it is compared
 * with this machine's: the same script in two empty directories, once by bash; what is written,
 * the status, and the files must be the same.  Messages are only compared in that there are some.
 */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "guest/shell/complete.h"
#include "guest/shell/shell.h"
#include "guest/shell/state.h"

#include "tests/test.h"

#define TEXT_BYTES 65536

extern char **environ;

struct outcome {
    int status;
    char out[TEXT_BYTES], err[TEXT_BYTES];
};

static char directory[] = "/tmp/shellXXXXXX";

static void command(const char *text)
{
    CHECK(system(text) == 0);
}

/* An empty directory, which the tests' process does not enter. */
static void make_directory(void)
{
    strcpy(directory + strlen(directory) - 6, "XXXXXX");
    CHECK(mkdtemp(directory) != NULL);
}

static void remove_directory(void)
{
    char text[64];

    snprintf(text, sizeof(text), "chmod -R u+rwx %s; rm -rf %s", directory, directory);
    command(text);
}

static void read_file(const char *name, char *to)
{
    int fd = open(name, O_RDONLY);
    ssize_t bytes;

    CHECK(fd >= 0);
    bytes = read(fd, to, TEXT_BYTES - 1);
    CHECK(bytes >= 0);
    to[bytes] = '\0';
    close(fd);
}

/* In a child: with in, out and err in files beside the directory. */
static void in_child(bool ours, const char *script, const char *input)
{
    static char *environment[] = {"PATH=/usr/sbin:/usr/bin:/sbin:/bin", "LC_ALL=C", "TZ=UTC0",
                                  "HOME=/tmp", NULL};
    char *argv[] = {"bash", "-c", (char *)script, "name", "one", "two words", NULL};
    char name[64];
    int fds[3];
    static const char *const suffixes[] = {"in", "out", "err"};

    for (int i = 0; i < 3; i++) {
        snprintf(name, sizeof(name), "%s.%s", directory, suffixes[i]);
        fds[i] = open(name, O_RDWR | O_CREAT | O_TRUNC, 0600);
    }
    if (write(fds[0], input, strlen(input)) < 0 || lseek(fds[0], 0, SEEK_SET) != 0 ||
        chdir(directory) != 0) {
        _exit(99);
    }
    environ = environment;
    umask(022);
    if (ours) {
        exit(shell_run(fds[0], fds[1], fds[2], 6, argv)); /* and not _exit: leaks are found */
    }
    for (int i = 0; i < 3; i++) {
        dup2(fds[i], i);
    }
    execve("/bin/bash", argv, environment);
    _exit(99);
}

static void run(bool ours, const char *script, const char *input, struct outcome *outcome)
{
    char name[64];
    int status;
    pid_t pid;

    fflush(stdout);
    pid = fork();
    CHECK(pid >= 0);
    if (pid == 0) {
        in_child(ours, script, input);
    }
    CHECK(waitpid(pid, &status, 0) == pid);
    outcome->status = WIFEXITED(status) ? WEXITSTATUS(status) : 1000 + status;
    snprintf(name, sizeof(name), "%s.out", directory);
    read_file(name, outcome->out);
    unlink(name);
    snprintf(name, sizeof(name), "%s.err", directory);
    read_file(name, outcome->err);
    unlink(name);
    snprintf(name, sizeof(name), "%s.in", directory);
    unlink(name);
}

/* All files below the directory and what is in them, or the names of directories. */
static void list_files(char *to)
{
    char text[256];
    FILE *pipe;
    size_t bytes;

    snprintf(
        text, sizeof(text),
        "cd %s && find . -type d -printf '%%p %%m\\n' -o -printf '%%p %%m ' -exec sha256sum -b {} \\; | sort",
        directory);
    pipe = popen(text, "r");
    CHECK(pipe != NULL);
    bytes = fread(to, 1, TEXT_BYTES - 1, pipe);
    to[bytes] = '\0';
    CHECK(pclose(pipe) == 0);
}

static struct outcome expected, seen;

/* The script does the same in both. */
static void compare_with(const char *script, const char *input)
{
    static char expected_files[TEXT_BYTES], seen_files[TEXT_BYTES];

    make_directory();
    run(false, script, input, &expected);
    list_files(expected_files);
    remove_directory();
    make_directory();
    run(true, script, input, &seen);
    list_files(seen_files);
    remove_directory();
    if (strcmp(seen.out, expected.out) != 0 || seen.status != expected.status ||
        (*seen.err == '\0') != (*expected.err == '\0') || strcmp(seen_files, expected_files) != 0) {
        printf("script: %s\n---- ours, status %d\n%s%s%s---- theirs, status %d\n%s%s%s", script,
               seen.status, seen.out, seen.err, seen_files, expected.status, expected.out,
               expected.err, expected_files);
        FAIL("they differ");
    }
}

static void compare(const char *script)
{
    compare_with(script, "");
}

/* Ours alone; messages behind the output. */
static void expect_with(const char *script, const char *input, int status, const char *text)
{
    char all[2 * TEXT_BYTES];

    make_directory();
    run(true, script, input, &seen);
    remove_directory();
    snprintf(all, sizeof(all), "%s%s", seen.out, seen.err);
    CHECK_STR(all, text);
    CHECK_EQ(seen.status, status);
}

static void expect(const char *script, int status, const char *text)
{
    expect_with(script, "", status, text);
}

/* ---- the language ---- */

TEST(shell_row)
{
    expect("mkdir dira; rename dira dirb; echo \"hello\" > a.txt; rename a.txt b.txt; "
           "mv b.txt ./dirb; ls ./dirb",
           0, "b.txt\n");
}

TEST(shell_quotes_like_bash)
{
    compare("echo 'a  b' \"c  d\" e\\ \\ f \"\\\"\\\\\\$HOME\\x\" '\\n' \"\" '' x''y");
    compare("echo a\\\nb \"c\\\nd\"");
    compare("echo a#b # c");
    compare("echo \"'\" '\"' \\'");
    compare("echo '*' \"*\" \\* '[a]'");
}

TEST(shell_variables_like_bash)
{
    compare("a=1 b='2  3'; echo $a$b \"$a$b\" ${a}x $ax '$a' \\$a \"\\$a\" $ \"$\" $%");
    compare("a='x y  z'; printf '<%s>' $a \"$a\" x$a\"$a\"; echo");
    compare("a=; printf '<%s>' $a \"$a\" $a$a; echo");
    compare("echo $# $1 \"$2\" $3 $0 $*; printf '<%s>' $@ \"$@\" \"$*\" x\"$@\"y");
    compare("a=1; a=2 echo $a; echo $a; a=3; echo $a");
    compare("false; echo $?; true; echo $?; nonexistent 2>/dev/null; echo $?");
    compare("a=1; unset a; echo \"<$a>\"; b='*'; echo > x; echo $b \"$b\"");
    compare("export A=5 B; B=6; echo 'echo \"$A/$B/$C\"' > s; C=7; sh=x; . ./s");
    compare("cd /; echo $PWD; cd tmp; pwd; cd ..; pwd; cd; pwd; cd - ; echo $OLDPWD");
    compare("echo ~ ~/x \"~\" a~ '~'; a=~/y; echo $a");
    compare("a='b c'; for i in $a \"$a\"; do echo $i; done");
    compare("echo ${HOME} ${1} ${#}x ${?}");
}

TEST(shell_lists_like_bash)
{
    compare(
        "true && echo a || echo b; false && echo c || echo d; ! true || echo e; ! false && echo f");
    compare(
        "if true; then echo a; else echo b; fi; if false; then echo a; elif true; then echo c; fi");
    compare("if false; then echo a; fi; echo $?; while false; do true; done; echo $?");
    compare(
        "for i in 1 2 3; do for j in a b c; do test $j = b && continue; test $i = 2 && continue 2; "
        "test $i = 3 && break 2; echo $i$j; done; done; echo end");
    compare(
        "n=; while test \"$n\" != xxx; do n=x$n; echo $n; done; until test $n = x; do n=x; done; echo $n");
    compare("for i; do echo \"<$i>\"; done; for i in; do echo x; done");
    compare(
        "{ echo a; echo b; } > x; cat x; { cat; cat; } < x; if true; then echo c; fi >> x; cat x");
    compare("exit 3");
    compare(
        "false && echo a || echo b && echo c; true || echo d && echo e; false || false || echo f");
    compare("false; exit");
    compare("echo a; exit 257; echo b");
    compare("while true; do exit 4; done");
    compare("echo a\n\n\n# b\necho c");
    compare("sleep 0.01 & wait; echo $?");
    compare("{ sleep 0.05; echo late; } & echo early; wait; echo end");
}

TEST(shell_redirects_like_bash)
{
    compare(
        "echo a > x; echo b >> x; cat < x; cat < x > y; cat y; > z; cat z nothing 2> e; echo $?");
    compare("echo a 2>/dev/null >&2; echo b 1>&2 2>/dev/null; echo c > x 2>&1; cat x");
    compare("echo a > 'b c'; ls; f='d e'; echo x > \"$f\"; ls; cat < \"$f\"");
    compare("echo a > no/file; echo $?; cat < no; echo $?; echo b > no/x || echo c; echo end");
    compare("> x < nothing; echo $?; ls");
    compare("a=1 > x; echo $a; ls");
}

TEST(shell_globs_like_bash)
{
    compare(
        "mkdir d .h d/e; touch a b.c c.c .x d/f.c d/e/g.c 'q r'; echo *; echo .*c *.c; echo */*; "
        "echo */*/*.c d/?.c [ab]*; echo [!a]* 'a'* \"*\" nothing*; echo *\" \"*; echo d*/; echo ./*.c");
    compare("touch '*' '[x]' '\\'; echo \\* '['* \"[\"x]; rm '*'; echo *; a='*'; echo $a");
    compare("cd /; echo /bi[n] /b*n /tm?");
}

TEST(shell_says_what_is_wrong)
{
    expect("nothing", 127, "name: nothing: command not found\n");
    expect("./nothing", 127, "name: ./nothing: No such file or directory\n");
    expect("echo a; echo b |& cat", 2, "name: |&: write 2>&1 |\n");
    expect("echo 'a", 2, "name: syntax error: the text ends too early\n");
    expect("cat < nothing", 1, "name: nothing: No such file or directory\n");
    expect("echo a >&3", 1, "name: 3: only descriptors 0, 1 and 2 are copied\n");
    expect("ls -x", 2, "ls: there is no option -x; usage: ls [-1adl] [PATH...]\n");
    expect("head -n", 2, "head: -n has no value; usage: head [-n LINES | -c BYTES] [FILE...]\n");
    expect("printf '\\177ELF\\0\\0' > p; . ./p; echo $?", 0,
           "126\nname: ./p: a program, no script\n");
    expect("printf '\\177ELF\\0\\0' > p; ./p; echo $?", 0, "126\nname: ./p: Permission denied\n");
    expect("mkdir d; run d; echo $?", 0, "126\nname: d: Is a directory\n");
    expect("echo 'run s' > s; run s", 126, "s: run: too many scripts run each other\n");
    expect("grep x /dev/zero", 2, "grep: /dev/zero: more than 4 MiB would have to be kept\n");
    expect("tail /dev/zero", 1, "tail: /dev/zero: more than 4 MiB would have to be kept\n");
    expect("printf %99999d 1", 1, "printf: %99999d: a conversion that is not known, or too wide\n");
    expect("echo a > /dev/full", 1, "echo: write: No space left on device\n");
    expect("break", 1, "break: there is no loop here\n");
    expect("kill %1; kill 1x", 1,
           "kill: %1: no such job; jobs lists them\n"
           "kill: 1x: neither a process nor a job; ps and jobs list them\n");
    expect("kill -NONE 1", 1, "kill: NONE: no such signal\n");
}

TEST(shell_reads_its_input_by_lines)
{
    expect("echo 'cat; echo end' > s; . ./s; read a; echo \"<$a>\"", 0, "end\n<>\n");
    expect_with("read a b; echo \"<$a><$b>\"; cat", " x  y z \nrest\nof it", 0,
                "<x><y z>\nrest\nof it");
    expect_with("while read a; do echo \"<$a>\"; done", "1\n2 2\n\n3", 0, "<1>\n<2 2>\n<>\n");
}

TEST(shell_runs_scripts)
{
    expect(
        "echo 'echo $0 $# $1; cd /; a=2; exit 3' > s; a=1; ./s x y; echo $? $a; pwd > p; . ./s; echo no",
        3, "./s 2 x\n3 1\nname 2 one\n");
    expect("echo 'echo \"<$A$B>\"' > s; export A=1; B=2; ./s; C=3 B=4 run s", 0, "<1>\n<14>\n");
    expect("echo 'sleep 5' > s; run s & kill %1; wait %1; echo $?", 0, "143\n");
}

TEST(shell_has_jobs)
{
    expect("{ sleep 0.02; exit 7; } & wait %1; echo $?", 0, "7\n");
    expect("sleep 5 & jobs; kill %1; wait; jobs; echo end", 0, "[1]  Running     sleep 5\nend\n");
    expect("a=1; { echo $a; a=2; cd /; } & wait; echo $a", 0,
           "1\n1\ncd: not in the background: all jobs have one working directory\n");
    expect("{ sleep 5 & sleep 0.01; } & wait; echo end", 0, "end\n");
    expect("while true; do sleep 0.001; done & kill -INT %1; wait %1; echo $?", 0, "130\n");
    expect("sleep 5 & kill -STOP %1; kill %1; wait", 0,
           "kill: %1: no process: such a job can only be ended\n");
    expect("cat & wait; echo $?", 0, "0\n");
}

/* ---- processes ---- */

TEST(shell_pipelines_like_bash)
{
    compare("echo b | cat");
    compare("printf '2\n1\n3\n' | grep -v 2 | cat | wc -l");
    compare("false | true; echo $?; true | false; echo $?; ! true | false; echo $?");
    compare("cat /dev/zero | head -c 5 | wc -c; echo $?");
    compare("{ echo a; echo b >&2; } 2>&1 | cat; echo a | { cat; echo c; }");
    compare("for i in 1 2; do echo $i; done | while read x; do echo \"<$x>\"; done");
    compare("echo a |\n cat && echo b | cat || echo c | cat");
    compare("echo a | cat > f; cat f; cat < f | cat | cat >> f");
    compare("if echo a | grep b; then echo yes; else echo no; fi");
    compare("{ echo a | cat; echo b; } | { cat | cat; }");
    compare("echo x | cat nothing | cat");
    expect("echo a b | read x y; echo $y", 0, "b\n"); /* the last part is the shell's */
    expect("x=1; { x=2; } | true; echo $x", 0, "1\n");
    expect("echo a | cat & wait %1; echo $?", 0, "a\n0\n");
}

TEST(shell_programs_like_bash)
{
    compare("/bin/echo a 'b c' \"$2\"; sh -c 'exit 7'; echo $?");
    compare("A=1; export A; B=2 sh -c 'echo $A $B'");
    compare("sh -c 'cat; echo err >&2' < /dev/null > f 2>&1; cat f");
    compare("echo in | sh -c 'read a; echo got $a' | tr a-z A-Z");
    expect("sh -c 'kill -9 $$'; echo $?; sh -c 'kill $$' | cat; echo $?", 0, "137\n0\n");
    compare("seq 3 | sort -r | head -n 1; yes | head -n 2");
    expect("nothing | cat; echo $?", 0, "0\nname: nothing: command not found\n");
    expect("sleep 0.01; sh -c 'sleep 5' & kill %1; wait %1; echo $?", 0, "143\n");
    expect("sh -c 'sleep 5' & sleep 0.1; jobs; kill -STOP %1; sleep 0.1; jobs; bg; sleep 0.1; kill "
           "-9 %1; wait %1; echo $?",
           0,
           "[1]  Running     sh -c 'sleep 5'\n[1]  Stopped     sh -c 'sleep 5'\n"
           "[1]  Stopped     sh -c 'sleep 5'\n137\n");
    expect("ps", 0,
           "  PID  PPID GROUP STATE       MEMORY       TIME NAME\n"
           "    1     0     1 running         4K      1.234 shell\n");
}

/* ---- the commands ---- */

TEST(shell_echo_and_printf_like_theirs)
{
    compare("/bin/echo x >/dev/null 2>&1 || true; echo a b; echo; echo -n a; echo -n; echo - --");
    compare(
        "printf 'a\\tb\\n%s|%5s|%-5s|%.2s\\n' a b c def; printf '%d %i %u %x %X %o\\n' 1 -2 3 255 255 8");
    compare(
        "printf '%s\\n' a b c; printf '%s-%s\\n' a b c; printf 'x\\n' a b; printf '%d\\n'; printf '%5.3d|\\n' 7");
    compare(
        "printf '%c%c\\n' abc d; printf '%%\\n'; printf '%b' 'a\\nb\\0101\\n' 'c\\cd' e; printf '\\101\\\\\\n'");
    compare("printf '%d\\n' x; echo $?; printf '%d\\n' 0x1f 010 \"'a\"; printf");
}

TEST(shell_test_like_theirs)
{
    static const char *const expressions[] = {
        "",
        "a",
        "''",
        "! a",
        "! ''",
        "a = a",
        "a = b",
        "a != b",
        "-n a",
        "-z a",
        "-n ''",
        "-z ''",
        "1 -eq 1",
        "1 -eq 2",
        "1 -lt 2",
        "2 -le 1",
        "-1 -gt -2",
        "1 -ge 1",
        "1 -ne 1",
        "-e f",
        "-f f",
        "-d f",
        "-d d",
        "-s f",
        "-s g",
        "-e no",
        "-f d",
        "-r f",
        "-w f",
        "-x f",
        "-x d",
        "-n",
        "!",
        "= = =",
        "! = !",
        "-n = -n",
        "a -a b",
        "a -a ''",
        "'' -o b",
        "'' -o ''",
        "! a -o b",
        "'(' a ')'",
        "! '(' a -a '' ')'",
        "a = a -a b = b",
        "-t 0",
        "x -eq 1",
        "g -nt f",
        "f -ot g",
        "f -nt g",
        "f -nt no",
        "1 -eq 01",
    };
    char script[256];

    for (size_t i = 0; i < ARRAY_LEN(expressions); i++) {
        snprintf(script, sizeof(script),
                 "mkdir d; echo x > f; sleep 0.01; > g; test %s; echo $?; [ %s ]; echo $?",
                 expressions[i], expressions[i]);
        compare(script);
    }
    expect("[ a", 2, "[: ] is missing at the end\n");
    expect("test a b", 2, "test: b: not expected here\n");
    expect("test 1 -eq", 2, "test: -eq: not expected here\n");
}

TEST(shell_directories_like_theirs)
{
    compare(
        "mkdir a b/c; echo $?; mkdir -p b/c/d /tmp; mkdir a; echo $?; mkdir -p a/x//y/; ls a b; "
        "mkdir; mkdir -p a/x");
    compare(
        "mkdir a a/b; rmdir a; echo $?; rmdir a/b a; echo $?; rmdir no; echo > f; rmdir f; echo $?; mkdir -p f/x");
    compare(
        "mkdir -p a/b/c; echo x > a/f; echo y > a/b/g; rm a; echo $?; rm -r a; echo $?; ls; rm no; "
        "echo $?; rm -f no; echo $?; rm -rf no; rm; rm -f");
    compare("mkdir d; cd d; rm -r .; echo $?; rm -rf ..; echo $?; rm -r ./; cd ..; ls");
    compare("cd no; echo $?; > f; cd f; echo $?");
}

TEST(shell_copies_like_theirs)
{
    compare(
        "echo x > a; cp a b; cp a b; cat b; mkdir d; cp a b d; ls d; cp a no/x; echo $?; cp no x; echo $?; "
        "cp a a; echo $?; cp a; cp; cp a b no; echo $?; cp d e; echo $?; cp a d/; cp a ./d/a");
    compare(
        "mkdir -p d/e/f .h; echo x > d/a; echo y > d/e/.b; cp -r d n; cp -r d n; cp -r d/. m; ls -a m n n/d; "
        "cp d/. x; echo $?");
    expect("mkdir -p d/e; cp -r d d/e; cp -r . d; cp -r d d; ls d", 0,
           "e\ncp: d: a directory cannot be copied into itself, d/e/d\n"
           "cp: .: a directory cannot be copied into itself, d/.\n"
           "cp: d: a directory cannot be copied into itself, d/d\n");
    compare("mkdir d; > d/x; echo > x; cp -r d/x d x; echo $?");
    compare("> x; mkdir y; cp -r y x; echo $?");
}

TEST(shell_moves_like_theirs)
{
    compare(
        "echo x > a; mv a b; ls; mkdir d; mv b d; ls d; mv d/b ./c; mv c d/e; mv d n; ls n; mv no x; echo $?; "
        "mv n n; echo $?; mv n; mv; true");
    compare(
        "mkdir -p a/b c; mv a c; ls c; mv c c/a; echo $?; mkdir x; > f; mv x f; echo $?; mv f x; ls x; "
        "mv c x no; echo $?; mv c x/f; echo $?");
    compare(
        "echo a > a; echo b > b; mv a b; cat b; mkdir d e; > d/x; mkdir e/d; > e/d/y; mv d e; echo $?");
    compare("echo a > a; mv a a; echo $?; cat a");
    expect(
        "mkdir a c; > c/x; rename a b; rename b c; ls; rename no x", 1,
        "b\nc\nrename: b to c: Directory not empty\nrename: no to x: No such file or directory\n");
}

TEST(shell_touch_like_theirs)
{
    compare(
        "touch a b; ls; touch -c no; echo $?; ls; touch no/x; echo $?; touch; echo x > c; touch c; cat c");
    compare(
        "> old; sleep 0.02; touch new; test new -nt old; echo $?; sleep 0.02; touch old; test old -nt new; echo $?");
}

TEST(shell_ls_like_theirs)
{
    compare(
        "mkdir d .h; touch b a .x d/f d/.g; ls; ls -a; ls d a; ls -d d a; ls -1; ls -a d; ls .h; ls no; "
        "ls a no d; ls -d */ .*");
    compare("touch a 'b c' -- -d; ls; ls -- -d; ls a -a . -- -d; ls -d -- . -1; ls a -d .");
    compare("ls -l / > /dev/null; mkdir d; ls -l d; echo $?");
}

/* But for blocks, owners and blanks. */
TEST(shell_ls_long)
{
    char words[3][32];

    make_directory();
    run(false, "mkdir d; printf 1234567 > f; chmod 640 f; touch -d 2001-02-03T04:05 g", "",
        &expected);
    run(true, "ls -l", "", &seen);
    remove_directory();
    CHECK(sscanf(seen.out, "total %*d %31s %31s root root %31s", words[0], words[1], words[2]) ==
          3);
    CHECK_STR(words[0], "drwxr-xr-x");
    CHECK(strstr(seen.out, "\n-rw-r-----  1 root root") != NULL);
    CHECK(strstr(seen.out, " Feb  3  2001 g\n") != NULL);
}

TEST(shell_text_like_theirs)
{
    static const char prepare[] = "printf '1\\n2\\n3\\n' > a; printf 'x y\\nz' > b; > e; "
                                  "n=1; for i in 1 2 3 4 5 6 7 8; do cat a >> long; done; ";
    static const char *const commands[] = {
        "cat a b e",
        "cat",
        "cat - a",
        "cat no a; echo $?",
        "head a",
        "head long",
        "head -n 2 a",
        "head -n2 a b",
        "head -n 0 a",
        "head -2 a",
        "tail -1 a",
        "head a -n 1",
        "head a -- -n",
        "head -c 3 a",
        "head a b e",
        "head no a",
        "tail a",
        "tail long",
        "tail -n 2 a",
        "tail -n 1 b",
        "tail -n 0 a",
        "tail -n +2 a",
        "tail -c 3 a",
        "tail -c +3 a",
        "tail a b e",
        "tail -n 5 e",
        "head -n 1",
        "tail -n 1",
        "grep 2 a",
        "grep x a b",
        "grep -n z b",
        "grep -c . a b",
        "grep -v 2 a",
        "grep no a",
        "grep -l x a b",
        "grep '^x' b",
        "grep 'z$' b",
        "grep '^$' e a",
        "grep -F . a b",
        "grep -i X b",
        "grep '[12]' a",
        "grep '[^12]' a",
        "grep 'x.y' b",
        "grep 'x *y' b",
        "grep 'q*' a",
        "grep '^.*$' b",
        "grep x no",
        "grep '\\.' a",
        "grep -v -n 2 a",
        "grep",
        "grep -F 'x y' b; grep 'a*x' b",
        "grep t",
    };
    char script[512];

    for (size_t i = 0; i < ARRAY_LEN(commands); i++) {
        snprintf(script, sizeof(script), "%s%s; echo $?", prepare, commands[i]);
        compare_with(script, "input 1\ninput 2\n");
    }
}

TEST(shell_wc)
{
    expect_with("wc", "a b\nc", 0, "      1       3       5\n");
    expect_with("wc -l", "a b\nc\n", 0, "2\n");
    expect(
        "printf 'a b\\n' > a; > b; wc a b; wc -c a; wc -lw a", 0,
        "      1       2       4 a\n      0       0       0 b\n      1       2       4 total\n4 a\n"
        "      1       2 a\n");
}

TEST(shell_hexdump)
{
    expect(
        "printf 'q\\021*\\300\\223\\010\\320\\005s\\0\\0\\0' > a; hexdump a", 0,
        "00000000  71 11 2a c0 93 08 d0 05  73 00 00 00              |q.*.....s...|\n0000000c\n");
    expect("printf '0123456789abcdef0123456789abcdef0123456789abcdefXY' > a; hexdump -C a; "
           "hexdump -s 45 -n 4 a; > b; hexdump b",
           0,
           "00000000  30 31 32 33 34 35 36 37  38 39 61 62 63 64 65 66  |0123456789abcdef|\n"
           "*\n"
           "00000030  58 59                                             |XY|\n"
           "00000032\n"
           "0000002d  64 65 66 58                                       |defX|\n"
           "00000031\n");
}

TEST(shell_system_commands)
{
    compare("date +%Y-%m; date +; date x; true");
    compare("sleep; sleep x; sleep 0; sleep .001; sleep 0.0");
    expect("uname -sm; uname -q", 2,
           "Linux x86_64\nuname: there is no option -q; usage: uname [-asnrvm]\n");
    expect("df", 0,
           "Filesystem      1K-blocks       Used  Available Use% Mounted on\n"
           "ramfs                4000       3000       1000  75% /\n");
    expect("mount; umount /; mount -t fat32 x /tmp", 1,
           "ramfs on / type ramfs (rw)\numount: /: Invalid argument\n"
           "mount: /tmp: Operation not permitted: not on this machine\n");
    expect("ps -t", 0, "TASK             STATE    WAITS FOR\nmain             running  \n");
    expect("help cat; help no", 1,
           "cat [FILE...]\n    files' contents\nhelp: no: no such command\n");
    expect("env; export A=1; env; unset HOME; env", 0,
           "HOME=/tmp\nLC_ALL=C\nPATH=/usr/sbin:/usr/bin:/sbin:/bin\nTZ=UTC0\n"
           "A=1\nHOME=/tmp\nLC_ALL=C\nPATH=/usr/sbin:/usr/bin:/sbin:/bin\nTZ=UTC0\n"
           "A=1\nLC_ALL=C\nPATH=/usr/sbin:/usr/bin:/sbin:/bin\nTZ=UTC0\n");
}

/* ---- completion ---- */

/* What a tab makes of the line, in a directory with some files; with several candidates these. */
static void check_completion(const char *line, const char *completed, const char *candidates)
{
    struct shell shell = {0};
    struct completion completion = {.from = strlen(line), .behind = ""};
    struct buffer text = {0}, list = {0};

    variables_set(&shell.variables, "HOME", "/");
    variables_set(&shell.variables, "HOST", "here");
    complete_line(&shell, line, strlen(line), &completion);
    buffer_add(&text, line, completion.from);
    buffer_add_text(&text, buffer_text(&completion.common));
    if (completion.shown.used == 1) {
        buffer_add_text(&text, completion.behind);
    }
    for (size_t i = 0; i < completion.shown.used && completion.shown.used > 1; i++) {
        buffer_add_text(&list, completion.shown.at[i]);
        buffer_add_char(&list, ' ');
    }
    CHECK_STR(buffer_text(&text), completed);
    CHECK_STR(buffer_text(&list), candidates);
    variables_free(&shell.variables);
    buffer_free(&completion.common);
    strings_free_texts(&completion.shown);
    buffer_free(&text);
    buffer_free(&list);
}

static void check_completions(void *unused)
{
    (void)unused;
    CHECK(chdir(directory) == 0);
    check_completion("hist", "history ", "");
    check_completion("e", "e", "echo env exit export ");
    check_completion("true && hexd", "true && hexdump ", "");
    check_completion("if te", "if test ", "");
    check_completion("A=1;pw", "A=1;pwd ", "");
    check_completion("cat al", "cat alpha", "alpha1 alpha2 ");
    check_completion("cat alpha1", "cat alpha1 ", "");
    check_completion("cat none", "cat none", "");
    check_completion("cat d", "cat dir/", "");
    check_completion("cat dir/i", "cat dir/inside ", "");
    check_completion("cat dir/", "cat dir/inside ", "");
    check_completion("cd ", "cd dir/", "");
    check_completion("cat sp", "cat sp\\ ace ", "");
    check_completion("cat sp\\ a", "cat sp\\ ace ", "");
    check_completion("cat 'sp", "cat 'sp ace' ", "");
    check_completion("cat \"sp a", "cat \"sp ace\" ", "");
    check_completion("cat quo", "cat quo\\'te ", "");
    check_completion("cat .h", "cat .hidden ", "");
    check_completion("echo x>al", "echo x>alpha", "alpha1 alpha2 ");
    check_completion("echo x > di", "echo x > dir/", "");
    check_completion("echo $HO", "echo $HO", "HOME HOST ");
    check_completion("echo \"$HOM", "echo \"$HOME", "");
    check_completion("./di", "./dir/", "");
    check_completion("cat /de", "cat /dev/", "");
    check_completion("cat \303\244", "cat \303\244\303\266 ", "");
}

TEST(shell_completes)
{
    make_directory();
    run(true,
        "mkdir dir; > dir/inside; > alpha1; > alpha2; > 'sp ace'; > \"quo'te\"; > .hidden; > 'x\ny'; "
        "> \303\244\303\266",
        "", &seen);
    test_must_pass(check_completions, NULL);
    remove_directory();
}
