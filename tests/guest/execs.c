/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * exec and spawn, "how=...".  What is started is this program once more, from the bundle by its
 * name or, where its ELF is the INITRD, from memory; that it is another start of it is seen by its
 * arguments.
 *
 *     name, memory   exec with arguments and an environment, then reset: it begins the same way
 *     chain left=N   an exec after the other
 *     spawn row=N    children, one after the other; each ends with a status of its own
 *     many row=N     children of "hello", all alive at once
 *     other          exec by a hart while the other one runs; and by the other one
 *     shared         a shared page stays in exec, and in spawn
 *     disk           what "readblock" finds on the disk: a child, and this one
 *     quota          spawn at the limit of processes
 *     bad            what is refused; the caller goes on
 */
#include <libfdt.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "sbi/call.h"

#include "guest/args.h"
#include "guest/guest.h"
#include "guest/machine.h"
#include "guest/proc.h"

#define SELF "execs"
#define PAGE 4096UL

static __noreturn void fail(const char *what, long found)
{
    printf("execs: %s: %ld\n", what, found);
    proc_exit(1);
}

static void expect(const char *what, long found, long expected)
{
    if (found != expected) {
        fail(what, found);
    }
}

/* Arguments in one piece: `text` with a '|' for each end of a string. */
struct args {
    char text[PROC_ARGS_BYTES_MAX + 64];
    size_t bytes;
};

static void set_args(struct args *args, const char *text)
{
    args->bytes = strlen(text);
    memcpy(args->text, text, args->bytes);
    for (size_t i = 0; i < args->bytes; i++) {
        if (args->text[i] == '|') {
            args->text[i] = '\0';
        }
    }
}

static struct proc_image image_of(const char *name, const char *text)
{
    static struct args args;

    set_args(&args, text);
    return (struct proc_image){
        .image = name, .args = args.bytes == 0 ? NULL : args.text, .args_bytes = args.bytes};
}

static struct proc_image image_in_memory(const char *text)
{
    struct proc_image image = image_of(NULL, text);
    struct range initrd = machine_initrd();

    image.image = (const void *)initrd.base;
    image.image_bytes = initrd.end - initrd.base;
    return image;
}

static __noreturn void exec(const struct proc_image *image)
{
    fail("exec returned", proc_exec(image));
}

static unsigned wait_for(long pid)
{
    unsigned status = ~0U;

    expect("wait", proc_wait(pid, 0, &status), pid);
    return status;
}

static void expect_args(const char *text)
{
    static struct args args;
    size_t bytes;
    const char *found = machine_args(&bytes);

    set_args(&args, text);
    if (found == NULL || bytes != args.bytes || memcmp(found, args.text, bytes) != 0) {
        fail("arguments", (long)bytes);
    }
}

/* ---- exec ---- */

#define FIRST_ARGS SELF "|how=began|a b||HOME=/x|EMPTY=|"

/* As it begins after exec: with what it was given, and with nothing of before. */
static void began(void)
{
    static u64 counter; /* of this start */

    expect_args(FIRST_ARGS);
    expect("bootargs", strcmp(machine_bootargs(), "how=began a b"), 0);
    expect("counter", (long)counter++, 0);
    if (proc_getpid() == 1) {
        long child = proc_fork(PROC_DOOR_ECALL, 0);

        if (child == 0) {
            proc_exit(0);
        }
        wait_for(child);
        printf("execs: pid 1 began, child %ld\n", child);
        if (child < 4) {
            sbi_call(SBI_EID_SRST, SBI_SRST_SYSTEM_RESET, SBI_SRST_TYPE_COLD_REBOOT, 0, 0, 0, 0);
        }
    }
}

static __noreturn void chain(void)
{
    u64 left = args_u64("left", 0);
    char text[64];
    struct proc_image image;

    if (left == 0) {
        puts("execs: chain ok");
        proc_exit(0);
    }
    snprintf(text, sizeof(text), SELF "|how=chain|left=%lu||", (unsigned long)left - 1);
    image =
        left % 2 == 0 || machine_initrd().end == 0 ? image_of(SELF, text) : image_in_memory(text);
    exec(&image);
}

/* ---- spawn ---- */

static __noreturn void spawn(void)
{
    u64 row = args_u64("row", 1);

    for (u64 i = 0; i < row; i++) {
        char text[64];
        struct proc_image image;
        long child;

        snprintf(text, sizeof(text), SELF "|how=end|status=%lu||", (unsigned long)i % 256);
        image =
            i % 4 == 3 && machine_initrd().end != 0 ? image_in_memory(text) : image_of(SELF, text);
        child = proc_spawn(&image);
        if (child < 2) {
            fail("spawn", child);
        }
        expect("status", (long)wait_for(child), (long)PROC_STATUS_EXITED(i));
    }
    puts("execs: spawn ok");
    proc_exit(0);
}

