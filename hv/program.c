/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * What VMs begin with.  An image is loaded once, into pages of a space that nothing runs in (a
 * text); each VM that begins with it shares these copy-on-write.  A program is that text in one
 * kind of machine: where it is entered, and what lies in memory beside it, which no text holds,
 * since it differs from VM to VM:
 *
 *     0x8000_0000                                                      + mem
 *     +-----------+---------------------+--------+---------------+-----+
 *     | zeros     | image, .bss         | zeros  | initrd        | FDT |
 *     +-----------+---------------------+--------+---------------+-----+
 *                 entry                                    page-aligned, a1
 *
 * The initrd is that of the machine, in pieces of the bundle, which become pages when they are
 * touched (the backing of gstage.c).  The FDT is in frames of the program.  They are pages as those
 * of the text are, unless a guest of the command line is to find a seed there, which is another in
 * each VM: then they are backing, too.  Programs by name and without arguments are kept and found
 * again, so that such a spawn makes nothing but the VM.
 *
 * Invariant: what a program has lies within RAM, and does not overlap, nor lie in a page that was
 * shared when it was made; so nothing that a bundle or a guest's memory contains can fail later.
 *
 * Not done: frames of texts and programs are charged to no tree; pages of the bundle that could be
 * used where they are, are copied.
 */
#include "hv/program.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "lib/kit/spinlock.h"
#include "lib/kit/words.h"
#include "sbi/proc.h"

#include "dts/guest_fdt.h"

#include "hv/console.h"
#include "hv/frame.h"
#include "hv/random.h"
#include "hv/vm.h"

#define FDT_PAGES_MAX (BACKING_PARTS_MAX - 1)
#define FDT_BYTES_MAX (FDT_PAGES_MAX * PAGE_BYTES)
#define FDT_END_MAX   (1UL << 30) /* in RAM */
#define NO_PLACE      UINT64_MAX
#define BUCKETS       64

_Static_assert(sizeof(struct text) <= PAGE_BYTES, "a frame");
_Static_assert(sizeof(struct program) <= PAGE_BYTES, "a frame");
_Static_assert(GUEST_FDT_SEED_BYTES == SEED_BYTES, "what is announced is what is filled in");

static struct {
    struct spinlock lock;
    struct bundle bundle;
    struct text *texts;            /* of the bundle */
    struct program *kept[BUCKETS]; /* by name */
} programs;

/* Where trees of more than a page are written, before they are put into frames. */
static struct {
    struct spinlock lock;
    _Alignas(u64) u8 bytes[FDT_BYTES_MAX];
} scratch;

/* ---- what went wrong --------------------------------------------------------------------------
 */

#define LINE_BYTES 200

/* Names may be anybody's: nothing in them is to break a line of the console's. */
static void put_name(char *line, const char *name)
{
    for (; *name != '\0'; name++)
        *line++ = *name > ' ' && *name <= '~' ? *name : '?';
    *line = '\0';
}

__printf_like(2, 3) static void tell(const struct program_who *who, const char *format, ...)
{
    char line[LINE_BYTES], name[PROC_NAME_BYTES_MAX];
    va_list args;

    put_name(name, who->name);
    va_start(args, format);
    vsnprintf(line, sizeof(line), format, args);
    va_end(args);
    if (who->pid == 0)
        console_log("%s %s: %s", who->verb, name, line);
    else
        console_log("pid %u: %s %s: %s", (unsigned)who->pid, who->verb, name, line);
}

/* ---- texts ----------------------------------------------------------------------------------- */

static void text_put(struct text *text)
{
    if (__atomic_sub_fetch(&text->users, 1, __ATOMIC_ACQ_REL) > 0)
        return;
    gstage_destroy(&text->gs);
    frame_put(hpa_of(text));
}

static const struct backing only_zeros;

/* Without pages yet.  NULL: no memory. */
static struct text *text_create(const struct guest *guest, const struct image *image,
                                const void *file)
{
    hpa_t frame = frame_alloc();
    struct text *text = hpa_ptr(frame);

    if (frame.v == 0)
        return NULL;
    *text = (struct text){.file = file, .users = 1, .image = *image};
    if (gstage_create(&text->gs, guest->ram_base, guest->mem_bytes, &only_zeros, 1) == ERR_OK)
        return text;
    frame_put(frame);
    return NULL;
}

