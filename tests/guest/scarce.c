/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The n-th frame is not to be had, from none until what is tried works: in each call that needs
 * memory, and in each kind of touch.  Either an error that says so, or the end of who touched by
 * signal 9; all else goes on, and the same memory is free afterwards.
 *
 * A hog has nearly all of the machine's memory.  For each n a child, the tester, prepares what it
 * will try; has a probe take all there is until that ends, so that no other VM has tables left that
 * could be taken from it; takes all frames but n; and tries.  The last few frames are no page's:
 * where n is below that, it ends before it has tried.  It needs the control right, to see
 * how many are free, and one hart, on which nobody else runs meanwhile.
 */
#include <stdio.h>
#include <string.h>

#include "sbi/call.h"

#include "guest/guest.h"
#include "guest/machine.h"
#include "guest/proc.h"

#define SELF    "scarce"
#define PAGE    4096UL
#define LINE    8UL   /* pages that are filled at once, and have one node */
#define RESERVE 300UL /* frames that the hog leaves */
#define LARDER  640UL /* pages: one of each line is touched, the other seven are to be taken */
#define N_MAX   100UL /* what is tried needs fewer */
#define SLACK   8UL
#define PLENTY  UINT64_MAX
#define UNTRIED (UINT64_MAX - 1)

/* What a tester says by its status: signal 9 is an answer, too. */
enum { WORKED = 0, NO_MEMORY = 1, WRONG = 2 };

/* Shared by all, and there: to write it takes no frame. */
static volatile struct {
    u64 left;   /* frames that were free when it was tried */
    long error; /* the last one */
    long twin;  /* whom the tester leaves behind, or 0 */
} * said;

static u8 *larder, *mine, *fresh, *far;
static struct proc_image image;
static char name[] = SELF;
static const char args[] = SELF "\0again\0";

static u64 free_frames(void)
{
    static struct proc_machine machine;

    if (proc_machine(&machine) != 0)
        proc_exit(WRONG);
    return machine.frames_free;
}

/* Meanwhile the hart has nothing to do, and gives back what ends have left. */
static void rest(void)
{
    (void)proc_wait_on((const u32 *)mine, *(const u32 *)mine, machine_timebase() / 500);
}

static void touch(u8 *page)
{
    *(volatile u8 *)page += 1;
}

static __noreturn void sleep_for_ever(void)
{
    for (;;)
        __asm__ volatile("wfi");
}

/* ---- what is tried ---- */

static int answer(long error)
{
    if (error >= 0)
        return WORKED;
    said->error = error;
    return error == PROC_ERR_NOMEM ? NO_MEMORY : WRONG;
}

static void nothing(void) {}

/* The end of a child that finds no memory either is its own. */
static int answer_of_child(long pid)
{
    unsigned status = WRONG;

    if (pid > 0 && proc_wait(pid, 0, &status) != pid)
        return WRONG;
    return answer(pid);
}

static int tries_fork(void)
{
    long pid = proc_fork(PROC_DOOR_ECALL, 0);

    if (pid == 0)
        proc_exit(0);
    return answer_of_child(pid);
}

static int tries_spawn(void)
{
    image = (struct proc_image){.image = name};
    return answer_of_child(proc_spawn(&image));
}

static int tries_spawn_args(void)
{
    image = (struct proc_image){.image = name, .args = args, .args_bytes = sizeof(args)};
    return answer_of_child(proc_spawn(&image));
}

static void image_in_memory(void)
{
    struct range initrd = machine_initrd();

    image = (struct proc_image){.image = (const void *)initrd.base,
                                .image_bytes = initrd.end - initrd.base,
                                .args = args,
                                .args_bytes = sizeof(args)};
    for (u64 at = initrd.base; at < initrd.end; at += PAGE)
        (void)*(volatile u8 *)at;
}

static int tries_spawn_memory(void)
{
    return answer_of_child(proc_spawn(&image));
}

static int tries_exec(void)
{
    image = (struct proc_image){.image = name, .args = args, .args_bytes = sizeof(args)};
    return answer(proc_exec(&image));
}

static int tries_exec_memory(void)
{
    return answer(proc_exec(&image));
}

static int tries_share(void)
{
    return answer(proc_share(fresh, 20 * PAGE));
}

/* What is the VM's own afterwards would begin as the machine does, here with its initrd, so it
 * needs pages of zeros. */
#define INITRD_PAGES 10UL

static u8 *initrd_pages(void)
{
    return (u8 *)((machine_initrd().base + PAGE - 1) & -PAGE);
}

