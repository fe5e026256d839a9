/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * mkimage - packs the guests of a run, and images for them to start, into one file, a bundle
 * (sbi/image.h), or lists one.
 *
 * The bundle is made in memory and then read back by the code that the hypervisor will read it with
 * (lib/bundle.c): what is wrong with an image or an option is found there, in the same words.  Only
 * a bundle that passed is written, under another name first, so that no half of one is left.
 *
 * Of an ELF what is loaded is packed, and not what is behind that: symbols and the like.
 */
#include <errno.h>
#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "lib/bundle.h"
#include "lib/kit/types.h"

#define ALIGN           8
#define DISK_NUMBER_MAX 15

/* The words behind one --guest or --image. */
struct request {
    bool starts;
    const char *image;
    const char *name; /* not NUL-terminated */
    size_t name_bytes;
    u64 mem_bytes;
    u64 vcpus;
    u64 procs;
    bool control, passthrough;
    const char *machine;
    const char *cmdline;
    const char *pflash;
    const char *initrd;
    const char *ramdisk;
    u32 disk; /* as in struct bundle_entry */
};

/* A piece of the bundle, by the path that it came from. */
struct piece {
    const char *path;
    enum use { USE_READ, USE_IMAGE, USE_DISK } use; /* a disk will be written to */
    u64 at;
    u64 bytes;
};

static struct request requests[BUNDLE_ENTRIES_MAX];
static u32 request_count, guest_count;

/* The bundle in the making. */
static u8 *bytes;
static size_t size;
static size_t capacity;
static struct piece pieces[4 * BUNDLE_ENTRIES_MAX];
static u32 piece_count;

__noreturn __printf_like(1, 2) static void die(const char *format, ...)
{
    va_list args;

    fprintf(stderr, "mkimage: ");
    va_start(args, format);
    vfprintf(stderr, format, args);
    va_end(args);
    fputc('\n', stderr);
    exit(1);
}

/* ---- the command line ---- */

/* A number with K, M or G behind it. */
static u64 parse_size(const char *word, const char *value)
{
    static const char units[] = "KMG";
    char *end;
    u64 number, scaled;
    unsigned shift = 0;

    errno = 0;
    number = strtoull(value, &end, 10);
    if (*end != '\0' && strchr(units, *end) != NULL)
        shift = 10 * (unsigned)(strchr(units, *end++) - units + 1);
    scaled = number << shift;
    if (value[0] < '0' || value[0] > '9' || *end != '\0' || errno != 0 || scaled >> shift != number)
        die("%s: not a number; write digits, and K, M or G behind them for a size", word);
    return scaled;
}

/* The number of a disk of the machine. */
static u32 parse_disk(const char *word, const char *value)
{
    u64 number = parse_size(word, value);

    if (number > DISK_NUMBER_MAX)
        die("%s: the machine has disks 0 to %d", word, DISK_NUMBER_MAX);
    return (u32)number + 1;
}

/* The value of a word KEY=VALUE if the key is this one, else NULL. */
static const char *value_of(const char *word, const char *key)
{
    size_t length = strlen(key);

    return strncmp(word, key, length) == 0 && word[length] == '=' ? word + length + 1 : NULL;
}

static void parse_guest_word(struct request *request, const char *word)
{
    const char *value;

    if ((value = value_of(word, "image")) != NULL) {
        request->image = value;
    } else if ((value = value_of(word, "name")) != NULL) {
        request->name = value;
        request->name_bytes = strlen(value);
    } else if ((value = value_of(word, "mem")) != NULL) {
        request->mem_bytes = parse_size(word, value);
    } else if ((value = value_of(word, "vcpus")) != NULL) {
        request->vcpus = parse_size(word, value);
    } else if ((value = value_of(word, "procs")) != NULL) {
        request->procs = parse_size(word, value);
    } else if (strcmp(word, "control") == 0) {
        request->control = true;
    } else if (strcmp(word, "passthrough") == 0) {
        request->passthrough = true;
    } else if ((value = value_of(word, "machine")) != NULL) {
        request->machine = value;
    } else if ((value = value_of(word, "cmdline")) != NULL) {
        request->cmdline = value;
    } else if ((value = value_of(word, "pflash")) != NULL) {
        request->pflash = value;
    } else if ((value = value_of(word, "initrd")) != NULL) {
        request->initrd = value;
    } else if ((value = value_of(word, "ramdisk")) != NULL) {
        request->ramdisk = value;
    } else if ((value = value_of(word, "disk")) != NULL) {
        request->disk = parse_disk(word, value);
    } else {
        die("%s: unknown; a guest has image= name= mem= vcpus= procs= control machine= cmdline= "
            "pflash= passthrough initrd= disk= ramdisk=",
            word);
    }
}