static __noreturn void many(void)
{
    u64 row = args_u64("row", 1), ended = 0;
    struct proc_image image = image_of("hello", "");
    unsigned status;

    for (u64 i = 0; i < row; i++) {
        if (proc_spawn(&image) < 2) {
            fail("spawn", (long)i);
        }
    }
    while (proc_wait(-1, 0, &status) > 0) {
        expect("status", (long)status, 0);
        ended++;
    }
    expect("ended", (long)ended, (long)row);
    puts("execs: many ok");
    proc_exit(0);
}

static __noreturn void quota(void)
{
    struct proc_image image = image_of(SELF, SELF "|how=end|status=7||");
    long pid[8];
    u32 count = 0;

    expect("limit", proc_limit(PROC_LIMIT_PROCS, 4) > 4, true);
    while (count < 8 && (pid[count] = proc_spawn(&image)) > 0) {
        count++;
    }
    expect("children", count, 3);
    expect("error", pid[3], PROC_ERR_QUOTA);
    for (u32 i = 0; i < 3; i++) {
        expect("status", (long)wait_for(pid[i]), (long)PROC_STATUS_EXITED(7));
    }
    expect("again", proc_spawn(&image) > 0, true);
    puts("execs: quota ok");
    proc_exit(0);
}

static __noreturn void disk(void)
{
    struct proc_image image = image_of("readblock", "readblock||");

    expect("child", (long)wait_for(proc_spawn(&image)), (long)PROC_STATUS_EXITED(0));
    exec(&image);
}

/* ---- another hart ---- */

static _Alignas(16) char stack[4096];
static atomic_ulong counter;
static bool other_execs;

__attribute__((used)) static __noreturn void other_main(void)
{
    if (other_execs) {
        struct proc_image image = image_of(SELF, SELF "|how=once||");

        sbi_call(PROC_EID, PROC_EXEC, (unsigned long)image.image, 0, (unsigned long)image.args,
                 image.args_bytes, 0);
    }
    for (;;) {
        atomic_fetch_add(&counter, 1);
    }
}

__noreturn void other_entry(void);
__asm__(".text\n"
        ".globl other_entry\n"
        "other_entry: mv sp, a1\n"
        "    j other_main\n");

static __noreturn void other(void)
{
    struct proc_image image = image_of(SELF, SELF "|how=other|second||");
    bool second = args_has("second");

    other_execs = second;
    expect("start",
           sbi_call(SBI_EID_HSM, SBI_HSM_HART_START, 1, (unsigned long)other_entry,
                    (unsigned long)(stack + sizeof(stack)), 0, 0)
               .error,
           0);
    if (second) {
        for (;;) {
            atomic_fetch_add(&counter, 1);
        }
    }
    while (atomic_load(&counter) == 0) {
    }
    exec(&image);
}

/* Hart 0 begins, whoever called, and the other is stopped. */
static __noreturn void once(void)
{
    expect("other hart", sbi_call(SBI_EID_HSM, SBI_HSM_HART_GET_STATUS, 1, 0, 0, 0, 0).value,
           SBI_HSM_STATE_STOPPED);
    puts("execs: other ok");
    proc_exit(0);
}

/* ---- shared memory ---- */

/* Beyond the image, in RAM that nothing else is in. */
static volatile u64 *shared_page(void)
{
    return (volatile u64 *)(machine_ram().base + (32UL << 20));
}

/* The tree begins on a page, and has the arguments in it. */
static const void *tree(void)
{
    size_t bytes;
    const char *at = (const char *)((u64)machine_args(&bytes) & -PAGE);

    while (fdt_magic(at) != FDT_MAGIC) {
        at -= PAGE;
    }
    return at;
}

/* Whether the tree says that there is one range, and that one. */
static bool tree_names(const volatile u64 *page)
{
    int node = fdt_node_offset_by_compatible(tree(), -1, PROC_SHARED_COMPATIBLE);
    const fdt64_t *reg = node < 0 ? NULL : fdt_getprop(tree(), node, "reg", NULL);

    return reg != NULL && fdt64_ld(reg) == (u64)page && fdt64_ld(reg + 1) == PAGE &&
           fdt_node_offset_by_compatible(tree(), node, PROC_SHARED_COMPATIBLE) < 0;
}

static __noreturn void shared(void)
{
    volatile u64 *page = shared_page();
    struct proc_image child = image_of(SELF, SELF "|how=sharer|value=2||");
    struct proc_image image;

    expect("share", proc_share((const void *)page, PAGE), 0);
    page[0] = 1;
    page[PAGE / 8] = 5;
    expect("sharer", (long)wait_for(proc_spawn(&child)), (long)PROC_STATUS_EXITED(1));
    expect("word of the child", (long)page[0], 2);
    image = image_of(SELF, SELF "|how=share_again||");
    exec(&image);
}

