/* SPDX-License-Identifier: BSD-2-Clause */
/* Boot: console, machine, memory, guests, harts, run.  What cannot be had is said, with a status.
 */
#include <string.h>

#include "lib/riscv/csr.h"

#include "dts/machine.h"

#include "hv/console.h"
#include "hv/disk_machine.h"
#include "hv/firmware.h"
#include "hv/frame.h"
#include "hv/futex.h"
#include "hv/hart.h"
#include "hv/irq.h"
#include "hv/load.h"
#include "hv/options.h"
#include "hv/panic.h"
#include "hv/power.h"
#include "hv/proc.h"
#include "hv/program.h"
#include "hv/quota.h"
#include "hv/random.h"
#include "hv/report.h"
#include "hv/rtc.h"
#include "hv/sched.h"
#include "hv/timer.h"
#include "hv/tracing.h"
#include "hv/trap.h"
#include "hv/vm.h"
#include "hv/vmid.h"

#include "build/version.h"

#define STATUS_CANNOT_START 2

extern const char image_start[], image_end[];

static struct machine machine;

__noreturn void hv_main(u64 hart_id, void *fdt);

/* Everything that is in memory already: firmware, this image, the device tree, the bundle. */
static void init_frames(void)
{
    struct memory_range memory[MACHINE_MEMORY_MAX], reserved[MACHINE_RESERVED_MAX + 3];
    size_t count = 0;

    for (u32 i = 0; i < machine.memory_ranges; i++)
        memory[i] = (struct memory_range){machine.memory[i].base, machine.memory[i].bytes};
    for (u32 i = 0; i < machine.reserved_ranges; i++)
        reserved[count++] =
            (struct memory_range){machine.reserved[i].base, machine.reserved[i].bytes};
    reserved[count++] = (struct memory_range){(u64)image_start, (u64)image_end - (u64)image_start};
    reserved[count++] = (struct memory_range){(u64)machine.fdt, machine.fdt_bytes};
    reserved[count++] = (struct memory_range){machine.initrd.base, machine.initrd.bytes};
    frame_init(memory, machine.memory_ranges, reserved, count);
}

static u32 vmid_bits(void)
{
    u64 hgatp;
    u32 bits;

    csr_write(CSR_HGATP, HGATP_VMID);
    hgatp = csr_read(CSR_HGATP) & HGATP_VMID;
    csr_write(CSR_HGATP, 0);
    for (bits = 0; hgatp >> (HGATP_VMID_SHIFT + bits) != 0; bits++)
        ;
    return bits;
}

static __noreturn void give_up(const char *why)
{
    console_log("cannot start: %s", why);
    tracing_stop();
    power_off(STATUS_CANNOT_START);
}

static void init_machine(const void *fdt)
{
    const char *why = NULL;
    enum err err = machine_read(&machine, fdt, &why);

    if (machine.uart.bytes != 0)
        console_init(machine.uart.base, machine.uart_stride);
    power_init(machine.finisher.base);
    rtc_init(machine.rtc.base);
    if (err != ERR_OK)
        give_up(why);
    if (!machine.has_h)
        give_up("this machine's harts have no H extension; run QEMU 7.2 or later, with -cpu rv64");
}

static void init_random(void *fdt)
{
    u8 seed[RANDOM_SEED_BYTES];

    if (machine_take_rng_seed(fdt, seed, sizeof(seed)))
        random_seed(seed);
}

static void say_machine(void)
{
    u64 bytes = frame_total_count() * PAGE_BYTES;

    console_log("forkvisor " FORKVISOR_VERSION ", %u harts, %lu MiB of memory free, timer %s",
                machine.harts, (unsigned long)(bytes >> 20),
                timer_guest_has_sstc() ? "by Sstc" : "by injection");
    console_log("ISA %s", machine.isa);
    firmware_say();
    if (!random_seeded())
        console_log("no rng-seed: guests get no random numbers");
}

/* Before any of them exists, so that between making a guest and running it there is nothing else:
 * a line on the console takes as long as making a guest.  Pids are given in this order. */
static void say_guests(void)
{
    for (u32 i = 0; i < load_guest_count(); i++) {
        const struct guest *guest = load_guest(i);

        console_log("pid %u: %s, %lu MiB, %u vCPU%s", i + 1, guest->name,
                    (unsigned long)(guest->mem_bytes >> 20), guest->vcpus,
                    guest->vcpus == 1 ? "" : "s");
    }
}

/* All are there before the first one runs: the run is over when none is left. */
static void start_guests(void)
{
    for (u32 i = 0; i < load_guest_count(); i++) {
        u64 begin = csr_read(CSR_CYCLE);
        struct vm *vm = vm_create(load_guest(i)->program, NULL);
        enum err err;

        if (vm == NULL)
            give_up("no memory for all guests; raise HOSTMEM");
        if (i > 0)
            console_share();
        err = proc_add_guest(vm);
        if (err == ERR_NOMEM)
            give_up("the guests may need more memory than there is; raise HOSTMEM, lower MEM, or "
                    "leave out OVERCOMMIT=strict");
        if (err != ERR_OK)
            give_up("a guest's quota of processes is 0; give it procs=1 at least");
        tracing_vm(TRACE_DID_CREATE, vm->pid, (u32)(csr_read(CSR_CYCLE) - begin));
    }
    proc_start_guests();
}

void hv_main(u64 hart_id, void *fdt)
{
    struct hv_options options;
    char why[160];

    hart_init_boot(hart_id);
    init_machine(fdt);
    if (options_parse(&options, machine.bootargs, why, sizeof(why)) != ERR_OK)
        give_up(why);
    init_frames();
    init_random(fdt);
    if (machine.has_zicboz)
        page_use_zicboz();
    timer_init(machine.timebase_hz, machine.has_sstc && probe_stimecmp(), options.sstc);
    vmid_init(vmid_bits());
    futex_init();
    proc_set_clone_mode(options.fork);
    quota_set_strict(options.strict);
    say_machine();
    if (options.trace && tracing_start(&machine, options.trace_filter) != ERR_OK)
        give_up("TRACE=exits needs a virtio console port on the machine");
    hart_setup();
    irq_init(&machine);
    if (options.monitor)
        console_enable_monitor();
    disk_init(&machine, options.disk_timeout);
    if (load_guests(&machine) != ERR_OK)
        give_up("no guest can be started from what QEMU was given as -initrd");
    tracing_start_hart(this_hart());
    hart_start_all(&machine);
    report_begin();
    proc_run_begins();
    say_guests();
    start_guests();
    hart_run();
}