/* The file's name without folder and suffix. */
static void set_default_name(struct request *request)
{
    const char *slash = strrchr(request->image, '/');
    const char *dot;

    request->name = slash != NULL ? slash + 1 : request->image;
    dot = strrchr(request->name, '.');
    request->name_bytes =
        dot != NULL && dot != request->name ? (size_t)(dot - request->name) : strlen(request->name);
}

static bool is_option(const char *word)
{
    return strcmp(word, "--guest") == 0 || strcmp(word, "--image") == 0;
}

/* --guest or --image and the words behind it; returns how many. */
static int parse_entry(char *const words[], int count)
{
    struct request *request = &requests[request_count];
    bool starts = strcmp(words[0], "--guest") == 0;
    int used = 1;

    if (request_count == BUNDLE_ENTRIES_MAX)
        die("more than %d guests and images; pack fewer", BUNDLE_ENTRIES_MAX);
    if (starts && guest_count == BUNDLE_GUESTS_MAX)
        die("more than %d guests; pack fewer", BUNDLE_GUESTS_MAX);
    if (starts && guest_count != request_count)
        die("a guest behind an image; name all guests first");
    *request = (struct request){.starts = starts, .mem_bytes = BUNDLE_PLAIN_MEM_BYTES, .vcpus = 1};
    while (used < count && !is_option(words[used]))
        parse_guest_word(request, words[used++]);
    if (request->image == NULL || request->image[0] == '\0')
        die("a guest without an image; write --guest image=PATH");
    if (request->name == NULL)
        set_default_name(request);
    request_count++;
    guest_count += starts;
    return used;
}

/* ---- the bundle ---- */

static void *resize(void *block, size_t count)
{
    void *resized = realloc(block, count);

    if (resized == NULL)
        die("out of memory");
    return resized;
}

static u64 append(const void *from, size_t count)
{
    size_t at = align_up(size, ALIGN);

    if (at + count > capacity) {
        capacity = 2 * (at + count);
        bytes = resize(bytes, capacity);
    }
    memset(bytes + size, 0, at - size);
    if (count != 0)
        memcpy(bytes + at, from, count);
    size = at + count;
    return at;
}

static u64 append_string(const char *string)
{
    return string == NULL ? 0 : append(string, strlen(string) + 1);
}

static u8 *read_file(const char *path, size_t *file_bytes)
{
    FILE *file = fopen(path, "rb");
    size_t room = 1 << 16, count;
    u8 *contents = resize(NULL, room);

    *file_bytes = 0;
    if (file == NULL)
        die("%s: %s; name a file that can be read", path, strerror(errno));
    while ((count = fread(contents + *file_bytes, 1, room - *file_bytes, file)) != 0) {
        *file_bytes += count;
        if (*file_bytes == room)
            contents = resize(contents, room *= 2);
    }
    if (ferror(file))
        die("%s: %s; name a file that can be read", path, strerror(errno));
    fclose(file);
    return contents;
}

/* The file's contents; one that several guests use is stored once for each use. */
static struct piece append_file(const char *path, enum use use)
{
    struct piece *piece = pieces;
    size_t file_bytes;
    u8 *contents;

