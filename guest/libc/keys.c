/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Thread-specific data: a table of keys, and in each task one of values.  A value counts only if it
 * was set since its key was created: both have the number of that creation.
 */
#include "guest/libc/keys.h"

#include <errno.h>
#include <pthread.h>

#include "guest/spin.h"

static struct {
    u32 created; /* odd: in use */
    void (*destructor)(void *value);
} keys[PTHREAD_KEYS_MAX]; /* guarded by lock, but for looking whether a key is in use */
static struct spin lock;

static __thread struct {
    u32 created;
    void *value;
} values[PTHREAD_KEYS_MAX];

static bool is_key(pthread_key_t key)
{
    return key < PTHREAD_KEYS_MAX && (keys[key].created & 1);
}

/* EAGAIN: all are in use. */
int pthread_key_create(pthread_key_t *key, void (*destructor)(void *value))
{
    pthread_key_t found = 0;

    spin_lock(&lock);
    while (found < PTHREAD_KEYS_MAX && is_key(found)) {
        found++;
    }
    if (found < PTHREAD_KEYS_MAX) {
        keys[found].destructor = destructor;
        keys[found].created++;
    }
    spin_unlock(&lock);
    if (found == PTHREAD_KEYS_MAX) {
        return EAGAIN;
    }
    *key = found;
    return 0;
}

int pthread_key_delete(pthread_key_t key)
{
    bool was_key;

    spin_lock(&lock);
    was_key = is_key(key);
    if (was_key) {
        keys[key].created++;
    }
    spin_unlock(&lock);
    return was_key ? 0 : EINVAL;
}

int pthread_setspecific(pthread_key_t key, const void *value)
{
    if (!is_key(key)) {
        return EINVAL;
    }
    values[key].created = keys[key].created;
    values[key].value = (void *)(uintptr_t)value;
    return 0;
}

void *pthread_getspecific(pthread_key_t key)
{
    return is_key(key) && values[key].created == keys[key].created ? values[key].value : NULL;
}

static bool destroy_once(void)
{
    bool any = false;

    for (pthread_key_t key = 0; key < PTHREAD_KEYS_MAX; key++) {
        void *value = pthread_getspecific(key);

        if (value && keys[key].destructor) {
            values[key].value = NULL;
            keys[key].destructor(value);
            any = true;
        }
    }
    return any;
}

/* Destructors may set values again: then once more, but not for ever. */
void keys_destroy(void)
{
    for (int i = 0; i < PTHREAD_DESTRUCTOR_ITERATIONS && destroy_once(); i++) {
    }
}
