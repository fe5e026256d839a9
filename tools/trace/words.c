/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Tables from numbers to words, and the phrases made of them.
 *
 * A number that no table has is printed as a number; nothing here fails.
 */
#include "tools/trace/words.h"

#include <stdio.h>

#include "lib/riscv/cause.h"
#include "sbi/ecall.h"
#include "sbi/proc.h"

/* [PRIV "Supervisor cause register (scause) values", "Hypervisor trap cause values"] */
static const struct {
    u64 number;
    const char *words;
} interrupts[] = {
    {1,  "supervisor software interrupt"        },
    {2,  "virtual supervisor software interrupt"},
    {5,  "supervisor timer interrupt"           },
    {6,  "virtual supervisor timer interrupt"   },
    {9,  "supervisor external interrupt"        },
    {10, "virtual supervisor external interrupt"},
    {12, "supervisor guest external interrupt"  },
};

static const struct {
    u64 eid;
    const char *name;
} extensions[] = {
    {SBI_EID_BASE,   "BASE"  },
    {SBI_EID_TIME,   "TIME"  },
    {SBI_EID_IPI,    "IPI"   },
    {SBI_EID_HSM,    "HSM"   },
    {SBI_EID_RFENCE, "RFENCE"},
    {SBI_EID_SRST,   "SRST"  },
    {SBI_EID_DBCN,   "DBCN"  },
    {PROC_EID,       "PRC"   },
};

#define FID_ANY UINT32_MAX /* legacy: the EID alone selects the function */

static const struct {
    u64 eid;
    u32 fid;
    const char *name;
} functions[] = {
    {SBI_LEGACY_SET_TIMER,              FID_ANY,                            "set_timer"              },
    {SBI_LEGACY_PUTCHAR,                FID_ANY,                            "console_putchar"        },
    {SBI_LEGACY_GETCHAR,                FID_ANY,                            "console_getchar"        },
    {SBI_LEGACY_CLEAR_IPI,              FID_ANY,                            "clear_ipi"              },
    {SBI_LEGACY_SEND_IPI,               FID_ANY,                            "send_ipi"               },
    {SBI_LEGACY_REMOTE_FENCE_I,         FID_ANY,                            "remote_fence_i"         },
    {SBI_LEGACY_REMOTE_SFENCE_VMA,      FID_ANY,                            "remote_sfence_vma"      },
    {SBI_LEGACY_REMOTE_SFENCE_VMA_ASID, FID_ANY,                            "remote_sfence_vma_asid" },
    {SBI_LEGACY_SHUTDOWN,               FID_ANY,                            "shutdown"               },
    {SBI_EID_BASE,                      SBI_BASE_GET_SPEC_VERSION,          "get_spec_version"       },
    {SBI_EID_BASE,                      SBI_BASE_GET_IMPL_ID,               "get_impl_id"            },
    {SBI_EID_BASE,                      SBI_BASE_GET_IMPL_VERSION,          "get_impl_version"       },
    {SBI_EID_BASE,                      SBI_BASE_PROBE_EXTENSION,           "probe_extension"        },
    {SBI_EID_BASE,                      SBI_BASE_GET_MVENDORID,             "get_mvendorid"          },
    {SBI_EID_BASE,                      SBI_BASE_GET_MARCHID,               "get_marchid"            },
    {SBI_EID_BASE,                      SBI_BASE_GET_MIMPID,                "get_mimpid"             },
    {SBI_EID_TIME,                      SBI_TIME_SET_TIMER,                 "set_timer"              },
    {SBI_EID_IPI,                       SBI_IPI_SEND_IPI,                   "send_ipi"               },
    {SBI_EID_RFENCE,                    SBI_RFENCE_REMOTE_FENCE_I,          "remote_fence_i"         },
    {SBI_EID_RFENCE,                    SBI_RFENCE_REMOTE_SFENCE_VMA,       "remote_sfence_vma"      },
    {SBI_EID_RFENCE,                    SBI_RFENCE_REMOTE_SFENCE_VMA_ASID,  "remote_sfence_vma_asid" },
    {SBI_EID_RFENCE,                    SBI_RFENCE_REMOTE_HFENCE_GVMA_VMID, "remote_hfence_gvma_vmid"},
    {SBI_EID_RFENCE,                    SBI_RFENCE_REMOTE_HFENCE_GVMA,      "remote_hfence_gvma"     },
    {SBI_EID_RFENCE,                    SBI_RFENCE_REMOTE_HFENCE_VVMA_ASID, "remote_hfence_vvma_asid"},
    {SBI_EID_RFENCE,                    SBI_RFENCE_REMOTE_HFENCE_VVMA,      "remote_hfence_vvma"     },
    {SBI_EID_HSM,                       SBI_HSM_HART_START,                 "hart_start"             },
    {SBI_EID_HSM,                       SBI_HSM_HART_STOP,                  "hart_stop"              },
    {SBI_EID_HSM,                       SBI_HSM_HART_GET_STATUS,            "hart_get_status"        },
    {SBI_EID_HSM,                       SBI_HSM_HART_SUSPEND,               "hart_suspend"           },
    {SBI_EID_SRST,                      SBI_SRST_SYSTEM_RESET,              "system_reset"           },
    {SBI_EID_DBCN,                      SBI_DBCN_CONSOLE_WRITE,             "console_write"          },
    {SBI_EID_DBCN,                      SBI_DBCN_CONSOLE_READ,              "console_read"           },
    {SBI_EID_DBCN,                      SBI_DBCN_CONSOLE_WRITE_BYTE,        "console_write_byte"     },
    {PROC_EID,                          PROC_FORK,                          "fork"                   },
    {PROC_EID,                          PROC_EXIT,                          "exit"                   },
    {PROC_EID,                          PROC_WAIT,                          "wait"                   },
    {PROC_EID,                          PROC_GETPID,                        "getpid"                 },
    {PROC_EID,                          PROC_GETPPID,                       "getppid"                },
    {PROC_EID,                          PROC_EXEC,                          "exec"                   },
    {PROC_EID,                          PROC_KILL,                          "kill"                   },
    {PROC_EID,                          PROC_SHARE,                         "share"                  },
    {PROC_EID,                          PROC_WAIT_ON,                       "wait_on"                },
    {PROC_EID,                          PROC_WAKE,                          "wake"                   },
    {PROC_EID,                          PROC_INSPECT,                       "inspect"                },
    {PROC_EID,                          PROC_EVENTS,                        "events"                 },
    {PROC_EID,                          PROC_SIGNALS,                       "signals"                },
    {PROC_EID,                          PROC_SPAWN,                         "spawn"                  },
    {PROC_EID,                          PROC_SETPGID,                       "setpgid"                },
    {PROC_EID,                          PROC_GETPGID,                       "getpgid"                },
    {PROC_EID,                          PROC_ENTROPY,                       "entropy"                },
    {PROC_EID,                          PROC_LIMIT,                         "limit"                  },
    {PROC_EID,                          PROC_UNSHARE,                       "unshare"                },
    {PROC_EID,                          PROC_FOREGROUND,                    "foreground"             },
    {PROC_EID,                          PROC_HOLD,                          "hold"                   },
    {PROC_EID,                          PROC_KEYS,                          "keys"                   },
    {PROC_EID,                          PROC_TRACE,                         "trace"                  },
    {PROC_EID,                          PROC_MACHINE,                       "machine"                },
};

