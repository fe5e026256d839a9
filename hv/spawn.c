/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * exec and spawn: what the caller's memory says becomes a program (program.c), and that a VM: a new
 * one, or the caller's own, by way of a reset.
 *
 * All that the caller points to is copied before it is looked at, while no other vCPU of it runs;
 * and all that can fail is done before anything of the caller's changes.
 *
 * Not done: a large image in memory is read in one go; nobody else has this hart meanwhile.
 */
#include "hv/spawn.h"

#include <stdio.h>
#include <string.h>

#include "sbi/proc.h"

#include "hv/dev/vtransport.h"
#include "hv/frame.h"
#include "hv/load.h"
#include "hv/proc.h"
#include "hv/program.h"
#include "hv/sched.h"
#include "hv/vm.h"

_Static_assert(PROC_ARGS_BYTES_MAX <= PAGE_BYTES, "arguments fit a frame");

#define ARGS_FEW 64 /* bytes that need no frame */

/* What the caller asks for, as copies. */
struct request {
    const struct spawn_args *from;
    char name[PROC_NAME_BYTES_MAX];
    _Alignas(u64) char few[ARGS_FEW];
    bool has_args;               /* there is a string in them */
    char *args;                  /* few, or a frame; NULL: none */
    struct machine_range *range; /* a frame; NULL: none */
    u32 ranges;
};
_Static_assert(PROC_SHARED_RANGES_MAX * sizeof(struct machine_range) <= PAGE_BYTES, "a frame");

/* ---- copies ---- */

static void free_request(const struct request *request)
{
    if (request->args != NULL && request->args != request->few)
        frame_put(hpa_of(request->args));
    if (request->range != NULL)
        frame_put(hpa_of(request->range));
}

/* Strings, each with its end: argv's, an empty one, and what is behind that, if anything. */
static bool are_args(const char *args, u64 bytes)
{
    u64 at = 0;

    if (args[bytes - 1] != '\0')
        return false;
    while (at < bytes && args[at] != '\0')
        at += strlen(args + at) + 1;
    return at < bytes;
}

static enum err read_args(struct gstage *gs, struct request *request)
{
    u64 bytes = request->from->args_bytes;
    enum err err;

    if (bytes == 0)
        return ERR_OK;
    if (bytes > PROC_ARGS_BYTES_MAX)
        return ERR_INVAL;
    request->args = bytes <= sizeof(request->few) ? request->few : hpa_ptr(frame_alloc());
    if (request->args == NULL)
        return ERR_NOMEM;
    err = gstage_read(gs, request->from->args, request->args, bytes);
    if (err != ERR_OK)
        return err;
    if (!are_args(request->args, bytes))
        return ERR_INVAL;
    request->has_args = bytes > 2 || request->args[0] != '\0';
    return ERR_OK;
}

static enum err list_ranges(struct gstage *gs, struct request *request)
{
    gpa_t gpa;
    u64 bytes;
    hpa_t frame;

    if (!gstage_shared_range(gs, 0, &gpa, &bytes))
        return ERR_OK;
    frame = frame_alloc();
    if (frame.v == 0)
        return ERR_NOMEM;
    request->range = hpa_ptr(frame);
    while (request->ranges < PROC_SHARED_RANGES_MAX &&
           gstage_shared_range(gs, request->ranges, &gpa, &bytes))
        request->range[request->ranges++] = (struct machine_range){gpa.v, bytes};
    return ERR_OK;
}

/* What an image in memory is called: as the first argument says, without folders. */
static void name_by_args(struct request *request)
{
    const char *name = request->args == NULL ? "" : request->args;
    const char *slash = strrchr(name, '/');

    if (slash != NULL)
        name = slash + 1;
    snprintf(request->name, sizeof(request->name), "%s", name[0] == '\0' ? "memory" : name);
}

static enum err read_request(struct vm *vm, const struct spawn_args *from, struct request *request)
{
    enum err err = ERR_OK;

    request->from = from;
    request->has_args = false;
    request->args = NULL;
    request->range = NULL;
    request->ranges = 0;
    if (from->image_bytes == 0)
        err = gstage_read_string(&vm->gs, from->image, request->name, sizeof(request->name));
    if (err == ERR_OK)
        err = read_args(&vm->gs, request);
    if (err == ERR_OK)
        err = list_ranges(&vm->gs, request);
    if (err == ERR_OK && from->image_bytes != 0)
        name_by_args(request);
    return err;
}

