/* SPDX-License-Identifier: BSD-2-Clause */
/* Bundles, as they come and with a header that hides the damage behind it. */
#include "lib/bundle.h"

#include <stdlib.h>
#include <string.h>

#include "tests/host/sample.h"
#include "tests/test.h"

static void check_guest(const struct bundle_guest *guest, const u8 *file, size_t size)
{
    const u8 *image = guest->file, *pflash = guest->pflash;
    const u8 *initrd = guest->initrd, *disk = guest->disk;

    CHECK(strlen(guest->name) != 0 && strlen(guest->name) < BUNDLE_NAME_BYTES);
    CHECK(guest->vcpus >= 1 && guest->vcpus <= BUNDLE_VCPUS_MAX);
    CHECK(image >= file && image <= file + size);
    CHECK(guest->file_bytes <= (size_t)(file + size - image));
    if (guest->pflash_bytes != 0) {
        CHECK(pflash >= file && pflash <= file + size);
        CHECK(guest->pflash_bytes <= (size_t)(file + size - pflash));
    }
    if (guest->initrd_bytes != 0) {
        CHECK(initrd >= file && initrd <= file + size);
        CHECK(guest->initrd_bytes <= (size_t)(file + size - initrd));
    }
    if (guest->disk_bytes != 0) {
        CHECK(disk > file && disk <= file + size && guest->disk_bytes % BUNDLE_SECTOR_BYTES == 0);
        CHECK(guest->disk_bytes <= (size_t)(file + size - disk));
        CHECK(disk >= image + guest->file_bytes || image >= disk + guest->disk_bytes);
        CHECK(guest->machine_disk == BUNDLE_NO_DISK);
    }
    CHECK(strlen(guest->cmdline) < size + 1);
}

static void read_all(const u8 *file, size_t size)
{
    struct bundle bundle;
    struct bundle_guest guest;

    if (bundle_open(&bundle, file, size) != REFUSED_NOTHING)
        return;
    CHECK(bundle.guests >= 1 && bundle.guests <= BUNDLE_GUESTS_MAX);
    CHECK(bundle.entries >= bundle.guests && bundle.entries <= BUNDLE_ENTRIES_MAX);
    CHECK(bundle_find(&bundle, "first") <= bundle.entries);
    for (u32 i = 0; i < bundle.entries; i++) {
        if (bundle_image(&bundle, i, 1U << 30, &guest) == REFUSED_NOTHING)
            check_guest(&guest, file, size);
        if (bundle_guest(&bundle, i, &guest) == REFUSED_NOTHING)
            check_guest(&guest, file, size);
    }
}

FUZZ(bundle)
{
    u8 *sealed;

    read_all(bytes, size);
    if (size < sizeof(struct bundle_header))
        return 0;
    sealed = malloc(size);
    CHECK(sealed != NULL);
    memcpy(sealed, bytes, size);
    sample_bundle_seal(sealed, size);
    read_all(sealed, size);
    free(sealed);
    return 0;
}

FUZZ_SEEDS(bundle)
{
    u8 file[SAMPLE_BUNDLE_BYTES];

    fuzz_seed(file, sample_bundle(file));
}
