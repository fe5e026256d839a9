/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * What VMs cost on Linux's KVM: the peer of payload/bench.c, with the same names where the work is
 * the same.  A VM has one vCPU and one piece of memory, and what it runs is in kvmguest.S.
 * "WORD..." says what is measured:
 *
 *     life           a VM is made, runs until its first exit to user space, and is destroyed
 *     exits          an SBI call that the kernel answers; an exit to user space and back
 *     faults         the guest's first store to a page: that its host has, and that nobody has
 *     fork=MIB       a running VM is cloned by a fork of the process that has it, which makes a VM
 *                    over the memory that it inherits: until the clone's first instruction;
 *                    forkhuge=MIB: the memory is in huge pages that were set aside
 *     template=MIB   the same, as a snapshot: memory of a file, copy-on-write, in a process that is
 *                    there; pool=MIB: in a VM that is there, too
 *     memory         of a VM that touched one page: of many in one process, and in processes of
 * their own
 */
#define _GNU_SOURCE
#include <fcntl.h>
#include <linux/kvm.h>
#include <signal.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

#include "tools/linux/ticks.h"

#define RAM         0x80000000UL
#define NO_MEMORY   0x10000000UL
#define GUEST_BYTES (2 * MIB)
#define CALLS       10000UL
#define STORES      2000UL
#define FAULT_PAGES 4096UL
#define LIVES       20
#define CLONES      5
#define IDLE_VMS    100

#define REGISTER(kind, index) (KVM_REG_RISCV | KVM_REG_SIZE_U64 | (kind) | (index))
#define CORE(field)           REGISTER(KVM_REG_RISCV_CORE, KVM_REG_RISCV_CORE_REG(field))
#define TIME                  REGISTER(KVM_REG_RISCV_TIMER, KVM_REG_RISCV_TIMER_REG(time))
#define CORE_REGISTERS        33
#define CSRS                  9

extern const char guest_begin[], guest_end[], guest_first[], guest_call[], guest_store[],
    guest_touch[];

struct machine {
    int vm, vcpu;
    struct kvm_run *run;
    char *memory;
    size_t bytes;
};

struct registers {
    unsigned long core[CORE_REGISTERS], csr[CSRS];
};

static int kvm;
static size_t run_bytes;

static void register_set(int vcpu, unsigned long id, unsigned long value)
{
    struct kvm_one_reg reg = {id, (uintptr_t)&value};

    check(ioctl(vcpu, KVM_SET_ONE_REG, &reg) == 0, "KVM_SET_ONE_REG");
}

static unsigned long register_get(int vcpu, unsigned long id)
{
    unsigned long value = 0;
    struct kvm_one_reg reg = {id, (uintptr_t)&value};

    check(ioctl(vcpu, KVM_GET_ONE_REG, &reg) == 0, "KVM_GET_ONE_REG");
    return value;
}

static void registers_get(int vcpu, struct registers *registers)
{
    for (unsigned long i = 0; i < CORE_REGISTERS; i++)
        registers->core[i] = register_get(vcpu, REGISTER(KVM_REG_RISCV_CORE, i));
    for (unsigned long i = 0; i < CSRS; i++)
        registers->csr[i] = register_get(vcpu, REGISTER(KVM_REG_RISCV_CSR, i));
}

static void registers_set(int vcpu, const struct registers *registers)
{
    for (unsigned long i = 0; i < CORE_REGISTERS; i++)
        register_set(vcpu, REGISTER(KVM_REG_RISCV_CORE, i), registers->core[i]);
    for (unsigned long i = 0; i < CSRS; i++)
        register_set(vcpu, REGISTER(KVM_REG_RISCV_CSR, i), registers->csr[i]);
}

