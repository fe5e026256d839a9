/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * insns.so - a plugin for QEMU that counts the instructions which the machine executes: firmware,
 * hypervisor, guest and Linux alike.  Waiting is none: a hart that sleeps in WFI until a disk has
 * answered executes nothing, whatever clocks and cycle counters say meanwhile.
 *
 *     qemu-system-riscv64 -icount shift=0 -plugin insns.so,out=FILE[,profile=FILE][,entry=ADDRESS]
 *
 * An instruction `slti zero, zero, MARK`, which does nothing and may stand in any program
 * (lib/riscv/mark.h), writes a line "MARK COUNT HART..." to FILE; COUNT is what was executed before
 * it, and HART... how much of it by each hart.  So does, with MARK 0, the instruction at the
 * virtual address `entry`, which may be where images begin that have no marks.
 *
 * With `profile`, each instruction also has a count of its own, of the times that it was executed
 * between a mark 1 and the next mark 2, whoever executed them.  At QEMU's end these are written,
 * "ADDRESS COUNT" a line, both decimal; an address may have several lines, to be added
 * (tools/profile.sh).  The address is the virtual one: who shares it shares its count.
 *
 * QEMU's plugin interface is declared here as far as it is used and is the same in all versions. An
 * instruction that faults is counted each time it is tried, one that touches a device once.  Harts
 * take turns with -icount: without it marks of several harts would mix.
 *
 * [UNPRIV "HINT Instructions"]
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "lib/kit/types.h"

#define EXPORT __attribute__((visibility("default")))

#define MARK_BYTES   4
#define MARK_MATCH   0x00002013U /* slti zero, zero, 0 */
#define MARK_MASK    0x000fffffU
#define MARK_SHIFT   20
#define NO_REGISTERS 0
#define HARTS_MAX    64
#define MARK_ENTRY   0
#define MARK_BEGIN   1
#define MARK_END     2

struct qemu_plugin_tb;
struct qemu_plugin_insn;
struct qemu_info;

typedef void (*on_execution)(unsigned vcpu, void *arg);
typedef void (*on_end)(u64 id, void *arg);

void qemu_plugin_register_vcpu_tb_trans_cb(u64 id, void (*fn)(u64 id, struct qemu_plugin_tb *tb));
size_t qemu_plugin_tb_n_insns(const struct qemu_plugin_tb *tb);
struct qemu_plugin_insn *qemu_plugin_tb_get_insn(const struct qemu_plugin_tb *tb, size_t index);
size_t qemu_plugin_insn_size(const struct qemu_plugin_insn *insn);
void *qemu_plugin_insn_haddr(const struct qemu_plugin_insn *insn);
u64 qemu_plugin_insn_vaddr(const struct qemu_plugin_insn *insn);
void qemu_plugin_register_atexit_cb(u64 id, on_end fn, void *arg);
void qemu_plugin_register_vcpu_insn_exec_cb(struct qemu_plugin_insn *insn, on_execution fn,
                                            int registers, void *arg);
void *qemu_plugin_scoreboard_new(size_t bytes) __attribute__((weak));

EXPORT int qemu_plugin_install(u64 id, const struct qemu_info *info, int count, char **words);

/* Of the interface: 1 up to QEMU 8, 2 at least since QEMU 9. */
EXPORT int qemu_plugin_version = 1;

/* Of one instruction of one translation. */
struct counter {
    struct counter *next;
    u64 address, count;
};

static u64 executed[HARTS_MAX];
static unsigned harts; /* that have executed something */
static FILE *out;
static u64 entry;     /* 0: no address */
static FILE *profile; /* NULL: not asked for */
static bool is_between_marks;
static struct counter *counters;

__attribute__((constructor)) static void choose_version(void)
{
    if (qemu_plugin_scoreboard_new != NULL)
        qemu_plugin_version = 2;
}

static void count(unsigned vcpu, void *arg)
{
    (void)arg;
    executed[vcpu % HARTS_MAX]++;
    if (vcpu >= harts)
        harts = vcpu + 1;
}

static void count_own(unsigned vcpu, void *arg)
{
    struct counter *counter = arg;

    (void)vcpu;
    counter->count += is_between_marks;
}

