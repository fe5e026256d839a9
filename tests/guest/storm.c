/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * A storm: up to "procs=" processes fork, spawn, execute themselves anew, reset, share, wait, talk
 * to their children, stop, continue and kill each other for "ms=", as the numbers behind "seed="
 * and chance have it.  Then pid 1 kills all, waits until there is nobody, and says so.
 *
 * Each process looks after pages of its own: what is there is what it wrote, or what its parent had
 * when it forked; likewise sectors of its disk, if it has one.  What is wrong is told on a page
 * that all share, the board.  With two vCPUs the second one of some writes, calls and forks, too.
 */
#include <stdio.h>
#include <string.h>

#include "sbi/call.h"

#include "guest/args.h"
#include "guest/block.h"
#include "guest/device.h"
#include "guest/guest.h"
#include "guest/hart.h"
#include "guest/machine.h"
#include "guest/pages.h"
#include "guest/proc.h"
#include "guest/timer.h"

#define SELF   "storm"
#define PAGE   4096UL
#define PAGES  160UL /* that are looked after: more lines of tables than hv keeps a log of */
#define STRIDE 9UL   /* between them, in pages */
#define MAGIC  0x73746f726dUL
#define NOBODY UINT64_MAX

/* Shared by all, at the same place in each; atomic. */
struct board {
    u64 magic, end, procs;
    u64 forks, spawns, execs, talks, signals, halves; /* that succeeded */
    u64 failures;
    const char *what; /* the first one; all have the same image */
    u64 found, expected;
};

/* What two processes talk on; and more pages, which are shared along with it. */
#define LINE_PAGES 3UL
struct line {
    struct proc_hold hold;
    u32 word;
    _Alignas(4096) u64 more[LINE_PAGES - 1][PAGE / sizeof(u64)];
};
_Static_assert(sizeof(struct line) == LINE_PAGES * PAGE, "whole pages");

static struct board *board;
static u8 *pages;
static struct line *line;
static u64 values[PAGES];    /* what is in the pages */
static volatile u64 writing; /* but for this one, maybe */
static u64 random_state;
static bool has_second; /* another vCPU of this process runs */

static void count(u64 *what)
{
    __atomic_fetch_add(what, 1, __ATOMIC_RELAXED);
}

static void check(const char *what, u64 found, u64 expected)
{
    if (found != expected && __atomic_fetch_add(&board->failures, 1, __ATOMIC_RELAXED) == 0) {
        board->found = found;
        board->expected = expected;
        __atomic_store_n(&board->what, what, __ATOMIC_RELEASE);
    }
}

/* xorshift64* */
static u64 random_of(u64 *state)
{
    *state ^= *state >> 12;
    *state ^= *state << 25;
    *state ^= *state >> 27;
    return *state * 0x2545f4914f6cdd1dUL >> 11;
}

static u64 below(u64 end)
{
    return random_of(&random_state) % end;
}

static void seed(u64 number)
{
    random_state = (number + 1) * 0x9e3779b97f4a7c15UL;
}

static bool is_over(void)
{
    return timer_now() >= board->end;
}

static u64 in_us(u64 us)
{
    return us * machine_timebase() / 1000000;
}

/* ---- what it has ---- */

static u64 *word_of(u64 index)
{
    return (u64 *)(pages + index * STRIDE * PAGE) + index;
}

static void write_pages(u64 first, u64 end)
{
    for (u64 i = first; i < end && i < PAGES; i++) {
        writing = i;
        values[i] = random_of(&random_state);
        *(volatile u64 *)word_of(i) = values[i];
    }
}

static void write_some(void)
{
    u64 first = below(16) == 0 ? 0 : below(PAGES);

    write_pages(first, first == 0 ? PAGES : first + below(12));
}

static void look_at_pages(void)
{
    for (u64 i = 0; i < PAGES; i++) {
        check("a page of its own", *word_of(i), values[i]);
    }
}

#define SECTORS 64U

static struct block *disk;   /* NULL: none */
static u64 sectors[SECTORS]; /* what is there; 0: not known */