static void machine_create(struct machine *machine, char *memory, size_t bytes)
{
    struct kvm_userspace_memory_region ram = {
        .guest_phys_addr = RAM, .memory_size = bytes, .userspace_addr = (uintptr_t)memory};

    machine->memory = memory;
    machine->bytes = bytes;
    machine->vm = ioctl(kvm, KVM_CREATE_VM, 0UL);
    check(machine->vm >= 0, "KVM_CREATE_VM");
    check(ioctl(machine->vm, KVM_SET_USER_MEMORY_REGION, &ram) == 0, "KVM_SET_USER_MEMORY_REGION");
    machine->vcpu = ioctl(machine->vm, KVM_CREATE_VCPU, 0UL);
    check(machine->vcpu >= 0, "KVM_CREATE_VCPU");
    machine->run = mmap(NULL, run_bytes, PROT_READ | PROT_WRITE, MAP_SHARED, machine->vcpu, 0);
    check(machine->run != MAP_FAILED, "mmap of a vCPU");
}

static void machine_destroy(struct machine *machine)
{
    munmap(machine->run, run_bytes);
    close(machine->vcpu);
    close(machine->vm);
}

/* The guest's part is in its memory, which is zero so far. */
static void place_guest(char *memory)
{
    memcpy(memory, guest_begin, (size_t)(guest_end - guest_begin));
    __builtin___clear_cache(memory, memory + PAGE);
}

/* To begin at a label of kvmguest.S. */
static void set_up(const struct machine *machine, const char *entry, unsigned long n,
                   unsigned long at)
{
    register_set(machine->vcpu, CORE(regs.pc), RAM + (unsigned long)(entry - guest_begin));
    register_set(machine->vcpu, CORE(regs.s1), NO_MEMORY);
    register_set(machine->vcpu, CORE(regs.s2), n);
    register_set(machine->vcpu, CORE(regs.s3), at);
}

/* Until the guest stores its result, which is returned. */
static unsigned long run(const struct machine *machine)
{
    unsigned long result = 0;

    check(ioctl(machine->vcpu, KVM_RUN, 0UL) == 0, "KVM_RUN");
    check(machine->run->exit_reason == KVM_EXIT_MMIO, "the guest's exit is no store");
    memcpy(&result, machine->run->mmio.data, sizeof(result));
    return result;
}

/* After run(): the store has happened, and registers may be set. */
static void finish_store(const struct machine *machine)
{
    machine->run->immediate_exit = 1;
    ioctl(machine->vcpu, KVM_RUN, 0UL);
    machine->run->immediate_exit = 0;
}

static unsigned long run_from(const struct machine *machine, const char *entry, unsigned long n,
                              unsigned long at)
{
    unsigned long begin;

    set_up(machine, entry, n, at);
    begin = ticks();
    run(machine);
    begin = ticks() - begin;
    finish_store(machine);
    return begin;
}

/* What to subtract from the guest's time. */
static unsigned long guest_ahead(const struct machine *machine)
{
    return register_get(machine->vcpu, TIME) - ticks();
}

static void life(size_t mib)
{
    struct events create = {0}, destroy = {0};

    (void)mib;
    for (int i = 0; i <= LIVES; i++) {
        struct machine machine;
        char *memory = memory_map(GUEST_BYTES, 0);
        unsigned long begin, exited, first;

        place_guest(memory);
        begin = ticks();
        machine_create(&machine, memory, GUEST_BYTES);
        set_up(&machine, guest_first, 0, 0);
        first = run(&machine);
        first -= guest_ahead(&machine);
        exited = ticks();
        machine_destroy(&machine);
        if (i > 0) {
            events_add(&create, first - begin);
            events_add(&destroy, ticks() - exited);
        }
        munmap(memory, GUEST_BYTES);
    }
    events_print("vm_create", &create);
    events_print("vm_destroy", &destroy);
}