/* programs.lock is held.  The text of an image of the bundle; it stays.  NULL: no memory. */
static struct text *text_of_file(const struct guest *guest, const struct bundle_guest *entry)
{
    struct text *text = programs.texts;
    enum err err = ERR_OK;

    while (text != NULL && (text->file != entry->file || text->gs.ram_bytes != guest->mem_bytes))
        text = text->next;
    if (text != NULL)
        return text;
    text = text_create(guest, &entry->image, entry->file);
    if (text == NULL)
        return NULL;
    for (u32 i = 0; i < text->image.count && err == ERR_OK; i++) {
        const struct image_segment *segment = &text->image.segments[i];

        err = gstage_write(&text->gs, (gpa_t){segment->gpa},
                           (const u8 *)entry->file + segment->file_at, segment->file_bytes);
    }
    if (err != ERR_OK) {
        text_put(text);
        return NULL;
    }
    text->next = programs.texts;
    programs.texts = text;
    return text;
}

/* A file in a guest's memory. */
struct file {
    struct gstage *gs;
    gpa_t gpa;
};

static enum err read_file(const void *from, u64 at, void *to, u64 bytes)
{
    const struct file *file = from;

    return gstage_read(file->gs, (gpa_t){file->gpa.v + at}, to, bytes);
}

static enum err copy_segment(struct text *text, const struct image_segment *segment,
                             const struct file *file, void *page)
{
    u64 at = 0;
    enum err err = ERR_OK;

    while (at < segment->file_bytes && err == ERR_OK) {
        u64 left = segment->file_bytes - at, now = PAGE_BYTES - (segment->gpa + at) % PAGE_BYTES;

        now = now < left ? now : left;
        err = read_file(file, segment->file_at + at, page, now);
        if (err == ERR_OK)
            err = gstage_write(&text->gs, (gpa_t){segment->gpa + at}, page, now);
        at += now;
    }
    return err;
}

/* The text of an image in a guest's memory, which may change meanwhile: then the text is what was
 * there at some time.  NULL: no memory. */
static struct text *text_of_memory(const struct guest *guest, const struct image *image,
                                   const struct file *file)
{
    struct text *text = text_create(guest, image, NULL);
    hpa_t page = frame_alloc();
    enum err err = page.v == 0 ? ERR_NOMEM : ERR_OK;

    for (u32 i = 0; text != NULL && i < image->count && err == ERR_OK; i++)
        err = copy_segment(text, &image->segments[i], file, hpa_ptr(page));
    if (page.v != 0)
        frame_put(page);
    if (text != NULL && err != ERR_OK) {
        text_put(text);
        text = NULL;
    }
    return text;
}

/* ---- what lies where --------------------------------------------------------------------------
 */

static bool overlap(u64 base, u64 bytes, u64 other, u64 other_bytes)
{
    return base < other + other_bytes && other < base + bytes;
}

/* Whether something of the image is in these bytes of RAM. */
static bool is_taken(const struct image *image, u64 gpa, u64 bytes)
{
    for (u32 i = 0; i < image->count; i++) {
        if (overlap(image->segments[i].gpa, image->segments[i].mem_bytes, gpa, bytes))
            return true;
    }
    return false;
}

/* The last place of whole pages below `end` that is not shared. */
static u64 find_place(const struct program_start *start, u64 end, u64 bytes)
{
    for (;;) {
        u64 at;
        u32 i = 0;

        if (end < GUEST_RAM_BASE + bytes)
            return NO_PLACE;
        at = align_down(end - bytes, PAGE_BYTES);
        while (i < start->ranges &&
               !overlap(start->range[i].base, start->range[i].bytes, at, bytes))
            i++;
        if (i == start->ranges)
            return at;
        end = start->range[i].base;
    }
}

/* Things beside the image lie at the end of RAM, or of its first GiB, which is as far as guests see
 * that have but one leaf of their own. */
static u64 end_of_things(const struct guest *guest)
{
    return GUEST_RAM_BASE + (guest->mem_bytes < FDT_END_MAX ? guest->mem_bytes : FDT_END_MAX);
}

/* What RAM must have for the image, so many bytes behind it, and the largest tree. */
static u64 bytes_needed(const struct image *image, u64 bytes)
{
    u64 end = 0;

    for (u32 i = 0; i < image->count; i++) {
        const struct image_segment *segment = &image->segments[i];

        if (segment->gpa - GUEST_RAM_BASE + segment->mem_bytes > end)
            end = segment->gpa - GUEST_RAM_BASE + segment->mem_bytes;
    }
    return align_up(end, PAGE_BYTES) + align_up(bytes, PAGE_BYTES) + FDT_BYTES_MAX;
}