static void use_disk(void)
{
    static u64 buffer[SECTOR_BYTES / sizeof(u64)];
    const u64 last = ARRAY_LEN(buffer) - 1;
    u64 sector = below(SECTORS);

    if (disk == NULL) {
        return;
    }
    if (sectors[sector] == 0 || below(2) == 0) {
        buffer[0] = buffer[last] = random_of(&random_state) | 1;
        check("a write", (u64)block_write(disk, sector, buffer, sizeof(buffer)), 0);
        sectors[sector] = buffer[0];
    } else {
        check("a read", (u64)block_read(disk, sector, buffer, sizeof(buffer)), 0);
        check("a sector of its own", buffer[0], sectors[sector]);
        check("the end of one", buffer[last], sectors[sector]);
    }
}

/* ---- the second vCPU ---- */

static _Alignas(16) char stacks[16384];
static struct hart second;
static u64 second_id; /* NOBODY: there is none */
static volatile bool second_stops;
static volatile u64 second_word;
static __noreturn void live(void);

/* proc_fork() is for one hart at a time. */
static long fork_alone(void)
{
    struct sbiret ret = sbi_call(PROC_EID, PROC_FORK, 0, 0, 0, 0, 0);

    return ret.error ? ret.error : ret.value;
}

/* In a child that this hart has forked it is alone, and lives as all do; the first one is not
 * started again. */
static void run_second(struct hart *hart)
{
    u64 state = timer_now() | 1;

    (void)hart;
    while (!second_stops) {
        u64 what = random_of(&state) % 64;

        second_word++;
        if (what == 0) {
            long pid = fork_alone();

            if (pid == 0) {
                has_second = false;
                second_id = NOBODY;
                disk = NULL; /* the first one may be at it */
                *word_of(writing) = values[writing];
                seed(state + second_word);
                live();
            }
            if (pid > 0) {
                count(&board->halves);
            }
        } else if (what == 1) {
            proc_wait_on((const u32 *)&second_word, (u32)second_word, in_us(50));
        } else if (what < 16) {
            proc_getppid();
        }
    }
}

static bool second_is_stopped(void)
{
    return sbi_call(SBI_EID_HSM, SBI_HSM_HART_GET_STATUS, second_id, 0, 0, 0, 0).value ==
           SBI_HSM_STATE_STOPPED;
}

static void start_second(void)
{
    if (second_id == NOBODY || has_second || !second_is_stopped()) {
        return;
    }
    second_stops = false;
    hart_init(&second, second_id, stacks, sizeof(stacks));
    second.run = run_second;
    has_second = hart_start(&second) == SBI_SUCCESS;
    check("start of a hart", has_second, true);
}

/* It may be some time until it has seen it. */
static void stop_second(void)
{
    second_stops = true;
    while (has_second && !second_is_stopped() && !is_over()) {
        proc_wait_on((const u32 *)&second_word, (u32)second_word, in_us(20));
    }
    has_second = has_second && !second_is_stopped();
}

/* ---- what it does ---- */

static void reap(void)
{
    unsigned status;

    while (proc_wait(-1, PROC_WAIT_NOHANG, &status) > 0) {
    }
}

static void as_child(u64 number)
{
    has_second = false;
    seed(number ^ (u64)proc_getpid() << 20);
    look_at_pages();
    write_some();
}

static void fork_one(void)
{
    u64 number = random_of(&random_state);
    long pid = fork_alone();

    if (pid == 0) {
        as_child(number);
    } else if (pid > 0) {
        count(&board->forks);
    }
}

static void wait_for_one(void)
{
    unsigned status = 0;

    if (below(8) == 0) {
        proc_wait(-1, PROC_WAIT_STOPPED | PROC_WAIT_CONTINUED, &status);
    }
    reap();
}

/* Anybody of the caller's tree but itself; 0: there is nobody. */
static long somebody(void)
{
    long self = proc_getpid();
    static struct proc_record record;
    long pid = proc_inspect(self + (long)below(64), &record);

    pid = pid <= 0 ? proc_inspect(self, &record) : pid;
    return pid == self ? 0 : pid;
}

static void send_signal(void)
{
    static const u8 signals[] = {PROC_SIGKILL, PROC_SIGSTOP, PROC_SIGSTOP, PROC_SIGCONT,
                                 PROC_SIGCONT, PROC_SIGCONT, PROC_SIGTERM, PROC_SIGUSR1};
    u64 signal = signals[below(sizeof(signals))];
    long pid = somebody();

    if (pid > 0 && proc_kill(pid, signal) > 0) {
        count(&board->signals);
    }
    if (below(16) == 0) {
        proc_kill(-1, signal == PROC_SIGSTOP ? PROC_SIGCONT : signal);
    }
}

