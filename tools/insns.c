/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * insns.so - a plugin for QEMU that counts the instructions which the machine executes: firmware,
 * hypervisor, guest and Linux alike.  Waiting is none: a hart that sleeps in WFI until a disk has
 * answered executes nothing, whatever clocks and cycle counters say meanwhile.
 *
 *     qemu-system-riscv64 -icount shift=0 -plugin insns.so,out=FILE ...
 *
 * An instruction `slti zero, zero, MARK`, which does nothing and may stand in any program
 * (lib/riscv/mark.h), writes a line "MARK COUNT" to FILE; COUNT is what was executed before it.
 *
 * QEMU's plugin interface is declared here as far as it is used and is the same in all versions. An
 * instruction that faults is counted each time it is tried, one that touches a device once.  Harts
 * share one count, which is right as long as they take turns, as they do with -icount.
 *
 * [UNPRIV "HINT Instructions"]
 */
#include <stdio.h>
#include <string.h>

#include "lib/kit/types.h"

#define EXPORT __attribute__((visibility("default")))

#define MARK_BYTES   4
#define MARK_MATCH   0x00002013U /* slti zero, zero, 0 */
#define MARK_MASK    0x000fffffU
#define MARK_SHIFT   20
#define NO_REGISTERS 0

struct qemu_plugin_tb;
struct qemu_plugin_insn;
struct qemu_info;

typedef void (*on_execution)(unsigned vcpu, void *arg);

void qemu_plugin_register_vcpu_tb_trans_cb(u64 id, void (*fn)(u64 id, struct qemu_plugin_tb *tb));
size_t qemu_plugin_tb_n_insns(const struct qemu_plugin_tb *tb);
struct qemu_plugin_insn *qemu_plugin_tb_get_insn(const struct qemu_plugin_tb *tb, size_t index);
size_t qemu_plugin_insn_size(const struct qemu_plugin_insn *insn);
void *qemu_plugin_insn_haddr(const struct qemu_plugin_insn *insn);
void qemu_plugin_register_vcpu_insn_exec_cb(struct qemu_plugin_insn *insn, on_execution fn,
                                            int registers, void *arg);
void *qemu_plugin_scoreboard_new(size_t bytes) __attribute__((weak));

EXPORT int qemu_plugin_install(u64 id, const struct qemu_info *info, int count, char **words);

/* Of the interface: 1 up to QEMU 8, 2 at least since QEMU 9. */
EXPORT int qemu_plugin_version = 1;

static u64 executed;
static FILE *out;

__attribute__((constructor)) static void choose_version(void)
{
    if (qemu_plugin_scoreboard_new != NULL)
        qemu_plugin_version = 2;
}

static void count(unsigned vcpu, void *arg)
{
    (void)vcpu;
    (void)arg;
    executed++;
}

static void mark(unsigned vcpu, void *arg)
{
    (void)vcpu;
    fprintf(out, "%lu %lu\n", (unsigned long)(size_t)arg, (unsigned long)executed);
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
        qemu_plugin_register_vcpu_insn_exec_cb(insn, count, NO_REGISTERS, NULL);
    }
}

int qemu_plugin_install(u64 id, const struct qemu_info *info, int argc, char **argv)
{
    (void)info;
    if (argc != 1 || strncmp(argv[0], "out=", 4) != 0) {
        fprintf(stderr, "insns.so: what to write to? -plugin insns.so,out=FILE\n");
        return 1;
    }
    out = fopen(argv[0] + 4, "w");
    if (out == NULL) {
        perror(argv[0] + 4);
        return 1;
    }
    qemu_plugin_register_vcpu_tb_trans_cb(id, translated);
    return 0;
}