static void shares(void)
{
    memset(initrd_pages(), 1, INITRD_PAGES * PAGE);
    (void)proc_share(initrd_pages(), INITRD_PAGES * PAGE);
}

static int tries_unshare(void)
{
    int result = answer(proc_unshare(initrd_pages(), INITRD_PAGES * PAGE));

    for (u64 i = 0; i < INITRD_PAGES && result != WORKED; i++)
        result = initrd_pages()[i * PAGE] == 1 ? result : WRONG;
    return result;
}

/* Somebody else has the pages, too, and so the nodes above them. */
static void has_twin(void)
{
    long pid;

    for (u64 i = 0; i < 20; i++)
        fresh[i * PAGE] = 1;
    pid = proc_fork(PROC_DOOR_ECALL, 0);

    if (pid == 0)
        sleep_for_ever();
    said->twin = pid;
}

static int tries_copy(void)
{
    touch(fresh + 9 * PAGE);
    return fresh[9 * PAGE] == 2 && fresh[10 * PAGE] == 1 ? WORKED : WRONG;
}

static int tries_first_touch(void)
{
    touch(far);
    return *far == 1 ? WORKED : WRONG;
}

static int tries_read(void)
{
    return *(volatile u8 *)far == 0 ? WORKED : WRONG;
}

/* The hypervisor touches it. */
static int tries_inspect(void)
{
    return answer(sbi_call(PROC_EID, PROC_INSPECT, 1, (u64)far, PAGE, 0, 0).error);
}

static int tries_limit(void)
{
    return answer(proc_limit(PROC_LIMIT_PROCS, 10));
}

static int tries_hold(void)
{
    return answer(proc_hold((struct proc_hold *)((u8 *)said + PAGE / 2), PROC_HOLD_HERE));
}

static int tries_registering(void)
{
    return answer(proc_wait_on((const u32 *)mine, *(const u32 *)mine, 0));
}

static const struct trial {
    const char *what;
    void (*prepare)(void);
    int (*try)(void);
    bool must_fail; /* others may do with what is left for tables, where pages find nothing */
} trials[] = {
    {"fork",             nothing,         tries_fork,         false},
    {"spawn",            nothing,         tries_spawn,        false},
    {"spawn with args",  nothing,         tries_spawn_args,   false},
    {"spawn of memory",  image_in_memory, tries_spawn_memory, true },
    {"exec",             nothing,         tries_exec,         false},
    {"exec of memory",   image_in_memory, tries_exec_memory,  true },
    {"share",            nothing,         tries_share,        true },
    {"unshare",          shares,          tries_unshare,      true },
    {"copy on write",    has_twin,        tries_copy,         false},
    {"first touch",      nothing,         tries_first_touch,  false},
    {"first read",       nothing,         tries_read,         false},
    {"inspect",          nothing,         tries_inspect,      false},
    {"limit",            nothing,         tries_limit,        false},
    {"hold",             nothing,         tries_hold,         false},
    {"registered words", nothing,         tries_registering,  false},
};

/* ---- a tester ---- */

/* Its last act: all that there is. */
static __noreturn void probe(void)
{
    for (u8 *page = far + 512 * PAGE;; page += PAGE)
        touch(page);
}

/* What is needed to try is there, and in the tables; a page of each line of the larder. */
static void warm_up(const struct trial *trial)
{
    for (u64 i = 0; i < LARDER; i += LINE)
        touch(larder + i * PAGE);
    touch(mine);
    for (u64 i = 0; i < 20 && trial->prepare == has_twin; i++)
        (void)*(volatile u8 *)(fresh + i * PAGE);
    for (u64 i = 0; i < INITRD_PAGES && trial->prepare == shares; i++)
        (void)*(volatile u8 *)(initrd_pages() + i * PAGE);
}

/* From the end of each line to its begin: who goes upwards gets several pages at once. */
static void take_all_but(u64 left)
{
    for (u64 i = LINE - 1; i > 0; i--) {
        for (u64 line = 0; line < LARDER && free_frames() > left; line += LINE)
            touch(larder + (line + i) * PAGE);
    }
}

static __noreturn void test(const struct trial *trial, u64 left)
{
    unsigned status = 0;
    long pid;

    trial->prepare();
    warm_up(trial);
    if (left != PLENTY) {
        pid = proc_fork(PROC_DOOR_ECALL, 0);
        if (pid == 0)
            probe();
        if (pid < 0 || proc_wait(pid, 0, &status) != pid || status != PROC_SIGKILL)
            proc_exit(WRONG);
        warm_up(trial);
        rest();
        warm_up(trial);
        take_all_but(left);
    }
    said->left = free_frames();
    proc_exit(trial->try());
}