static void sleep_a_little(void)
{
    static u32 word;

    proc_wait_on(&word, word, in_us(below(2000)));
}

static void change_group(void)
{
    proc_setpgid(0, below(2) == 0 ? 0 : proc_getppid()); /* there may be no such group */
    if (below(4) == 0) {
        proc_kill(0, below(2) == 0 ? PROC_SIGCONT : PROC_SIGUSR2);
    }
}

static struct proc_image anew(void)
{
    static char args[96];
    int bytes =
        snprintf(args, sizeof(args), SELF "%clife=%lu%cboard=%lu%c%c", 0,
                 (unsigned long)random_of(&random_state) >> 1, 0, (unsigned long)board, 0, 0);

    return (struct proc_image){.image = SELF, .args = args, .args_bytes = (u64)bytes};
}

static void spawn_one(void)
{
    struct proc_image image = anew();

    if (proc_spawn(&image) > 0) {
        count(&board->spawns);
    }
}

static void exec_itself(void)
{
    struct proc_image image = anew();

    count(&board->execs);
    proc_exec(&image);
}

static void limit_tree(void)
{
    proc_limit(PROC_LIMIT_PROCS, (long)(8 + below(board->procs)));
    proc_limit(PROC_LIMIT_FRAMES, (long)(1UL << 20));
}

static void reset(void)
{
    sbi_call(SBI_EID_SRST, SBI_SRST_SYSTEM_RESET, SBI_SRST_TYPE_COLD_REBOOT, 0, 0, 0, 0);
}

/* ---- a child that it talks to ---- */

#define WORDS 40U

static __noreturn void say_words(void)
{
    for (u32 i = 0; i < WORDS; i++) {
        __atomic_fetch_add(&line->word, 1, __ATOMIC_RELEASE);
        proc_wake(&line->word, 1);
        if (i % 8 == 7) {
            proc_wait_on(&line->word, i + 1, in_us(100));
        }
    }
    proc_exit(0);
}

/* Until it has said all, or is gone. */
static void listen(long child)
{
    u64 dies = below(4) == 0 ? below(WORDS) : WORDS;

    for (;;) {
        u32 bell = __atomic_load_n(&line->hold.bell, __ATOMIC_ACQUIRE);
        u32 word = __atomic_load_n(&line->word, __ATOMIC_ACQUIRE);

        if (word >= dies) {
            proc_kill(child, PROC_SIGKILL);
            dies = WORDS + 1;
        }
        if (word >= WORDS || bell != 0) {
            return;
        }
        proc_wait_on(&line->word, word, in_us(500));
    }
}

/* The caller's sibling of the same hart may fork meanwhile, and then there is another holder. */
static void talk(void)
{
    bool alone = !has_second;
    unsigned status = 0;
    long child, got;

    if (proc_unshare(line, sizeof(*line)) != 0 || proc_share(line, sizeof(*line)) != 0 ||
        proc_hold(&line->hold, PROC_HOLD_HERE) != 0) {
        return;
    }
    check("a line begins empty", line->word + (alone ? line->hold.bell : 0), 0);
    for (u64 i = 0; i < LINE_PAGES - 1; i++) {
        check("what is shared anew is zero", line->more[i][below(PAGE / sizeof(u64))], 0);
        line->more[i][below(PAGE / sizeof(u64))] = random_of(&random_state);
    }
    child = fork_alone();
    if (child == 0) {
        has_second = false;
        say_words();
    }
    if (child > 0) {
        listen(child);
        do {
            got = proc_wait(child, 0, &status);
        } while (got == PROC_ERR_INTR);
        check("wait for who talked", (u64)got, (u64)child);
        check("how it ended", status != 0 && status != PROC_SIGKILL && status != PROC_SIGTERM,
              false);
        check("words, unless it was killed", status == 0 ? line->word : WORDS, WORDS);
        if (alone) {
            check("holders when it is gone", line->hold.holders, 1);
            check("its bell", line->hold.bell, 1);
        }
        count(&board->talks);
    }
    proc_hold(&line->hold, PROC_HOLD_NONE);
    line->more[0][0] = random_of(&random_state); /* after the fork: copied, were it not shared */
    (void)proc_unshare(line, sizeof(*line) - PAGE * below(LINE_PAGES));
    check("what is its own reads as zero", line->word, 0);
}