    while (piece != pieces + piece_count && (strcmp(piece->path, path) != 0 || piece->use != use))
        piece++;
    if (piece != pieces + piece_count)
        return *piece;
    contents = read_file(path, &file_bytes);
    if (use == USE_IMAGE)
        file_bytes = elf_trim(contents, file_bytes);
    *piece = (struct piece){
        .path = path, .use = use, .at = append(contents, file_bytes), .bytes = file_bytes};
    free(contents);
    piece_count++;
    return *piece;
}

/* The file's contents as one of a guest's things, which have some.  No path: nothing. */
static void append_thing(const char *thing, const char *path, enum use use, u64 *at, u64 *count)
{
    struct piece piece;

    if (path == NULL)
        return;
    piece = append_file(path, use);
    if (piece.bytes == 0)
        die("%s: the file is empty; %s has contents", path, thing);
    *at = piece.at;
    *count = piece.bytes;
}

static void set_entry(u32 index, const struct request *request)
{
    struct piece image = append_file(request->image, USE_IMAGE);
    struct bundle_entry entry = {
        .flags = (request->starts ? BUNDLE_START : 0) | (request->control ? BUNDLE_CONTROL : 0) |
                 (request->passthrough ? BUNDLE_PASSTHROUGH : 0),
        .vcpus = request->vcpus > UINT32_MAX ? UINT32_MAX : (u32)request->vcpus,
        .mem_bytes = request->mem_bytes,
        .procs = request->procs,
        .disk = request->disk,
        .image_at = image.at,
        .image_bytes = image.bytes,
        .cmdline_at = append_string(request->cmdline),
        .machine_at = append_string(request->machine),
    };

    append_thing("a pflash", request->pflash, USE_READ, &entry.pflash_at, &entry.pflash_bytes);
    append_thing("an initrd", request->initrd, USE_READ, &entry.initrd_at, &entry.initrd_bytes);
    append_thing("a disk", request->ramdisk, USE_DISK, &entry.disk_at, &entry.disk_bytes);
    /* One byte too many is seen by the check, as a name without its end. */
    memcpy(entry.name, request->name,
           request->name_bytes < sizeof(entry.name) ? request->name_bytes : sizeof(entry.name));
    memcpy(bytes + sizeof(struct bundle_header) + index * sizeof(entry), &entry, sizeof(entry));
}

static void pack(void)
{
    static const struct bundle_entry empty;
    struct bundle_header header = {
        .magic = BUNDLE_MAGIC,
        .version = BUNDLE_VERSION,
        .entries = request_count,
        .guests = guest_count,
    };

    append(&header, sizeof(header));
    for (u32 i = 0; i < request_count; i++)
        append(&empty, sizeof(empty));
    for (u32 i = 0; i < request_count; i++)
        set_entry(i, &requests[i]);
    bundle_seal(bytes, size);
}

static void check(void)
{
    struct bundle bundle;
    struct bundle_guest guest;
    enum refusal refusal = bundle_open(&bundle, bytes, size);

    if (refusal != REFUSED_NOTHING)
        die("%s", refusal_words(refusal));
    for (u32 i = 0; i < bundle.entries; i++) {
        refusal = bundle_guest(&bundle, i, &guest);
        if (refusal != REFUSED_NOTHING)
            die("%s: %s", requests[i].image, refusal_words(refusal));
    }
}

static void write_out(const char *path)
{
    size_t length = strlen(path) + sizeof(".tmp");
    char *unfinished = resize(NULL, length);
    FILE *file;

    snprintf(unfinished, length, "%s.tmp", path);
    file = fopen(unfinished, "wb");
    if (file == NULL)
        die("%s: %s; name a place that can be written", unfinished, strerror(errno));
    if (fwrite(bytes, 1, size, file) != size || fclose(file) != 0 ||
        rename(unfinished, path) != 0) {
        int error = errno;

        unlink(unfinished);
        die("%s: %s; name a place that can be written", path, strerror(error));
    }
    free(unfinished);
}

/* ---- listing ---- */

