/* SPDX-License-Identifier: BSD-2-Clause */
/* ELF, Linux Image and raw: whatever is accepted keeps image.h's invariant and can be loaded. */
#include "lib/image.h"

#include "tests/host/sample.h"
#include "tests/test.h"

#define RAM_BYTES (64ULL << 20)

/* The pages in which a segment begins and ends, and its neighbours. */
static void fill_edges(const struct image *image, const void *file, u32 index)
{
    const struct image_segment *segment = &image->segments[index];
    u8 page[IMAGE_PAGE_BYTES];
    u64 first = align_down(segment->gpa, IMAGE_PAGE_BYTES);
    u64 last = align_down(segment->gpa + segment->file_bytes, IMAGE_PAGE_BYTES);

    image_fill(image, file, first - IMAGE_PAGE_BYTES, page);
    image_fill(image, file, first, page);
    image_fill(image, file, last, page);
}

FUZZ(image)
{
    struct image image;
    const u64 ram_end = GUEST_RAM_BASE + RAM_BYTES;

    if (image_read(&image, bytes, size, RAM_BYTES) != REFUSED_NOTHING)
        return 0;
    CHECK(image.count >= 1 && image.count <= ELF_SEGMENTS_MAX);
    CHECK(image.entry >= GUEST_RAM_BASE && image.entry < ram_end);
    for (u32 i = 0; i < image.count; i++) {
        const struct image_segment *segment = &image.segments[i];

        CHECK(segment->gpa >= GUEST_RAM_BASE && segment->mem_bytes >= 1);
        CHECK(segment->gpa <= ram_end && segment->mem_bytes <= ram_end - segment->gpa);
        CHECK(segment->file_bytes <= segment->mem_bytes && segment->file_at <= size);
        CHECK(segment->file_bytes <= size - segment->file_at);
        fill_edges(&image, bytes, i);
    }
    return 0;
}

FUZZ_SEEDS(image)
{
    struct sample_elf elf;
    u8 linux_image[SAMPLE_LINUX_BYTES];
    static const u8 raw[] = {0x13, 0, 0, 0};

    sample_elf(&elf);
    sample_linux(linux_image);
    fuzz_seed(&elf, sizeof(elf));
    fuzz_seed(linux_image, sizeof(linux_image));
    fuzz_seed(raw, sizeof(raw));
}