static enum err check_ranges(const struct image *image, const struct program_start *start,
                             const struct program_who *who)
{
    for (u32 i = 0; i < start->ranges; i++) {
        u64 base = start->range[i].base, bytes = start->range[i].bytes;

        for (u32 k = 0; k < image->count; k++) {
            const struct image_segment *segment = &image->segments[k];
            u64 from = align_down(segment->gpa, PAGE_BYTES);

            if (overlap(from, align_up(segment->gpa + segment->mem_bytes, PAGE_BYTES) - from, base,
                        bytes)) {
                tell(who,
                     "a part of the image at 0x%lx lies in memory that is shared, %lu "
                     "bytes at 0x%lx; share other memory",
                     segment->gpa, bytes, base);
                return ERR_INVAL;
            }
        }
    }
    return ERR_OK;
}

static void add_part(struct program *program, u64 gpa, const u8 *from, u64 bytes)
{
    program->backing.part[program->backing.count++] =
        (struct backing_part){.gpa = {gpa}, .bytes = bytes, .from = from};
}

/* Below the place of the largest tree. */
static enum err add_initrd(struct program *program, const struct program_start *start,
                           struct guest_fdt_start *fdt, const struct program_who *who)
{
    const struct guest *guest = program->guest;
    const struct image *image = &program->text->image;
    u64 bytes = align_up(guest->initrd_bytes, PAGE_BYTES);
    u64 needed = bytes_needed(image, bytes), end = end_of_things(guest), at;

    if (bytes == 0)
        return ERR_OK;
    if (guest->mem_bytes < needed) {
        tell(who,
             "no room behind its image for its initrd, %lu bytes; give it %lu MiB of "
             "memory (mem=)",
             guest->initrd_bytes, align_up(needed, 1UL << 20) >> 20);
        return ERR_NOMEM;
    }
    at = find_place(start, end - FDT_BYTES_MAX, bytes);
    if (needed > FDT_END_MAX || at == NO_PLACE || is_taken(image, at, bytes)) {
        tell(who,
             "its initrd, %lu bytes, has no room in the first GiB of its memory; make it "
             "smaller",
             guest->initrd_bytes);
        return ERR_NOMEM;
    }
    add_part(program, at, guest->initrd, guest->initrd_bytes);
    fdt->initrd = at;
    fdt->initrd_bytes = guest->initrd_bytes;
    return ERR_OK;
}

/* ---- device tree ------------------------------------------------------------------------------
 */

/* Takes frames for so many bytes as the last parts of the backing.  ERR_NOMEM: as they are. */
static enum err add_fdt_frames(struct program *program, u64 bytes)
{
    for (u64 at = 0; at < bytes; at += PAGE_BYTES) {
        hpa_t frame = frame_alloc();

        if (frame.v == 0)
            return ERR_NOMEM;
        program->fdt_frames++;
        add_part(program, 0, hpa_ptr(frame), bytes - at < PAGE_BYTES ? bytes - at : PAGE_BYTES);
    }
    return ERR_OK;
}

static struct backing_part *fdt_parts(struct program *program)
{
    return &program->backing.part[program->backing.count - program->fdt_frames];
}

/* A tree of more than a page. */
static enum err write_long_fdt(struct program *program, const struct guest_fdt_start *start,
                               struct guest_fdt_places *places)
{
    enum err err;

    spin_lock(&scratch.lock);
    err =
        guest_fdt_start(scratch.bytes, sizeof(scratch.bytes), &program->guest->tree, start, places);
    if (err != ERR_OK) {
        spin_unlock(&scratch.lock);
        return ERR_FORMAT;
    }
    err = add_fdt_frames(program, places->bytes);
    for (u32 i = 0; i < program->fdt_frames && err == ERR_OK; i++)
        memcpy((u8 *)(uintptr_t)fdt_parts(program)[i].from, scratch.bytes + i * PAGE_BYTES,
               fdt_parts(program)[i].bytes);
    spin_unlock(&scratch.lock);
    return err;
}

