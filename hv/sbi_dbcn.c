/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * DBCN: console text in guest memory.  A call moves at most CALL_BYTES_MAX, which bounds the time
 * that it takes; the value says how much it was, and the guest asks again for the rest.
 *
 * [SBI "Debug Console Extension"]
 */
#include "hv/console.h"
#include "hv/ecall.h"
#include "hv/vm.h"

#define CALL_BYTES_MAX 4096UL

static u64 smaller(u64 a, u64 b)
{
    return a < b ? a : b;
}

static long write_text(struct vm *vm, gpa_t gpa, u64 bytes)
{
    _Alignas(u64) char text[256]; /* as a line of the console's: words are copied */
    u64 done = 0;

    while (done < bytes) {
        u64 now = smaller(bytes - done, sizeof(text));
        enum err err = gstage_read(&vm->gs, (gpa_t){gpa.v + done}, text, now);

        if (err != ERR_OK)
            return done == 0 ? ecall_sbi_error(err) : (long)done;
        console_write(vm, text, now);
        done += now;
    }
    return (long)done;
}

/* Input goes into the guest's memory before more is taken, so that none is lost when that fails. */
static long read_text(struct vm *vm, gpa_t gpa, u64 bytes)
{
    u64 done = 0;

    while (done < bytes && console_can_get(vm)) {
        u8 byte = (u8)console_getc(vm);
        enum err err = gstage_write(&vm->gs, (gpa_t){gpa.v + done}, &byte, 1);

        if (err != ERR_OK)
            return done == 0 ? ecall_sbi_error(err) : (long)done;
        done++;
    }
    return (long)done;
}

/* The whole of the guest's range must be RAM, also what is left for later calls. */
static bool is_ram(const struct gstage *gs, const u64 *args)
{
    u64 bytes = args[0], low = args[1], high = args[2];

    return high == 0 && gstage_is_ram(gs, (gpa_t){low}) &&
           bytes <= gs->ram_base.v + gs->ram_bytes - low;
}

long sbi_dbcn(struct vcpu *vcpu, u64 fid, const u64 *args)
{
    struct vm *vm = vcpu->vm;
    u64 bytes = smaller(args[0], CALL_BYTES_MAX);

    if (fid == SBI_DBCN_CONSOLE_WRITE_BYTE) {
        console_putc(vm, (char)args[0]);
        return SBI_SUCCESS;
    }
    if (fid != SBI_DBCN_CONSOLE_WRITE && fid != SBI_DBCN_CONSOLE_READ)
        return SBI_ERR_NOT_SUPPORTED;
    if (!is_ram(&vm->gs, args))
        return SBI_ERR_INVALID_PARAM;
    return fid == SBI_DBCN_CONSOLE_WRITE ? write_text(vm, (gpa_t){args[1]}, bytes)
                                         : read_text(vm, (gpa_t){args[1]}, bytes);
}
