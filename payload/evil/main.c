/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * One hostile act, "act=NAME".  None of them may be noticed by another guest, or end anything but
 * this one.  An act that comes to an end checks what it can see of it from inside, and then prints
 * "evil: act ok"; some never end, and one ends in its own trap report.
 */
#include <stdio.h>

#include "guest/args.h"
#include "guest/guest.h"
#include "guest/paging.h"

#include "payload/evil/evil.h"

static const struct act {
    const char *name;
    void (*run)(void);
} acts[] = {
    {"unmapped-jump",      act_unmapped_jump     },
    {"ram-edges",          act_ram_edges         },
    {"mmio",               act_mmio              },
    {"hyp-insns",          act_hyp_insns         },
    {"sbi-fuzz",           act_sbi_fuzz          },
    {"strangers",          act_strangers         },
    {"fork-bomb",          act_fork_bomb         },
    {"wild-satp",          act_wild_satp         },
    {"flood",              act_flood             },
 /* ends with status 1 and a trap report: */
    {"stack-overflow",     act_stack_overflow    },
 /* these do not end: */
    {"irq-off-loop",       act_irq_off_loop      },
    {"wfi-forever",        act_wfi_forever       },
    {"trap-loop",          act_trap_loop         },
    {"trap-loop-unmapped", act_trap_loop_unmapped},
    {"lost-satp",          act_lost_satp         },
};

volatile u64 evil_traps;
volatile struct trap evil_last;
static int status;

/* Go on after the instruction; after a jump out of the image, at its caller. */
static bool skip(struct trap *t)
{
    evil_traps++;
    evil_last = *t;
    if (t->pc < (u64)_start || t->pc >= (u64)_image_end) {
        t->pc = t->ra;
    } else {
        t->pc += trap_insn_bytes(t->pc);
    }
    return true;
}

/* From here on, each exception is counted and skipped. */
void evil_skip_traps(void)
{
    evil_traps = 0;
    trap_hook(skip);
}

void evil_fail(const char *what, u64 where, u64 found)
{
    printf("evil: %s: 0x%lx, 0x%lx\n", what, (unsigned long)where, (unsigned long)found);
    status = 1;
}

int main(void)
{
    paging_off();
    for (size_t i = 0; i < ARRAY_LEN(acts); i++) {
        if (args_is("act", acts[i].name)) {
            acts[i].run();
            trap_hook(NULL);
            printf("evil: %s\n", status ? "act failed" : "act ok");
            return status;
        }
    }
    printf("evil: act=");
    for (size_t i = 0; i < ARRAY_LEN(acts); i++) {
        printf("%s%s", i ? "|" : "", acts[i].name);
    }
    printf("\n");
    return 2;
}
