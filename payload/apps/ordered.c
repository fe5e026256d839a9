/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * An ordered map of 50,000 keys, the red-black tree of picolibc's <sys/tree.h>: filled in a
 * scrambled order, iterated in the right one, thinned out, and iterated again.
 */
#include <stdio.h>
#include <stdlib.h>
#include <sys/tree.h>

#include "lib/kit/types.h"

#include "payload/apps/apps.h"

#define KEYS   50000U
#define STRIDE 30011U /* has no divisor in common with KEYS: i * STRIDE % KEYS is each key once */

struct entry {
    RB_ENTRY(entry) node;
    u32 key, value;
};

static int compare(const struct entry *a, const struct entry *b)
{
    return (a->key > b->key) - (a->key < b->key);
}

RB_HEAD(map, entry);
RB_GENERATE_STATIC(map, entry, node, compare);

static u32 value_of(u32 key)
{
    return key * 2654435761U;
}

static bool fill(struct map *map)
{
    for (u32 i = 0; i < KEYS; i++) {
        struct entry *entry = malloc(sizeof(*entry));

        if (entry == NULL) {
            printf("ordered map: no memory for key %u\n", i);
            return false;
        }
        entry->key = i * STRIDE % KEYS;
        entry->value = value_of(entry->key);
        if (RB_INSERT(map, map, entry) != NULL) {
            printf("ordered map: key %u is there already\n", entry->key);
            free(entry);
            return false;
        }
    }
    return true;
}

static bool is_right(const struct entry *entry, u32 expected)
{
    if (entry->key == expected && entry->value == value_of(expected))
        return true;
    printf("ordered map: key %u where %u should be\n", entry->key, expected);
    return false;
}

/* True if the keys are 0, step, 2 * step ... below KEYS, in this order, each with its value. */
static bool holds_multiples_of(struct map *map, u32 step)
{
    struct entry *entry = RB_MIN(map, map);
    u32 expected = 0;

    for (; entry != NULL && is_right(entry, expected); expected += step) {
        entry = RB_NEXT(map, map, entry);
    }
    return entry == NULL && expected >= KEYS;
}

/* Removes what is no multiple of `step`. */
static bool thin_out(struct map *map, u32 step)
{
    for (u32 i = 0; i < KEYS; i++) {
        struct entry sought = {.key = i * STRIDE % KEYS}, *found = RB_FIND(map, map, &sought);

        if (found == NULL) {
            printf("ordered map: key %u is not found\n", sought.key);
            return false;
        }
        if (sought.key % step != 0) {
            RB_REMOVE(map, map, found);
            free(found);
        }
    }
    return true;
}

static void clear(struct map *map)
{
    struct entry *entry;

    while ((entry = RB_MIN(map, map)) != NULL) {
        RB_REMOVE(map, map, entry);
        free(entry);
    }
}

bool ordered_map_ok(void)
{
    struct map map = RB_INITIALIZER(&map);
    bool ok = fill(&map) && holds_multiples_of(&map, 1) && thin_out(&map, 3) &&
              holds_multiples_of(&map, 3);

    clear(&map);
    return ok;
}