/* The program that the caller asks for, with a reference. */
static enum err find_program(struct vm *vm, const struct spawn_args *from, const char *verb,
                             struct program **program)
{
    struct request request;
    enum err err = read_request(vm, from, &request);

    if (err == ERR_OK) {
        const struct program_start start = {.name = request.name,
                                            .bootargs = "",
                                            .args = request.has_args ? request.args : NULL,
                                            .args_bytes =
                                                request.has_args ? (u32)from->args_bytes : 0,
                                            .ranges = request.ranges,
                                            .range = request.range};
        const struct program_who who = {.verb = verb, .pid = vm->pid, .name = request.name};

        err = from->image_bytes == 0 ? program_find(vm->guest, &start, &who, program)
                                     : program_read(vm->guest, &vm->gs, from->image,
                                                    from->image_bytes, &start, &who, program);
    }
    free_request(&request);
    return err;
}

/*
 * What exec and spawn begin with.  ERR_OK: the program is there, with a reference, and the others
 * of the VM are stopped.  ERR_BUSY: they are, too; the call comes again.  Other errors: nothing
 * changed.
 */
static enum err begin(struct vcpu *vcpu, const struct spawn_args *args, const char *verb,
                      struct program **program)
{
    struct vm *vm = vcpu->vm;
    enum err err;

    if (!sched_stop_others(vm, vcpu))
        return ERR_STATE;
    if (!vtransport_settle(vm))
        return ERR_BUSY;
    err = find_program(vm, args, verb, program);
    if (err != ERR_OK)
        sched_resume_others(vm);
    return err;
}

/* ---- exec ---- */

/*
 * spawn_exec - see spawn.h.
 *
 * The VM ends by END_RESET, and what was prepared here is what it begins with.
 */
enum err spawn_exec(struct vcpu *vcpu, const struct spawn_args *args)
{
    struct program *program;
    enum err err = begin(vcpu, args, "exec", &program);

    if (err != ERR_OK)
        return err;
    err = vm_prepare(vcpu->vm, program);
    program_put(program);
    if (err != ERR_OK)
        sched_resume_others(vcpu->vm);
    return err;
}

/* ---- spawn ---- */

static enum err make_child(struct vcpu *vcpu, struct program *program, u32 *pid)
{
    struct vm *parent = vcpu->vm, *child;
    struct proc_claim claim;
    enum err err = proc_claim(parent, &claim);

    if (err != ERR_OK)
        return err;
    claim.is_new = true;
    child = vm_create(program, parent);
    if (child == NULL) {
        proc_cancel(&claim);
        return ERR_NOMEM;
    }
    err = proc_enter(child, parent, child->vcpu[0], &claim, pid);
    if (err != ERR_OK) {
        vm_destroy(child);
        vm_free(child);
    }
    return err;
}

enum err spawn_child(struct vcpu *vcpu, const struct spawn_args *args, u32 *pid)
{
    struct program *program;
    enum err err = begin(vcpu, args, "spawn", &program);

    if (err != ERR_OK)
        return err;
    err = make_child(vcpu, program, pid);
    program_put(program);
    sched_resume_others(vcpu->vm);
    return err;
}

/* ---- by the operator ---- */

/*
 * spawn_guest - the operator's: a process in the machine of the first guest, of its family, without
 * a parent.
 */
enum err spawn_guest(const char *name, const char *args, u64 args_bytes, u32 *pid)
{
    const struct program_who who = {.verb = "spawn", .name = name};
    const struct program_start start = {
        .name = name, .bootargs = "", .args = args, .args_bytes = (u32)args_bytes};
    struct program *program;
    struct vm *vm;
    enum err err;

    if (args_bytes == 0 || args_bytes > PROC_ARGS_BYTES_MAX || !are_args(args, args_bytes))
        return ERR_INVAL;
    err = program_find(load_guest(0), &start, &who, &program);
    if (err != ERR_OK)
        return err;
    vm = vm_create(program, NULL);
    program_put(program);
    if (vm == NULL)
        return ERR_NOMEM;
    vm->control = false;
    err = proc_enter_alone(vm, pid);
    if (err != ERR_OK) {
        vm_destroy(vm);
        vm_free(vm);
    }
    return err;
}
