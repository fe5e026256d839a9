/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The one host timer of a hart: what it is set to, and that its interrupt never pends for ever.
 *
 * The machine here is an emulator that fires timers from a thread of its own: an interrupt that is
 * on its way comes although the deadline has been replaced meanwhile, and pends until the timer is
 * set again to a time that is not over.
 */
#include <string.h>

#include "lib/riscv/csr.h"

#include "hv/disk_machine.h"
#include "hv/firmware.h"
#include "hv/hart.h"
#include "hv/sched.h"
#include "hv/timer.h"
#include "hv/vcpu.h"

#include "tests/test.h"

#define disk_next_deadline  fake_disk_deadline
#define firmware_set_timer  fake_set_timer
#define sched_expire        fake_sched_expire
#define sched_next_deadline fake_sched_deadline
#define this_hart           fake_this_hart
#undef csr_clear
#define csr_clear(csr, bits) (*fake_csr(csr) &= ~(u64)(bits))
#undef csr_read
#define csr_read(csr) (*fake_csr(csr))
#undef csr_set
#define csr_set(csr, bits) (*fake_csr(csr) |= (bits))
#undef csr_write
#define csr_write(csr, value) fake_csr_write(csr, value)

static struct {
    u64 time, stimecmp, vstimecmp, hvip;
    bool pends; /* the timer's interrupt */
    u32 sets;
    u64 sleepers, disks; /* deadlines */
    u64 expired_at;
} fake;

static struct hart own;
static struct vcpu guest;

static u64 *fake_csr(u32 csr)
{
    switch (csr) {
    case CSR_TIME: return &fake.time;
    case CSR_HVIP: return &fake.hvip;
    case CSR_VSTIMECMP: return &fake.vstimecmp;
    default: FAIL("CSR 0x%x", csr);
    }
}

static void fake_set_timer(u64 deadline)
{
    fake.stimecmp = deadline;
    fake.pends = deadline <= fake.time;
    fake.sets++;
}

static void fake_csr_write(u32 csr, u64 value)
{
    if (csr == CSR_STIMECMP)
        fake_set_timer(value);
    else
        *fake_csr(csr) = value;
}

static struct hart *fake_this_hart(void)
{
    return &own;
}

static u64 fake_sched_deadline(void)
{
    return fake.sleepers;
}

static u64 fake_disk_deadline(void)
{
    return fake.disks;
}

static void fake_sched_expire(u64 now)
{
    fake.expired_at = now;
}

/* The unit under test, over the fakes. */
#include "hv/timer.c" // NOLINT(bugprone-suspicious-include)

static void begin(bool host_sstc, bool guest_sstc)
{
    memset(&fake, 0, sizeof(fake));
    memset(&own, 0, sizeof(own));
    memset(&guest, 0, sizeof(guest));
    fake.time = 1000;
    fake.sleepers = fake.disks = own.slice_end = guest.csr.timer = UINT64_MAX;
    timer_init(10000000, host_sstc, guest_sstc);
    timer_setup_hart();
}

TEST(timer_is_set_to_what_is_soonest)
{
    for (u32 kind = 0; kind < 3; kind++) {
        bool guest_sstc = kind == 2;

        begin(kind > 0, guest_sstc);
        timer_program(&guest);
        CHECK_EQ(fake.stimecmp, UINT64_MAX);
        fake.sleepers = 5000;
        timer_program(&guest);
        CHECK_EQ(fake.stimecmp, 5000);
        own.slice_end = 4000;
        timer_program(&guest);
        CHECK_EQ(fake.stimecmp, 4000);
        fake.disks = 3000;
        timer_program(&guest);
        CHECK_EQ(fake.stimecmp, 3000);
        guest.csr.timer = 2000;
        timer_program(&guest);
        CHECK_EQ(fake.stimecmp, guest_sstc ? 3000 : 2000);
        fake.sets = 0;
        fake.disks = UINT64_MAX; /* what goes away costs nothing */
        timer_program(&guest);
        CHECK_EQ(fake.sets, 0);
    }
}

/* Nobody is loaded: neither a slice nor a guest's timer counts. */
TEST(timer_of_an_idle_hart)
{
    begin(true, false);
    own.slice_end = guest.csr.timer = 2000;
    fake.sleepers = 5000;
    timer_program(NULL);
    CHECK_EQ(fake.stimecmp, 5000);
}

TEST(timer_serves_each_deadline_once)
{
    begin(true, false);
    vcpu_set_timer(&guest, 2000);
    CHECK_EQ(fake.stimecmp, 2000);
    fake.time = 2001;
    CHECK(timer_serve(&guest, fake.time));
    CHECK_EQ(fake.hvip, IP_VSTIP);
    CHECK_EQ(fake.expired_at, 2001);
    CHECK(!timer_serve(&guest, fake.time));
    vcpu_set_timer(&guest, 3000);
    CHECK_EQ(fake.hvip, 0);
    CHECK_EQ(fake.stimecmp, 3000);
    begin(true, true);
    vcpu_set_timer(&guest, 900);
    CHECK_EQ(fake.vstimecmp, 900);
    CHECK(!timer_serve(&guest, fake.time));
    CHECK_EQ(fake.hvip, 0);
}

/*
 * An interrupt that comes for a deadline that has been replaced is acknowledged, although nothing
 * is due and the timer is set to something later, or never.
 */
TEST(timer_acknowledges_what_comes_too_late)
{
    static const u64 next[] = {UINT64_MAX, 9000};

    for (u32 i = 0; i < 2 * ARRAY_LEN(next); i++) {
        bool is_idle = i % 2 == 1;

        begin(true, true);
        fake.sleepers = 2000;
        timer_program(&guest);
        fake.time = 2000;
        fake.sleepers = next[i / 2]; /* who slept was woken */
        timer_program(&guest);
        CHECK_EQ(fake.stimecmp, next[i / 2]);
        CHECK(!fake.pends);
        fake.pends = true; /* the emulator's other thread is as far as that now */
        if (is_idle)
            timer_fired();
        else
            CHECK(!timer_serve(&guest, fake.time));
        timer_program(is_idle ? NULL : &guest);
        CHECK(!fake.pends);
        CHECK_EQ(fake.stimecmp, next[i / 2]);
    }
}