static const char *const dids[TRACE_DID_COUNT] = {
    [TRACE_DID_NOTHING] = "nothing",
    [TRACE_DID_SBI] = "sbi",
    [TRACE_DID_FORK] = "fork",
    [TRACE_DID_LAZY] = "lazy",
    [TRACE_DID_COW] = "cow",
    [TRACE_DID_TAKEOVER] = "takeover",
    [TRACE_DID_SPURIOUS] = "spurious",
    [TRACE_DID_MMIO] = "mmio",
    [TRACE_DID_CSR] = "csr",
    [TRACE_DID_WFI] = "wfi",
    [TRACE_DID_INJECT] = "inject",
    [TRACE_DID_TIMER] = "timer",
    [TRACE_DID_IPI] = "ipi",
    [TRACE_DID_PREEMPT] = "preempt",
    [TRACE_DID_END] = "end",
    [TRACE_DID_CREATE] = "create",
    [TRACE_DID_DRAIN] = "drain",
    [TRACE_DID_IDLE] = "idle",
    [TRACE_DID_PASSTHROUGH] = "passthrough",
    [TRACE_DID_INJECT_TIMER] = "inject timer",
    [TRACE_DID_FILL] = "fill",
};

static const char *const doors[] = {
    [TRACE_DOOR_ECALL] = "ecall",
    [TRACE_DOOR_INVALID] = "invalid",
    [TRACE_DOOR_MMIO] = "mmio",
};

const char *trace_cause_words(u64 cause)
{
    if (!(cause >> 63)) {
        return cause_words(cause);
    }
    for (size_t i = 0; i < ARRAY_LEN(interrupts); i++) {
        if (interrupts[i].number == (cause & (UINT64_MAX >> 1))) {
            return interrupts[i].words;
        }
    }
    return "reserved interrupt";
}

static bool is_fault(const struct trace_record *record)
{
    return (record->did >= TRACE_DID_LAZY && record->did <= TRACE_DID_SPURIOUS) ||
           record->did == TRACE_DID_PASSTHROUGH || record->did == TRACE_DID_FILL;
}