/* ---- who goes through all of it ---- */

static u32 failures;

static void complain(const struct trial *trial, const char *what, u64 n, long value)
{
    printf("scarce: %s, %lu frames: %s %ld\n", trial->what, (unsigned long)n, what, value);
    failures++;
}

/* The tester's status; whoever it left behind is ended as well. */
static unsigned run(const struct trial *trial, u64 left)
{
    unsigned status = ~0U;
    long pid;

    said->left = UNTRIED;
    said->twin = 0;
    pid = proc_fork(PROC_DOOR_ECALL, PROC_FORK_KEEP_CONTROL);
    if (pid == 0)
        test(trial, left);
    if (pid < 0 || proc_wait(pid, 0, &status) != pid)
        complain(trial, "no tester:", left, pid);
    if (said->twin > 0) {
        unsigned ignored;

        (void)proc_kill(said->twin, PROC_SIGKILL);
        (void)proc_wait(said->twin, 0, &ignored);
    }
    return status;
}

/* Small things share frames, caches hold some: it is the census at the end that is exact. */
static bool is_free_again(u64 frames)
{
    for (u32 looks = 0; looks < 200; looks++) {
        rest();
        if (free_frames() + SLACK >= frames)
            return true;
    }
    return false;
}

static void sweep(const struct trial *trial)
{
    u64 before, refused = 0, killed = 0, n = 0;
    unsigned status = run(trial, PLENTY);

    if (status != WORKED)
        complain(trial, "with plenty: status", PLENTY, status);
    (void)run(trial, 0);
    for (u32 i = 0; i < 10; i++)
        rest();
    before = free_frames();
    for (status = ~0U; n < N_MAX && status != WORKED; n++) {
        status = run(trial, n);
        if (said->left == UNTRIED && status == PROC_STATUS_SIGNALED(PROC_SIGKILL))
            continue;
        if (said->left != n)
            complain(trial, "it was tried with", n, (long)said->left);
        if (status == PROC_STATUS_EXITED(NO_MEMORY))
            refused++;
        else if (status == PROC_STATUS_SIGNALED(PROC_SIGKILL))
            killed++;
        else if (status != WORKED)
            complain(trial, "error", n, said->error);
        if (!is_free_again(before))
            complain(trial, "frames are gone:", n, (long)(before - free_frames()));
    }
    if (n == N_MAX)
        complain(trial, "it never works", n, 0);
    if (refused + killed == 0 && trial->must_fail)
        complain(trial, "it did not fail", 0, 0);
    printf("scarce: %s: refused %lu times, killed %lu times, works with %lu frames\n", trial->what,
           (unsigned long)refused, (unsigned long)killed, (unsigned long)n - 1);
}

/* Whole 2 MiB first, so that it has no tables worth taking; where its memory ends, a child of it
 * copies that. */
static __noreturn void hog(u8 *from)
{
    u8 *end = (u8 *)machine_ram().end;

    while (free_frames() > RESERVE) {
        u8 *page = from;

        for (; page < end && free_frames() > RESERVE; page += PAGE)
            touch(page);
        if (page == end && proc_fork(PROC_DOOR_ECALL, PROC_FORK_KEEP_CONTROL) != 0)
            sleep_for_ever();
    }
    said->left = 1;
    sleep_for_ever();
}

int main(void)
{
    u8 *end;

    if (proc_getppid() != 0)
        return 0; /* it was spawned, or is what exec has begun */
    said = machine_take(PAGE);
    larder = machine_take(LARDER * PAGE);
    mine = machine_take(PAGE);
    fresh = machine_take(64 * PAGE);
    end = machine_take(PAGE);
    far = (u8 *)(((u64)end + (4UL << 20)) & -(2UL << 20));
    if (proc_share((const void *)said, PAGE) != 0)
        return 1;
    said->left = 0;
    if (proc_fork(PROC_DOOR_ECALL, PROC_FORK_KEEP_CONTROL) == 0)
        hog(far + (8UL << 20));
    while (said->left == 0)
        ;
    for (u32 i = 0; i < ARRAY_LEN(trials); i++)
        sweep(&trials[i]);
    while (proc_kill(-1, PROC_SIGKILL) > 0) {
        unsigned ignored;

        (void)proc_wait(-1, 0, &ignored);
    }
    printf("scarce: %s\n", failures == 0 ? "ok" : "FAILED");
    return failures != 0;
}