/* Into one frame, if it fits. */
static enum err write_fdt(struct program *program, const struct guest_fdt_start *start,
                          struct guest_fdt_places *places)
{
    enum err err = add_fdt_frames(program, PAGE_BYTES);

    if (err != ERR_OK)
        return err;
    if (guest_fdt_start((u8 *)(uintptr_t)fdt_parts(program)->from, PAGE_BYTES,
                        &program->guest->tree, start, places) == ERR_OK) {
        fdt_parts(program)->bytes = places->bytes;
        return ERR_OK;
    }
    program->backing.count--;
    program->fdt_frames--;
    frame_put(hpa_of(program->backing.part[program->backing.count].from));
    return write_long_fdt(program, start, places);
}

/* What a guest finds behind its FDT are zeros. */
static void fill_up(struct backing_part *last)
{
    u8 *frame = (u8 *)(uintptr_t)last->from;
    u64 end = align_up(last->bytes, sizeof(u64));

    memset(frame + last->bytes, 0, end - last->bytes);
    clear_words(frame + end, PAGE_BYTES - end);
    last->bytes = PAGE_BYTES;
}

/* The frames of the FDT become pages. */
static enum err put_fdt_pages(struct program *program)
{
    while (program->fdt_frames > 0) {
        const struct backing_part *part = &program->backing.part[program->backing.count - 1];
        enum err err = gstage_put_page(&program->gs, part->gpa, hpa_of(part->from));

        if (err != ERR_OK)
            return err;
        program->fdt_frames--;
        program->backing.count--;
    }
    return ERR_OK;
}

static enum err add_fdt(struct program *program, const struct program_start *start,
                        const struct guest_fdt_start *fdt, const struct program_who *who)
{
    const struct guest *guest = program->guest;
    struct guest_fdt_places places;
    u64 taken, at;
    enum err err = write_fdt(program, fdt, &places);

    if (err == ERR_FORMAT) {
        tell(who, "its device tree is larger than %lu bytes; shorten its command line",
             FDT_BYTES_MAX);
        return ERR_INVAL;
    }
    if (err != ERR_OK) {
        tell(who, "no memory for its device tree; give the machine more (HOSTMEM)");
        return err;
    }
    taken = align_up(places.bytes, PAGE_BYTES);
    at = find_place(start, end_of_things(guest), taken);
    if (at == NO_PLACE || is_taken(&program->text->image, at, taken) ||
        (fdt->initrd_bytes != 0 && overlap(at, taken, fdt->initrd, fdt->initrd_bytes))) {
        tell(who,
             "no room behind its image for its device tree, %zu bytes; give it more "
             "memory (mem=)",
             places.bytes);
        return ERR_NOMEM;
    }
    for (u32 i = 0; i < program->fdt_frames; i++)
        fdt_parts(program)[i].gpa.v = at + i * PAGE_BYTES;
    fill_up(&program->backing.part[program->backing.count - 1]);
    program->fdt.v = at;
    program->args_at = places.args_at;
    if (!fdt->has_rng_seed)
        return put_fdt_pages(program);
    program->backing.seed.v = at + places.seed_at;
    return ERR_OK;
}

/* ---- blank memory ---------------------------------------------------------------------------- */

/* How much of RAM from gpa on no part is in. */
static u64 bytes_without_parts(const struct program *program, u64 gpa)
{
    u64 end = program->guest->ram_base.v + program->guest->mem_bytes;

    for (u32 i = 0; i < program->backing.count; i++) {
        const struct backing_part *part = &program->backing.part[i];

        if (part->gpa.v + part->bytes > gpa && part->gpa.v < end)
            end = part->gpa.v;
    }
    return end > gpa ? end - gpa : 0;
}

static void note_blank(struct program *program, u64 from)
{
    u64 bytes = align_down(bytes_without_parts(program, from), PAGE_BYTES);

    if (bytes > program->backing.blank_bytes) {
        program->backing.blank.v = from;
        program->backing.blank_bytes = bytes;
    }
}

/* The longest piece of RAM without parts, which most first touches are in. */
static void find_blank(struct program *program)
{
    const struct backing *backing = &program->backing;

    note_blank(program, program->guest->ram_base.v);
    for (u32 i = 0; i < backing->count; i++)
        note_blank(program, align_up(backing->part[i].gpa.v + backing->part[i].bytes, PAGE_BYTES));
}

/* ---- programs ---------------------------------------------------------------------------------
 */