/* "TIME.set_timer"; what has no name as a number. */
static void sbi_words(u64 eid, u32 fid, char *words, size_t size)
{
    char extension[24];
    char function[32];

    snprintf(extension, sizeof(extension), eid <= SBI_LEGACY_SHUTDOWN ? "LEGACY" : "0x%llx",
             (unsigned long long)eid);
    snprintf(function, sizeof(function), "%u", fid);
    for (size_t i = 0; i < ARRAY_LEN(extensions); i++) {
        if (extensions[i].eid == eid) {
            snprintf(extension, sizeof(extension), "%s", extensions[i].name);
        }
    }
    for (size_t i = 0; i < ARRAY_LEN(functions); i++) {
        if (functions[i].eid == eid && (functions[i].fid == fid || functions[i].fid == FID_ANY)) {
            snprintf(function, sizeof(function), "%s", functions[i].name);
        }
    }
    snprintf(words, size, "%s.%s", extension, function);
}

void trace_handler_words(const struct trace_record *record, char words[TRACE_WORDS_BYTES])
{
    char function[64];

    if (record->did >= TRACE_DID_COUNT) {
        snprintf(words, TRACE_WORDS_BYTES, "did %u", record->did);
    } else if (record->did == TRACE_DID_SBI) {
        sbi_words(record->addr, record->arg0, function, sizeof(function));
        snprintf(words, TRACE_WORDS_BYTES, "sbi %s", function);
    } else if (is_fault(record)) {
        snprintf(words, TRACE_WORDS_BYTES, "fault %s", dids[record->did]);
    } else if (record->did == TRACE_DID_MMIO) {
        snprintf(words, TRACE_WORDS_BYTES, "mmio %s",
                 record->arg0 & TRACE_MMIO_STORE ? "store" : "load");
    } else {
        snprintf(words, TRACE_WORDS_BYTES, "%s", dids[record->did]);
    }
}

void trace_status_words(u32 status, char words[TRACE_WORDS_BYTES])
{
    if (PROC_STATUS_IS_EXIT(status)) {
        snprintf(words, TRACE_WORDS_BYTES, "exit %u", PROC_STATUS_CODE(status));
    } else {
        snprintf(words, TRACE_WORDS_BYTES, "signal %u", PROC_STATUS_SIGNAL(status));
    }
}

static const char *access_words(u32 access)
{
    switch (access) {
    case TRACE_ACCESS_LOAD: return "load";
    case TRACE_ACCESS_STORE: return "store";
    case TRACE_ACCESS_FETCH: return "fetch";
    default: return "access";
    }
}

static void fork_words(const struct trace_record *record, char *words)
{
    const char *door = record->arg0 < ARRAY_LEN(doors) ? doors[record->arg0] : "unknown";

    snprintf(words, TRACE_WORDS_BYTES, "fork -> %lld door=%s",
             record->result ? (long long)(s32)record->result : (long long)record->value, door);
}

void trace_did_words(const struct trace_record *record, char words[TRACE_WORDS_BYTES])
{
    unsigned long long addr = record->addr;
    unsigned long long value = record->value;
    char text[TRACE_WORDS_BYTES / 2 + 16];

    if (record->did == TRACE_DID_SBI) {
        int length;

        sbi_words(record->addr, record->arg0, text, sizeof(text));
        length = snprintf(words, TRACE_WORDS_BYTES, "sbi %s -> %d", text, (s32)record->result);
        if (value != 0) {
            snprintf(words + length, (size_t)(TRACE_WORDS_BYTES - length), " value=0x%llx", value);
        }
    } else if (record->did == TRACE_DID_FORK) {
        fork_words(record, words);
    } else if (is_fault(record)) {
        snprintf(words, TRACE_WORDS_BYTES, "fault %s gpa=0x%llx %s", access_words(record->result),
                 addr, dids[record->did]);
    } else if (record->did == TRACE_DID_MMIO) {
        bool store = record->arg0 & TRACE_MMIO_STORE;

        snprintf(words, TRACE_WORDS_BYTES, "mmio %s%u gpa=0x%llx %s 0x%llx",
                 store ? "store" : "load", record->arg0 & 0xffU, addr, store ? "<-" : "->", value);
    } else if (record->did == TRACE_DID_CSR) {
        snprintf(words, TRACE_WORDS_BYTES, "csr 0x%llx value=0x%llx", addr, value);
    } else if (record->did == TRACE_DID_INJECT) {
        snprintf(words, TRACE_WORDS_BYTES, "inject %s tval=0x%llx", cause_words(record->arg0),
                 value);
    } else if (record->did == TRACE_DID_INJECT_TIMER) {
        snprintf(words, TRACE_WORDS_BYTES, "inject timer%s", record->arg0 ? " preempt" : "");
    } else if (record->did == TRACE_DID_END) {
        char status[TRACE_WORDS_BYTES];

        trace_status_words(record->result, status);
        snprintf(words, TRACE_WORDS_BYTES, "end %.64s", status);
    } else {
        trace_handler_words(record, words);
    }
}