static void count_apart(struct qemu_plugin_insn *insn)
{
    struct counter *counter = malloc(sizeof(*counter));

    if (counter == NULL) {
        fprintf(stderr, "insns.so: no memory\n");
        exit(1);
    }
    *counter = (struct counter){.next = counters, .address = qemu_plugin_insn_vaddr(insn)};
    counters = counter;
    qemu_plugin_register_vcpu_insn_exec_cb(insn, count_own, NO_REGISTERS, counter);
}

static void write_profile(u64 id, void *arg)
{
    (void)id;
    (void)arg;
    for (const struct counter *counter = counters; counter != NULL; counter = counter->next) {
        if (counter->count > 0)
            fprintf(profile, "%lu %lu\n", (unsigned long)counter->address,
                    (unsigned long)counter->count);
    }
    fclose(profile);
}

static void mark(unsigned vcpu, void *arg)
{
    size_t number = (size_t)arg;
    u64 sum = 0;

    (void)vcpu;
    if (number == MARK_BEGIN || number == MARK_END)
        is_between_marks = number == MARK_BEGIN;
    for (unsigned i = 0; i < harts; i++)
        sum += executed[i];
    fprintf(out, "%lu %lu", (unsigned long)number, (unsigned long)sum);
    for (unsigned i = 0; i < harts; i++)
        fprintf(out, " %lu", (unsigned long)executed[i]);
    fputc('\n', out);
    fflush(out);
}

/* The mark is registered first, so that it comes before the count of its own. */
static void translated(u64 id, struct qemu_plugin_tb *tb)
{
    (void)id;
    for (size_t i = 0; i < qemu_plugin_tb_n_insns(tb); i++) {
        struct qemu_plugin_insn *insn = qemu_plugin_tb_get_insn(tb, i);
        const void *code = qemu_plugin_insn_haddr(insn);
        u32 word = 0;

        if (qemu_plugin_insn_size(insn) == MARK_BYTES && code != NULL)
            memcpy(&word, code, sizeof(word));
        if ((word & MARK_MASK) == MARK_MATCH)
            qemu_plugin_register_vcpu_insn_exec_cb(insn, mark, NO_REGISTERS,
                                                   (void *)(size_t)(word >> MARK_SHIFT));
        if (entry != 0 && qemu_plugin_insn_vaddr(insn) == entry)
            qemu_plugin_register_vcpu_insn_exec_cb(insn, mark, NO_REGISTERS, (void *)MARK_ENTRY);
        qemu_plugin_register_vcpu_insn_exec_cb(insn, count, NO_REGISTERS, NULL);
        if (profile != NULL)
            count_apart(insn);
    }
}

/* The file that the word "NAME=PATH" asks for, opened; NULL if it is another word. */
static FILE *file_of(const char *word, const char *name)
{
    size_t length = strlen(name);
    FILE *file;

    if (strncmp(word, name, length) != 0 || word[length] != '=')
        return NULL;
    file = fopen(word + length + 1, "w");
    if (file == NULL) {
        perror(word + length + 1);
        exit(1);
    }
    return file;
}

int qemu_plugin_install(u64 id, const struct qemu_info *info, int argc, char **argv)
{
    (void)info;
    for (int i = 0; i < argc; i++) {
        FILE *is_out = file_of(argv[i], "out"), *is_profile = file_of(argv[i], "profile");

        out = is_out != NULL ? is_out : out;
        profile = is_profile != NULL ? is_profile : profile;
        if (strncmp(argv[i], "entry=", 6) == 0) {
            entry = strtoul(argv[i] + 6, NULL, 0);
        } else if (is_out == NULL && is_profile == NULL) {
            fprintf(stderr, "insns.so: %s: must be out=FILE, profile=FILE or entry=ADDRESS\n",
                    argv[i]);
            return 1;
        }
    }
    if (out == NULL) {
        fprintf(stderr, "insns.so: what to write to? -plugin insns.so,out=FILE\n");
        return 1;
    }
    qemu_plugin_register_vcpu_tb_trans_cb(id, translated);
    if (profile != NULL)
        qemu_plugin_register_atexit_cb(id, write_profile, NULL);
    return 0;
}