/* ---- life ---- */

static void act(void)
{
    switch (below(40)) {
    case 0 ... 6: fork_one(); break;
    case 7 ... 11: wait_for_one(); break;
    case 12 ... 16: send_signal(); break;
    case 17 ... 19: sleep_a_little(); break;
    case 20 ... 23: talk(); break;
    case 24: change_group(); break;
    case 25: spawn_one(); break;
    case 26: exec_itself(); break;
    case 27: limit_tree(); break;
    case 28: reset(); break;
    case 29: proc_signals(); break;
    case 30: proc_events(); break;
    case 31: start_second(); break;
    case 32: stop_second(); break;
    case 33: proc_exit((int)below(256)); break;
    case 34 ... 35: write_some(); break;
    case 36: use_disk(); break;
    default: look_at_pages();
    }
}

static __noreturn void live(void)
{
    while (!is_over()) {
        act();
    }
    proc_exit(0);
}

/* ---- pid 1 ---- */

/* It does what cannot end it, and keeps the others busy. */
static void rage(void)
{
    while (!is_over()) {
        u64 what = below(8);

        reap();
        if (what < 3) {
            long pid = fork_alone();

            if (pid == 0) {
                as_child(random_state);
                live();
            }
        } else if (what < 6) {
            send_signal();
        } else if (what == 6) {
            spawn_one();
        } else {
            sleep_a_little();
        }
        if (below(4) == 0) {
            use_disk();
        }
        look_at_pages();
    }
}

/* All descendants become children of pid 1's, which has called wait. */
static u64 kill_all(void)
{
    static struct proc_record record;
    unsigned status;
    u64 ends = 0;
    long got;

    proc_kill(-1, PROC_SIGKILL);
    while ((got = proc_wait(-1, 0, &status)) > 0 || got == PROC_ERR_INTR) {
        ends += got > 0;
    }
    check("nobody is left to wait for", (u64)got, (u64)PROC_ERR_CHILD);
    check("nobody is left", (u64)proc_inspect(1, &record), 0);
    return ends;
}

static void say(u64 ends)
{
    printf("storm: %lu forks, %lu by second vCPUs, %lu spawns, %lu execs, %lu talks, %lu signals; "
           "%lu at the end\n",
           (unsigned long)board->forks, (unsigned long)board->halves, (unsigned long)board->spawns,
           (unsigned long)board->execs, (unsigned long)board->talks, (unsigned long)board->signals,
           (unsigned long)ends);
    if (board->failures != 0) {
        printf("storm: %lu failures; %s: found %#lx, not %#lx\n", (unsigned long)board->failures,
               board->what, (unsigned long)board->found, (unsigned long)board->expected);
    } else {
        printf("storm: ok\n");
    }
}

static __noreturn void begin_storm(void)
{
    check("share", (u64)proc_share(board, PAGE), 0);
    board->magic = MAGIC;
    board->procs = args_u64("procs", 200);
    board->end = timer_now() + in_us(1000 * args_u64("ms", 5000));
    proc_limit(PROC_LIMIT_PROCS, (long)board->procs);
    seed(args_u64("seed", 1));
    write_pages(0, PAGES);
    rage();
    say(kill_all());
    proc_exit(board->failures != 0);
}

/* Who has reset itself shares the board no more. */
int main(void)
{
    u64 ids[2];

    second_id = machine_harts(ids, 2) < 2 ? NOBODY : ids[ids[0] == guest_hart_id()];
    board = args_has("life") ? (struct board *)args_u64("board", 0) : pages_alloc(1, 1);
    line = pages_alloc(LINE_PAGES, 1);
    pages = pages_alloc(PAGES * STRIDE, 1);
    disk = device_block(0);
    if (proc_getpid() == 1) {
        begin_storm();
    }
    if (!args_has("life") || board->magic != MAGIC) {
        proc_exit(0);
    }
    seed(args_u64("life", 0));
    write_some();
    live();
}