static void destroy(struct program *program)
{
    for (u32 i = 0; i < program->fdt_frames; i++)
        frame_put(hpa_of(fdt_parts(program)[i].from));
    gstage_destroy(&program->gs);
    text_put(program->text);
    frame_put(hpa_of(program));
}

void program_put(struct program *program)
{
    if (__atomic_sub_fetch(&program->users, 1, __ATOMIC_ACQ_REL) == 0)
        destroy(program);
}

/*
 * Takes over the caller's reference to the text, also when it fails.  text NULL: there was no
 * memory for it.
 */
static enum err make(struct guest *guest, struct text *text, const struct program_start *start,
                     const struct program_who *who, struct program **made)
{
    struct guest_fdt_start fdt = {.bootargs = start->bootargs,
                                  .args = start->args,
                                  .args_bytes = start->args_bytes,
                                  .has_rng_seed = start->has_seed && random_seeded(),
                                  .ranges = start->ranges,
                                  .range = start->range};
    hpa_t frame = text == NULL ? (hpa_t){0} : frame_alloc();
    struct program *program = hpa_ptr(frame);
    enum err err;

    if (frame.v == 0) {
        if (text != NULL)
            text_put(text);
        tell(who, "no memory for its image; give the machine more (HOSTMEM)");
        return ERR_NOMEM;
    }
    *program = (struct program){.users = 1,
                                .guest = guest,
                                .text = text,
                                .entry = {text->image.entry},
                                .bootargs = start->bootargs,
                                .args_bytes = start->args_bytes,
                                .has_ranges = start->ranges != 0,
                                .backing = guest->backing};
    strncpy(program->name, start->name, sizeof(program->name) - 1);
    err = gstage_create_from(&program->gs, &text->gs, &only_zeros, 1, NULL);
    if (err == ERR_OK)
        err = check_ranges(&text->image, start, who);
    if (err == ERR_OK)
        err = add_initrd(program, start, &fdt, who);
    if (err == ERR_OK)
        err = add_fdt(program, start, &fdt, who);
    if (err != ERR_OK) {
        destroy(program);
        return err;
    }
    find_blank(program);
    *made = program;
    return ERR_OK;
}

/* The program has one more user, unless there is no memory. */
static struct text *use(struct text *text)
{
    if (text != NULL)
        __atomic_fetch_add(&text->users, 1, __ATOMIC_RELAXED);
    return text;
}

void program_use_bundle(const struct bundle *bundle)
{
    programs.bundle = *bundle;
}

enum err program_of_guest(struct guest *guest, const struct bundle_guest *entry,
                          const struct program_who *who, struct program **program)
{
    const struct program_start start = {
        .name = entry->name, .bootargs = entry->cmdline, .has_seed = true};
    struct text *text;

    spin_lock(&programs.lock);
    text = use(text_of_file(guest, entry));
    spin_unlock(&programs.lock);
    return make(guest, text, &start, who, program);
}

static enum err tell_refusal(enum refusal refusal, const struct program_who *who)
{
    tell(who, "%s", refusal_words(refusal));
    return refusal == REFUSED_IMAGE_ABOVE_RAM ? ERR_NOMEM : ERR_INVAL;
}

/* FNV-1a. */
static u32 bucket_of(const char *name)
{
    u32 hash = 2166136261U;

    for (; *name != '\0'; name++)
        hash = (hash ^ (u8)*name) * 16777619U;
    return (hash ^ hash >> 16) % BUCKETS;
}

/* programs.lock is held. */
static struct program *find_kept(const struct guest *guest, const char *name)
{
    struct program *program = programs.kept[bucket_of(name)];

    while (program != NULL && (program->guest != guest || strcmp(program->name, name) != 0))
        program = program->next;
    return program;
}

/* The same image with other things beside it.  Takes over the reference to `program`. */
static enum err change(struct program *program, const struct program_start *start,
                       const struct program_who *who, struct program **changed)
{
    enum err err = make(program->guest, use(program->text), start, who, changed);

    program_put(program);
    return err;
}

/* programs.lock is held.  What nobody has asked for yet: the image of that name as it is, which
 * stays without a user. */