static void exits(size_t mib)
{
    struct machine machine;
    char *memory = memory_map(GUEST_BYTES, 0);
    unsigned long begin;

    (void)mib;
    place_guest(memory);
    machine_create(&machine, memory, GUEST_BYTES);
    run_from(&machine, guest_call, 1, 0);
    mean_print("sbi_call", run_from(&machine, guest_call, CALLS, 0), CALLS);
    set_up(&machine, guest_store, STORES, 0);
    begin = ticks();
    while (run(&machine) > 0)
        ;
    mean_print("mmio_access", ticks() - begin, STORES);
    machine_destroy(&machine);
    munmap(memory, GUEST_BYTES);
}

/* The first time nobody has the pages; the second time the VM is another one over the same memory.
 */
static void faults(size_t mib)
{
    size_t bytes = FAULT_PAGES * PAGE + GUEST_BYTES;
    char *memory = memory_map(bytes, 0);

    (void)mib;
    place_guest(memory);
    for (int i = 0; i < 2; i++) {
        struct machine machine;

        machine_create(&machine, memory, bytes);
        run_from(&machine, guest_call, 1, 0);
        mean_print(i == 0 ? "first_touch" : "guest_fault",
                   run_from(&machine, guest_touch, FAULT_PAGES, RAM + GUEST_BYTES), FAULT_PAGES);
        machine_destroy(&machine);
    }
    munmap(memory, bytes);
}

/* A running VM, all of whose memory has been written, with its registers as a clone gets them. */
static void make_original(struct machine *machine, char *memory, size_t bytes,
                          struct registers *registers)
{
    place_guest(memory);
    machine_create(machine, memory, bytes);
    run_from(machine, guest_touch, bytes / PAGE - 1, RAM + PAGE);
    set_up(machine, guest_first, 0, 0);
    registers_get(machine->vcpu, registers);
}

/* Lets the clone go on; returns when it executed its first instruction. */
static unsigned long run_clone(const struct machine *clone, const struct registers *registers)
{
    unsigned long first;

    registers_set(clone->vcpu, registers);
    first = run(clone);
    first -= guest_ahead(clone);
    finish_store(clone);
    return first;
}

static void clone_by_fork(size_t mib, char *memory, const char *suffix)
{
    struct events all = {0};
    struct machine original;
    struct registers registers;
    volatile unsigned long *first = memory_shared();

    make_original(&original, memory, mib * MIB, &registers);
    for (int i = 0; i <= CLONES; i++) {
        unsigned long begin = ticks();
        int status = 1;
        pid_t pid;

        registers_get(original.vcpu, &registers);
        pid = fork();
        check(pid >= 0, "fork");
        if (pid == 0) {
            struct machine clone;

            machine_create(&clone, memory, mib * MIB);
            *first = run_clone(&clone, &registers);
            _exit(0);
        }
        check(waitpid(pid, &status, 0) == pid && status == 0, "waitpid");
        if (i > 0)
            events_add(&all, *first - begin);
        run_from(&original, guest_touch, mib * MIB / PAGE - 1, RAM + PAGE);
        set_up(&original, guest_first, 0, 0);
    }
    events_print_size("fork_child", mib, suffix, &all);
    machine_destroy(&original);
    munmap((void *)first, PAGE);
}

static void clones(size_t mib)
{
    char *memory = memory_map(mib * MIB, 0);

    clone_by_fork(mib, memory, "");
    munmap(memory, mib * MIB);
}

static void clones_huge(size_t mib)
{
    FILE *pool = fopen("/proc/sys/vm/nr_hugepages", "w");
    char *memory;

    check(pool != NULL && fprintf(pool, "%zu\n", mib + 64) > 0 && fclose(pool) == 0,
          "nr_hugepages");
    memory = mmap(NULL, mib * MIB, PROT_READ | PROT_WRITE,
                  MAP_PRIVATE | MAP_ANONYMOUS | MAP_HUGETLB, -1, 0);
    check(memory != MAP_FAILED, "mmap of huge pages");
    clone_by_fork(mib, memory, "_huge");
    munmap(memory, mib * MIB);
}

/* file: what the original has written.  has_machine: the clone is made beforehand, without memory.
 */