static __noreturn void sharer(void)
{
    volatile u64 *page = shared_page();
    u64 found = page[0];

    expect("private page", (long)page[PAGE / 8], 0);
    expect("named", tree_names(page), true);
    page[0] = args_u64("value", 0);
    proc_exit((int)found);
}

static __noreturn void share_again(void)
{
    volatile u64 *page = shared_page();
    struct proc_image child = image_of(SELF, SELF "|how=sharer|value=3||");

    expect_args(SELF "|how=share_again||");
    if (!tree_names(page)) { /* after the reset nothing is shared */
        expect("word after a reset", (long)page[0], 0);
        puts("execs: shared ok");
        proc_exit(0);
    }
    expect("private page", (long)page[PAGE / 8], 0);
    expect("word", (long)page[0], 2);
    expect("sharer", (long)wait_for(proc_spawn(&child)), (long)PROC_STATUS_EXITED(2));
    expect("word of the child", (long)page[0], 3);
    sbi_call(SBI_EID_SRST, SBI_SRST_SYSTEM_RESET, SBI_SRST_TYPE_COLD_REBOOT, 0, 0, 0, 0);
    fail("no reset", 0);
}

/* ---- what is refused ---- */

static u8 file[3 * PAGE];

static void refuse(const char *what, const struct proc_image *image, long error)
{
    long found = proc_exec(image);

    if (found != error) {
        printf("execs: %s: exec gave %ld\n", what, found);
        proc_exit(1);
    }
    found = proc_spawn(image);
    if (found != error) {
        printf("execs: %s: spawn gave %ld\n", what, found);
        proc_exit(1);
    }
}

static void refuse_name(const char *what, const void *name, long error)
{
    const struct proc_image image = {.image = name};

    refuse(what, &image, error);
}

static void refuse_file(const char *what, const void *at, u64 bytes, long error)
{
    const struct proc_image image = {.image = at, .image_bytes = bytes};

    refuse(what, &image, error);
}

static void refuse_args(const char *what, const void *at, u64 bytes, long error)
{
    const struct proc_image image = {.image = SELF, .args = at, .args_bytes = bytes};

    refuse(what, &image, error);
}

static void refuse_text(const char *text)
{
    struct proc_image image = image_of(SELF, text);

    refuse(text, &image, SBI_ERR_INVALID_PARAM);
}

static void bad_names(u64 end)
{
    char *last = (char *)end - 4;

    refuse_name("no such name", "nothing", PROC_ERR_NOENT);
    refuse_name("empty name", "", PROC_ERR_NOENT);
    refuse_name("longer name", SELF "s", PROC_ERR_NOENT);
    refuse_name("63 characters", "012345678901234567890123456789012345678901234567890123456789012",
                PROC_ERR_NOENT);
    refuse_name("64 characters", "0123456789012345678901234567890123456789012345678901234567890123",
                SBI_ERR_INVALID_PARAM);
    refuse_name("not to be shown", "\n\033[2J", PROC_ERR_NOENT);
    refuse_name("below RAM", (const void *)0x1000, SBI_ERR_INVALID_ADDRESS);
    refuse_name("beyond RAM", (const void *)end, SBI_ERR_INVALID_ADDRESS);
    refuse_name("at the end of all", (const void *)-8L, SBI_ERR_INVALID_ADDRESS);
    memset(last, 'x', 4);
    refuse_name("beyond the end", last, SBI_ERR_INVALID_ADDRESS);
    memcpy(last, "abc", 4);
    refuse_name("up to the end", last, PROC_ERR_NOENT);
}

static void bad_args(u64 end)
{
    static char many[PROC_ARGS_BYTES_MAX + 1];

    refuse_text("a|b|");
    refuse_text("a|b||c=d");
    refuse_text("a");
    refuse_args("too long", many, sizeof(many), SBI_ERR_INVALID_PARAM);
    refuse_args("much too long", many, UINT64_MAX, SBI_ERR_INVALID_PARAM);
    refuse_args("below RAM", (const void *)0x1000, 2, SBI_ERR_INVALID_ADDRESS);
    refuse_args("beyond the end", (const void *)(end - 1), 2, SBI_ERR_INVALID_ADDRESS);
    refuse_args("around the end of all", (const void *)-1L, 2, SBI_ERR_INVALID_ADDRESS);
}

/* The ELF that is the INITRD, with 8 bytes of a header set to a value. */
static void damaged(size_t at, u64 value, long error)
{
    struct range initrd = machine_initrd();
    u8 *copy = (u8 *)machine_ram().base + (48UL << 20);

    memcpy(copy, (const void *)initrd.base, initrd.end - initrd.base);
    memcpy(copy + at, &value, sizeof(value));
    refuse_file("damaged ELF", copy, initrd.end - initrd.base, error);
}