__attribute__((noinline)) static enum err
keep(struct guest *guest, const char *name, const struct program_who *who, struct program **program)
{
    u32 index = bundle_find(&programs.bundle, name);
    struct program **bucket = &programs.kept[bucket_of(name)];
    struct bundle_guest entry;
    enum refusal refusal;
    enum err err;

    if (index == programs.bundle.entries)
        return ERR_NOENT;
    refusal = bundle_image(&programs.bundle, index, guest->mem_bytes, &entry);
    if (refusal != REFUSED_NOTHING)
        return tell_refusal(refusal, who);
    err = make(guest, use(text_of_file(guest, &entry)),
               &(struct program_start){.name = name, .bootargs = entry.cmdline}, who, program);
    if (err != ERR_OK)
        return err;
    (*program)->next = *bucket;
    *bucket = *program;
    return ERR_OK;
}

enum err program_find(struct guest *guest, const struct program_start *start,
                      const struct program_who *who, struct program **program)
{
    struct program_start changed = *start;
    enum err err = ERR_OK;

    spin_lock(&programs.lock);
    *program = find_kept(guest, start->name);
    if (unlikely(*program == NULL))
        err = keep(guest, start->name, who, program);
    if (err == ERR_OK)
        program_get(*program);
    spin_unlock(&programs.lock);
    if (err != ERR_OK || (start->args == NULL && start->ranges == 0))
        return err;
    changed.bootargs = (*program)->bootargs;
    return change(*program, &changed, who, program);
}

/*
 * program_read - an image that may change while it is read.
 *
 * Its headers are read once, and what was read is what is checked (lib/image.h).
 */
enum err program_read(struct guest *guest, struct gstage *from, gpa_t gpa, u64 bytes,
                      const struct program_start *start, const struct program_who *who,
                      struct program **program)
{
    const struct file file = {.gs = from, .gpa = gpa};
    const struct elf_source source = {.bytes = bytes, .from = &file, .read = read_file};
    struct image image;
    enum refusal refusal;

    if (!gstage_is_ram(from, gpa) || bytes > from->ram_base.v + from->ram_bytes - gpa.v)
        return ERR_FAULT;
    refusal = image_read_from(&image, &source, guest->mem_bytes);
    if (refusal == REFUSED_ELF_UNREADABLE)
        return ERR_NOMEM;
    if (refusal != REFUSED_NOTHING)
        return tell_refusal(refusal, who);
    return make(guest, text_of_memory(guest, &image, &file), start, who, program);
}

/* The arguments, out of the tree that they are in.  Any error: there is no frame. */
static enum err copy_args(struct program *program, hpa_t *frame)
{
    enum err err;

    *frame = frame_alloc();
    if (frame->v == 0)
        return ERR_NOMEM;
    err = gstage_read(&program->gs, (gpa_t){program->fdt.v + program->args_at}, hpa_ptr(*frame),
                      program->args_bytes);
    if (err != ERR_OK)
        frame_put(*frame);
    return err;
}

/*
 * program_again - the program with which a VM begins again that had this one.
 *
 * A machine that is reset shares nothing: its tree names no shared ranges.
 */
enum err program_again(struct program *program, struct program **again)
{
    struct program_start start = {
        .name = program->name, .bootargs = program->bootargs, .args_bytes = program->args_bytes};
    const struct program_who who = {.verb = "reset", .name = program->name};
    hpa_t args;
    enum err err;

    if (!program->has_ranges) {
        program_get(program);
        *again = program;
        return ERR_OK;
    }
    err = copy_args(program, &args);
    if (err != ERR_OK)
        return err;
    if (start.args_bytes != 0)
        start.args = hpa_ptr(args);
    program_get(program);
    err = change(program, &start, &who, again);
    frame_put(args);
    return err;
}

/* programs.lock is held.  Nobody but the list has it. */
static bool is_unused(const u32 *users)
{
    return __atomic_load_n(users, __ATOMIC_ACQUIRE) == 1;
}

void program_forget(void)
{
    spin_lock(&programs.lock);
    for (u32 i = 0; i < BUCKETS; i++) {
        struct program **at = &programs.kept[i];

        while (*at != NULL) {
            struct program *program = *at;

            if (is_unused(&program->users)) {
                *at = program->next;
                destroy(program);
            } else {
                at = &program->next;
            }
        }
    }
    for (struct text **at = &programs.texts; *at != NULL;) {
        struct text *text = *at;

        if (is_unused(&text->users)) {
            *at = text->next;
            text_put(text);
        } else {
            at = &text->next;
        }
    }
    spin_unlock(&programs.lock);
}