static void print_machine(const struct machine_opts *opts)
{
    if (opts->has_mhartid)
        printf(" mhartid=%#" PRIx64, opts->mhartid);
    for (u32 i = 0; i < opts->word_count; i++)
        printf(" word@%#" PRIx64 "=%#" PRIx64, opts->words[i].gpa, opts->words[i].value);
}

static void print_guest(u32 index, const struct bundle_guest *guest)
{
    printf("%" PRIu32 " %s: %s of %" PRIu64 " bytes, entry %#" PRIx64 ", mem %" PRIu64 "K, %" PRIu32
           " vCPU%s",
           index + 1, guest->name, image_kind_words(guest->image.kind), guest->file_bytes,
           guest->image.entry, guest->mem_bytes >> 10, guest->vcpus, guest->vcpus == 1 ? "" : "s");
    if (guest->procs != 0)
        printf(", at most %" PRIu64 " processes", guest->procs);
    if (guest->pflash_bytes != 0)
        printf(", pflash of %" PRIu64 " bytes", guest->pflash_bytes);
    if (guest->passthrough)
        printf(", pflash of the machine");
    if (guest->initrd_bytes != 0)
        printf(", initrd of %" PRIu64 " bytes", guest->initrd_bytes);
    if (guest->disk_bytes != 0)
        printf(", disk of %" PRIu64 " bytes in memory", guest->disk_bytes);
    if (guest->machine_disk != BUNDLE_NO_DISK)
        printf(", disk %" PRIu32 " of the machine", guest->machine_disk);
    printf("%s%s", guest->has_control ? ", control" : "", guest->starts ? "" : ", not started");
    if (guest->machine.has_mhartid || guest->machine.word_count != 0)
        printf(", machine");
    print_machine(&guest->machine);
    if (guest->cmdline[0] != '\0')
        printf(", cmdline \"%s\"", guest->cmdline);
    putchar('\n');
    for (u32 i = 0; i < guest->image.count; i++) {
        const struct image_segment *segment = &guest->image.segments[i];

        printf("    %#" PRIx64 " to %#" PRIx64 ", %" PRIu64 " bytes from the file\n", segment->gpa,
               segment->gpa + segment->mem_bytes, segment->file_bytes);
    }
}

static void list(const char *path)
{
    struct bundle bundle;
    struct bundle_guest guest;
    size_t file_bytes;
    u8 *file = read_file(path, &file_bytes);
    enum refusal refusal = bundle_open(&bundle, file, file_bytes);

    if (refusal != REFUSED_NOTHING)
        die("%s: %s", path, refusal_words(refusal));
    if (bundle.is_plain)
        printf("not a bundle: taken as the image of one guest\n");
    for (u32 i = 0; i < bundle.entries; i++) {
        refusal = bundle_guest(&bundle, i, &guest);
        if (refusal != REFUSED_NOTHING)
            die("%s: guest %" PRIu32 ": %s", path, i + 1, refusal_words(refusal));
        print_guest(i, &guest);
    }
    free(file);
}

static const char usage[] =
    "usage: mkimage -o OUT --guest image=PATH [name=NAME] [mem=128M] [vcpus=1] [procs=N] [control]\n"
    "                              [machine=\"OPTIONS\"] [cmdline=\"WORDS\"] [pflash=PATH|passthrough]\n"
    "                              [initrd=PATH] [disk=NUMBER|ramdisk=PATH]\n"
    "                      [--guest ...] [--image image=PATH [name=NAME] [cmdline=\"WORDS\"]] ...\n"
    "       mkimage -l FILE\n";

int main(int argc, char *argv[])
{
    if (argc == 3 && strcmp(argv[1], "-l") == 0) {
        list(argv[2]);
        return 0;
    }
    if (argc < 5 || strcmp(argv[1], "-o") != 0 || strcmp(argv[3], "--guest") != 0) {
        fputs(usage, stderr);
        return 1;
    }
    for (int at = 3; at < argc;)
        at += parse_entry(argv + at, argc - at);
    pack();
    check();
    write_out(argv[2]);
    free(bytes);
    return 0;
}