static unsigned long clone_of_template(size_t bytes, int file, const struct registers *registers,
                                       int has_machine)
{
    struct machine clone;
    unsigned long begin = ticks(), first;
    char *memory = MAP_FAILED;

    if (has_machine) {
        char *place = memory_map(bytes, 0);

        machine_create(&clone, place, bytes);
        begin = ticks();
        memory = mmap(place, bytes, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_FIXED, file, 0);
    } else {
        memory = mmap(NULL, bytes, PROT_READ | PROT_WRITE, MAP_PRIVATE, file, 0);
        machine_create(&clone, memory, bytes);
    }
    check(memory != MAP_FAILED, "mmap of a template");
    first = run_clone(&clone, registers);
    machine_destroy(&clone);
    munmap(memory, bytes);
    return first - begin;
}

static void measure_template(size_t mib, int has_machine)
{
    size_t bytes = mib * MIB;
    struct events all = {0};
    struct machine original;
    struct registers registers;
    int file = memfd_create("template", 0);
    char *memory;

    check(file >= 0 && ftruncate(file, (off_t)bytes) == 0, "memfd");
    memory = mmap(NULL, bytes, PROT_READ | PROT_WRITE, MAP_SHARED, file, 0);
    check(memory != MAP_FAILED, "mmap of a memfd");
    make_original(&original, memory, bytes, &registers);
    machine_destroy(&original);
    munmap(memory, bytes);
    for (int i = 0; i <= CLONES; i++) {
        unsigned long took = clone_of_template(bytes, file, &registers, has_machine);

        if (i > 0)
            events_add(&all, took);
    }
    events_print_size(has_machine ? "pool_child" : "template_child", mib, "", &all);
    close(file);
}

static void templates(size_t mib)
{
    measure_template(mib, 0);
}

static void pools(size_t mib)
{
    measure_template(mib, 1);
}

static void make_idle(void)
{
    struct machine machine;
    char *ram = memory_map(GUEST_BYTES, 0);

    place_guest(ram);
    machine_create(&machine, ram, GUEST_BYTES);
    run_from(&machine, guest_call, 1, 0);
}

/* ... in a child, which sleeps then. */
static void make_idle_process(void)
{
    int ready[2];
    char byte;
    pid_t pid;

    check(pipe(ready) == 0, "pipe");
    pid = fork();
    check(pid >= 0, "fork");
    if (pid == 0) {
        make_idle();
        check(write(ready[1], "", 1) == 1, "write");
        pause();
    }
    check(read(ready[0], &byte, 1) == 1, "read");
    close(ready[0]);
    close(ready[1]);
}

/* The first half fills the caches of the kernel's allocators.  None ends before this program does.
 */
static void memory_of(const char *name, void (*make)(void))
{
    unsigned long before = 0;

    for (int i = 0; i < 2 * IDLE_VMS; i++) {
        if (i == IDLE_VMS)
            before = memory_free();
        make();
    }
    printf("bench %s %lu bytes n=%d\n", name, (before - memory_free()) / IDLE_VMS, IDLE_VMS);
    fflush(stdout);
}

static void memory(size_t mib)
{
    (void)mib;
    memory_of("vm_process_memory", make_idle_process);
    memory_of("vm_memory", make_idle);
}

static const struct bench benches[] = {
    {"life",     life       },
    {"exits",    exits      },
    {"faults",   faults     },
    {"fork",     clones     },
    {"forkhuge", clones_huge},
    {"template", templates  },
    {"pool",     pools      },
    {"memory",   memory     },
};

int main(int argc, char *argv[])
{
    kvm = open("/dev/kvm", O_RDWR);
    check(kvm >= 0, "/dev/kvm");
    run_bytes = (size_t)ioctl(kvm, KVM_GET_VCPU_MMAP_SIZE, 0);
    return run_words(benches, sizeof(benches) / sizeof(benches[0]), argc, argv);
}