#define PHDR(index, field) (64 + 56 * (index) + (field))

static void bad_files(u64 base, u64 end)
{
    struct range initrd = machine_initrd();
    u64 bytes = initrd.end - initrd.base;

    refuse_file("zeros", file, sizeof(file), SBI_ERR_INVALID_PARAM);
    refuse_file("one byte", file, 1, SBI_ERR_INVALID_PARAM);
    refuse_file("below RAM", (const void *)0x1000, PAGE, SBI_ERR_INVALID_ADDRESS);
    refuse_file("beyond the end", (const void *)(end - PAGE), PAGE + 1, SBI_ERR_INVALID_ADDRESS);
    refuse_file("larger than memory", (const void *)base, end - base + 1, SBI_ERR_INVALID_ADDRESS);
    refuse_file("size that wraps", (const void *)(end - PAGE), UINT64_MAX, SBI_ERR_INVALID_ADDRESS);
    memset(file, 0xff, sizeof(file));
    refuse_file("no code", file, sizeof(file), SBI_ERR_INVALID_PARAM);
    for (u64 cut = 1; cut < bytes && cut < 4000; cut += 131) {
        refuse_file("cut ELF", (const void *)initrd.base, cut, SBI_ERR_INVALID_PARAM);
    }
    damaged(24, 0x1234, SBI_ERR_INVALID_PARAM);             /* entry in no segment */
    damaged(PHDR(0, 24), 0x1000, SBI_ERR_INVALID_PARAM);    /* below RAM */
    damaged(PHDR(0, 24), end, PROC_ERR_NOMEM);              /* beyond it */
    damaged(PHDR(0, 24), -8UL, SBI_ERR_INVALID_PARAM);      /* around the end of all */
    damaged(PHDR(0, 40), 1UL << 60, PROC_ERR_NOMEM);        /* larger than memory */
    damaged(PHDR(0, 32), 1UL << 60, SBI_ERR_INVALID_PARAM); /* more of the file than there is */
    damaged(PHDR(0, 8), 1UL << 40, SBI_ERR_INVALID_PARAM);  /* not in the file */
    /* An image of 4 bytes of code that would take the place of all else. */
    memset(file, 0, 64);
    file[0] = 0x6f;
    memcpy(file + 0x38, "RSC\5", 4);
    file[0x10 + 3] = 0x7f; /* 2 GiB of memory */
    refuse_file("Linux Image, too large", file, 64, PROC_ERR_NOMEM);
    file[0x8 + 1] = 1;
    refuse_file("Linux Image, badly placed", file, 64, SBI_ERR_INVALID_PARAM);
}

/* Images lie where shared memory is. */
static void bad_ranges(void)
{
    u64 own = (u64)file & -PAGE;

    expect("share", proc_share((const void *)own, PAGE), 0);
    refuse_name("over shared memory", SELF, SBI_ERR_INVALID_PARAM);
    refuse_file("over shared memory", (const void *)machine_initrd().base,
                machine_initrd().end - machine_initrd().base, SBI_ERR_INVALID_PARAM);
    expect("unshare", proc_unshare((const void *)own, PAGE), 0);
}

static __noreturn void bad(void)
{
    struct range ram = machine_ram();
    struct proc_image image;
    long child = proc_fork(PROC_DOOR_ECALL, 0);

    /* In a child: the last page of RAM is its FDT's, which goes. */
    if (child != 0) {
        expect("child", (long)wait_for(child), (long)PROC_STATUS_EXITED(3));
        puts("execs: bad ok");
        proc_exit(0);
    }
    bad_files(ram.base, ram.end);
    bad_args(ram.end);
    bad_ranges();
    bad_names(ram.end);
    image = image_of(SELF, SELF "|how=end|status=3||");
    exec(&image);
}

int main(void)
{
    static const struct {
        const char *how;
        void (*test)(void);
    } tests[] = {
        {"chain",       chain      },
        {"spawn",       spawn      },
        {"many",        many       },
        {"other",       other      },
        {"once",        once       },
        {"shared",      shared     },
        {"sharer",      sharer     },
        {"share_again", share_again},
        {"disk",        disk       },
        {"quota",       quota      },
        {"bad",         bad        },
        {"began",       began      },
    };
    struct proc_image image;

    for (size_t i = 0; i < ARRAY_LEN(tests); i++) {
        if (args_is("how", tests[i].how)) {
            tests[i].test();
        }
    }
    if (args_is("how", "name")) {
        image = image_of(SELF, FIRST_ARGS);
        exec(&image);
    }
    if (args_is("how", "memory")) {
        image = image_in_memory(FIRST_ARGS);
        exec(&image);
    }
    return (int)args_u64("status", 0);
}
