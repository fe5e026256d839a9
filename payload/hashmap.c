/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * 50,000 keys "key_N" -> N in a uthash map whose hash is SipHash-1-3 under a key taken at random,
 * so that nobody outside can choose keys that collide.  Each is looked up, then all are iterated:
 * each once, with its own value, and nothing else.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "lib/kit/siphash.h"

#define KEYS 50000

static struct siphash_key secret;

static __noreturn void fail(const char *why, unsigned number)
{
    printf("hashmap: %s at %u\n", why, number);
    exit(1);
}

#define HASH_FUNCTION(key, bytes, hash) ((hash) = (unsigned)siphash13(&secret, (key), (bytes)))
#define uthash_fatal(why)               fail((why), 0)
#include <uthash.h>

struct entry {
    char key[16];
    unsigned value;
    UT_hash_handle hh;
};

static struct entry *map;
static bool seen[KEYS];

static void insert(unsigned number)
{
    struct entry *entry = malloc(sizeof(*entry));

    if (entry == NULL)
        fail("no memory", number);
    snprintf(entry->key, sizeof(entry->key), "key_%u", number);
    entry->value = number;
    HASH_ADD_STR(map, key, entry);
}

static void look_up(unsigned number, bool is_there)
{
    struct entry *entry;
    char key[sizeof(entry->key)];

    snprintf(key, sizeof(key), "key_%u", number);
    HASH_FIND_STR(map, key, entry);
    if ((entry != NULL) != is_there || (is_there && entry->value != number))
        fail("wrong look-up", number);
}

int main(void)
{
    struct entry *entry, *after;
    char key[sizeof(entry->key)];

    if (getentropy(&secret, sizeof(secret)) != 0) {
        printf("hashmap: no random numbers\n");
        return 2;
    }
    for (unsigned i = 0; i < KEYS; i++) {
        insert(i);
    }
    for (unsigned i = 0; i < KEYS; i++) {
        look_up(i, true);
    }
    look_up(KEYS, false);
    for (entry = map; entry != NULL; entry = after) {
        after = entry->hh.next;
        snprintf(key, sizeof(key), "key_%u", entry->value);
        if (entry->value >= KEYS || seen[entry->value] || strcmp(key, entry->key) != 0)
            fail("wrong entry", entry->value);
        seen[entry->value] = true;
        HASH_DEL(map, entry);
        free(entry);
    }
    for (unsigned i = 0; i < KEYS; i++) {
        if (!seen[i])
            fail("not iterated", i);
    }
    printf("hashmap: ok\n");
    return 0;
}
